//! Drives the library's public API over any bytes, and asserts what has to hold whatever they are.
//!
//! One function a layer. The fuzz targets, the exhaustive tests and the hostile inputs all come
//! through here: what one of them may find is asserted for all.

#![allow(dead_code, reason = "each test and each fuzz target takes the layers it is about")]

pub(crate) mod boot;
pub(crate) mod codecs;
pub(crate) mod content;
pub(crate) mod disk;
pub(crate) mod edits;
pub(crate) mod framed;
pub(crate) mod index;
pub(crate) mod record;
pub(crate) mod scan;
pub(crate) mod security;
pub(crate) mod table;
pub(crate) mod value;
pub(crate) mod virtual_disk;

use std::fmt::{self, Debug, Display, Write};
use std::hint::black_box;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use ntfs_salvage::{Damage, Name, Sid, Threads};

/// Whether what is sound is formatted too. It takes most of the time, and depends on few bytes: tests
/// with millions of inputs format damage only.
pub(crate) static FORMAT_ALL: AtomicBool = AtomicBool::new(true);

/// Two threads, made once: what runs on them has to give what one thread gives.
pub(crate) fn two_threads() -> &'static Threads {
    static TWO: OnceLock<Threads> = OnceLock::new();
    TWO.get_or_init(|| Threads::new(2))
}

/// Takes a value that must have been computed.
pub(crate) fn see<T>(value: T) {
    black_box(value);
}

/// Swallows text and counts it: formatting without an allocation.
struct Sink(usize);

impl Write for Sink {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0 += text.len();
        Ok(())
    }
}

/// Formats a value both ways; neither may fail, and `Display` may not be empty.
pub(crate) fn show<T: Display + Debug>(value: &T) {
    if FORMAT_ALL.load(Ordering::Relaxed) {
        format_both(value);
    }
}

fn format_both<T: Display + Debug>(value: &T) {
    let (mut display, mut debug) = (Sink(0), Sink(0));
    write!(display, "{value}").expect("the sink takes everything");
    write!(debug, "{value:?}").expect("the sink takes everything");
    assert!(display.0 > 0 && debug.0 > 0, "{value:?}");
}

/// Formats a value for debugging.
pub(crate) fn debug<T: Debug>(value: &T) {
    if FORMAT_ALL.load(Ordering::Relaxed) {
        write!(Sink(0), "{value:?}").expect("the sink takes everything");
    }
}

/// Damage can be shown, and has a code.
pub(crate) fn damaged(damage: Damage) {
    format_both(&damage);
    assert!(!damage.kind.code().is_empty());
}

/// What of `result` is data; damage is shown.
pub(crate) fn sound<T>(result: Result<T, Damage>) -> Option<T> {
    result.map_err(damaged).ok()
}

/// Asserts that a slice that was given out lies inside what it was taken from.
pub(crate) fn inside(part: &[u8], whole: &[u8]) {
    let (part, whole) = (part.as_ptr_range(), whole.as_ptr_range());
    assert!(part.is_empty() || whole.start <= part.start && part.end <= whole.end, "a slice lies outside its source");
}

/// A name lies inside `whole`, and all its forms agree on its length.
pub(crate) fn name(name: Name<'_>, whole: &[u8]) {
    inside(name.bytes(), whole);
    assert_eq!(name.len(), name.units().len());
    assert_eq!(name.is_empty(), name.units().next().is_none());
    assert!(name.chars().count() <= name.len());
    see(name.is_unicode());
    if name.is_empty() {
        return;
    }
    let (mut text, mut wtf8) = (String::new(), Vec::new());
    name.push_to(&mut text);
    name.push_wtf8_to(&mut wtf8);
    assert_eq!(text.len(), wtf8.len(), "both forms of {name:?} have three bytes for an unpaired surrogate");
    assert!(!name.is_unicode() || text.as_bytes() == wtf8);
    debug(&name);
}

pub(crate) fn sid(sid: Sid<'_>, whole: &[u8]) {
    inside(sid.bytes(), whole);
    assert!(sid.sub_authorities().count() <= 15);
    see(sid.authority());
    show(&sid);
}

//! The input as an evidence file or virtual disk: what it says of itself, and whether its hashes are right.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use md5::Md5;
use ntfs_salvage::container::{self, Container, Encoding, Evidence, Origin, StoredHash};
use ntfs_salvage::source::Source;
use sha1::Sha1;
use sha2::Digest;

use crate::command::failure::{Failure, say};
use crate::input::arguments::InputArguments;
use crate::input::evidence;
use crate::writing::json::Json;

/// Opens the file or device, to read only: the disk in it, where it is a container of one.
pub fn open(arguments: &InputArguments, quiet: bool) -> Result<Evidence, Failure> {
    let path = &arguments.path;
    let failed = |error| Failure::new(format_args!("cannot open {}", path.display()), error);
    let evidence = options(arguments).open(path).map_err(failed)?;
    if let Some(container) = evidence.container().filter(|_| !quiet) {
        print(path, container);
    }
    Ok(evidence)
}

fn options(arguments: &InputArguments) -> container::Opening {
    let options = arguments.parent_dirs.iter().fold(container::Opening::new(), container::Opening::folder);
    let options = if arguments.raw { options.as_raw() } else { options };
    let options = if arguments.missing_parent_as_lost { options.missing_parent_as_lost() } else { options };
    let options = if arguments.unmapped { options.unmapped() } else { options };
    arguments.image_snapshot.iter().fold(options, container::Opening::snapshot)
}

/// Refuses outputs that are one of the files of the input.
pub fn protect<'p>(evidence: &Evidence, outputs: impl IntoIterator<Item = Option<&'p Path>>) -> Result<(), Failure> {
    for output in outputs.into_iter().flatten().filter(|path| path.as_os_str() != "-") {
        for (file, _) in evidence.files().filter(|_| evidence.container().is_some()) {
            evidence::refuse_as_output(file, output)?;
        }
    }
    Ok(())
}

/// Whether what is read has to be decompressed: told by the start of the disk, the middle and the end.
pub fn is_packed(evidence: &Evidence) -> bool {
    let Some(container) = evidence.container() else { return false };
    let (size, look) = (container.size(), 64 << 20);
    let is_packed = |start: u64| {
        let parts = container.locate(start..start.saturating_add(look)).take(4096);
        parts
            .into_iter()
            .any(|part| matches!(part.origin, Origin::Packed { encoding, .. } if encoding != Encoding::Adler32))
    };
    [0, size / 2, size.saturating_sub(look)].into_iter().any(is_packed)
}

/// Says what was opened.
fn print(path: &Path, container: &Container) {
    let path = path.display();
    let (files, size) = (container.files().count(), container.size());
    let stored: u64 = container.files().map(|(_, size)| size).sum();
    let sectors = container.sector_size().map(|size| format!(", sectors of {size}")).unwrap_or_default();
    let plural = if files == 1 { "" } else { "s" };
    say(format_args!(
        "{path}: {}, a disk of {size} bytes{sectors} in {files} file{plural} of {stored} bytes",
        container.format()
    ));
    if let Some(facts) = container.facts() {
        let fields: Vec<_> = facts.fields.iter().map(|(name, value)| format!("{name} {}", one_line(value))).collect();
        if !fields.is_empty() {
            say(format_args!("  case     {}", fields.join(", ")));
        }
        for StoredHash { algorithm, value } in &facts.hashes {
            say(format_args!("  stored   {algorithm} {}", hex(value)));
        }
        if !facts.snapshots.is_empty() {
            let names: Vec<_> = facts.snapshots.iter().map(|name| one_line(name)).collect();
            say(format_args!("  earlier  {}: open one with --image-snapshot", names.join(", ")));
        }
    }
    container.notes().for_each(|note| say(format_args!("  damage   {note}")));
    let lost: u64 = container.known_losses().iter().map(|(range, _)| range.end - range.start).sum();
    if lost > 0 {
        say(format_args!("  lost     {lost} bytes in {} places", container.known_losses().len()));
    }
}

/// A text from the input on one line, without anything that a terminal obeys.
fn one_line(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A stored hash, and what a look at all of the disk made of it.
#[derive(Debug)]
pub struct Verified {
    pub hash: StoredHash,
    /// Whether it is right; `None` where that was not asked for or cannot be told.
    pub is_right: Option<bool>,
}

/// The stored hashes, verified if that is asked for; and why the input is not what they say, if so.
pub fn verified(evidence: &Evidence, verify: bool, quiet: bool) -> (Vec<Verified>, Option<Failure>) {
    let stored = evidence.container().and_then(Container::facts).map(|facts| facts.hashes.clone()).unwrap_or_default();
    if !verify {
        return (stored.into_iter().map(|hash| Verified { hash, is_right: None }).collect(), None);
    }
    if stored.is_empty() {
        return (Vec::new(), Some(Failure::Message("the input has no stored hash to verify".into())));
    }
    let (computed, missing) = compute(evidence, &stored);
    let is_right = |(hash, computed): (StoredHash, Option<Vec<u8>>)| {
        let is_right = (missing == 0).then_some(()).and(computed).map(|computed| computed == hash.value);
        Verified { hash, is_right }
    };
    let verified: Vec<_> = stored.into_iter().zip(computed).map(is_right).collect();
    for Verified { hash, is_right } in verified.iter().filter(|_| !quiet) {
        let outcome = match is_right {
            Some(true) => "is that of the disk",
            Some(false) => "is NOT that of the disk",
            None => "cannot be verified",
        };
        say(format_args!("  stored   {} {outcome}", hash.algorithm));
    }
    let failure = match verified.iter().find(|verified| verified.is_right != Some(true)) {
        None => None,
        Some(_) if missing > 0 => {
            Some(format!("the stored hashes cannot be verified: {missing} bytes of the disk are lost"))
        }
        Some(wrong) => Some(format!(
            "the stored {} is not that of the disk: it was changed since it was made",
            wrong.hash.algorithm
        )),
    };
    (verified, failure.map(Failure::Message))
}

/// Bytes that are read at once.
const PIECE: usize = 1 << 20;

/// Hashes of all of the disk, each on a thread of its own, and how many bytes are missing.
fn compute(evidence: &Evidence, stored: &[StoredHash]) -> (Vec<Option<Vec<u8>>>, u64) {
    thread::scope(|scope| {
        let mut senders = Vec::new();
        let threads: Vec<_> = stored
            .iter()
            .map(|hash| {
                let (sender, pieces) = sync_channel::<Arc<Vec<u8>>>(4);
                senders.push(sender);
                let algorithm = hash.algorithm;
                scope.spawn(move || digest(algorithm, &pieces))
            })
            .collect();
        let (mut position, mut missing) = (0, 0);
        while position < evidence.size() {
            let length = usize::try_from(evidence.size() - position).unwrap_or(PIECE).min(PIECE);
            let mut piece = vec![0; length];
            let lost = evidence.read_readable(position, &mut piece);
            missing += lost.iter().map(|range| range.end - range.start).sum::<u64>();
            position += length as u64;
            let piece = Arc::new(piece);
            // A thread that does not know its algorithm has gone.
            senders.iter().for_each(|sender| drop(sender.send(piece.clone())));
        }
        drop(senders);
        (threads.into_iter().map(|thread| thread.join().unwrap_or(None)).collect(), missing)
    })
}

fn digest(algorithm: &str, pieces: &Receiver<Arc<Vec<u8>>>) -> Option<Vec<u8>> {
    fn all<D: Digest>(pieces: &Receiver<Arc<Vec<u8>>>) -> Vec<u8> {
        let mut hash = D::new();
        pieces.iter().for_each(|piece| hash.update(piece.as_slice()));
        hash.finalize().to_vec()
    }
    match algorithm {
        "MD5" => Some(all::<Md5>(pieces)),
        "SHA-1" => Some(all::<Sha1>(pieces)),
        _ => None,
    }
}

/// What the manifest says of the container: null where the input is the disk itself.
pub fn write(evidence: &Evidence, hashes: &[Verified], json: &mut Json<'_>) {
    let (Some(container), facts) = (evidence.container(), evidence.container().and_then(Container::facts)) else {
        return json.null();
    };
    json.put(br#"{"format":"#).text(container.format());
    json.put(br#","sector_size":"#).number_or_null(container.sector_size());
    json.put(br#","images":"#).number(container.images() as u64);
    json.put(br#","files":"#).array(container.files(), |json, (path, size)| {
        json.put(br#"{"path":"#).text(&path.display().to_string());
        json.put(br#","size":"#).number(size);
        json.put(b"}");
    });
    json.put(br#","fields":"#).array(facts.iter().flat_map(|facts| &facts.fields), |json, (name, value)| {
        json.put(b"[").text(name);
        json.put(b",").text(value);
        json.put(b"]");
    });
    json.put(br#","hashes":"#).array(hashes, |json, Verified { hash, is_right }| {
        json.put(br#"{"algorithm":"#).text(hash.algorithm);
        json.put(br#","value":"#).text(&hex(&hash.value));
        json.put(br#","verified":"#);
        match is_right {
            Some(is_right) => json.boolean(*is_right),
            None => json.null(),
        }
        json.put(b"}");
    });
    json.put(br#","notes":"#).array(container.notes(), Json::text);
    json.put(br#","lost":"#).array(container.known_losses(), |json, (range, loss)| {
        json.put(b"[").number(range.start);
        json.put(b",").number(range.end - range.start);
        json.put(b",").text(loss.code());
        json.put(b"]");
    });
    json.put(b"}");
}

//! Times as text, fast: a million entries have eight million of them.

use chrono::Datelike;
use ntfs_salvage::FileTime;

use crate::number::{eight_digits, push_signed, ten_digits, time_of_day, two_digits};
use crate::recent::Recent;

/// Writes times and remembers the dates of days it has met. Finding the date of a day is most of
/// the work; the times of a volume share their days, and those of a file often are all the same.
pub struct Dates {
    days: Vec<(u32, [u8; 10])>,
    recent: Recent<Text>,
}

/// `2021-03-04T05:06:07.0123456Z`
pub type Text = [u8; 28];

impl Dates {
    const TICKS_PER_DAY: u64 = 86_400 * FileTime::TICKS_PER_SECOND;
    /// Days remembered, each at its number modulo this.
    const REMEMBERED: u32 = 4096;
    /// The first day of the year 10000, from which on dates are longer than ten characters.
    const YEAR_10000: u64 = 3_067_671;

    pub fn new() -> Self {
        Self { days: vec![(u32::MAX, [0; 10]); Self::REMEMBERED as usize], recent: Recent::new() }
    }

    /// `2021-03-04T05:06:07.0123456Z`; false, and nothing, where the value has no date.
    #[inline]
    pub fn push_rfc3339(&mut self, time: FileTime, out: &mut Vec<u8>) -> bool {
        if Self::is_before_year_10000(time) {
            let Self { days, recent } = self;
            out.extend_from_slice(recent.get(time.0, || text(days, time)));
            return true;
        }
        let text = self.text(time);
        Self::push_late(time, &text, out)
    }

    /// `2021-03-04 05:06:07.0123456`, or without the fraction; nothing where the value has no date.
    pub fn push_plain(&mut self, time: FileTime, fraction: bool, out: &mut Vec<u8>) -> bool {
        let mut text = self.text(time);
        text[10] = b' ';
        let text = &text[..if fraction { 27 } else { 19 }];
        if Self::is_before_year_10000(time) {
            out.extend_from_slice(text);
            return true;
        }
        Self::push_late(time, text, out)
    }

    /// The time as text, with the last four digits of its year.
    pub fn text(&mut self, time: FileTime) -> Text {
        text(&mut self.days, time)
    }

    /// A year of five digits in front of what follows the year.
    #[cold]
    fn push_late(time: FileTime, text: &[u8], out: &mut Vec<u8>) -> bool {
        let Some(date) = time.to_datetime() else { return false };
        push_signed(out, date.year().into());
        out.extend_from_slice(&text[4..]);
        true
    }

    fn is_before_year_10000(time: FileTime) -> bool {
        time.0 < Self::YEAR_10000 * Self::TICKS_PER_DAY
    }
}

fn text(days: &mut [(u32, [u8; 10])], time: FileTime) -> Text {
    let (day, ticks) = (time.0 / Dates::TICKS_PER_DAY, time.0 % Dates::TICKS_PER_DAY);
    let (second, ticks) = (ticks / FileTime::TICKS_PER_SECOND, ticks % FileTime::TICKS_PER_SECOND);
    let mut text = *b"0000-00-00T00:00:00.0000000Z";
    text[..10].copy_from_slice(date(days, day as u32));
    text[11..19].copy_from_slice(&time_of_day(second as u32));
    text[19..27].copy_from_slice(&fraction_text(ticks as u32));
    text
}

fn date(days: &mut [(u32, [u8; 10])], day: u32) -> &[u8; 10] {
    let slot = &mut days[(day % Dates::REMEMBERED) as usize];
    if slot.0 != day {
        *slot = (day, date_text(day.into()));
    }
    &slot.1
}

/// `.0123456`
#[inline]
fn fraction_text(ticks: u32) -> [u8; 8] {
    let mut text = eight_digits(ticks);
    text[0] = b'.';
    text
}

/// The date of a day since 1601, with the last four digits of its year.
#[inline(never)]
fn date_text(day: u64) -> [u8; 10] {
    let Some(date) = FileTime(day * Dates::TICKS_PER_DAY).to_datetime() else { return *b"0000-00-00" };
    let year = date.year().unsigned_abs();
    let (century, year) = (two_digits(year / 100 % 100), two_digits(year % 100));
    let (month, day) = (two_digits(date.month()), two_digits(date.day()));
    [century[0], century[1], year[0], year[1], b'-', month[0], month[1], b'-', day[0], day[1]]
}

/// Seconds since 1970 as bodyfiles have them, with seven digits behind the point where asked for.
///
/// A time that was never set is 0; one before 1970 is negative, its fraction counting upwards.
#[inline]
pub fn push_unix(time: FileTime, fraction: bool, out: &mut Vec<u8>) {
    // From 2001 to 2286 there are ten digits.
    const TEN_DIGITS: std::ops::Range<i64> = 1_000_000_000..10_000_000_000;
    match time.unix_seconds() {
        seconds if TEN_DIGITS.contains(&seconds) => out.extend_from_slice(&ten_digits(seconds.unsigned_abs())),
        _ if time.is_unset() => out.push(b'0'),
        seconds => push_signed(out, seconds),
    }
    if fraction {
        out.extend_from_slice(&fraction_text(time.subsecond_ticks()));
    }
}

//! Times as text, fast: a million entries have eight million of them.

use chrono::Datelike;
use ntfs_salvage::FileTime;

use crate::text;

/// Writes times and remembers the dates of days it has met. Finding the date of a day is most of
/// the work; the times of a volume share their days, and those of a file often are all the same.
pub struct Dates {
    days: Vec<(u64, [u8; 10])>,
    /// The time written last.
    last: (FileTime, Text),
}

/// `2021-03-04T05:06:07.0123456Z`
type Text = [u8; 28];

/// `00` to `99`, one behind the other.
const PAIRS: [u8; 200] = {
    let mut pairs = [b'0'; 200];
    let mut number = 0;
    while number < 100 {
        pairs[2 * number] = b'0' + (number / 10) as u8;
        pairs[2 * number + 1] = b'0' + (number % 10) as u8;
        number += 1;
    }
    pairs
};

impl Dates {
    const TICKS_PER_DAY: u64 = 86_400 * FileTime::TICKS_PER_SECOND;
    /// Days remembered, each at its number modulo this.
    const REMEMBERED: u64 = 4096;
    /// The first day of the year 10000, from which on dates are longer than ten characters.
    const YEAR_10000: u64 = 3_067_671;

    pub fn new() -> Self {
        let mut this =
            Self { days: vec![(u64::MAX, [0; 10]); Self::REMEMBERED as usize], last: (FileTime(0), [0; 28]) };
        this.last.1 = this.text(FileTime(0));
        this
    }

    /// `2021-03-04T05:06:07.0123456Z`; false, and nothing, where the value has no date.
    #[inline]
    pub fn push_rfc3339(&mut self, time: FileTime, out: &mut Vec<u8>) -> bool {
        let text = self.remembered(time);
        if Self::is_before_year_10000(time) {
            out.extend_from_slice(&text);
            return true;
        }
        Self::push_late(time, &text, out)
    }

    /// `2021-03-04 05:06:07.0123456`, or without the fraction; nothing where the value has no date.
    pub fn push_plain(&mut self, time: FileTime, fraction: bool, out: &mut Vec<u8>) -> bool {
        let mut text = self.remembered(time);
        text[10] = b' ';
        let text = &text[..if fraction { 27 } else { 19 }];
        if Self::is_before_year_10000(time) {
            out.extend_from_slice(text);
            return true;
        }
        Self::push_late(time, text, out)
    }

    /// A year of five digits in front of what follows the year.
    #[cold]
    fn push_late(time: FileTime, text: &[u8], out: &mut Vec<u8>) -> bool {
        let Some(date) = time.to_datetime() else { return false };
        text::push_number(out, date.year());
        out.extend_from_slice(&text[4..]);
        true
    }

    fn is_before_year_10000(time: FileTime) -> bool {
        time.0 < Self::YEAR_10000 * Self::TICKS_PER_DAY
    }

    #[inline]
    fn remembered(&mut self, time: FileTime) -> Text {
        if self.last.0 != time {
            self.last = (time, self.text(time));
        }
        self.last.1
    }

    fn text(&mut self, time: FileTime) -> Text {
        let (day, ticks) = (time.0 / Self::TICKS_PER_DAY, time.0 % Self::TICKS_PER_DAY);
        let seconds = ticks / FileTime::TICKS_PER_SECOND;
        let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        let [h, m, s] = [pair(hour), pair(minute), pair(second)];
        let mut text = [b'Z'; 28];
        text[..10].copy_from_slice(self.date(day));
        text[10..19].copy_from_slice(&[b'T', h[0], h[1], b':', m[0], m[1], b':', s[0], s[1]]);
        text[19..27].copy_from_slice(&fraction_text(ticks % FileTime::TICKS_PER_SECOND));
        text
    }

    fn date(&mut self, day: u64) -> &[u8; 10] {
        let slot = &mut self.days[(day % Self::REMEMBERED) as usize];
        if slot.0 != day {
            *slot = (day, date_text(day));
        }
        &slot.1
    }
}

fn pair(number: u64) -> [u8; 2] {
    let at = number as usize * 2;
    [PAIRS[at], PAIRS[at + 1]]
}

/// `.0123456`
fn fraction_text(ticks: u64) -> [u8; 8] {
    let [a, b, c] = [pair(ticks / 100_000), pair(ticks / 1000 % 100), pair(ticks / 10 % 100)];
    [b'.', a[0], a[1], b[0], b[1], c[0], c[1], b'0' + (ticks % 10) as u8]
}

/// The date of a day since 1601, with the last four digits of its year.
fn date_text(day: u64) -> [u8; 10] {
    let Some(date) = FileTime(day * Dates::TICKS_PER_DAY).to_datetime() else { return *b"0000-00-00" };
    let year = u64::from(date.year().unsigned_abs());
    let (century, year) = (pair(year / 100 % 100), pair(year % 100));
    let (month, day) = (pair(date.month().into()), pair(date.day().into()));
    [century[0], century[1], year[0], year[1], b'-', month[0], month[1], b'-', day[0], day[1]]
}

/// Seconds since 1970 as bodyfiles have them, with seven digits behind the point where asked for.
///
/// A time that was never set is 0; one before 1970 is negative, its fraction counting upwards.
pub fn push_unix(time: FileTime, fraction: bool, out: &mut Vec<u8>) {
    text::push_number(out, if time.is_unset() { 0 } else { time.unix_seconds() });
    if fraction {
        out.extend_from_slice(&fraction_text(u64::from(time.subsecond_ticks())));
    }
}

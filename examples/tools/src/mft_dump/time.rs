//! Times as text, fast: a million entries have eight million of them.

use chrono::Datelike;
use ntfs_salvage::FileTime;

use crate::files::listed_file::Times;
use crate::writing::number::{eight_digits, push_signed, ten_digits, time_of_day, two_digits};

/// Writes times and remembers the dates of days it has met: finding the date of a day is most of
/// the work, and the times of a volume share their days.
pub struct Dates {
    days: Vec<(u32, [u8; 10])>,
}

/// `2021-03-04T05:06:07.0123456Z`, put together in registers: a processor has to wait for what it reads
/// in other pieces than it has just written.
#[derive(Clone, Copy)]
pub struct Text {
    /// The first 16 bytes.
    pub front: u128,
    /// The other 12.
    pub back: u128,
}

impl Text {
    pub const LENGTH: usize = 28;

    fn bytes(self) -> [u8; 32] {
        side_by_side([self.front, self.back])
    }
}

/// A field of our CSV: `,2021-03-04T05:06:07.0123456Z`, and three bytes more.
pub type TimeField = [u8; 32];

pub const UNSET_TIME: &TimeField = b",1601-01-01T00:00:00.0000000Z   ";

/// A time in JSON whose count has eighteen digits:
/// `{"filetime":132488656095579827,"utc":"2020-11-03T08:26:49.5579827Z"}`, and twelve bytes more.
pub type TimeObject = [u8; 80];

/// The bytes of numbers, the lowest first.
#[inline]
pub fn side_by_side<const N: usize, const M: usize>(words: [u128; N]) -> [u8; M] {
    let mut bytes = [0; M];
    bytes.as_chunks_mut().0.iter_mut().zip(words).for_each(|(to, word)| *to = word.to_le_bytes());
    bytes
}

/// Appends the first `LENGTH` bytes: all are written and some taken off again, since a copy of fixed,
/// round length is a few instructions, any other a call.
#[inline]
pub fn push_first<const LENGTH: usize, const N: usize>(out: &mut Vec<u8>, bytes: &[u8; N]) {
    out.extend_from_slice(bytes);
    out.truncate(out.len() - (N - LENGTH));
}

impl Dates {
    const TICKS_PER_DAY: u64 = 86_400 * FileTime::TICKS_PER_SECOND;
    /// Days remembered, each at its number modulo this.
    const REMEMBERED: u32 = 4096;
    /// The first day of the year 10000, from which on dates are longer than ten characters.
    const YEAR_10000: u64 = 3_067_671;

    pub fn new() -> Self {
        Self { days: vec![(u32::MAX, [0; 10]); Self::REMEMBERED as usize] }
    }

    /// `2021-03-04T05:06:07.0123456Z`; false, and nothing, where the value has no date.
    pub fn push_rfc3339(&mut self, time: FileTime, out: &mut Vec<u8>) -> bool {
        let text = self.text(time).bytes();
        if Self::has_four_digits(time) {
            push_first::<{ Text::LENGTH }, 32>(out, &text);
            return true;
        }
        Self::push_late(time, &text[..Text::LENGTH], out)
    }

    /// `2021-03-04 05:06:07.0123456`, or without the fraction; nothing where the value has no date.
    pub fn push_plain(&mut self, time: FileTime, fraction: bool, out: &mut Vec<u8>) -> bool {
        let mut text = self.text(time).bytes();
        text[10] = b' ';
        let text = &text[..if fraction { 27 } else { 19 }];
        if Self::has_four_digits(time) {
            out.extend_from_slice(text);
            return true;
        }
        Self::push_late(time, text, out)
    }

    /// The time as text, with the last four digits of its year.
    #[inline]
    pub fn text(&mut self, time: FileTime) -> Text {
        let (second, ticks) = (time.0 / FileTime::TICKS_PER_SECOND, time.0 % FileTime::TICKS_PER_SECOND);
        let (day, second) = (second / 86_400, second % 86_400);
        let [a, b, c, d, e, f, g, h, i, j] = *self.date(day as u32);
        let date =
            u128::from(u64::from_le_bytes([a, b, c, d, e, f, g, h])) | u128::from(u16::from_le_bytes([i, j])) << 64;
        let of_day = u128::from(u64::from_le_bytes(time_of_day(second as u32)));
        let fraction = u128::from(u64::from_le_bytes(fraction_text(ticks as u32)));
        Text {
            front: date | u128::from(b'T') << 80 | of_day << 88,
            back: of_day >> 40 | fraction << 24 | u128::from(b'Z') << 88,
        }
    }

    #[inline]
    fn date(&mut self, day: u32) -> &[u8; 10] {
        let slot = &mut self.days[(day % Self::REMEMBERED) as usize];
        if slot.0 != day {
            *slot = (day, date_text(day.into()));
        }
        &slot.1
    }

    /// A year of five digits in front of what follows the year.
    #[cold]
    fn push_late(time: FileTime, text: &[u8], out: &mut Vec<u8>) -> bool {
        let Some(date) = time.to_datetime() else { return false };
        push_signed(out, date.year().into());
        out.extend_from_slice(&text[4..]);
        true
    }

    /// True where the year has four digits, so that the text is whole.
    pub fn has_four_digits(time: FileTime) -> bool {
        time.0 < Self::YEAR_10000 * Self::TICKS_PER_DAY
    }
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

/// What was made of the four times written last.
///
/// A name has the times its file had when the name was made: nearly always four times the file's
/// creation, else all four of the file. So times are compared with those in the same place before,
/// and with the one to the left.
pub struct LastTimes<T> {
    times: Times,
    made: [T; 4],
}

impl<T: Copy> LastTimes<T> {
    /// `of_unset`: what is made of 0.
    pub fn new(of_unset: T) -> Self {
        Self { times: [FileTime(0); 4], made: [of_unset; 4] }
    }

    #[inline]
    pub fn make(&mut self, times: Times, mut make: impl FnMut(FileTime) -> T) -> &[T; 4] {
        for index in 0..4 {
            let time = times[index];
            if time != self.times[index] {
                self.made[index] =
                    if index > 0 && time == times[index - 1] { self.made[index - 1] } else { make(time) };
            }
        }
        self.times = times;
        &self.made
    }
}

/// Seconds since 1970 as bodyfiles have them, with seven digits behind the point where asked for.
///
/// A time that was never set is 0; one before 1970 is negative, its fraction counting upwards.
pub fn push_unix(time: FileTime, fraction: bool, out: &mut Vec<u8>) {
    push_signed(out, if time.is_unset() { 0 } else { time.unix_seconds() });
    if fraction {
        out.extend_from_slice(&fraction_text(time.subsecond_ticks()));
    }
}

/// True where seconds since 1970 have ten digits: from 2001 to 2286.
#[inline]
pub fn has_ten_digits(time: FileTime) -> bool {
    (126_444_736_000_000_000..216_444_736_000_000_000).contains(&time.0)
}

/// The seconds since 1970 of such a time, behind a separator: `|1614834367`.
#[inline]
pub fn ten_digits_of(time: FileTime) -> UnixText {
    let [a, b, rest @ ..] = ten_digits(time.unix_seconds().unsigned_abs());
    let text =
        u128::from(b'|') | u128::from(u16::from_le_bytes([a, b])) << 8 | u128::from(u64::from_le_bytes(rest)) << 24;
    text.to_le_bytes()
}

/// `|1614834367`, and five bytes more.
pub type UnixText = [u8; 16];

/// How many bytes of it count.
pub const UNIX_TEXT: usize = 11;

#[cfg(test)]
mod tests {
    use super::*;

    /// Times of all years that have a date, and some that have none.
    fn times() -> impl Iterator<Item = FileTime> {
        let step = 0x3_1415_9265_3589;
        let odd = [0, 1, 116_444_736_000_000_000, u64::MAX >> 1, u64::MAX];
        (0..20_000).map(move |index| FileTime(index * step)).chain(odd.map(FileTime))
    }

    #[test]
    fn dates_are_those_of_the_library() {
        let mut dates = Dates::new();
        for time in times() {
            let mut out = Vec::new();
            let has_date = dates.push_rfc3339(time, &mut out);
            assert_eq!(has_date, time.to_datetime().is_some());
            assert_eq!(out, if has_date { time.to_string().into_bytes() } else { Vec::new() });
        }
    }

    #[test]
    fn ten_digits_of_seconds_are_those_of_any_number() {
        let at = |seconds: u64| FileTime((seconds + 11_644_473_600) * FileTime::TICKS_PER_SECOND);
        assert!(!has_ten_digits(FileTime(at(1_000_000_000).0 - 1)) && !has_ten_digits(at(10_000_000_000)));
        let ends = [at(1_000_000_000), FileTime(at(10_000_000_000).0 - 1)];
        for time in times().filter(|&time| has_ten_digits(time)).chain(ends) {
            let mut out = b"|".to_vec();
            push_unix(time, false, &mut out);
            assert_eq!(out, ten_digits_of(time)[..UNIX_TEXT]);
        }
    }

    #[test]
    fn last_times_are_those_asked_for() {
        let mut last = LastTimes::new(0);
        let [a, b, c, d] = [1, 2, 3, 4].map(FileTime);
        for times in [[a; 4], [a, b, c, d], [b, b, c, a], [a, b, b, b], [FileTime(0); 4], [d, c, b, a]] {
            assert_eq!(*last.make(times, |time| time.0), times.map(|time| time.0));
        }
    }
}

//! Times as NTFS stores them.

use core::fmt;

use chrono::{DateTime, Datelike, Timelike, Utc};

/// A FILETIME: 100-nanosecond ticks since 1601-01-01 00:00:00 UTC.
///
/// The raw count is the truth; a calendar date is a view of it that not every value has.
///
/// ```
/// # fn main() -> ntfs_salvage::Result<()> {
/// use ntfs_salvage::FileTime;
///
/// let time = FileTime(132_488_656_095_579_827);
/// assert_eq!(time.to_string(), "2020-11-03T08:26:49.5579827Z");
/// assert_eq!(time.unix_seconds(), 1_604_392_009);
/// assert!(FileTime(0).is_unset());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[doc(alias = "FILETIME")]
pub struct FileTime(pub u64);

impl FileTime {
    /// Ticks in a second.
    pub const TICKS_PER_SECOND: u64 = 10_000_000;
    /// Seconds from 1601-01-01 to 1970-01-01.
    const UNIX_EPOCH_SECONDS: i64 = 11_644_473_600;

    /// True for 0, which NTFS writes where no time was ever set.
    #[must_use]
    pub const fn is_unset(self) -> bool {
        self.0 == 0
    }

    /// Whole seconds since 1970-01-01 UTC (negative before), rounded towards the past.
    #[must_use]
    #[allow(
        clippy::as_conversions,
        clippy::arithmetic_side_effects,
        reason = "u64::MAX / 10^7 is below 2^41, so neither the cast nor the difference can overflow"
    )]
    pub const fn unix_seconds(self) -> i64 {
        (self.0 / Self::TICKS_PER_SECOND) as i64 - Self::UNIX_EPOCH_SECONDS
    }

    /// The ticks beyond [`unix_seconds`](Self::unix_seconds), 0 to 9,999,999.
    #[must_use]
    #[allow(clippy::as_conversions, reason = "the remainder of 10^7 fits 32 bits")]
    pub const fn subsecond_ticks(self) -> u32 {
        (self.0 % Self::TICKS_PER_SECOND) as u32
    }

    /// The calendar date, where Windows would accept the value: `None` above `i64::MAX` ticks.
    #[must_use]
    pub fn to_datetime(self) -> Option<DateTime<Utc>> {
        i64::try_from(self.0).ok()?;
        DateTime::from_timestamp(self.unix_seconds(), self.subsecond_ticks().checked_mul(100)?)
    }
}

impl From<u64> for FileTime {
    fn from(ticks: u64) -> Self {
        Self(ticks)
    }
}

impl fmt::Display for FileTime {
    /// RFC 3339 in UTC with all seven digits; `invalid(0x…)` where there is no such date.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(date) = self.to_datetime() else {
            return write!(f, "invalid({:#x})", self.0);
        };
        let (year, month, day) = (date.year(), date.month(), date.day());
        let (hour, minute, second) = (date.hour(), date.minute(), date.second());
        let ticks = self.subsecond_ticks();
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ticks:07}Z")
    }
}

impl fmt::Debug for FileTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FileTime({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_instants_are_exact() {
        assert_eq!(FileTime(0).to_string(), "1601-01-01T00:00:00.0000000Z");
        assert_eq!(FileTime(116_444_736_000_000_000).to_string(), "1970-01-01T00:00:00.0000000Z");
        assert_eq!(FileTime(116_444_736_000_000_001).to_string(), "1970-01-01T00:00:00.0000001Z");
        assert_eq!(FileTime(0x7FFF_35F4_F06C_7FFF).to_string(), "30827-12-31T23:59:59.9999999Z");
        assert_eq!(FileTime(i64::MAX as u64).to_string(), "30828-09-14T02:48:05.4775807Z");
    }

    #[test]
    fn values_without_a_date_stay_readable() {
        assert_eq!(FileTime(u64::MAX).to_datetime(), None);
        assert_eq!(FileTime(1 << 63).to_string(), "invalid(0x8000000000000000)");
        assert_eq!(FileTime(u64::MAX).unix_seconds(), 1_833_029_933_770);
        assert_eq!(FileTime(u64::MAX).subsecond_ticks(), 9_551_615);
    }

    #[test]
    fn seconds_before_1970_round_towards_the_past() {
        let just_before = FileTime(116_444_736_000_000_000 - 1);
        assert_eq!((just_before.unix_seconds(), just_before.subsecond_ticks()), (-1, 9_999_999));
    }
}

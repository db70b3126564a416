//! How facts are stored where their own form would not do: numbers of more than 53 bits, which other readers of JSON
//! round, as what they stand for, and words that a fact points to.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use chrono::NaiveDate;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::guid::Guid;
use super::reference::FileReference;
use super::time::FileTime;

/// A reference in its two parts.
#[derive(Serialize, Deserialize)]
#[serde(rename = "FileReference")]
struct Reference {
    record: u64,
    sequence: u16,
}

impl Serialize for FileReference {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Reference { record: self.record_number(), sequence: self.sequence_number() }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for FileReference {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Reference { record, sequence } = Reference::deserialize(deserializer)?;
        let reference = Self::new(record, sequence);
        match reference.record_number() == record {
            true => Ok(reference),
            false => Err(D::Error::custom(format_args!("record number {record} has more than 48 bits"))),
        }
    }
}

/// Reads a text that `parse` understands, and that is what the value is displayed as: what is stored is what comes back.
fn from_text<'de, D: Deserializer<'de>, T: ToString>(
    deserializer: D,
    parse: fn(&str) -> Option<T>,
    what: &str,
) -> Result<T, D::Error> {
    let text = Cow::<'_, str>::deserialize(deserializer)?;
    let value = parse(&text).filter(|value| value.to_string() == text);
    value.ok_or_else(|| D::Error::custom(format_args!("{text:?} is no {what}")))
}

impl Serialize for FileTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for FileTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        from_text(deserializer, time_of, "time")
    }
}

impl Serialize for Guid {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Guid {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        from_text(deserializer, guid_of, "GUID")
    }
}

/// The time that is displayed so: to the tick, and where no date has it, the raw value.
fn time_of(text: &str) -> Option<FileTime> {
    if let Some(digits) = text.strip_prefix("invalid(0x") {
        return u64::from_str_radix(digits.strip_suffix(')')?, 16).ok().map(FileTime);
    }
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let mut parts = date.splitn(3, '-');
    let year = parts.next()?.parse().ok()?;
    let date = NaiveDate::from_ymd_opt(year, parts.next()?.parse().ok()?, parts.next()?.parse().ok()?)?;
    let (time, ticks) = time.split_once('.')?;
    let mut parts = time.splitn(3, ':');
    let [hour, minute, second] = [parts.next()?, parts.next()?, parts.next()?].map(|part| part.parse().ok());
    let seconds = date.and_hms_opt(hour?, minute?, second?)?.and_utc().timestamp();
    let since_1601 = u64::try_from(seconds.checked_sub(FileTime(0).unix_seconds())?).ok()?;
    since_1601.checked_mul(FileTime::TICKS_PER_SECOND)?.checked_add(ticks.parse().ok()?).map(FileTime)
}

/// The GUID that is displayed so.
fn guid_of(text: &str) -> Option<Guid> {
    let digits: String = text.chars().filter(|&letter| letter != '-').collect();
    let mut bytes = u128::from_str_radix(&digits, 16).ok()?.to_be_bytes();
    // In memory its first three parts are little-endian.
    for part in [0..4, 4..6, 6..8] {
        bytes.get_mut(part)?.reverse();
    }
    Some(Guid(bytes))
}

/// A number that fills its 64 bits, such as a serial number.
pub(crate) mod hexadecimal {
    use super::*;

    struct Number(u64);

    impl std::fmt::Display for Number {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            write!(f, "{:016x}", self.0)
        }
    }

    pub(crate) fn serialize<S: Serializer>(number: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&Number(*number))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        let parse = |text: &str| u64::from_str_radix(text, 16).ok().map(Number);
        from_text(deserializer, parse, "number of sixteen hexadecimal digits").map(|number| number.0)
    }
}

/// The words by which stored damage names structures and fields, those of other versions among them: each is kept once.
#[derive(Default)]
struct Words(BTreeSet<&'static str>);

impl Words {
    /// This library has some two hundred, of up to 60 bytes. Nobody's memory is at the mercy of what is read.
    const MOST: usize = 4096;
    const LONGEST: usize = 128;

    fn keep(&mut self, word: &str) -> Option<&'static str> {
        if let Some(known) = self.0.get(word) {
            return Some(known);
        }
        if self.0.len() >= Self::MOST || word.len() > Self::LONGEST {
            return None;
        }
        let kept: &'static str = Box::leak(Box::from(word));
        self.0.insert(kept);
        Some(kept)
    }
}

/// Reads a word that a fact points to.
pub(super) fn word<'de, D: Deserializer<'de>>(deserializer: D) -> Result<&'static str, D::Error> {
    static WORDS: Mutex<Words> = Mutex::new(Words(BTreeSet::new()));
    let word = Cow::<'_, str>::deserialize(deserializer)?;
    let mut words = WORDS.lock().unwrap_or_else(PoisonError::into_inner);
    words.keep(&word).ok_or_else(|| D::Error::custom("a word that no version of this library has"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn words_are_kept_once_and_not_without_end() {
        let mut words = Words::default();
        let first = words.keep("sector size").unwrap();
        assert!(std::ptr::eq(first, words.keep("sector size").unwrap()));
        assert_eq!(words.keep(&"x".repeat(Words::LONGEST + 1)), None);
        let kept = (0..2 * Words::MOST).filter(|number| words.keep(&number.to_string()).is_some()).count();
        assert_eq!(kept, Words::MOST - 1);
        assert_eq!(words.keep("sector size"), Some("sector size"));
    }

    #[test]
    fn what_is_not_displayed_so_is_refused() {
        let time = |text: &str| serde_json::from_str::<FileTime>(&format!("{text:?}"));
        assert_eq!(time("1970-01-01T00:00:00.0000001Z").unwrap(), FileTime(116_444_736_000_000_001));
        for text in
            ["", "1970-01-01", "1970-01-01T00:00:00Z", "1970-1-1T00:00:00.0000001Z", "1600-12-31T23:59:59.0000000Z"]
        {
            assert!(time(text).is_err(), "{text}");
        }
        for text in ["1970-02-30T00:00:00.0000000Z", "invalid(0x1)", "invalid(0x10000000000000000)", "99999-01-01"] {
            assert!(time(text).is_err(), "{text}");
        }
        assert!(serde_json::from_str::<Guid>("\"ebd0a0a2b9e5443387c068b6b72699c7\"").is_err());
        assert!(serde_json::from_str::<FileReference>("{\"record\":281474976710656,\"sequence\":1}").is_err());
    }

    proptest! {
        #[test]
        fn every_time_guid_and_reference_comes_back(ticks: u64, bytes: [u8; 16]) {
            for ticks in [ticks, ticks >> 1, ticks >> 8, u64::MAX, i64::MAX as u64, 0] {
                let stored = serde_json::to_string(&FileTime(ticks)).unwrap();
                prop_assert_eq!(serde_json::from_str::<FileTime>(&stored).unwrap(), FileTime(ticks));
                let stored = serde_json::to_string(&FileReference(ticks)).unwrap();
                prop_assert_eq!(serde_json::from_str::<FileReference>(&stored).unwrap(), FileReference(ticks));
            }
            let stored = serde_json::to_string(&Guid(bytes)).unwrap();
            prop_assert_eq!(serde_json::from_str::<Guid>(&stored).unwrap(), Guid(bytes));
        }
    }
}

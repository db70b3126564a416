//! Columns that grow row by row. One that nobody wants takes nothing.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::builder::{BooleanBuilder, Int32Builder, PrimitiveBuilder, StringBuilder};
use arrow_array::types::{ArrowPrimitiveType, Int32Type, TimestampMicrosecondType};
use arrow_array::{ArrayRef, DictionaryArray, StringArray};
use ntfs_salvage::{FileTime, Name};

use crate::lists::UnitLists;

/// Numbers of one type.
#[derive(Debug)]
pub(crate) struct Numbers<T: ArrowPrimitiveType> {
    builder: PrimitiveBuilder<T>,
    is_wanted: bool,
}

impl<T: ArrowPrimitiveType> Numbers<T> {
    pub(crate) fn new(is_wanted: bool) -> Self {
        Self { builder: PrimitiveBuilder::new(), is_wanted }
    }

    #[inline]
    pub(crate) fn push(&mut self, number: impl Into<Option<T::Native>>) {
        if self.is_wanted {
            self.builder.append_option(number.into());
        }
    }

    pub(crate) fn finish(&mut self) -> ArrayRef {
        Arc::new(self.builder.finish())
    }
}

/// Truths.
#[derive(Debug)]
pub(crate) struct Flags {
    builder: BooleanBuilder,
    is_wanted: bool,
}

impl Flags {
    pub(crate) fn new(is_wanted: bool) -> Self {
        Self { builder: BooleanBuilder::new(), is_wanted }
    }

    #[inline]
    pub(crate) fn push(&mut self, flag: impl Into<Option<bool>>) {
        if self.is_wanted {
            self.builder.append_option(flag.into());
        }
    }

    pub(crate) fn finish(&mut self) -> ArrayRef {
        Arc::new(self.builder.finish())
    }
}

/// Texts.
#[derive(Debug)]
pub(crate) struct Texts {
    builder: StringBuilder,
    is_wanted: bool,
}

impl Texts {
    pub(crate) fn new(is_wanted: bool) -> Self {
        Self { builder: StringBuilder::new(), is_wanted }
    }

    pub(crate) fn is_wanted(&self) -> bool {
        self.is_wanted
    }

    #[inline]
    pub(crate) fn push(&mut self, text: Option<&str>) {
        if self.is_wanted {
            self.builder.append_option(text);
        }
    }

    /// Appends what is UTF-8 but for what a defect would be.
    #[inline]
    pub(crate) fn push_utf8(&mut self, text: &[u8]) {
        if self.is_wanted {
            self.builder.append_value(String::from_utf8_lossy(text));
        }
    }

    /// Bytes that are held.
    pub(crate) fn size(&self) -> usize {
        self.builder.values_slice().len()
    }

    pub(crate) fn finish(&mut self) -> ArrayRef {
        Arc::new(self.builder.finish())
    }
}

/// Names: their text, and their code units where they are no valid Unicode.
#[derive(Debug)]
pub(crate) struct Names {
    pub(crate) texts: Texts,
    pub(crate) units: UnitLists,
    scratch: Vec<u8>,
}

impl Names {
    pub(crate) fn new(is_text_wanted: bool, are_units_wanted: bool) -> Self {
        Self { texts: Texts::new(is_text_wanted), units: UnitLists::new(are_units_wanted), scratch: Vec::new() }
    }

    #[inline]
    pub(crate) fn push(&mut self, name: Option<Name<'_>>) {
        match name {
            Some(name) => {
                if self.texts.is_wanted() {
                    self.scratch.clear();
                    name.push_utf8_to(&mut self.scratch);
                    self.texts.push_utf8(&self.scratch);
                }
                self.units.push(Some(name).filter(|_| self.units.is_wanted()).filter(|name| !name.is_unicode()));
            }
            None => {
                self.texts.push(None);
                self.units.push(None);
            }
        }
    }
}

/// One of few words a row, as a dictionary.
#[derive(Debug)]
pub(crate) struct Words {
    keys: Int32Builder,
    known: HashMap<String, i32>,
    words: Vec<String>,
    last: usize,
    is_wanted: bool,
}

impl Words {
    pub(crate) fn new(is_wanted: bool) -> Self {
        Self { keys: Int32Builder::new(), known: HashMap::new(), words: Vec::new(), last: 0, is_wanted }
    }

    pub(crate) fn is_wanted(&self) -> bool {
        self.is_wanted
    }

    #[inline]
    pub(crate) fn push(&mut self, word: Option<&str>) {
        if !self.is_wanted {
            return;
        }
        match word {
            None => self.keys.append_null(),
            Some(word) => {
                if self.words.get(self.last).is_none_or(|last| last != word) {
                    self.last = self.place_of(word);
                }
                self.keys.append_value(i32::try_from(self.last).unwrap_or(i32::MAX));
            }
        }
    }

    /// Appends the word of the row before, if it had one.
    #[inline]
    pub(crate) fn push_again(&mut self) {
        if self.is_wanted {
            self.keys.append_value(i32::try_from(self.last).unwrap_or(i32::MAX));
        }
    }

    fn place_of(&mut self, word: &str) -> usize {
        if let Some(place) = self.known.get(word) {
            return usize::try_from(*place).unwrap_or(0);
        }
        let place = self.words.len();
        self.known.insert(word.to_owned(), i32::try_from(place).unwrap_or(i32::MAX));
        self.words.push(word.to_owned());
        place
    }

    pub(crate) fn finish(&mut self) -> ArrayRef {
        let keys = self.keys.finish();
        // Words stay for the next batch, until there are more than a batch should carry.
        let words: StringArray = self.words.iter().map(|word| Some(word.as_str())).collect();
        if self.words.len() > Self::KEPT {
            self.known.clear();
            self.words.clear();
            self.last = 0;
        }
        let array = DictionaryArray::<Int32Type>::new(keys, Arc::new(words));
        Arc::new(array)
    }

    /// Words that are kept from batch to batch.
    const KEPT: usize = 256;
}

/// Four times: as microseconds since 1970, and as they are on disk.
#[derive(Debug)]
pub(crate) struct FourTimes {
    times: [Numbers<TimestampMicrosecondType>; 4],
    raw: [Numbers<arrow_array::types::UInt64Type>; 4],
}

impl FourTimes {
    /// `is_wanted`: of the times and of the numbers on disk.
    pub(crate) fn new(is_wanted: [[bool; 4]; 2]) -> Self {
        let [times, raw] = is_wanted;
        Self { times: times.map(Numbers::new), raw: raw.map(Numbers::new) }
    }

    #[inline]
    pub(crate) fn push(&mut self, times: Option<[FileTime; 4]>) {
        let times = times.map_or([None; 4], |times| times.map(Some));
        for ((column, raw), time) in self.times.iter_mut().zip(&mut self.raw).zip(times) {
            column.push(time.and_then(micros));
            raw.push(time.map(|time| time.0));
        }
    }

    pub(crate) fn finish(&mut self) -> impl Iterator<Item = ArrayRef> {
        let times =
            self.times.iter_mut().map(|column| Arc::new(column.builder.finish().with_timezone("UTC")) as ArrayRef);
        times.chain(self.raw.iter_mut().map(Numbers::finish))
    }
}

/// Microseconds since 1970, rounded down; `None` where the number is no date, above 2^63.
pub(crate) fn micros(time: FileTime) -> Option<i64> {
    const FROM_1601_TO_1970: i64 = 11_644_473_600_000_000;
    i64::try_from(time.0).ok().map(|ticks| ticks / 10 - FROM_1601_TO_1970)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn microseconds_are_those_of_the_date() {
        for ticks in [0, 9, 10, 116_444_736_000_000_000, 132_539_328_000_000_001, i64::MAX as u64] {
            let time = FileTime(ticks);
            let seconds = time.unix_seconds() * 1_000_000 + i64::from(time.subsecond_ticks() / 10);
            assert_eq!(micros(time), Some(seconds), "{ticks}");
        }
        assert_eq!(micros(FileTime(1 << 63)), None);
        assert_eq!(micros(FileTime(u64::MAX)), None);
    }

    #[test]
    fn words_are_kept_and_given_up_without_harm() {
        let mut words = Words::new(true);
        for round in 0..3 {
            for index in 0..400 {
                words.push(Some(&format!("{}", index + round)));
                words.push(None);
            }
            let array = words.finish();
            let array = array.as_any().downcast_ref::<DictionaryArray<Int32Type>>().unwrap();
            let texts = array.downcast_dict::<StringArray>().unwrap();
            let read: Vec<_> = texts.into_iter().collect();
            assert_eq!((read.len(), read[0], read[1]), (800, Some(round.to_string().as_str()), None));
            assert_eq!(read[798], Some((399 + round).to_string().as_str()));
        }
    }
}

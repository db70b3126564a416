//! Who can say that a deleted file's clusters still hold its content: nobody in the volume's metadata.

use std::ops::Range;

use crate::base::reference::FileReference;

/// An independent witness of content: a log that shows clusters untouched since, a snapshot with the same bytes,
/// content that proves itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ContentWitness {
    /// What kind of witness it is, in one word that stays the same between versions, such as `snapshot`.
    pub name: String,
    /// Where it stands: which log, which snapshot.
    pub source: String,
}

impl ContentWitness {
    /// A witness of this kind, which stands there.
    pub fn new(name: impl Into<String>, source: impl Into<String>) -> Self {
        Self { name: name.into(), source: source.into() }
    }
}

/// What witnesses say about clusters, by the file that had them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Testimonies {
    witnesses: Vec<ContentWitness>,
    /// By file, then by the first byte of the volume; those of one file do not overlap.
    said: Vec<Testimony>,
}

/// The volume's bytes `start .. end` are what `file` had there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Testimony {
    file: FileReference,
    start: u64,
    end: u64,
    witness: u16,
}

impl Testimonies {
    /// All who testified.
    pub(crate) fn witnesses(&self) -> &[ContentWitness] {
        &self.witnesses
    }

    /// Adds what one witness says. Of bytes that several speak of the first keeps its word.
    pub(crate) fn add(&mut self, witness: ContentWitness, said: impl IntoIterator<Item = (FileReference, Range<u64>)>) {
        let Ok(place) = u16::try_from(self.witnesses.len()) else { return };
        self.witnesses.push(witness);
        let said = said.into_iter();
        self.said.extend(said.map(|(file, bytes)| Testimony {
            file,
            start: bytes.start,
            end: bytes.end,
            witness: place,
        }));
        self.said.sort_unstable();
        let mut kept: Vec<Testimony> = Vec::with_capacity(self.said.len());
        for mut next in self.said.drain(..) {
            if let Some(last) = kept.last().filter(|last| last.file == next.file) {
                next.start = next.start.max(last.end);
            }
            if next.start < next.end {
                kept.push(next);
            }
        }
        self.said = kept;
    }

    /// The parts of `bytes`, in order and without gaps, each with who says that they are still those of `file`.
    pub(crate) fn of(&self, file: FileReference, bytes: Range<u64>) -> impl Iterator<Item = (Range<u64>, Option<u16>)> {
        let mut position = bytes.start;
        let first = self.said.partition_point(|said| (said.file, said.end) <= (file, position));
        let mut rest = self.said.iter().skip(first).take_while(move |said| said.file == file).peekable();
        std::iter::from_fn(move || {
            if position >= bytes.end {
                return None;
            }
            let (end, witness) = match rest.peek() {
                Some(said) if said.start <= position => (said.end, Some(said.witness)),
                Some(said) => (said.start, None),
                None => (bytes.end, None),
            };
            if witness.is_some() {
                rest.next();
            }
            let start = std::mem::replace(&mut position, end.min(bytes.end));
            Some((start..position, witness))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn testimonies_are_found_by_file_and_place() {
        let file = |number| FileReference::new(number, 1);
        let mut testimonies = Testimonies::default();
        let log = ContentWitness::new("log", "a log");
        testimonies.add(log.clone(), [(file(31), 0..50), (file(30), 200..300), (file(30), 0..100)]);
        let snapshot = ContentWitness::new("snapshot", "an older one");
        testimonies.add(snapshot.clone(), [(file(30), 50..150), (file(30), 9..9)]);
        assert_eq!(testimonies.witnesses(), [log, snapshot]);
        let found: Vec<_> = testimonies.of(file(30), 10..400).collect();
        let expected =
            [(10..100, Some(0)), (100..150, Some(1)), (150..200, None), (200..300, Some(0)), (300..400, None)];
        assert_eq!(found, expected);
        assert_eq!(testimonies.of(file(31), 60..70).collect::<Vec<_>>(), [(60..70, None)]);
        assert_eq!(testimonies.of(file(29), 0..10).collect::<Vec<_>>(), [(0..10, None)]);
        assert_eq!(testimonies.of(file(30), 5..5).count(), 0);
    }
}

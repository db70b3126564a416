//! Raw images in parts: `.001` and on, `.000`, `.dd.001`, `.aa`, `xaa`, `.1of5`.

use std::ffi::{OsStr, OsString};

use super::files::Files;
use super::image::{Format, Image, Map, Request};
use super::piece::{Loss, Piece, Run};
use crate::base::error::Result;

/// The format, which has no content of its own: the name alone tells.
#[derive(Debug)]
pub(crate) struct Split;

/// Parts a set has at most: far more than anybody makes.
const MOST_PARTS: u64 = 100_000;

impl Format for Split {
    fn name(&self) -> &'static str {
        "split raw"
    }

    /// A first part by its name, beside which there is another one.
    fn recognizes(&self, request: &Request<'_>) -> bool {
        let Some(series) = request.file.path.file_name().and_then(Series::of) else { return false };
        series.is_first() && series.others(request.neighbours.names()).len() > 1
    }

    fn open(&self, request: &Request<'_>) -> Result<Image> {
        let name = request.file.path.file_name().unwrap_or_default();
        let Some(series) = Series::of(name) else { return Err(self.refuse("it is no first part".to_owned())) };
        let (mut files, mut parts, mut end, mut notes) = (Files::default(), Vec::new(), 0_u64, Vec::new());
        let size = request.file.source.size();
        let mut number = series.number;
        for (there, name) in series.others(request.neighbours.names()) {
            let file = match name == request.file.path.file_name().unwrap_or_default() {
                true => Some(request.file.clone()),
                false => request.neighbours.open(&name).ok().flatten(),
            };
            let Some(file) = file else { continue };
            if there > number {
                // All parts but the last are as long as the first.
                let missing = there.saturating_sub(number);
                let what = if missing == 1 { "1 part" } else { &format!("{missing} parts") };
                notes.push(format!("{what} missing before {}", name.to_string_lossy()));
                end = end.saturating_add(size.saturating_mul(missing));
            }
            if !parts.is_empty() && end != size.saturating_mul(there.saturating_sub(series.number)) {
                notes.push(format!("the parts before {} are not all of one size", name.to_string_lossy()));
            }
            let length = file.source.size();
            parts.push(Part { start: end, length, file: files.add(file) });
            end = end.saturating_add(length);
            number = there.saturating_add(1);
        }
        if let Some(whole) = series.whole.filter(|&whole| number <= whole) {
            notes.push(format!("the name says {whole} parts; the last ones are missing"));
        }
        let mut image = Image::new("split raw", end, files, Box::new(Parts { parts }));
        image.facts.notes = notes;
        Ok(image)
    }
}

/// A part: its bytes are those of the disk from `start` on.
#[derive(Debug)]
struct Part {
    start: u64,
    length: u64,
    file: usize,
}

/// Parts in order; what lies between two is missing.
#[derive(Debug)]
struct Parts {
    parts: Vec<Part>,
}

impl Map for Parts {
    fn run_at(&self, offset: u64, limit: u64, _: &Files) -> Run {
        let next = self.parts.partition_point(|part| part.start <= offset);
        let part = next.checked_sub(1).and_then(|index| self.parts.get(index));
        let skip = part.map_or(u64::MAX, |part| offset.saturating_sub(part.start));
        match part.filter(|part| skip < part.length) {
            Some(part) => {
                let length = part.length.saturating_sub(skip).min(limit);
                Run { length, piece: Piece::Raw { file: part.file, offset: skip } }
            }
            None => {
                let end = self.parts.get(next).map_or(u64::MAX, |part| part.start);
                let length = end.saturating_sub(offset).min(limit);
                Run { length, piece: Piece::Lost(Loss::MissingFile) }
            }
        }
    }
}

/// How the parts of a set are called.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Series {
    /// What stands before the number, in small letters.
    before: String,
    /// What counts: digits, letters, or digits with `of` and how many there are.
    counts: Counts,
    number: u64,
    /// How many parts there are, where the name says it.
    whole: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Counts {
    Digits,
    Letters(usize),
    Of(u64),
}

impl Series {
    fn of(name: &OsStr) -> Option<Self> {
        let name = name.to_str()?.to_ascii_lowercase();
        let (before, ending) = match name.rsplit_once('.') {
            Some((before, ending)) => (before, ending),
            // What `split` makes without a name: xaa, xab.
            None => ("", name.strip_prefix('x')?),
        };
        let make = |counts, number, whole| Self { before: before.to_owned(), counts, number, whole };
        if let Some((number, whole)) = ending.split_once("of") {
            let (number, whole): (u64, u64) = (number.parse().ok()?, whole.parse().ok()?);
            return (1..=whole).contains(&number).then(|| make(Counts::Of(whole), number, Some(whole)));
        }
        if ending.len() >= 3 && ending.bytes().all(|byte| byte.is_ascii_digit()) {
            return Some(make(Counts::Digits, ending.parse().ok()?, None));
        }
        if (2..=5).contains(&ending.len()) && ending.bytes().all(|byte| byte.is_ascii_lowercase()) {
            let digit =
                |number: u64, byte: u8| number.saturating_mul(26).saturating_add(u64::from(byte.saturating_sub(b'a')));
            return Some(make(Counts::Letters(ending.len()), ending.bytes().fold(0, digit), None));
        }
        None
    }

    fn is_first(&self) -> bool {
        match self.counts {
            Counts::Digits => self.number <= 1,
            Counts::Letters(_) => self.number == 0,
            Counts::Of(_) => self.number == 1,
        }
    }

    /// The parts that are there, from this one on, in order.
    fn others(&self, names: &[OsString]) -> Vec<(u64, OsString)> {
        let mut found: Vec<_> = names
            .iter()
            .filter_map(|name| {
                let other = Self::of(name)?;
                let is_kin = other.before == self.before && other.counts == self.counts && other.number >= self.number;
                is_kin.then(|| (other.number, name.clone()))
            })
            .collect();
        found.sort();
        found.dedup_by_key(|(number, _)| *number);
        // A number far away is another file: what would be missing between is more than is there.
        let mut expected = self.number;
        let mut is_near = |(number, _): &(u64, OsString)| {
            let gap = number.saturating_sub(expected);
            expected = number.saturating_add(1);
            gap <= 16 && *number < MOST_PARTS
        };
        let near = found.iter().take_while(|part| is_near(part)).count();
        found.truncate(near);
        found
    }
}

#[cfg(test)]
#[allow(clippy::single_range_in_vec_init, reason = "a list with one range is what is meant")]
mod tests {
    use crate::container::neighbours::tests::Shelf;
    use crate::container::opening::tests::open_in;
    use crate::container::{Evidence, Opening};
    use crate::source::Source;

    fn shelf(names: &[&str]) -> Shelf {
        let last = names.len() - 1;
        let size = |index: usize| if index == last { 700 } else { 1024 };
        Shelf::new(names.iter().enumerate().map(|(index, name)| (*name, vec![index as u8 + 1; size(index)])))
    }

    fn open(shelf: &Shelf, name: &str) -> Evidence {
        open_in(shelf, name, &Opening::new()).unwrap()
    }

    #[test]
    fn parts_follow_each_other_whatever_counts_them() {
        for names in [
            ["d.001", "d.002", "d.003"],
            ["d.000", "d.001", "d.002"],
            ["d.dd.001", "D.DD.002", "d.dd.003"],
            ["d.998", "d.999", "d.1000"],
            ["d.aa", "d.ab", "d.ac"],
            ["xaa", "xab", "xac"],
            ["d.1of3", "d.2of3", "d.3OF3"],
        ] {
            let evidence = open(&shelf(&names), names[0]);
            if names[0] == "d.998" {
                assert!(evidence.container().is_none(), "no first part");
                continue;
            }
            let mut bytes = vec![0; 2748];
            assert_eq!((evidence.size(), evidence.read_at(0, &mut bytes).unwrap()), (2748, 2748), "{names:?}");
            assert_eq!((bytes[1023], bytes[1024], bytes[2048], bytes[2747]), (1, 2, 3, 3));
        }
    }

    #[test]
    fn a_missing_middle_part_is_a_lost_range_of_its_size() {
        let shelf = Shelf::new([("d.001", vec![1; 512]), ("d.003", vec![3; 512]), ("d.004", vec![4; 100])]);
        let evidence = open(&shelf, "d.001");
        let mut bytes = vec![9; 1636];
        assert_eq!((evidence.size(), evidence.read_readable(0, &mut bytes)), (1636, vec![512..1024]));
        assert_eq!((bytes[511], bytes[1024], bytes[1635]), (1, 3, 4));
        assert_eq!(evidence.container().unwrap().notes().count(), 1);
    }

    #[test]
    fn a_file_that_only_looks_like_a_part_is_raw() {
        for names in
            [&["d.001", "e.002"][..], &["d.002", "d.003"], &["d.aa", "d.bz"], &["d.dd", "d.img"], &["d.001", "d.500"]]
        {
            assert!(open(&shelf(names), names[0]).container().is_none(), "{names:?}");
        }
    }
}

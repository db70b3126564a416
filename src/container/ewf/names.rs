//! The names of segment files: `.E01` to `.E99`, `.EAA` to `.ZZZ`; `.Ex01` to `.Ex99`, `.ExAA` to `.EzZZ`.

use std::ffi::{OsStr, OsString};
use std::path::Path;

/// The names of files that can belong to the same set as `path`, in the order of their numbers, with those.
pub(crate) fn of_the_set(path: &Path, names: &[OsString]) -> Vec<(u64, OsString)> {
    let Some((stem, number)) = path.file_name().and_then(parts) else { return Vec::new() };
    let mut found: Vec<_> = names
        .iter()
        .filter_map(|name| {
            let (other, place) = parts(name)?;
            let is_kin = other.eq_ignore_ascii_case(&stem) && place.family == number.family;
            is_kin.then(|| (place.number, name.clone()))
        })
        .collect();
    found.sort();
    found
}

/// What a name's ending says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Ending {
    /// `E`, `S` or `L`, and whether there is an `x` behind it. All letters behind `E` are of its family.
    family: (u8, bool),
    number: u64,
}

fn parts(name: &OsStr) -> Option<(OsString, Ending)> {
    let path = Path::new(name);
    let ending = path.extension()?.to_str()?.to_ascii_uppercase();
    Some((path.file_stem()?.to_owned(), number(ending.as_bytes())?))
}

fn number(ending: &[u8]) -> Option<Ending> {
    match *ending {
        [first @ b'D'..=b'Z', ref rest @ ..] if rest.len() == 2 => {
            // A set of logical or SMART files starts at its own letter; few are so long that they meet the next.
            let start = match first {
                b'L'..=b'R' => b'L',
                b'S'..=b'Z' => b'S',
                b'E'..=b'K' => b'E',
                _ => return None,
            };
            let place = Ending { family: (start, false), number: counted(rest)? };
            later(place, first.checked_sub(start)?, rest)
        }
        [first @ (b'E' | b'L'), second @ b'X'..=b'Z', ref rest @ ..] if rest.len() == 2 => {
            let place = Ending { family: (first, true), number: counted(rest)? };
            later(place, second.checked_sub(b'X')?, rest)
        }
        _ => None,
    }
}

/// Numbers go on with the next letter where the two letters behind it are used up; two digits only come first.
fn later(place: Ending, steps: u8, rest: &[u8]) -> Option<Ending> {
    let are_digits = rest.iter().all(u8::is_ascii_digit);
    (steps == 0 || !are_digits).then(|| {
        let more = u64::from(steps).saturating_mul(26 * 26);
        Ending { number: place.number.saturating_add(more), ..place }
    })
}

/// `01` to `99` as they are, and `AA` as 100.
fn counted(rest: &[u8]) -> Option<u64> {
    let (first, second) = (*rest.first()?, *rest.get(1)?);
    let digit = |byte: u8, from: u8| u64::from(byte.saturating_sub(from));
    match (first, second) {
        (b'0'..=b'9', b'0'..=b'9') => {
            Some(digit(first, b'0').saturating_mul(10).saturating_add(digit(second, b'0'))).filter(|&number| number > 0)
        }
        (b'A'..=b'Z', b'A'..=b'Z') => {
            Some(digit(first, b'A').saturating_mul(26).saturating_add(digit(second, b'A')).saturating_add(100))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endings_count_on_through_the_letters() {
        let number = |ending: &str| number(ending.to_ascii_uppercase().as_bytes()).map(|ending| ending.number);
        let expected = [
            ("E01", 1),
            ("e99", 99),
            ("EAA", 100),
            ("EAB", 101),
            ("EBA", 126),
            ("EZZ", 775),
            ("FAA", 776),
            ("FZZ", 1451),
            ("Ex01", 1),
            ("ExAA", 100),
            ("EyAA", 776),
            ("s01", 1),
            ("L02", 2),
        ];
        for (ending, place) in expected {
            assert_eq!(number(ending), Some(place), "{ending}");
        }
        for ending in ["E00", "F01", "E1", "E0A", "001", "dd", "AAA", "Ey01", "E011"] {
            assert_eq!(number(ending), None, "{ending}");
        }
    }

    #[test]
    fn a_set_is_the_files_of_one_stem() {
        let names = ["a.E01", "a.E02", "A.e03", "a.Ex01", "a.L01", "b.E01", "a.txt"].map(OsString::from);
        let found = of_the_set(Path::new("dir/a.E02"), &names);
        assert_eq!(found, [(1, "a.E01".into()), (2, "a.E02".into()), (3, "A.e03".into())]);
        assert!(of_the_set(Path::new("image.dd"), &names).is_empty());
    }
}

//! Findings as a file: so that a scan of hours is made once, and goes on where it stopped.
//!
//! Little-endian, without padding: the ASCII line `ntfs-salvage scan 1\n` (20 bytes); source size,
//! bytes scanned (`u64`), step (`u32`); then four lists, each its count (`u64`) and its items:
//! FILE records (offset, number, LSN, base, parent `u64`; record size `u32`; flags, sequence number
//! `u16`; cluster size as an exponent `u8`: 49 bytes), INDX records (offset, VCN, parent, LSN `u64`;
//! record size `u32`; whole `u8`: 37 bytes), anchors (offset `u64`, kind `u8`: 9 bytes), ranges that
//! could not be read (first byte and first byte behind, `u64`: 16 bytes).

use std::io::{self, Read, Write};

use super::findings::{Anchor, AnchorKind, Findings, HitFlags, IndexHit, RecordHit};
use crate::base::reference::FileReference;

const TITLE: &[u8; 20] = b"ntfs-salvage scan 1\n";

const KINDS: [AnchorKind; 6] = [
    AnchorKind::BootSector,
    AnchorKind::RestartPage,
    AnchorKind::UpperCaseTable,
    AnchorKind::AttributeDefinitions,
    AnchorKind::SecurityStream,
    AnchorKind::ShadowCopies,
];

impl Findings {
    /// Writes the findings in the format of this module. Many small writes: give it a buffered writer.
    ///
    /// # Errors
    /// When `output` cannot be written.
    pub fn save(&self, mut output: impl Write) -> io::Result<()> {
        output.write_all(TITLE)?;
        for number in [self.source_size, self.scanned] {
            output.write_all(&number.to_le_bytes())?;
        }
        output.write_all(&self.step.to_le_bytes())?;
        save_list(&mut output, &self.records, save_record)?;
        save_list(&mut output, &self.index_records, save_index_record)?;
        save_list(&mut output, &self.anchors, |output, anchor| {
            let kind = KINDS.iter().position(|kind| *kind == anchor.kind).and_then(|kind| u8::try_from(kind).ok());
            output.write_all(&anchor.offset.to_le_bytes())?;
            output.write_all(&[kind.unwrap_or(u8::MAX)])
        })?;
        save_list(&mut output, &self.unreadable, |output, range| {
            output.write_all(&range.start.to_le_bytes())?;
            output.write_all(&range.end.to_le_bytes())
        })
    }

    /// Reads findings that were [saved](Self::save). Many small reads: give it a buffered reader.
    ///
    /// # Errors
    /// When `input` cannot be read, ends too early, or is not in this format.
    pub fn load(mut input: impl Read) -> io::Result<Self> {
        if array::<20>(&mut input)? != *TITLE {
            return Err(malformed("the title is not that of a scan file of version 1"));
        }
        let findings = Self {
            source_size: word(&mut input)?,
            scanned: word(&mut input)?,
            step: u32::from_le_bytes(array(&mut input)?),
            records: load_list(&mut input, load_record)?,
            index_records: load_list(&mut input, load_index_record)?,
            anchors: load_list(&mut input, |input| {
                let offset = word(input)?;
                let [kind] = array(input)?;
                let kind = KINDS.get(usize::from(kind)).copied();
                Ok(Anchor { offset, kind: kind.ok_or_else(|| malformed("an anchor is of no known kind"))? })
            })?,
            unreadable: load_list(&mut input, |input| Ok(word(input)?..word(input)?))?,
        };
        let is_sorted = findings.records.is_sorted_by_key(|hit| hit.offset)
            && findings.index_records.is_sorted_by_key(|hit| hit.offset)
            && findings.anchors.is_sorted();
        if is_sorted { Ok(findings) } else { Err(malformed("the hits are not in the order of their place")) }
    }
}

fn save_list<W: Write, T>(output: &mut W, list: &[T], save: impl Fn(&mut W, &T) -> io::Result<()>) -> io::Result<()> {
    let count = u64::try_from(list.len()).unwrap_or(u64::MAX);
    output.write_all(&count.to_le_bytes())?;
    list.iter().try_for_each(|item| save(output, item))
}

fn load_list<R: Read, T>(input: &mut R, load: impl Fn(&mut R) -> io::Result<T>) -> io::Result<Vec<T>> {
    let count = word(input)?;
    // Grows with what is there: the count is not believed before.
    let mut list = Vec::new();
    for _ in 0..count {
        list.push(load(input)?);
    }
    Ok(list)
}

fn save_record(output: &mut impl Write, hit: &RecordHit) -> io::Result<()> {
    for number in [hit.offset, hit.number, hit.lsn, hit.base.0, hit.parent.0] {
        output.write_all(&number.to_le_bytes())?;
    }
    output.write_all(&hit.record_size.to_le_bytes())?;
    output.write_all(&hit.flags.bits().to_le_bytes())?;
    output.write_all(&hit.sequence_number.to_le_bytes())?;
    output.write_all(&[hit.cluster_shift])
}

fn load_record(input: &mut impl Read) -> io::Result<RecordHit> {
    let hit = RecordHit {
        offset: word(input)?,
        number: word(input)?,
        lsn: word(input)?,
        base: FileReference(word(input)?),
        parent: FileReference(word(input)?),
        record_size: u32::from_le_bytes(array(input)?),
        flags: HitFlags::from_bits_retain(u16::from_le_bytes(array(input)?)),
        sequence_number: u16::from_le_bytes(array(input)?),
        cluster_shift: array::<1>(input)?[0],
    };
    if is_size(hit.record_size) { Ok(hit) } else { Err(malformed("a FILE record has an impossible size")) }
}

fn save_index_record(output: &mut impl Write, hit: &IndexHit) -> io::Result<()> {
    for number in [hit.offset, hit.vcn, hit.parent.0, hit.lsn] {
        output.write_all(&number.to_le_bytes())?;
    }
    output.write_all(&hit.record_size.to_le_bytes())?;
    output.write_all(&[u8::from(hit.is_strong)])
}

fn load_index_record(input: &mut impl Read) -> io::Result<IndexHit> {
    let hit = IndexHit {
        offset: word(input)?,
        vcn: word(input)?,
        parent: FileReference(word(input)?),
        lsn: word(input)?,
        record_size: u32::from_le_bytes(array(input)?),
        is_strong: array::<1>(input)?[0] != 0,
    };
    if is_size(hit.record_size) { Ok(hit) } else { Err(malformed("an INDX record has an impossible size")) }
}

/// What a scan takes for a record: sizes are allocated by, so a file does not get to say others.
fn is_size(size: u32) -> bool {
    size.is_power_of_two() && (512..=64 << 10).contains(&size)
}

fn word(input: &mut impl Read) -> io::Result<u64> {
    array(input).map(u64::from_le_bytes)
}

fn array<const LENGTH: usize>(input: &mut impl Read) -> io::Result<[u8; LENGTH]> {
    let mut bytes = [0; LENGTH];
    input.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn malformed(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::salvage::Scanner;
    use crate::source::Source;
    use crate::structure::forge::Forge;

    /// An image of a MiB and a half with a few records, some across the border of chunks.
    fn image() -> Vec<u8> {
        let mut image = vec![0; 3 << 19];
        for (number, at) in [(0, 4096), (1, 5120), (2, (1 << 20) - 512), (3, (3 << 19) - 1024)] {
            let record = Forge::new(1024).name((5, 5), 3, "a").on_disk(number);
            image[at..at + 1024].copy_from_slice(&record);
        }
        image
    }

    fn saved(findings: &Findings) -> Vec<u8> {
        let mut bytes = Vec::new();
        findings.save(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn what_is_saved_is_loaded() {
        let image = image();
        let mut findings = Scanner::new(&image).run();
        assert_eq!(findings.records.len(), 4);
        findings.unreadable.push(512..1024);
        findings.anchors.push(Anchor { offset: 7, kind: AnchorKind::ShadowCopies });
        let index =
            IndexHit { offset: 1, vcn: 2, parent: FileReference(3), lsn: 4, record_size: 4096, is_strong: true };
        findings.index_records.push(index);
        assert_eq!(Findings::load(saved(&findings).as_slice()).unwrap(), findings);
    }

    #[test]
    fn a_scan_goes_on_where_it_stopped() {
        use std::ops::ControlFlow;
        let image = image();
        let stop = |_: &Findings| ControlFlow::Break(());
        let part = Scanner::new(&image).run_while(&crate::Threads::single(), stop);
        assert!(!part.is_complete() && part.scanned() == 1 << 20, "{part:?}");
        let part = Findings::load(saved(&part).as_slice()).unwrap();
        let whole = Scanner::new(&image).resume(part.clone()).unwrap().run();
        assert_eq!(whole, Scanner::new(&image).run());
        assert!(Scanner::new(&image[512..].to_vec()).resume(part).is_err(), "another source");
        assert_eq!(image.size(), whole.source_size());
    }

    #[test]
    fn files_that_are_cut_off_or_foreign_are_refused() {
        let image = image();
        let bytes = saved(&Scanner::new(&image).run());
        for length in 0..bytes.len() {
            assert!(Findings::load(&bytes[..length]).is_err(), "{length}");
        }
        let mut huge = bytes.clone();
        huge[40..48].fill(0xFF);
        assert!(Findings::load(huge.as_slice()).is_err(), "a count beyond the file");
        let mut other = bytes;
        other[18] = b'2';
        assert!(Findings::load(other.as_slice()).is_err(), "another version");
    }
}

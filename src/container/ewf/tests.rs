//! Images of our own making: every flip, cut and missing segment is told, and no byte is ever wrong.

use std::ops::Range;

use simd_adler32::adler32;

use crate::base::error::Result;
use crate::container::neighbours::tests::Shelf;
use crate::container::opening::tests::open_in;
use crate::container::{Evidence, Loss, Opening};
use crate::source::Source;

/// Bytes of a chunk.
const CHUNK: usize = 1024;

/// What a writer does.
#[derive(Debug, Clone, Copy)]
struct Writer {
    is_packed: bool,
    has_mirror: bool,
    /// Offsets count from the sectors section, or from the file's start.
    has_base: bool,
    chunks_a_segment: usize,
    knows_its_size: bool,
}

impl Writer {
    const USUAL: Self =
        Self { is_packed: true, has_mirror: true, has_base: true, chunks_a_segment: 4, knows_its_size: true };
}

fn sum(bytes: &[u8]) -> [u8; 4] {
    adler32(&bytes).to_le_bytes()
}

fn summed(bytes: Vec<u8>) -> Vec<u8> {
    let sum = sum(&bytes);
    [bytes, sum.to_vec()].concat()
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let length = (bytes.len() as u16).to_le_bytes();
    let complement = (!(bytes.len() as u16)).to_le_bytes();
    let sum = adler32(&bytes).to_be_bytes();
    [&[0x78, 1, 1][..], &length, &complement, bytes, &sum].concat()
}

fn section(file: &mut Vec<u8>, kind: &str, content: &[u8]) {
    let end = (file.len() + 76 + content.len()) as u64;
    let is_last = matches!(kind, "next" | "done");
    let (next, size) = if is_last { (file.len() as u64, 0) } else { (end, 76 + content.len() as u64) };
    let mut descriptor = kind.as_bytes().to_vec();
    descriptor.resize(16, 0);
    descriptor.extend(next.to_le_bytes());
    descriptor.extend(size.to_le_bytes());
    descriptor.resize(72, 0);
    file.extend(summed(descriptor));
    file.extend(content);
}

fn volume(bytes: usize, knows_its_size: bool) -> Vec<u8> {
    let mut volume = vec![0; 1048];
    let (chunks, sectors) = if knows_its_size { (bytes.div_ceil(CHUNK), bytes / 512) } else { (0, 0) };
    volume[4..8].copy_from_slice(&(chunks as u32).to_le_bytes());
    volume[8..12].copy_from_slice(&(CHUNK as u32 / 512).to_le_bytes());
    volume[12..16].copy_from_slice(&512_u32.to_le_bytes());
    volume[16..24].copy_from_slice(&(sectors as u64).to_le_bytes());
    volume[64..80].fill(7);
    summed(volume)
}

fn table(entries: &[u32], base: u64) -> Vec<u8> {
    let mut head = (entries.len() as u32).to_le_bytes().to_vec();
    head.extend([0; 4]);
    head.extend(base.to_le_bytes());
    head.extend([0; 4]);
    let entries: Vec<u8> = entries.iter().flat_map(|entry| entry.to_le_bytes()).collect();
    [summed(head), summed(entries)].concat()
}

fn segment(writer: Writer, chunks: &[&[u8]], number: u16, whole: usize, is_last: bool) -> Vec<u8> {
    let mut file = b"EVF\x09\x0D\x0A\xFF\x00\x01".to_vec();
    file.extend(number.to_le_bytes());
    file.extend([0; 2]);
    if number == 1 {
        section(&mut file, "header", &zlib(b"1\nmain\nc\te\n17\tsomebody\n\n"));
        section(&mut file, "volume", &volume(whole, writer.knows_its_size));
    }
    let (base, mut entries, mut content) = (if writer.has_base { file.len() } else { 0 }, Vec::new(), Vec::new());
    for chunk in chunks {
        let place = (file.len() + 76 + content.len() - base) as u32;
        entries.push(if writer.is_packed { place | 1 << 31 } else { place });
        content.extend(if writer.is_packed { zlib(chunk) } else { summed(chunk.to_vec()) });
    }
    section(&mut file, "sectors", &content);
    section(&mut file, "table", &table(&entries, base as u64));
    if writer.has_mirror {
        section(&mut file, "table2", &table(&entries, base as u64));
    }
    section(&mut file, "data", &volume(whole, writer.knows_its_size));
    section(&mut file, if is_last { "done" } else { "next" }, &[]);
    file
}

/// A disk of a few chunks, none like another, the last one short.
fn disk(chunks: usize) -> Vec<u8> {
    (0..chunks * CHUNK - 512).map(|at| (at / 512 * 37 + at * 11) as u8 | 1).collect()
}

fn image(writer: Writer, disk: &[u8]) -> Vec<(String, Vec<u8>)> {
    let chunks: Vec<_> = disk.chunks(CHUNK).collect();
    let segments: Vec<_> = chunks.chunks(writer.chunks_a_segment).collect();
    let file = |(index, chunks): (usize, &&[&[u8]])| {
        let bytes = segment(writer, chunks, index as u16 + 1, disk.len(), index + 1 == segments.len());
        (format!("case.E{:02}", index + 1), bytes)
    };
    segments.iter().enumerate().map(file).collect()
}

fn open(files: &[(String, Vec<u8>)]) -> Result<Evidence> {
    let name = files[0].0.clone();
    open_in(&Shelf::new(files.to_vec()), &name, &Opening::new())
}

/// What is missing; whatever is not is as it was.
fn missing(files: &[(String, Vec<u8>)], disk: &[u8], what: &str) -> Vec<Range<u64>> {
    let evidence = open(files).unwrap_or_else(|error| panic!("{what}: {error}"));
    assert!(evidence.container().is_some(), "{what}: taken for raw bytes");
    assert_eq!(evidence.size(), disk.len() as u64, "{what}");
    let mut bytes = vec![0xEE; disk.len()];
    let missing = evidence.read_readable(0, &mut bytes);
    for (at, (&ours, &true_one)) in (0_u64..).zip(bytes.iter().zip(disk)) {
        let is_missing = missing.iter().any(|range| range.contains(&at));
        assert_eq!(ours, if is_missing { 0 } else { true_one }, "{what}: byte {at}");
    }
    missing
}

fn writers() -> Vec<Writer> {
    let bits = |bits: u32| Writer {
        is_packed: bits & 1 != 0,
        has_mirror: bits & 2 != 0,
        has_base: bits & 4 != 0,
        chunks_a_segment: if bits & 8 != 0 { 100 } else { 4 },
        knows_its_size: bits & 16 != 0,
    };
    (0..32).map(bits).collect()
}

#[test]
fn whatever_a_writer_does_the_disk_is_read() {
    let disk = disk(11);
    for writer in writers().into_iter().filter(|writer| writer.knows_its_size || writer.is_packed) {
        assert_eq!(missing(&image(writer, &disk), &disk, &format!("{writer:?}")), [], "{writer:?}");
    }
}

#[test]
fn a_flipped_byte_is_told_or_changes_nothing() {
    let disk = disk(6);
    let all = std::env::var_os("EVERY_FLIP").is_some();
    for writer in writers().into_iter().filter(|writer| writer.knows_its_size && writer.has_base == writer.is_packed) {
        let files = image(writer, &disk);
        for (number, (_, bytes)) in files.iter().enumerate() {
            for at in (0..bytes.len()).step_by(if all { 1 } else { 5 }) {
                let masks = [0x01, 0x80, 0xFF];
                // All of them take a minute: the usual run has one a byte.
                for mask in masks.into_iter().skip(if all { 0 } else { at % 3 }).take(if all { 3 } else { 1 }) {
                    let mut changed = files.clone();
                    changed[number].1[at] ^= mask;
                    let what = format!("{writer:?}, file {number}, byte {at}, mask {mask:#x}");
                    let lost: u64 = missing(&changed, &disk, &what).iter().map(|range| range.end - range.start).sum();
                    // One list of entries alone can be lost as a whole.
                    let most = if writer.has_mirror { CHUNK } else { disk.len() } as u64;
                    assert!(lost <= most, "{what}: {lost} bytes lost by one flip");
                }
            }
        }
    }
}

#[test]
fn what_a_cut_file_has_lost_is_told() {
    let disk = disk(10);
    for writer in
        [Writer::USUAL, Writer { is_packed: false, ..Writer::USUAL }, Writer { chunks_a_segment: 100, ..Writer::USUAL }]
    {
        let files = image(writer, &disk);
        for number in 0..files.len() {
            for length in (0..files[number].1.len()).step_by(7) {
                let mut changed = files.clone();
                changed[number].1.truncate(length);
                if number == 0 && length < 13 + 76 + 40 + 76 + 1052 {
                    // The first file is not recognized without its header, or says nothing without its volume.
                    continue;
                }
                missing(&changed, &disk, &format!("{writer:?}, file {number} of {length} bytes"));
            }
        }
    }
}

#[test]
fn a_missing_segment_is_a_lost_range_and_what_is_behind_it_is_found_from_the_end() {
    let disk = disk(14);
    let files = image(Writer::USUAL, &disk);
    assert_eq!(files.len(), 4);
    let part = |range: Range<usize>| (range.start * CHUNK) as u64..((range.end * CHUNK) as u64).min(disk.len() as u64);
    let without = |gone: &[usize]| -> Vec<(String, Vec<u8>)> {
        let kept = files.iter().enumerate().filter(|(index, _)| !gone.contains(index));
        kept.map(|(_, file)| file.clone()).collect()
    };
    assert_eq!(missing(&without(&[1]), &disk, "the second"), [part(4..8)]);
    assert_eq!(missing(&without(&[3]), &disk, "the last"), [part(12..14)]);
    assert_eq!(missing(&without(&[1, 2]), &disk, "the middle"), [part(4..12)]);
    assert_eq!(missing(&without(&[0]), &disk, "the first"), [part(0..4)]);
    assert_eq!(missing(&without(&[1, 3]), &disk, "two gaps"), [part(4..14)], "between gaps nothing has a place");
    let evidence = open(&without(&[1])).unwrap();
    let container = evidence.container().unwrap();
    assert_eq!(container.known_losses(), [(part(4..8), Loss::MissingFile)]);
    assert!(container.notes().next().unwrap().starts_with("segment 2 is missing"), "{:?}", container.facts());
}

#[test]
fn renamed_segments_go_by_their_numbers_and_others_of_the_stem_stay_out() {
    let disk = disk(12);
    let mut files = image(Writer::USUAL, &disk);
    files[1].0 = "case.E03".to_owned();
    files[2].0 = "case.E02".to_owned();
    assert_eq!(missing(&files, &disk, "swapped names"), []);
    let mut files = image(Writer::USUAL, &disk);
    let first = files.remove(0).1;
    files.insert(0, ("CASE.e01".to_owned(), first));
    files.push(("case.L01".to_owned(), b"LVF\x09\x0D\x0A\xFF\x00".repeat(20)));
    files.push(("case.E04".to_owned(), b"no segment".to_vec()));
    assert_eq!(missing(&files, &disk, "other files"), []);
}

#[test]
fn what_holds_no_disk_is_named() {
    let error = |bytes: &[u8]| {
        let shelf = Shelf::new([("x", bytes.repeat(200))]);
        open_in(&shelf, "x", &Opening::new()).unwrap_err().to_string()
    };
    assert!(error(b"LVF\x09\x0D\x0A\xFF\x00").contains("holds files, not a disk"));
    assert!(error(b"LEF2\x0D\x0A\x81\x00").contains("holds files, not a disk"));
    assert!(error(b"ADCRYPT\0").contains("encrypted"));
    assert!(error(b"EVF\x09\x0D\x0A\xFF\x00").contains("first segment"));
}

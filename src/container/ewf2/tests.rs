//! Images of our own making: every flip, cut and missing segment is told, and no byte is ever wrong.

use simd_adler32::adler32;

use crate::base::error::Result;
use crate::container::neighbours::tests::Shelf;
use crate::container::opening::tests::open_in;
use crate::container::{Evidence, Opening};
use crate::source::Source;

/// Bytes of a sector, and of a chunk.
const SECTOR: usize = 512;
const CHUNK: usize = 1024;

fn sum(bytes: &[u8]) -> [u8; 4] {
    adler32(&bytes).to_le_bytes()
}

fn zlib(bytes: &[u8]) -> Vec<u8> {
    let length = (bytes.len() as u16).to_le_bytes();
    let complement = (!(bytes.len() as u16)).to_le_bytes();
    [&[0x78, 1, 1][..], &length, &complement, bytes, &adler32(&bytes).to_be_bytes()].concat()
}

/// Writes a segment file.
struct Writer {
    file: Vec<u8>,
    last: u64,
}

impl Writer {
    fn new(number: u32, method: u16) -> Self {
        let mut file = b"EVF2\x0D\x0A\x81\x00\x02\x01".to_vec();
        file.extend(method.to_le_bytes());
        file.extend(number.to_le_bytes());
        file.extend([7; 16]);
        Self { file, last: 0 }
    }

    fn pad(&mut self) {
        self.file.resize(self.file.len().next_multiple_of(16), 0);
    }

    /// Ends a section that began at `start`.
    fn end(&mut self, kind: u32, start: usize, flags: u32) {
        self.pad();
        let place = self.file.len() as u64;
        let mut descriptor = [kind.to_le_bytes(), flags.to_le_bytes()].concat();
        descriptor.extend(self.last.to_le_bytes());
        descriptor.extend(((self.file.len() - start) as u64).to_le_bytes());
        descriptor.extend(64_u32.to_le_bytes());
        descriptor.resize(60, 0);
        let sum = sum(&descriptor);
        self.file.extend(descriptor);
        self.file.extend(sum);
        self.last = place;
    }

    fn section(&mut self, kind: u32, content: &[u8]) {
        let start = self.file.len();
        self.file.extend(content);
        self.end(kind, start, 0);
    }

    fn text(&mut self, kind: u32, fields: &[(&str, &str)]) {
        let line = |part: fn(&(&str, &str)) -> String| fields.iter().map(part).collect::<Vec<_>>().join("\t");
        let tags = line(|field| field.0.to_owned());
        let values = line(|field| field.1.to_owned());
        let text = format!("\u{FEFF}1\nmain\n{tags}\n{values}\n\n");
        let text: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        self.section(kind, &zlib(&text));
    }

    /// Chunks, some packed, some not, some a pattern, and their table.
    fn chunks(&mut self, content: &[u8], first: usize) {
        let start = self.file.len();
        let mut entries = Vec::new();
        for (index, chunk) in content.chunks(CHUNK).enumerate() {
            let place = (self.file.len() as u64).to_le_bytes();
            let (word, stored, flags) = match (first + index) % 3 {
                _ if chunk.chunks(8).all(|word| *word == chunk[..8]) => {
                    (<[u8; 8]>::try_from(&chunk[..8]).unwrap(), 0, 5)
                }
                0 => {
                    let packed = zlib(chunk);
                    self.file.extend(&packed);
                    (place, packed.len(), 1)
                }
                _ => {
                    self.file.extend(chunk);
                    self.file.extend(sum(chunk));
                    (place, chunk.len() + 4, 2)
                }
            };
            self.pad();
            entries.extend(word);
            entries.extend((stored as u32).to_le_bytes());
            entries.extend((flags as u32).to_le_bytes());
        }
        self.end(3, start, 0);
        let mut table = (first as u64).to_le_bytes().to_vec();
        table.extend(((entries.len() / 16) as u32).to_le_bytes());
        table.extend([0; 4]);
        let header_sum = sum(&table);
        table.extend(header_sum);
        table.resize(32, 0);
        let entries_sum = sum(&entries);
        table.extend(entries);
        table.extend(entries_sum);
        self.section(4, &table);
    }
}

fn disk() -> Vec<u8> {
    let mut disk: Vec<u8> = (0..9 * CHUNK + SECTOR).map(|at| (at * at / 5 + at / 256) as u8).collect();
    disk[4 * CHUNK..5 * CHUNK].copy_from_slice(&b"pattern!".repeat(CHUNK / 8));
    disk
}

/// Two segments, with two tables in the first; `named` is what a set has further.
fn set(named: impl Fn(&mut Writer)) -> Vec<(String, Vec<u8>)> {
    let disk = disk();
    let mut one = Writer::new(1, 1);
    let sectors = (disk.len() / SECTOR).to_string();
    one.text(1, &[("sn", "serial"), ("ts", &sectors), ("bp", "512")]);
    one.text(2, &[("cn", "case 7"), ("sb", "2"), ("tb", "10"), ("cp", "1")]);
    one.chunks(&disk[..3 * CHUNK], 0);
    one.chunks(&disk[3 * CHUNK..6 * CHUNK], 3);
    one.section(0xD, &[]);
    let mut two = Writer::new(2, 1);
    two.chunks(&disk[6 * CHUNK..], 6);
    let md5 = [[5; 16].to_vec(), sum(&[5; 16]).to_vec()].concat();
    two.section(8, &md5);
    named(&mut two);
    two.section(0xF, &[]);
    vec![("a.Ex01".to_owned(), one.file), ("a.Ex02".to_owned(), two.file)]
}

fn opened(files: Vec<(String, Vec<u8>)>) -> Result<Evidence> {
    let name = files[0].0.clone();
    open_in(&Shelf::new(files), &name, &Opening::new())
}

#[test]
fn packed_plain_and_repeated_chunks_are_read_across_segments() {
    let evidence = opened(set(|_| {})).unwrap();
    let container = evidence.container().unwrap();
    let disk = disk();
    assert_eq!(
        (container.format(), container.size(), container.sector_size()),
        ("EWF-Ex01", disk.len() as u64, Some(512))
    );
    let facts = container.facts().unwrap();
    assert_eq!((facts.notes.as_slice(), facts.hashes.len()), (&[][..], 1));
    assert!(facts.fields.contains(&("case number".to_owned(), "case 7".to_owned())), "{:?}", facts.fields);
    for start in (0..disk.len()).step_by(37) {
        let mut bytes = vec![0; (disk.len() - start).min(2500)];
        evidence.read_at(start as u64, &mut bytes).unwrap();
        assert!(bytes == disk[start..][..bytes.len()], "{start}");
    }
}

/// What can be read is right, and what cannot is told.
fn check(files: Vec<(String, Vec<u8>)>, what: &str) -> u64 {
    let disk = disk();
    let Ok(evidence) = opened(files) else { return disk.len() as u64 };
    if evidence.container().is_none() {
        return disk.len() as u64;
    }
    let mut bytes = vec![0; disk.len()];
    let missing = evidence.read_readable(0, &mut bytes);
    let is_missing = |at: usize| missing.iter().any(|range| range.contains(&(at as u64)));
    let wrong = (0..disk.len()).find(|&at| bytes[at] != disk[at] && !is_missing(at));
    assert_eq!(wrong, None, "{what}");
    missing.iter().map(|range| range.end - range.start).sum()
}

#[test]
fn every_flip_is_told_and_costs_little() {
    let files = set(|_| {});
    let mut costs = Vec::new();
    for (file, (_, bytes)) in files.iter().enumerate() {
        for at in 0..bytes.len() {
            let mut changed = files.clone();
            changed[file].1[at] ^= 1 << (at % 8);
            costs.push(check(changed, &format!("byte {at} of file {file}")));
        }
    }
    let total: u64 = costs.iter().sum();
    let mean = total / costs.len() as u64;
    assert!(mean < 3 * CHUNK as u64, "a flip costs {mean} bytes in the mean");
}

#[test]
fn cuts_and_missing_segments_are_lost_ranges() {
    let files = set(|_| {});
    for end in (0..files[0].1.len()).step_by(7) {
        let mut cut = files.clone();
        cut[0].1.truncate(end);
        check(cut, &format!("cut to {end}"));
    }
    assert_eq!(check(files[..1].to_vec(), "without the second"), (3 * CHUNK + SECTOR) as u64);
    let mut cut = files.clone();
    let end = cut[1].1.len() - 100;
    cut[1].1.truncate(end);
    assert_eq!(check(cut, "the end of the last is cut"), 0, "the descriptors before it are searched for");
    let swapped = vec![files[1].clone(), files[0].clone()];
    assert_eq!(check(swapped, "opened by the second"), 0);
}

#[test]
fn acquisition_errors_are_lost_ranges() {
    let evidence = opened(set(|writer| {
        let mut table = 1_u32.to_le_bytes().to_vec();
        table.resize(16, 0);
        let header_sum = sum(&table);
        table.extend(header_sum);
        table.resize(32, 0);
        let entry = [&3_u64.to_le_bytes()[..], &2_u32.to_le_bytes(), &[0; 4]].concat();
        let entry_sum = sum(&entry);
        table.extend(entry);
        table.extend(entry_sum);
        writer.section(5, &table);
    }));
    let missing = evidence.unwrap().read_readable(0, &mut vec![0; disk().len()]);
    assert_eq!(missing, std::iter::once(3 * 512..5 * 512).collect::<Vec<_>>());
}

#[test]
fn what_is_not_read_is_named() {
    let error = |files| opened(files).unwrap_err().to_string();
    let encrypted = set(|writer| {
        let start = writer.file.len();
        writer.file.extend([1; 16]);
        writer.end(0x10, start, 2);
    });
    assert!(error(encrypted).contains("encrypted"));
    assert!(error(vec![("b.Ex01".to_owned(), Writer::new(1, 2).file)]).contains("bzip2"));
    assert!(error(vec![("b.Lx01".to_owned(), b"LEF2\x0D\x0A\x81\x00".to_vec())]).contains("logical"));
}

#[test]
fn images_of_another_tool_are_read() {
    for name in ["zeros_128s.Ex01", "zeros_128s_compressed.Ex01"] {
        let path = format!("{}/../shared/corpus/img/{name}", env!("CARGO_MANIFEST_DIR"));
        if !std::path::Path::new(&path).exists() {
            continue;
        }
        let evidence = Opening::new().open(&path).unwrap();
        let container = evidence.container().unwrap();
        assert_eq!((container.size(), container.facts().unwrap().notes.len()), (65_536, 0), "{name}");
        let mut bytes = vec![1; 65_536];
        evidence.read_at(0, &mut bytes).unwrap();
        assert!(bytes.iter().all(|byte| *byte == 0));
        // The MD5 of 64 KiB of zeros, as the image has it.
        assert_eq!(container.facts().unwrap().hashes[0].value[..4], [0xFC, 0xD6, 0xBC, 0xB5]);
    }
}

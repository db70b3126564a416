//! VHD, the virtual disks of Virtual PC, Hyper-V and Azure: fixed, dynamic, and differences to others.
//!
//! Reference: Microsoft, "Virtual Hard Disk Image Format Specification" 1.0.

use std::fmt;

use super::files::{Files, bytes_of};
use super::image::{Format, Image, Map, ParentLink, Request};
use super::piece::{Loss, Piece, Run};
use super::raw;
use crate::base::error::Result;

/// The format. All numbers are big-endian.
#[derive(Debug)]
pub(crate) struct Vhd;

/// Bytes of a footer, and of a sector.
const SECTOR: u64 = 512;

/// The footer: what kind of disk it is. It stands at the end, and at the start, too, unless the disk is fixed.
struct Footer {
    bytes: Vec<u8>,
    /// Where it stands.
    offset: u64,
}

impl Footer {
    const COOKIE: &'static [u8] = b"conectix";

    /// The footer at `offset`, of `length` bytes: Virtual PC before 2004 wrote one byte less.
    fn at(request: &Request<'_>, offset: Option<u64>, length: u64) -> Option<Self> {
        let offset = offset?;
        let mut bytes = bytes_of(request.source(), offset, length)?;
        bytes.resize(512, 0);
        bytes.starts_with(Self::COOKIE).then_some(Self { bytes, offset })
    }

    fn u32(&self, at: usize) -> u32 {
        big_u32(&self.bytes, at).unwrap_or(0)
    }

    fn u64(&self, at: usize) -> u64 {
        big_u64(&self.bytes, at).unwrap_or(0)
    }

    fn is_sound(&self) -> bool {
        checksum(&self.bytes, 64) == Some(self.u32(64))
    }

    fn kind(&self) -> u32 {
        self.u32(60)
    }

    /// The size of the disk in bytes. The geometry beside it is rounded, and not to be used.
    fn size(&self) -> u64 {
        self.u64(48)
    }
}

const FIXED: u32 = 2;
const DYNAMIC: u32 = 3;
const DIFFERENCING: u32 = 4;

/// The footers a file has: at its end, and the copy at its start.
struct Footers {
    last: Option<Footer>,
    first: Option<Footer>,
}

impl Footers {
    fn of(request: &Request<'_>) -> Self {
        let end = request.source().size();
        let last = [512, 511].into_iter().find_map(|length| Footer::at(request, end.checked_sub(length), length));
        Self { last, first: Footer::at(request, Some(0), SECTOR) }
    }

    /// The one to believe: a sound one before others, the last one before its copy.
    fn best(self) -> Option<Footer> {
        let (last, first) = (self.last, self.first);
        match (&last, &first) {
            (Some(last_one), Some(first_one)) if !last_one.is_sound() && first_one.is_sound() => first,
            (Some(_), _) => last,
            (None, _) => first,
        }
    }
}

impl Format for Vhd {
    fn name(&self) -> &'static str {
        "VHD"
    }

    /// A footer at the end alone is only believed if its checksum is right and its size fits: a fixed VHD is a
    /// raw disk otherwise, whatever its last sector holds.
    fn recognizes(&self, request: &Request<'_>) -> bool {
        let Footers { last, first } = Footers::of(request);
        let fits = |footer: &Footer| footer.is_sound() && footer.kind() == FIXED && footer.size() <= footer.offset;
        first.is_some() || last.is_some_and(|footer| fits(&footer) || (footer.is_sound() && footer.kind() != FIXED))
    }

    fn open(&self, request: &Request<'_>) -> Result<Image> {
        let Some(footer) = Footers::of(request).best() else {
            return Err(self.refuse("there is no footer".to_owned()));
        };
        let mut image = match footer.kind() {
            FIXED => raw::plain("VHD fixed", request.file, 0, footer.size()),
            DYNAMIC | DIFFERENCING => self.dynamic(request, &footer)?,
            kind => return Err(self.refuse(format!("disk type {kind} is none of fixed, dynamic and differencing"))),
        };
        image.sector_size = Some(512);
        image.identities.push(guid(&footer.bytes, 68));
        image.facts.fields.push(("creator".to_owned(), ascii(&footer.bytes, 28)));
        image.facts.fields.push(("unique id".to_owned(), guid(&footer.bytes, 68)));
        if !footer.is_sound() {
            image.facts.notes.push("the checksum of the VHD footer is wrong".to_owned());
        }
        if footer.offset == 0 {
            image
                .facts
                .notes
                .push("the footer at the end is missing or damaged; its copy at the start is used".to_owned());
        }
        if footer.bytes.get(84).is_some_and(|&saved| saved != 0) {
            image.facts.notes.push("the machine was in saved state when it was last written".to_owned());
        }
        Ok(image)
    }
}

impl Vhd {
    /// A disk whose blocks are where a table says.
    fn dynamic(&self, request: &Request<'_>, footer: &Footer) -> Result<Image> {
        let offset = footer.u64(16);
        let header = bytes_of(request.source(), offset, 1024).filter(|header| header.starts_with(b"cxsparse"));
        let Some(header) = header else {
            return Err(self.refuse(format!("there is no dynamic disk header at byte {offset}")));
        };
        let number = |at| big_u32(&header, at).unwrap_or(0);
        let block = u64::from(number(32));
        if !block.is_power_of_two() || !(SECTOR..=1 << 30).contains(&block) {
            return Err(self.refuse(format!("a block size of {block} bytes is not possible")));
        }
        let is_difference = footer.kind() == DIFFERENCING;
        let map = Blocks {
            block,
            bitmap: block.div_ceil(SECTOR).div_ceil(8).div_ceil(SECTOR).saturating_mul(SECTOR),
            table: big_u64(&header, 16).unwrap_or(0),
            entries: u64::from(number(28)),
            is_difference,
        };
        let format = if is_difference { "VHD differencing" } else { "VHD dynamic" };
        let needed = footer.size().div_ceil(block);
        let (entries, table) = (map.entries, map.table);
        let mut image = Image::new(format, footer.size(), Files::of_one(request.file), Box::new(map));
        if checksum(&header, 36) != Some(number(36)) {
            image.facts.notes.push(format!("the checksum of the dynamic disk header at byte {offset} is wrong"));
        }
        if needed > entries {
            let why = format!("the block table at byte {table} has {entries} entries, the disk needs {needed}");
            image.facts.notes.push(why);
        }
        if is_difference {
            image.parent = Some(parent_link(request, &header));
        }
        Ok(image)
    }
}

/// How a differencing disk names its parent. Names are hints; the identity decides.
fn parent_link(request: &Request<'_>, header: &[u8]) -> ParentLink {
    let mut names = Vec::new();
    for at in (0..8_usize).map(|index| index.saturating_mul(24).saturating_add(576)) {
        let (Some(code), Some(length), Some(place)) = (
            header.get(at..at.saturating_add(4)),
            big_u32(header, at.saturating_add(8)),
            big_u64(header, at.saturating_add(16)),
        ) else {
            continue;
        };
        let Some(text) = bytes_of(request.source(), place, u64::from(length.min(4096))) else { continue };
        match code {
            b"W2ru" | b"W2ku" => names.push(utf16(&text, u16::from_le_bytes)),
            b"Wi2r" | b"Wi2k" | b"MacX" => names.push(String::from_utf8_lossy(&text).trim_end_matches('\0').to_owned()),
            _ => {}
        }
    }
    names.push(utf16(header.get(64..576).unwrap_or_default(), u16::from_be_bytes));
    names.retain(|name| !name.is_empty());
    names.dedup();
    ParentLink { names, identities: vec![guid(header, 40)], endings: &[".vhd", ".avhd", ".vud"], is_raw: false }
}

/// Blocks, each with a bitmap of its sectors before them.
struct Blocks {
    /// Bytes of a block.
    block: u64,
    /// Bytes of the bitmap before each.
    bitmap: u64,
    /// Where the table of blocks starts.
    table: u64,
    entries: u64,
    is_difference: bool,
}

const ABSENT: u32 = u32::MAX;

impl Blocks {
    /// Where the bitmap of a block stands; `None` where the block is not in the file.
    fn place(&self, index: u64, files: &Files) -> Result<Option<u64>, Loss> {
        if index >= self.entries {
            return Err(Loss::Table);
        }
        let entry = index.checked_mul(4).and_then(|at| self.table.checked_add(at)).ok_or(Loss::Table)?;
        let bytes = files.bytes(0, entry, 4).ok_or(Loss::Table)?;
        let sector = big_u32(&bytes, 0).ok_or(Loss::Table)?;
        Ok((sector != ABSENT).then(|| u64::from(sector).saturating_mul(SECTOR)))
    }

    /// How many bytes from `skip` of the block on are of one kind, and whether they are in this file.
    fn owned(&self, place: u64, skip: u64, limit: u64, files: &Files) -> Result<(u64, bool), Loss> {
        let first = skip / SECTOR;
        let last = skip.saturating_add(limit).div_ceil(SECTOR).min(self.block / SECTOR);
        let start = place.saturating_add(first / 8);
        let length = last.div_ceil(8).saturating_sub(first / 8);
        let bitmap = files.bytes(0, start, length).ok_or(Loss::Table)?;
        let bit = |sector: u64| {
            let byte = usize::try_from((sector / 8).saturating_sub(first / 8)).ok();
            byte.and_then(|byte| bitmap.get(byte)).is_some_and(|byte| byte & (0x80 >> (sector % 8)) != 0)
        };
        let is_own = bit(first);
        let end = (first..last).find(|&sector| bit(sector) != is_own).unwrap_or(last);
        Ok((end.saturating_mul(SECTOR).saturating_sub(skip).min(limit), is_own))
    }

    fn piece(&self, offset: u64, limit: u64, files: &Files) -> Result<Run, Loss> {
        let (index, skip) = (offset.checked_div(self.block).unwrap_or(0), offset.checked_rem(self.block).unwrap_or(0));
        let length = self.block.saturating_sub(skip).min(limit);
        let Some(place) = self.place(index, files)? else {
            let piece = if self.is_difference { Piece::Parent } else { Piece::Zero };
            return Ok(Run { length, piece });
        };
        // The bitmap of a dynamic disk says nothing that the data does not say.
        let (length, is_own) = match self.is_difference {
            true => self.owned(place, skip, length, files)?,
            false => (length, true),
        };
        let offset = place.saturating_add(self.bitmap).saturating_add(skip);
        Ok(Run { length, piece: if is_own { Piece::Raw { file: 0, offset } } else { Piece::Parent } })
    }
}

impl Map for Blocks {
    fn run_at(&self, offset: u64, limit: u64, files: &Files) -> Run {
        self.piece(offset, limit, files).unwrap_or_else(|loss| {
            let left = self.block.saturating_sub(offset.checked_rem(self.block).unwrap_or(0));
            Run { length: left.min(limit), piece: Piece::Lost(loss) }
        })
    }
}

impl fmt::Debug for Blocks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} blocks of {} bytes, table at {}", self.entries, self.block, self.table)
    }
}

/// The complement of the sum of all bytes but the four at `at`.
fn checksum(bytes: &[u8], at: usize) -> Option<u32> {
    let (before, behind) = (bytes.get(..at)?, bytes.get(at.checked_add(4)?..)?);
    let sum = before.iter().chain(behind).fold(0_u32, |sum, &byte| sum.wrapping_add(u32::from(byte)));
    Some(!sum)
}

fn big_u32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn big_u64(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn guid(bytes: &[u8], at: usize) -> String {
    let bytes = bytes.get(at..at.saturating_add(16)).unwrap_or_default();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn ascii(bytes: &[u8], at: usize) -> String {
    let bytes = bytes.get(at..at.saturating_add(4)).unwrap_or_default();
    String::from_utf8_lossy(bytes).trim_end_matches(['\0', ' ']).to_owned()
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> String {
    let units: Vec<u16> =
        bytes.as_chunks::<2>().0.iter().map(|&pair| unit(pair)).take_while(|&unit| unit != 0).collect();
    String::from_utf16_lossy(&units)
}

#[cfg(test)]
#[allow(clippy::single_range_in_vec_init, reason = "a list with one range is what is meant")]
pub(crate) mod tests {
    use super::*;
    use crate::container::Opening;
    use crate::container::neighbours::tests::Shelf;
    use crate::container::opening::tests::open_in;
    use crate::source::Source;

    const BLOCK: usize = 4096;

    fn summed(mut bytes: Vec<u8>, at: usize) -> Vec<u8> {
        let sum = checksum(&bytes, at).unwrap();
        bytes[at..at + 4].copy_from_slice(&sum.to_be_bytes());
        bytes
    }

    fn footer(size: u64, kind: u32, id: u8) -> Vec<u8> {
        let mut footer = vec![0; 512];
        footer[..8].copy_from_slice(b"conectix");
        let next = if kind == FIXED { u64::MAX } else { 512 };
        footer[16..24].copy_from_slice(&next.to_be_bytes());
        footer[28..32].copy_from_slice(b"test");
        footer[48..56].copy_from_slice(&size.to_be_bytes());
        footer[60..64].copy_from_slice(&kind.to_be_bytes());
        footer[68..84].fill(id);
        summed(footer, 64)
    }

    /// A disk of which the sectors with content are in the file; what is no sector of it is the parent's or zero.
    pub(crate) fn vhd(sectors: &[Option<[u8; 512]>], id: u8, parent: Option<(u8, &str)>) -> Vec<u8> {
        let size = sectors.len() as u64 * 512;
        let foot = footer(size, if parent.is_some() { DIFFERENCING } else { DYNAMIC }, id);
        let blocks: Vec<_> = sectors.chunks(BLOCK / 512).collect();
        let mut header = vec![0; 1024];
        header[..8].copy_from_slice(b"cxsparse");
        header[16..24].copy_from_slice(&1536_u64.to_be_bytes());
        header[28..32].copy_from_slice(&(blocks.len() as u32).to_be_bytes());
        header[32..36].copy_from_slice(&(BLOCK as u32).to_be_bytes());
        if let Some((id, name)) = parent {
            header[40..56].fill(id);
            let units: Vec<u8> = name.encode_utf16().flat_map(u16::to_be_bytes).collect();
            header[64..64 + units.len()].copy_from_slice(&units);
        }
        let (mut table, mut content) = (Vec::new(), Vec::new());
        let start = (1536 + blocks.len() * 4).next_multiple_of(512);
        for block in blocks {
            if block.iter().all(Option::is_none) {
                table.extend(ABSENT.to_be_bytes());
                continue;
            }
            table.extend((((start + content.len()) / 512) as u32).to_be_bytes());
            let mut bitmap = vec![0_u8; 512];
            for (index, _) in block.iter().enumerate().filter(|(_, sector)| sector.is_some()) {
                bitmap[index / 8] |= 0x80 >> (index % 8);
            }
            content.extend(bitmap);
            content.extend(block.iter().flat_map(|sector| sector.unwrap_or([0; 512])));
            content.resize(content.len().next_multiple_of(512), 0);
        }
        table.resize(start - 1536, 0xFF);
        [foot.clone(), summed(header, 36), table, content, foot].concat()
    }

    fn sectors(pattern: &str, seed: u8) -> Vec<Option<[u8; 512]>> {
        let one = |(index, kind)| (kind == '#').then(|| std::array::from_fn(|at| (index * 3 + at) as u8 ^ seed | 1));
        pattern.chars().enumerate().map(one).collect()
    }

    fn read(source: &dyn Source) -> Vec<u8> {
        let mut bytes = vec![0; source.size() as usize];
        assert_eq!(source.read_at(0, &mut bytes).unwrap(), bytes.len());
        bytes
    }

    fn flat(sectors: &[Option<[u8; 512]>]) -> Vec<u8> {
        sectors.iter().flat_map(|sector| sector.unwrap_or([0; 512])).collect()
    }

    #[test]
    fn a_difference_has_its_own_sectors_and_those_of_its_parents() {
        let (base, middle, top) = (
            sectors("####.####........#######", 0x10),
            sectors("#..#....................####", 0x40),
            sectors("..##..............####....", 0x80),
        );
        let shelf = Shelf::new([
            ("base.vhd", vhd(&base, 1, None)),
            ("renamed.VHD", vhd(&middle, 2, Some((1, r"C:\VMs\base.vhd")))),
            ("top.vhd", vhd(&top, 3, Some((2, "middle.vhd")))),
        ]);
        let evidence = open_in(&shelf, "top.vhd", &Opening::new()).unwrap();
        let mut expected = flat(&top);
        for lower in [&middle, &base] {
            for index in 0..top.len() {
                let is_known = top[index].is_some()
                    || (std::ptr::eq(lower, &base) && middle.get(index).is_some_and(Option::is_some));
                if let (false, Some(Some(sector))) = (is_known, lower.get(index)) {
                    expected[index * 512..][..512].copy_from_slice(sector);
                }
            }
        }
        assert_eq!(read(&evidence), expected);
        let container = evidence.container().unwrap();
        assert_eq!((container.format(), container.images()), ("VHD differencing", 3));
    }

    #[test]
    fn a_missing_or_other_parent_is_named_and_its_bytes_are_lost() {
        let top = vhd(&sectors("#.#.........", 0x80), 3, Some((2, "middle.vhd")));
        let shelf = Shelf::new([("middle.vhd", vhd(&sectors("############", 1), 9, None)), ("top.vhd", top)]);
        let error = open_in(&shelf, "top.vhd", &Opening::new()).unwrap_err().to_string();
        assert!(error.starts_with("VHD differencing: the parent image is missing: \"middle.vhd\""), "{error}");
        let evidence = open_in(&shelf, "top.vhd", &Opening::new().missing_parent_as_lost()).unwrap();
        assert_eq!(evidence.read_readable(0, &mut [0; 12 * 512]), [512..1024, 1536..12 * 512]);
    }

    #[test]
    fn parents_that_are_each_others_end_in_an_error() {
        let make = |id, parent, name| vhd(&sectors("#.#.", 1), id, Some((parent, name)));
        let shelf = Shelf::new([("a.vhd", make(1, 2, "b.vhd")), ("b.vhd", make(2, 1, "a.vhd"))]);
        assert!(open_in(&shelf, "a.vhd", &Opening::new()).unwrap_err().to_string().contains("missing"));
        let own = Shelf::new([("a.vhd", make(1, 1, "a.vhd"))]);
        assert!(open_in(&own, "a.vhd", &Opening::new()).is_err());
    }

    #[test]
    fn a_cut_disk_opens_by_the_copy_of_its_footer() {
        let disk = sectors("####....########", 0x33);
        let mut bytes = vhd(&disk, 1, None);
        bytes.truncate(bytes.len() - 512 - 1024);
        let shelf = Shelf::new([("cut.vhd", bytes)]);
        let evidence = open_in(&shelf, "cut.vhd", &Opening::new()).unwrap();
        let mut buffer = vec![0; 16 * 512];
        assert_eq!(evidence.read_readable(0, &mut buffer), [14 * 512..16 * 512]);
        assert_eq!(buffer[..14 * 512], flat(&disk)[..14 * 512]);
        assert_eq!(evidence.container().unwrap().notes().count(), 1);
    }

    #[test]
    fn a_fixed_disk_ends_before_its_footer_and_a_cookie_alone_makes_none() {
        let mut bytes = vec![7; 4096];
        bytes.extend(footer(4096, FIXED, 1));
        let evidence = |bytes: Vec<u8>| open_in(&Shelf::new([("x", bytes)]), "x", &Opening::new()).unwrap();
        assert_eq!(read(&evidence(bytes.clone())), [7; 4096]);
        assert!(evidence(bytes[..bytes.len() - 1].to_vec()).container().is_some(), "a footer of 511 bytes");
        bytes[4096 + 48 + 5] ^= 1;
        assert!(evidence(bytes).container().is_none(), "no checksum, no footer");
    }
}

//! What a VHDX file says of itself: headers, regions, metadata.

use super::super::files::bytes_of;
use super::checksum::Crc32c;
use crate::base::guid::Guid;
use crate::base::le;
use crate::source::Source;

/// One of the two headers: the one with the larger number counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) sequence: u64,
    /// Changes whenever what a reader sees of the disk does: what a difference knows its parent by.
    pub(super) data_write: Guid,
    /// Zero, where the log holds nothing.
    pub(super) log_guid: Guid,
    pub(super) log_length: u64,
    pub(super) log_offset: u64,
}

impl Header {
    const PLACES: [u64; 2] = [64 << 10, 128 << 10];

    fn at(source: &dyn Source, offset: u64) -> Option<Self> {
        let bytes = bytes_of(source, offset, 4096)?;
        let bytes: &[u8; 4096] = bytes.first_chunk()?;
        let is_sound = bytes.starts_with(b"head") && Crc32c::of_structure(bytes) == le::u32_in::<4, 4096>(bytes);
        let guid = |bytes: [u8; 16]| Guid(bytes);
        is_sound.then(|| Self {
            sequence: le::u64_in::<8, 4096>(bytes),
            data_write: guid(le::array_in::<32, 16, 4096>(bytes)),
            log_guid: guid(le::array_in::<48, 16, 4096>(bytes)),
            log_length: u64::from(le::u32_in::<68, 4096>(bytes)),
            log_offset: le::u64_in::<72, 4096>(bytes),
        })
    }

    /// The header that counts, and whether there is only one sound one.
    pub(super) fn current(source: &dyn Source) -> Option<(Self, bool)> {
        let [first, second] = Self::PLACES.map(|place| Self::at(source, place));
        match (first, second) {
            (Some(first), Some(second)) if second.sequence > first.sequence => Some((second, false)),
            (Some(first), second) => Some((first, second.is_none())),
            (None, second) => second.map(|second| (second, true)),
        }
    }
}

/// A region of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Region {
    pub(super) offset: u64,
    pub(super) length: u64,
}

/// The two regions that a disk needs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Regions {
    pub(super) blocks: Region,
    pub(super) metadata: Region,
}

impl Regions {
    const PLACES: [u64; 2] = [192 << 10, 256 << 10];

    /// From the first of the two tables that is sound, and whether the other one is not.
    ///
    /// # Errors
    /// When both are damaged, or name something that has to be understood and is not.
    pub(super) fn read(source: &dyn Source) -> Result<(Self, bool), String> {
        let tables = Self::PLACES.map(|place| {
            let bytes = bytes_of(source, place, 64 << 10)?;
            let is_sound = bytes.starts_with(b"regi") && le::u32_at(&bytes, 4) == Some(Crc32c::of_structure(&bytes));
            is_sound.then_some(bytes)
        });
        let is_alone = tables.iter().any(Option::is_none);
        let table = tables.into_iter().flatten().next().ok_or("both of its region tables are damaged")?;
        let (mut blocks, mut metadata) = (None, None);
        for entry in entries(&table, 16, le::u32_at(&table, 8)) {
            let region = Region { offset: le::u64_in::<16, 32>(entry), length: u64::from(le::u32_in::<24, 32>(entry)) };
            match guid_of(entry).as_str() {
                "2dc27766-f623-4200-9d64-115e9bfd4a08" => blocks = Some(region),
                "8b7ca206-4790-4b9a-b8fe-575f050f886e" => metadata = Some(region),
                other if le::u32_in::<28, 32>(entry) & 1 != 0 => {
                    return Err(format!("it needs a region of a kind that is not known: {other}"));
                }
                _ => {}
            }
        }
        let blocks = blocks.ok_or("it has no block table")?;
        let metadata = metadata.ok_or("it has no metadata")?;
        Ok((Self { blocks, metadata }, is_alone))
    }
}

/// Entries of 32 bytes from `start` on, `count` of them.
fn entries(table: &[u8], start: usize, count: Option<u32>) -> impl Iterator<Item = &[u8; 32]> {
    let count = usize::try_from(count.unwrap_or(0)).unwrap_or(usize::MAX);
    table.get(start..).unwrap_or_default().as_chunks::<32>().0.iter().take(count)
}

fn guid_of(entry: &[u8; 32]) -> String {
    Guid(le::array_in::<0, 16, 32>(entry)).to_string()
}

/// What the metadata say of the disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Metadata {
    pub(super) block_size: u64,
    pub(super) has_parent: bool,
    pub(super) size: u64,
    pub(super) sector_size: u64,
    pub(super) physical_sector_size: Option<u32>,
    pub(super) disk_id: Option<Guid>,
    /// Keys and values by which the parent is found.
    pub(super) parent: Option<Vec<(String, String)>>,
}

/// The items of the metadata, as their table has them. Nothing guards them but what they must agree in.
#[derive(Default)]
struct Items {
    parameters: Option<Vec<u8>>,
    size: Option<Vec<u8>>,
    sector_size: Option<Vec<u8>>,
    physical: Option<Vec<u8>>,
    disk_id: Option<Vec<u8>>,
    locator: Option<Vec<u8>>,
}

/// Bytes of the table of the metadata; the items stand behind it.
const TABLE: u64 = 64 << 10;

/// The longest item there is.
const LONGEST_ITEM: u64 = 1 << 20;

impl Items {
    fn read(source: &dyn Source, region: Region) -> Result<Self, String> {
        let table = bytes_of(source, region.offset, TABLE).filter(|table| table.starts_with(b"metadata"));
        let table = table.ok_or(format!("there are no metadata at byte {}", region.offset))?;
        let (mut items, mut places) = (Self::default(), Vec::new());
        for entry in entries(&table, 32, le::u16_at(&table, 10).map(u32::from)) {
            let (offset, length) = (u64::from(le::u32_in::<16, 32>(entry)), u64::from(le::u32_in::<20, 32>(entry)));
            let name = guid_of(entry);
            let item = match name.as_str() {
                "caa16737-fa36-4d43-b3b6-33f0aa44e76b" => &mut items.parameters,
                "2fa54224-cd1b-4876-b211-5dbed83bf4b8" => &mut items.size,
                "8141bf1d-a96f-4709-ba47-f233a8faab5f" => &mut items.sector_size,
                "cda348c7-445d-4471-9cc9-e9885251c556" => &mut items.physical,
                "beca12ab-b2e6-4523-93ef-c309e000c746" => &mut items.disk_id,
                "a8d35f2d-b30b-454d-abf7-d3d84834ab0c" => &mut items.locator,
                _ if le::u32_in::<24, 32>(entry) & 4 != 0 => {
                    return Err(format!("it needs metadata of a kind that is not known: {name}"));
                }
                _ => continue,
            };
            let end = offset.saturating_add(length);
            let is_inside = offset >= TABLE && end <= region.length && length <= LONGEST_ITEM;
            let bytes = bytes_of(source, region.offset.saturating_add(offset), length).filter(|_| is_inside);
            if item.replace(bytes.ok_or(format!("its metadata {name} are not where they should be"))?).is_some() {
                return Err(format!("its metadata {name} are there twice"));
            }
            places.push(offset..end);
        }
        places.sort_unstable_by_key(|place| place.start);
        if places.windows(2).any(|pair| matches!(pair, [one, next] if one.end > next.start)) {
            return Err("two of its metadata share their bytes".to_owned());
        }
        Ok(items)
    }
}

impl Metadata {
    /// # Errors
    /// When something is missing that a disk needs, or what is there cannot be.
    pub(super) fn read(source: &dyn Source, region: Region) -> Result<Self, String> {
        let items = Items::read(source, region)?;
        let exactly = |item: Option<Vec<u8>>, length: usize, what: &str| {
            item.filter(|item| item.len() == length).ok_or(format!("its metadata lack the {what}"))
        };
        let parameters = exactly(items.parameters, 8, "block size")?;
        let flags = le::u32_at(&parameters, 4).unwrap_or(0);
        let parent = items.locator.map(|locator| pairs(&locator).ok_or("its parent locator is damaged")).transpose()?;
        let metadata = Self {
            block_size: u64::from(le::u32_at(&parameters, 0).unwrap_or(0)),
            has_parent: flags & 2 != 0,
            size: le::u64_at(&exactly(items.size, 8, "size of the disk")?, 0).unwrap_or(0),
            sector_size: u64::from(le::u32_at(&exactly(items.sector_size, 4, "sector size")?, 0).unwrap_or(0)),
            physical_sector_size: items.physical.and_then(|item| le::u32_at(&item, 0)),
            disk_id: items.disk_id.and_then(|item| Some(Guid(*item.first_chunk()?))),
            parent,
        };
        metadata.check(flags)?;
        Ok(metadata)
    }

    fn check(&self, flags: u32) -> Result<(), String> {
        let Self { block_size, size, sector_size, .. } = *self;
        if flags & !3 != 0 {
            return Err(format!("its file parameters have unknown flags: {flags:#x}"));
        }
        if !block_size.is_power_of_two() || !(1 << 20..=256 << 20).contains(&block_size) {
            return Err(format!("a block size of {block_size} bytes is not possible"));
        }
        if sector_size != 512 && sector_size != 4096 {
            return Err(format!("a sector size of {sector_size} bytes is not possible"));
        }
        if size == 0 || size.checked_rem(sector_size) != Some(0) || size > 64 << 40 {
            return Err(format!("a disk of {size} bytes is not possible"));
        }
        match (self.has_parent, &self.parent) {
            (true, None) => Err("it is the difference to a parent, and does not say which".to_owned()),
            (false, Some(_)) => Err("it names a parent, and says that it has none".to_owned()),
            _ => Ok(()),
        }
    }
}

/// Keys and values of a parent locator, of the only type there is.
fn pairs(locator: &[u8]) -> Option<Vec<(String, String)>> {
    let kind = Guid(*locator.first_chunk()?).to_string();
    if kind != "b04aefb7-d19e-4a81-b789-25b8e9445913" {
        return None;
    }
    let count = usize::from(le::u16_at(locator, 18)?);
    let entries = locator.get(20..)?.as_chunks::<12>().0;
    let text = |offset: u32, length: u16| {
        let bytes = le::slice_at(locator, usize::try_from(offset).ok()?, usize::from(length))?;
        let units: Vec<u16> = bytes.as_chunks::<2>().0.iter().map(|unit| u16::from_le_bytes(*unit)).collect();
        String::from_utf16(&units).ok()
    };
    let pair = |entry: &[u8; 12]| {
        let key = text(le::u32_in::<0, 12>(entry), le::u16_in::<8, 12>(entry))?;
        Some((key, text(le::u32_in::<4, 12>(entry), le::u16_in::<10, 12>(entry))?))
    };
    (count <= entries.len()).then(|| entries.iter().take(count).map(pair).collect())?
}

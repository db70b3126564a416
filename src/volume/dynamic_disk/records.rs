//! The records of a dynamic disk's database.

use crate::base::be;
use crate::base::guid::Guid;

/// One record of the kinds that say where volumes lie.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Record {
    Volume(u64, VolumeRecord),
    Component(u64, Component),
    Part(DiskPart),
    Disk(u64, Guid),
}

/// A volume.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct VolumeRecord {
    pub(super) name: String,
    pub(super) sectors: u64,
}

/// A copy of a volume, made of parts.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Component {
    pub(super) layout: ComponentLayout,
    pub(super) parts: usize,
    /// The volume it is of.
    pub(super) volume: u64,
    /// Sectors that a column has before the next one goes on.
    pub(super) stripe: u64,
    pub(super) columns: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ComponentLayout {
    Striped,
    Concatenated,
    Raid5,
}

/// A part of a component, on one disk. Sectors count from the start of the disk's area for volumes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct DiskPart {
    pub(super) start: u64,
    pub(super) volume_offset: u64,
    pub(super) sectors: u64,
    pub(super) component: u64,
    pub(super) disk: u64,
    pub(super) column: u64,
}

/// What stands before a record's own fields: status (u16), flags (1), kind (1), length (u32).
const HEAD: usize = 8;

/// Goes through fields of which each says how long it is.
struct Fields<'r> {
    rest: &'r [u8],
}

impl<'r> Fields<'r> {
    fn skip(&mut self, count: usize) -> Option<()> {
        self.rest = self.rest.get(count..)?;
        Some(())
    }

    /// The bytes of the next field, behind one that counts them.
    fn bytes(&mut self) -> Option<&'r [u8]> {
        let (&length, behind) = self.rest.split_first()?;
        let (field, rest) = behind.split_at_checked(usize::from(length))?;
        self.rest = rest;
        Some(field)
    }

    /// A number of up to eight bytes.
    fn number(&mut self) -> Option<u64> {
        let bytes = self.bytes().filter(|bytes| bytes.len() <= 8)?;
        Some(bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    fn text(&mut self) -> Option<String> {
        self.bytes().map(|bytes| String::from_utf8_lossy(bytes).into_owned())
    }

    fn byte(&mut self) -> Option<u8> {
        let (&byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(byte)
    }

    fn word(&mut self) -> Option<u64> {
        let word = be::u64_at(self.rest, 0)?;
        self.skip(8)?;
        Some(word)
    }
}

impl Record {
    /// Reads a record whose pieces stand together.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let (flags, kind) = (*bytes.get(2)?, *bytes.get(3)?);
        let mut fields = Fields { rest: bytes.get(HEAD..)? };
        let (id, name) = (fields.number()?, fields.text()?);
        match kind {
            0x32 => component(flags, &mut fields).map(|component| Self::Component(id, component)),
            0x33 => part(flags, &mut fields).map(Self::Part),
            0x34 => be::guid_of_text(fields.bytes()?).map(|disk| Self::Disk(id, disk)),
            0x44 => be::guid_at(fields.rest, 0).map(|disk| Self::Disk(id, disk)),
            0x51 => volume(name, &mut fields).map(|volume| Self::Volume(id, volume)),
            _ => None,
        }
    }
}

/// Layout behind the name: state (text), 1 layout, 4 zero, parts (number), 16 log, volume (number), 1 zero; with flag
/// 0x10: stripe (number), columns (number).
fn component(flags: u8, fields: &mut Fields<'_>) -> Option<Component> {
    fields.text()?;
    let layout = match fields.byte()? {
        1 => ComponentLayout::Striped,
        2 => ComponentLayout::Concatenated,
        3 => ComponentLayout::Raid5,
        _ => return None,
    };
    fields.skip(4)?;
    let parts = usize::try_from(fields.number()?).ok()?;
    fields.skip(16)?;
    let volume = fields.number()?;
    fields.skip(1)?;
    let is_striped = flags & 0x10 != 0;
    let (stripe, columns) = if is_striped { (fields.number()?, fields.number()?) } else { (0, 1) };
    Some(Component { layout, parts, volume, stripe, columns: usize::try_from(columns).ok()? })
}

/// Layout behind the name: 4 zero, 8 log, first sector (u64), offset in the volume (u64), sectors, component and disk
/// (numbers); with flag 0x08: column (number).
fn part(flags: u8, fields: &mut Fields<'_>) -> Option<DiskPart> {
    fields.skip(12)?;
    let (start, volume_offset) = (fields.word()?, fields.word()?);
    let (sectors, component, disk) = (fields.number()?, fields.number()?, fields.number()?);
    let column = if flags & 0x08 != 0 { fields.number()? } else { 0 };
    Some(DiskPart { start, volume_offset, sectors, component, disk, column })
}

/// Layout behind the name: kind (text), 1 zero, state (14), 1 kind, 1, 1 number, 3 zero, 1 flags, components (number), 16
/// log, sectors (number).
fn volume(name: String, fields: &mut Fields<'_>) -> Option<VolumeRecord> {
    fields.text()?;
    fields.bytes()?;
    fields.skip(21)?;
    fields.number()?;
    fields.skip(16)?;
    Some(VolumeRecord { name, sectors: fields.number()? })
}

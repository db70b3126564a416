//! Attributes of a FILE record: the header each has, and its value or runs.

use bitflags::bitflags;

use super::attribute_type::AttributeType;
use super::non_resident::NonResident;
use super::value::file_name::FileName;
use crate::base::damage::{Damage, DamageKind, Place};
use crate::base::le;
use crate::base::name::Name;

bitflags! {
    /// How an attribute's value is stored. Unknown bits are kept.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
    pub struct AttributeFlags: u16 {
        /// Compressed with LZNT1; the low byte names the method.
        const COMPRESSED = 0x0001;
        /// Encrypted by EFS.
        const ENCRYPTED = 0x4000;
        /// May have holes.
        const SPARSE = 0x8000;
        const _ = !0;
    }
}

impl AttributeFlags {
    const COMPRESSION_MASK: u16 = 0x00FF;

    /// True when any compression method is named.
    #[must_use]
    pub fn is_compressed(self) -> bool {
        self.bits() & Self::COMPRESSION_MASK != 0
    }
}

/// One attribute, viewed where it lies in its record.
///
/// Layout: 0 type, 4 length, 8 form, 9 name length, 10 name offset, 12 flags, 14 id; resident:
/// 16 value length, 20 value offset, 22 indexed flag; non-resident: see [`NonResident`].
///
/// Reference: `ATTRIBUTE_RECORD_HEADER`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "ATTRIBUTE_RECORD_HEADER")]
pub struct Attribute<'a> {
    bytes: &'a [u8],
    header: &'a [u8; 24],
    record: u64,
    offset: u32,
    beyond_used: bool,
}

impl<'a> Attribute<'a> {
    /// Bytes of the shortest attribute: a resident one without a name and a value.
    pub(super) const SHORTEST: usize = 24;

    /// Views the `bytes` of one attribute, `offset` bytes into record `record`.
    pub(super) fn new(bytes: &'a [u8], record: u64, offset: usize, beyond_used: bool) -> Result<Self, Damage> {
        let offset = u32::try_from(offset).unwrap_or(u32::MAX);
        let header = bytes.first_chunk::<24>();
        let fits = header.is_some_and(|header| header[8] != 1 || bytes.len() >= NonResident::HEADER);
        match header {
            Some(header) if fits => Ok(Self { bytes, header, record, offset, beyond_used }),
            _ => Err(Self::length_damage(bytes, record, offset)),
        }
    }

    fn length_damage(bytes: &[u8], record: u64, offset: u32) -> Damage {
        let kind = DamageKind::AttributeLength {
            type_code: le::u32_at(bytes, 0).unwrap_or(0),
            length: le::u32_at(bytes, 4).unwrap_or(0),
            available: u32::try_from(bytes.len()).unwrap_or(u32::MAX),
        };
        Damage::in_record(record, u64::from(offset), kind)
    }

    /// What the attribute is.
    #[must_use]
    #[inline]
    pub fn attribute_type(&self) -> AttributeType {
        AttributeType(le::u32_in::<0, 24>(self.header))
    }

    /// The name; empty for unnamed attributes, and for a name that does not lie inside the
    /// attribute (then [`damage`](Self::damage) says so).
    #[must_use]
    #[inline]
    pub fn name(&self) -> Name<'a> {
        match self.header[9] {
            0 => Name::default(),
            _ => self.checked_name().unwrap_or_default(),
        }
    }

    fn checked_name(&self) -> Result<Name<'a>, Damage> {
        let length = usize::from(self.header[9]).saturating_mul(2);
        let offset = usize::from(le::u16_in::<10, 24>(self.header));
        let bytes = le::slice_at(self.bytes, offset, length).filter(|_| offset >= 16 && offset.is_multiple_of(2));
        let outside = || Damage::out_of_bounds("attribute name", offset, length, self.bytes.len());
        bytes.map(Name::new).ok_or_else(outside)
    }

    /// How the value is stored.
    #[must_use]
    #[inline]
    pub fn flags(&self) -> AttributeFlags {
        AttributeFlags::from_bits_retain(le::u16_in::<12, 24>(self.header))
    }

    /// The attribute's number within its record, unique there unless the record is damaged.
    #[must_use]
    #[doc(alias = "Instance")]
    pub fn id(&self) -> u16 {
        le::u16_in::<14, 24>(self.header)
    }

    /// True when the value stands in the record itself. A form that is neither 0 nor 1 counts as
    /// non-resident where the attribute is long enough for it.
    #[must_use]
    #[inline]
    pub fn is_resident(&self) -> bool {
        match self.header[8] {
            0 => true,
            1 => false,
            _ => self.bytes.len() < NonResident::HEADER,
        }
    }

    /// The sizes and runs of a non-resident attribute.
    #[must_use]
    #[inline]
    pub fn non_resident(&self) -> Option<NonResident<'a>> {
        if self.is_resident() { None } else { NonResident::parse(self.bytes).ok() }
    }

    /// The value of a resident attribute.
    ///
    /// # Errors
    /// When the attribute is non-resident, or its value does not lie inside it.
    #[inline]
    pub fn resident_value(&self) -> Result<&'a [u8], Damage> {
        let (offset, length) = (self.value_offset(), self.value_length());
        if !self.is_resident() {
            return Err(self.inside(Damage::bad_value(8, "form of a resident attribute", self.header[8])));
        }
        le::slice_at(self.bytes, offset, length)
            .filter(|_| offset >= 16)
            .ok_or_else(|| self.inside(Damage::out_of_bounds("resident value", offset, length, self.bytes.len())))
    }

    /// Bytes from the start of a resident value to the end of the attribute: the value, and what
    /// an earlier, longer value may have left behind it. Empty for a non-resident attribute.
    #[must_use]
    pub fn resident_slot(&self) -> &'a [u8] {
        let start = if self.is_resident() { self.value_offset() } else { self.bytes.len() };
        self.bytes.get(start..).unwrap_or_default()
    }

    fn value_offset(&self) -> usize {
        usize::from(le::u16_in::<20, 24>(self.header))
    }

    fn value_length(&self) -> usize {
        usize::try_from(le::u32_in::<16, 24>(self.header)).unwrap_or(usize::MAX)
    }

    /// The name a resident `$FILE_NAME` holds. Where the value's length is stale, the name is taken
    /// from what follows it in the attribute, and the damage comes with it.
    ///
    /// # Errors
    /// When the value does not lie inside the attribute, or holds no name.
    #[inline]
    pub fn file_name(&self) -> Result<(FileName<'a>, Option<Damage>), Damage> {
        let placed = |damage: Damage| self.inside(damage.within(None, self.value_place()));
        let (name, damage) = FileName::parse_in_slot(self.resident_value()?, self.resident_slot()).map_err(placed)?;
        Ok((name, damage.map(placed)))
    }

    fn value_place(&self) -> u64 {
        u64::try_from(self.value_offset()).unwrap_or(u64::MAX)
    }

    /// True when the value is also a key in an index, as `$FILE_NAME`s are.
    #[must_use]
    pub fn is_indexed(&self) -> bool {
        self.is_resident() && self.header[22] & 1 != 0
    }

    /// Bytes of the clusters really allocated, for a compressed or sparse stream's first piece.
    #[must_use]
    pub fn total_allocated(&self) -> Option<u64> {
        let non_resident = self.non_resident().filter(|non_resident| non_resident.lowest_vcn() == 0)?;
        let flags = self.flags();
        let present = flags.is_compressed() || flags.contains(AttributeFlags::SPARSE);
        if present { non_resident.total_allocated() } else { None }
    }

    /// The whole attribute as it stands in the record.
    #[must_use]
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Where the attribute starts.
    #[must_use]
    pub fn place(&self) -> Place {
        Place { record: Some(self.record), offset: u64::from(self.offset) }
    }

    /// True when the attribute stands behind the record's used size, as residue of an earlier life
    /// does, and attributes of a record whose used size is wrong.
    #[must_use]
    pub fn is_beyond_used(&self) -> bool {
        self.beyond_used
    }

    /// What had to be put up with to read the header.
    pub fn damage(&self) -> impl Iterator<Item = Damage> + use<> {
        let type_code = self.attribute_type().0;
        let beyond =
            self.beyond_used.then(|| self.inside(Damage::new(0, DamageKind::AttributeBeyondUsed { type_code })));
        let form = self.header[8];
        let form = (form > 1).then(|| self.inside(Damage::new(8, DamageKind::AttributeForm { form })));
        let name = if self.header[9] == 0 { None } else { self.checked_name().err() };
        let length = usize::try_from(le::u32_in::<4, 24>(self.header)).unwrap_or(usize::MAX);
        let length = (length != self.bytes.len()).then(|| Self::length_damage(self.bytes, self.record, self.offset));
        let name = name.map(|damage| self.inside(Damage::new(10, damage.kind)));
        [beyond, length, form, name].into_iter().flatten()
    }

    /// What is wrong with the value of a resident attribute, or with the runs of a non-resident one.
    #[must_use]
    pub fn value_damage(&self) -> Option<Damage> {
        match self.non_resident() {
            Some(non_resident) => non_resident.damage().map(|damage| self.inside(damage)),
            None if self.attribute_type() == AttributeType::FILE_NAME => {
                self.file_name().map_or_else(Some, |(_, damage)| damage)
            }
            None => self.resident_value().err(),
        }
    }

    /// Damage inside the attribute as damage of its record.
    pub(crate) fn inside(&self, damage: Damage) -> Damage {
        damage.within(Some(self.record), u64::from(self.offset))
    }
}

/// Iterator over the attributes of a record, in the order they stand in.
///
/// It goes by the end marker, not by the used size, which is stale in some records. Whatever is
/// wrong comes as an error in its place; the walk ends only where the next attribute cannot be found.
#[derive(Debug, Clone)]
pub struct Attributes<'a> {
    bytes: &'a [u8],
    record: u64,
    used: usize,
    offset: usize,
    done: bool,
}

impl<'a> Attributes<'a> {
    /// Walks `bytes`, a whole record, from `first` on.
    pub(super) fn new(bytes: &'a [u8], record: u64, first: usize, used: usize) -> Self {
        Self { bytes, record, used, offset: first, done: false }
    }

    /// Where the walk stands: once it is over, where the end marker is or should be.
    #[must_use]
    pub fn position(&self) -> usize {
        self.offset
    }

    fn end(&mut self, kind: Option<DamageKind>) -> Option<Result<Attribute<'a>, Damage>> {
        self.done = true;
        let offset = u64::try_from(self.offset).unwrap_or(u64::MAX);
        kind.map(|kind| Err(Damage::in_record(self.record, offset, kind)))
    }

    /// At the end marker: the used size counts the marker and the word behind it.
    fn end_marker(&mut self) -> Option<Result<Attribute<'a>, Damage>> {
        let agrees = self.used == self.offset.saturating_add(8);
        let used = u32::try_from(self.used).unwrap_or(u32::MAX);
        self.end((!agrees).then_some(DamageKind::UsedSize { used }))
    }

    /// The length to step by. Garbage in the upper half of the field was seen on a real volume.
    fn step(rest: &[u8]) -> Option<usize> {
        let length = le::u32_at(rest, 4)?;
        let plausible =
            |length: &usize| *length >= Attribute::SHORTEST && length.is_multiple_of(8) && *length <= rest.len();
        let whole = usize::try_from(length).ok().filter(plausible);
        whole.or_else(|| usize::try_from(length & 0xFFFF).ok().filter(plausible))
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Result<Attribute<'a>, Damage>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let rest = self.bytes.get(self.offset..).unwrap_or_default();
        let type_code = match le::u32_at(rest, 0) {
            None => return self.end(Some(DamageKind::EndMarkerMissing { found: 0 })),
            Some(type_code) => AttributeType(type_code),
        };
        // A multiple of 0x10 that is not 0: anything else is what follows a lost end marker.
        let plausible_type = type_code.0 & 0xF == 0 && type_code.0 != 0;
        match Self::step(rest).filter(|_| plausible_type) {
            Some(length) => {
                let bytes = rest.get(..length).unwrap_or_default();
                let offset = self.offset;
                self.offset = offset.saturating_add(length);
                Some(Attribute::new(bytes, self.record, offset, offset >= self.used))
            }
            None if type_code == AttributeType::END => self.end_marker(),
            None if !plausible_type => self.end(Some(DamageKind::EndMarkerMissing { found: type_code.0 })),
            None => {
                let damage =
                    Attribute::length_damage(rest, self.record, u32::try_from(self.offset).unwrap_or(u32::MAX));
                self.end(Some(damage.kind))
            }
        }
    }
}

//! Attributes of a FILE record: the header each has, and its value or runs.

use alloc::vec::Vec;
use bitflags::bitflags;

use super::attribute_type::AttributeType;
use super::non_resident::NonResident;
use super::value::Value;
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
///
/// ```
/// # fn main() -> ntfs_salvage::Result<()> {
/// use ntfs_salvage::Volume;
/// use ntfs_salvage::structure::value::Value;
///
/// let image = ntfs_salvage::source::open("testdata/plain.img")?;
/// let volume = Volume::open(&image)?;
/// let record = volume.mft().record(0)?;
/// for attribute in record.attributes().flatten() {
///     match (attribute.non_resident(), attribute.value()) {
///         (Some(piece), _) => println!("{} bytes in clusters", piece.data_size()),
///         (None, Ok(Value::FileName(name))) => println!("{} in {}", name.name(), name.parent()),
///         (None, _) => println!("{} bytes in the record", attribute.resident_slot().len()),
///     }
/// }
/// # Ok(())
/// # }
/// ```
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

    /// The attribute at `offset` of record `record`, if its type and length are as they should be.
    #[inline]
    pub(super) fn sound_at(bytes: &'a [u8], record: u64, offset: usize, used: usize) -> Option<Self> {
        let rest = bytes.get(offset..)?;
        let header = rest.first_chunk::<24>()?;
        let length = usize::try_from(le::u32_in::<4, 24>(header)).ok()?;
        let shortest = if header[8] == 1 { NonResident::HEADER } else { Self::SHORTEST };
        let is_sound = Self::is_plausible_type(le::u32_in::<0, 24>(header)) && length >= shortest && length & 7 == 0;
        let bytes = rest.get(..length).filter(|_| is_sound)?;
        let place = u32::try_from(offset).unwrap_or(u32::MAX);
        // An attribute that the used size cuts is no more in use than one behind it.
        let beyond_used = offset.saturating_add(length) > used;
        Some(Self { bytes, header, record, offset: place, beyond_used })
    }

    /// A multiple of 0x10 that is not 0: anything else is what follows a lost end marker.
    fn is_plausible_type(type_code: u32) -> bool {
        type_code & 0xF == 0 && type_code != 0
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
        let value = self.resident_value()?;
        match FileName::parse(value) {
            Ok(name) => Ok((name, None)),
            Err(_) => self.stale_file_name(value),
        }
    }

    #[cold]
    fn stale_file_name(&self, value: &'a [u8]) -> Result<(FileName<'a>, Option<Damage>), Damage> {
        let placed = |damage: Damage| self.inside(damage.within(None, self.value_place()));
        let (name, damage) = FileName::parse_in_slot(value, self.resident_slot()).map_err(placed)?;
        Ok((name, damage.map(placed)))
    }

    /// The value, viewed by its type; for a non-resident attribute the sizes and runs to read it by.
    ///
    /// # Errors
    /// When the value does not lie inside the attribute, or cannot be what its type asks for.
    #[inline]
    pub fn value(&self) -> Result<Value<'a>, Damage> {
        if let Some(non_resident) = self.non_resident() {
            return Ok(Value::DataRuns(non_resident));
        }
        if self.attribute_type() == AttributeType::FILE_NAME {
            return self.file_name().map(|(name, _)| Value::FileName(name));
        }
        let placed = |damage: Damage| self.inside(damage.within(None, self.value_place()));
        Value::parse(self.attribute_type(), self.name(), self.resident_value()?).map_err(placed)
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

    /// What was tolerated to read the header; nothing for nearly every attribute.
    #[must_use]
    pub fn damage(&self) -> Vec<Damage> {
        let mut damage = Vec::new();
        self.add_damage(&mut damage);
        damage
    }

    /// Adds it to what else is wrong with the record: one full of damage costs no vector an attribute.
    #[inline]
    pub(crate) fn add_damage(&self, damage: &mut Vec<Damage>) {
        if !self.is_sound() {
            self.find_damage(damage);
        }
    }

    /// True when the header is as it should be.
    #[must_use]
    #[inline]
    pub fn is_sound(&self) -> bool {
        let name_is_sound = self.header[9] == 0 || self.checked_name().is_ok();
        !self.beyond_used && self.header[8] <= 1 && self.claimed_length() == self.bytes.len() && name_is_sound
    }

    fn claimed_length(&self) -> usize {
        usize::try_from(le::u32_in::<4, 24>(self.header)).unwrap_or(usize::MAX)
    }

    #[cold]
    fn find_damage(&self, damage: &mut Vec<Damage>) {
        if self.beyond_used {
            let kind = DamageKind::AttributeBeyondUsed { type_code: self.attribute_type().0 };
            damage.push(self.inside(Damage::new(0, kind)));
        }
        if self.claimed_length() != self.bytes.len() {
            damage.push(Self::length_damage(self.bytes, self.record, self.offset));
        }
        if self.header[8] > 1 {
            damage.push(self.inside(Damage::new(8, DamageKind::AttributeForm { form: self.header[8] })));
        }
        if let Some(outside) = self.checked_name().err().filter(|_| self.header[9] != 0) {
            damage.push(self.inside(Damage::new(10, outside.kind)));
        }
    }

    /// What is wrong with the value of a resident attribute, or with the runs of a non-resident one.
    #[must_use]
    pub fn value_damage(&self) -> Option<Damage> {
        match self.non_resident() {
            Some(non_resident) => non_resident.damage().map(|damage| self.inside(damage)),
            None if self.attribute_type() == AttributeType::FILE_NAME => {
                self.file_name().map_or_else(Some, |(_, damage)| damage)
            }
            None => self.value().err(),
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

    /// The next attribute, if it is as it should be; else `None`, and the walk stands where it was.
    /// Loops that do nothing else than this are faster than those over the iterator.
    #[inline]
    pub(crate) fn next_sound(&mut self) -> Option<Attribute<'a>> {
        let attribute = Attribute::sound_at(self.bytes, self.record, self.offset, self.used)?;
        self.offset = self.offset.saturating_add(attribute.bytes.len());
        Some(attribute)
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

    /// What to do where the next bytes are no attribute as it should be: an end, or damage.
    #[cold]
    fn odd(&mut self) -> Option<Result<Attribute<'a>, Damage>> {
        let rest = self.bytes.get(self.offset..).unwrap_or_default();
        let Some(type_code) = le::u32_at(rest, 0) else {
            return self.end(Some(DamageKind::EndMarkerMissing { found: 0 }));
        };
        if AttributeType(type_code) == AttributeType::END {
            return self.end_marker();
        }
        if !Attribute::is_plausible_type(type_code) {
            return self.end(Some(DamageKind::EndMarkerMissing { found: type_code }));
        }
        // A length that is possible, but too short for the form, tells where the next one starts.
        // Garbage in the upper half of the field was seen on a real volume.
        let length = le::u32_at(rest, 4).unwrap_or(0);
        let possible =
            |length: &usize| *length >= Attribute::SHORTEST && length.is_multiple_of(8) && *length <= rest.len();
        let mut lengths = [length, length & 0xFFFF].into_iter().filter_map(|length| usize::try_from(length).ok());
        let offset = self.offset;
        match lengths.find(possible) {
            Some(length) => {
                self.offset = offset.saturating_add(length);
                let beyond_used = offset.saturating_add(length) > self.used;
                Some(Attribute::new(rest.get(..length).unwrap_or_default(), self.record, offset, beyond_used))
            }
            None => {
                let damage = Attribute::length_damage(rest, self.record, u32::try_from(offset).unwrap_or(u32::MAX));
                self.end(Some(damage.kind))
            }
        }
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Result<Attribute<'a>, Damage>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        match self.next_sound() {
            Some(attribute) => Some(Ok(attribute)),
            None => self.odd(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::structure::forge::Forge;
    use crate::structure::record::Record;

    /// Two attributes; the second, of 32 bytes with the value `abc`, starts at 160.
    fn record() -> Vec<u8> {
        Forge::new(512).name((5, 5), 3, "f").resident(AttributeType::DATA, "", b"abc").on_disk(9)
    }

    const DATA: usize = 152;

    fn walk(bytes: &[u8]) -> Vec<Result<u32, Damage>> {
        let record = Record::parse(9, bytes).unwrap();
        record.attributes().map(|attribute| attribute.map(|attribute| attribute.attribute_type().0)).collect()
    }

    fn damage(offset: usize, kind: DamageKind) -> Damage {
        Damage::in_record(9, offset as u64, kind)
    }

    fn data(bytes: &[u8]) -> Attribute<'_> {
        let record = Record::parse(9, bytes).unwrap();
        let offset = record.attributes().filter_map(Result::ok).nth(1).unwrap().offset as usize;
        let length = usize::from(le::u16_at(bytes, offset + 4).unwrap());
        Attribute::new(&bytes[offset..offset + length], 9, offset, false).unwrap()
    }

    #[test]
    fn the_low_byte_of_the_flags_names_a_compression() {
        let is_compressed = |bits| AttributeFlags::from_bits_retain(bits).is_compressed();
        assert!(is_compressed(1) && is_compressed(0x80) && is_compressed(0xFFFF));
        assert!(!is_compressed(0) && !is_compressed(0xFF00));
    }

    #[test]
    fn attributes_come_in_order_with_their_values() {
        let bytes = record();
        assert_eq!(walk(&bytes), [Ok(0x30), Ok(0x80)]);
        let data = data(&bytes);
        assert_eq!(data.place(), Place { record: Some(9), offset: DATA as u64 });
        assert_eq!(data.resident_value(), Ok(&b"abc"[..]));
        assert_eq!((data.id(), data.name().is_empty(), data.is_resident()), (1, true, true));
        assert_eq!(data.damage(), []);
        assert_eq!(data.value_damage(), None);
    }

    #[test]
    fn headers_give_what_stands_in_them() {
        let bytes = record();
        let attribute = data(&bytes);
        assert_eq!(attribute.bytes(), &bytes[DATA..DATA + 32]);
        assert!(attribute.is_sound() && !attribute.is_beyond_used() && !attribute.is_indexed());
        let mut bytes = bytes;
        bytes[DATA + 14..DATA + 16].copy_from_slice(&[0x34, 0x12]);
        bytes[DATA + 22] = 0xFF;
        assert_eq!(data(&bytes).id(), 0x1234);
        assert!(data(&bytes).is_indexed());
        bytes[DATA + 22] = 0xFE;
        assert!(!data(&bytes).is_indexed());
        assert!(Attribute::new(&bytes[DATA..DATA + 32], 9, DATA, true).unwrap().is_beyond_used());
    }

    #[test]
    fn damage_in_a_value_says_where_it_lies_in_the_record() {
        let bytes = Forge::new(512).name((5, 5), 3, "f").resident(AttributeType::OBJECT_ID, "", b"abc").on_disk(9);
        let place = data(&bytes).value().unwrap_err().place;
        assert_eq!(place, Place { record: Some(9), offset: DATA as u64 + 24 });
    }

    #[test]
    fn compressed_and_sparse_streams_say_in_their_first_piece_how_much_they_take() {
        let total = |flags, lowest, form| {
            let runs = [0xEE, 1, 0, 0, 0, 0, 0, 0, 0x11, 1, 10, 0];
            let mut bytes = Forge::new(512)
                .name((5, 5), 3, "f")
                .runs(AttributeType::DATA, "", (lowest, lowest), [4096, 4096, 4096], &runs)
                .stored_as(flags, 4)
                .on_disk(9);
            bytes[DATA + 8] = form;
            bytes[DATA + 32] = 72;
            data(&bytes).total_allocated()
        };
        assert_eq!((total(1, 0, 1), total(0x8000, 0, 1)), (Some(0x1EE), Some(0x1EE)));
        assert_eq!((total(0, 0, 1), total(0x4000, 0, 1), total(1, 1, 1), total(1, 0, 0)), (None, None, None, None));
    }

    #[test]
    fn named_non_resident_attributes_have_sizes_and_runs() {
        let runs = [0x11, 2, 10, 0];
        let bytes = Forge::new(512)
            .name((5, 5), 3, "f")
            .runs(AttributeType::DATA, "ads", (0, 1), [8192, 5000, 5000], &runs)
            .on_disk(9);
        let data = data(&bytes);
        assert!(data.name().is("ads") && !data.is_resident() && data.is_sound());
        let beyond = Attribute::new(data.bytes(), 9, DATA, true).unwrap();
        assert_eq!(beyond.damage(), [damage(DATA, DamageKind::AttributeBeyondUsed { type_code: 0x80 })]);
        assert_eq!(data.non_resident().unwrap().data_size(), 5000);
        assert_eq!(data.value_damage(), None);
        assert!(data.resident_value().is_err());
    }

    #[test]
    fn impossible_lengths_end_the_walk_and_keep_what_came_before() {
        for length in [0u32, 8, 16, 23, 25, 33, 1000, 0xFFFF_FFF0] {
            let mut bytes = record();
            bytes[DATA + 4..DATA + 8].copy_from_slice(&length.to_le_bytes());
            let kind = DamageKind::AttributeLength { type_code: 0x80, length, available: 512 - DATA as u32 };
            assert_eq!(walk(&bytes), [Ok(0x30), Err(damage(DATA, kind))], "{length}");
        }
    }

    #[test]
    fn garbage_in_the_upper_half_of_a_length_is_seen_through() {
        let mut bytes = record();
        bytes[DATA + 6] = 7;
        assert_eq!(walk(&bytes), [Ok(0x30), Ok(0x80)]);
        let kind = DamageKind::AttributeLength { type_code: 0x80, length: 0x0007_0020, available: 32 };
        assert_eq!(data(&bytes).damage(), [damage(DATA, kind)]);
        let record = Record::parse(9, &bytes).unwrap();
        let walked = record.attributes().nth(1).unwrap().unwrap();
        assert_eq!(walked, data(&bytes), "it is not beyond the used size for that");
    }

    #[test]
    fn a_missing_end_marker_is_reported_with_what_is_there() {
        let end = DATA + 32;
        for found in [0u32, 0x1147_7982, 0x33] {
            let mut bytes = record();
            bytes[end..end + 4].copy_from_slice(&found.to_le_bytes());
            let missing = damage(end, DamageKind::EndMarkerMissing { found });
            assert_eq!(walk(&bytes), [Ok(0x30), Ok(0x80), Err(missing)]);
        }
    }

    #[test]
    fn a_stale_used_size_hides_no_attribute() {
        let mut bytes = record();
        bytes[24] = 160 - 8;
        let used = damage(DATA + 32, DamageKind::UsedSize { used: 152 });
        assert_eq!(walk(&bytes), [Ok(0x30), Ok(0x80), Err(used)]);
        let record = Record::parse(9, &bytes).unwrap();
        let data = record.attributes().filter_map(Result::ok).nth(1).unwrap();
        let kind = DamageKind::AttributeBeyondUsed { type_code: 0x80 };
        assert_eq!(data.damage(), [damage(DATA, kind)]);
    }

    #[test]
    fn values_and_names_outside_the_attribute_are_refused() {
        for (field, width, value) in [(16, 4, 9u32), (16, 4, u32::MAX), (20, 2, 33), (20, 2, 0xFFFF), (20, 2, 8)] {
            let mut bytes = record();
            bytes[DATA + field..DATA + field + width].copy_from_slice(&value.to_le_bytes()[..width]);
            assert!(data(&bytes).resident_value().is_err(), "{field} {value}");
            assert!(data(&bytes).value_damage().is_some());
        }
        for (length, offset) in [(200, 24u16), (2, 32), (1, 0xFFFF), (1, 8), (1, 25)] {
            let mut bytes = record();
            bytes[DATA + 9] = length;
            bytes[DATA + 10..DATA + 12].copy_from_slice(&offset.to_le_bytes());
            assert!(data(&bytes).name().is_empty());
            assert_eq!(data(&bytes).damage().len(), 1, "{length} {offset}");
        }
    }

    #[test]
    fn a_form_that_is_no_form_is_read_by_its_length() {
        let mut bytes = record();
        bytes[DATA + 8] = 9;
        assert!(data(&bytes).is_resident());
        assert_eq!(data(&bytes).damage(), [damage(DATA + 8, DamageKind::AttributeForm { form: 9 })]);
        assert!(!data(&bytes).is_sound());
        for (value, is_resident) in [(&[0; 32][..], true), (&[0; 40], false)] {
            let mut bytes = Forge::new(512).name((5, 5), 3, "f").resident(AttributeType::DATA, "", value).on_disk(9);
            bytes[DATA + 8] = 9;
            assert_eq!(data(&bytes).is_resident(), is_resident, "{}", value.len());
        }
    }

    #[test]
    fn non_resident_attributes_shorter_than_their_header_are_stepped_over() {
        let mut bytes = Forge::new(512)
            .resident(AttributeType::DATA, "", b"abc")
            .resident(AttributeType::BITMAP, "", b"x")
            .on_disk(9);
        bytes[56 + 8] = 1;
        let kind = DamageKind::AttributeLength { type_code: 0x80, length: 32, available: 32 };
        assert_eq!(walk(&bytes), [Err(damage(56, kind)), Ok(0xB0)]);
    }

    #[test]
    fn a_name_whose_value_length_is_stale_is_read_from_its_slot() {
        // As record 560 of a real table: seven characters, a value that ends after five.
        let mut bytes = Forge::new(512).name((5, 5), 3, "win98.c").on_disk(9);
        bytes[56 + 16] = 76;
        let record = Record::parse(9, &bytes).unwrap();
        let attribute = record.attributes().next().unwrap().unwrap();
        let (name, stale) = attribute.file_name().unwrap();
        assert!(name.name().is("win98.c"));
        assert!(stale.is_some());
        assert_eq!(attribute.value_damage(), stale);
    }
}

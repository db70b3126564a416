//! FILE records: the slots of the MFT.

use alloc::borrow::Cow;
use alloc::vec::Vec;

use bitflags::bitflags;

use super::attribute::{Attribute, Attributes};
use super::attribute_type::AttributeType;
use super::update_sequence::{Protection, STRIDE, UpdateSequence};
use super::value::standard_information::StandardInformation;
use crate::base::damage::{Damage, DamageKind};
use crate::base::le;
use crate::base::reference::FileReference;

bitflags! {
    /// What a record's header says about its use. Unknown bits are kept.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
    pub struct RecordFlags: u16 {
        /// The record belongs to a file that exists.
        const IN_USE = 0x0001;
        /// The file has a `$I30` index: it is a directory. Kept when the file is deleted.
        const DIRECTORY = 0x0002;
        /// A metadata file under `$Extend`, which cannot be opened by its id.
        const EXTEND = 0x0004;
        /// The file has a view index, as `$Secure` and `$ObjId` do.
        const VIEW_INDEX = 0x0008;
        const _ = !0;
    }
}

/// The header of a FILE record, before or after its update sequence is applied: no protected word
/// lies in it.
///
/// Layout: 0 signature, 4 update sequence array, 8 LSN, 16 sequence number, 18 link count, 20 first
/// attribute, 22 flags, 24 used size, 28 allocated size, 32 base record, 40 next attribute id, and
/// in NTFS 3.1: 42 and 44 own record number.
///
/// Reference: `FILE_RECORD_SEGMENT_HEADER`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias = "FILE_RECORD_SEGMENT_HEADER")]
pub struct RecordHeader<'a> {
    bytes: &'a [u8; 48],
}

impl<'a> RecordHeader<'a> {
    /// Bytes of the header, the own record number included.
    pub const SIZE: usize = 48;
    const FILE: u32 = u32::from_le_bytes(*b"FILE");
    const BAAD: u32 = u32::from_le_bytes(*b"BAAD");
    /// Where the update sequence array starts in records that name their own number.
    const WITH_OWN_NUMBER: u16 = 48;

    /// Views the header at the start of `bytes`.
    ///
    /// # Errors
    /// When there are fewer than 48 bytes, or no `FILE` or `BAAD` signature: [`DamageKind::BlankRecord`]
    /// for four zero bytes, else [`DamageKind::BadSignature`]. `FILE` with one byte damaged is taken for it.
    #[inline]
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Damage> {
        let header = bytes.first_chunk::<48>();
        let header = header.ok_or_else(|| Damage::too_short(0, "FILE record header", Self::SIZE, bytes.len()))?;
        // As numbers: four bytes compared one by one take longer than a record should.
        match le::u32_in::<0, 48>(header) {
            Self::FILE | Self::BAAD => Ok(Self { bytes: header }),
            0 => Err(Damage::new(0, DamageKind::BlankRecord)),
            other if is_nearly_file(other) => Ok(Self { bytes: header }),
            other => Err(Damage::new(0, DamageKind::BadSignature { found: other.to_le_bytes() })),
        }
    }

    /// True for a record that chkdsk or a driver found torn and marked `BAAD`.
    #[must_use]
    pub fn is_baad(&self) -> bool {
        le::u32_in::<0, 48>(self.bytes) == Self::BAAD
    }

    /// The signature, where one byte of it is damaged.
    fn damaged_signature(&self) -> Option<[u8; 4]> {
        let found = le::u32_in::<0, 48>(self.bytes);
        (found != Self::FILE && found != Self::BAAD).then_some(found.to_le_bytes())
    }

    /// Log sequence number of the last logged change; 0 when none was logged.
    #[must_use]
    pub fn lsn(&self) -> u64 {
        le::u64_in::<8, 48>(self.bytes)
    }

    /// Counts the lives of the record. After deletion Windows and ntfs-3g have already counted up.
    #[must_use]
    #[inline]
    pub fn sequence_number(&self) -> u16 {
        le::u16_in::<16, 48>(self.bytes)
    }

    /// Names the file has, DOS names included; garbage in extension records.
    #[must_use]
    pub fn link_count(&self) -> u16 {
        le::u16_in::<18, 48>(self.bytes)
    }

    /// Where the first attribute starts, in bytes from the record's start.
    #[must_use]
    #[inline]
    pub fn first_attribute(&self) -> u16 {
        le::u16_in::<20, 48>(self.bytes)
    }

    /// What the record is used for.
    #[must_use]
    #[inline]
    pub fn flags(&self) -> RecordFlags {
        RecordFlags::from_bits_retain(le::u16_in::<22, 48>(self.bytes))
    }

    /// True when the record belongs to a file that exists.
    #[must_use]
    #[inline]
    pub fn is_in_use(&self) -> bool {
        self.flags().contains(RecordFlags::IN_USE)
    }

    /// True for a directory, also a deleted one.
    #[must_use]
    #[inline]
    pub fn is_directory(&self) -> bool {
        self.flags().contains(RecordFlags::DIRECTORY)
    }

    /// Bytes in use, the end marker and the word behind it included; stale in some freed records.
    #[must_use]
    #[doc(alias = "FirstFreeByte")]
    #[inline]
    pub fn used_size(&self) -> u32 {
        le::u32_in::<24, 48>(self.bytes)
    }

    /// Bytes of the whole record.
    #[must_use]
    #[doc(alias = "BytesAvailable")]
    pub fn allocated_size(&self) -> u32 {
        le::u32_in::<28, 48>(self.bytes)
    }

    /// The record this one extends; zero in a base record.
    #[must_use]
    #[doc(alias = "BaseFileRecordSegment")]
    #[inline]
    pub fn base_reference(&self) -> FileReference {
        FileReference(le::u64_in::<32, 48>(self.bytes))
    }

    /// True where the field of the base record says that the record extends no other one. What the record's
    /// attributes say counts more: [`Record::is_base_record`].
    #[must_use]
    #[inline]
    pub fn is_base_record(&self) -> bool {
        self.base_reference().is_zero()
    }

    /// The id the next attribute will get.
    #[must_use]
    pub fn next_attribute_id(&self) -> u16 {
        le::u16_in::<40, 48>(self.bytes)
    }

    /// The number the record names itself. `None` where the header is too short for one, as in NTFS
    /// 3.0 and in what Linux ntfs3 writes: those bytes are the update sequence array.
    #[must_use]
    pub fn own_number(&self) -> Option<u64> {
        if self.update_sequence_offset() < Self::WITH_OWN_NUMBER {
            return None;
        }
        let high = u64::from(le::u16_in::<42, 48>(self.bytes));
        Some((high << 32) | u64::from(le::u32_in::<44, 48>(self.bytes)))
    }

    fn update_sequence_offset(&self) -> u16 {
        le::u16_in::<4, 48>(self.bytes)
    }
}

/// One FILE record with its update sequence applied.
///
/// Torn strides keep the bytes they have on disk and are reported by [`damage`](Self::damage); the
/// record is never dropped for them.
///
/// ```
/// # fn main() -> ntfs_salvage::Result<()> {
/// use ntfs_salvage::Volume;
/// use ntfs_salvage::structure::AttributeType;
///
/// let image = ntfs_salvage::source::open("testdata/plain.img")?;
/// let volume = Volume::open(&image)?;
/// let record = volume.mft().record(5)?;
/// for attribute in record.attributes() {
///     match attribute {
///         Ok(attribute) => println!("{} {}", attribute.attribute_type(), attribute.name()),
///         Err(damage) => println!("! {damage}"),
///     }
/// }
/// let is_index = |found: &AttributeType| *found == AttributeType::INDEX_ROOT;
/// assert!(record.attributes().flatten().map(|attribute| attribute.attribute_type()).any(|found| is_index(&found)));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Record<'a> {
    number: u64,
    bytes: Cow<'a, [u8]>,
    update_sequence: UpdateSequence,
    /// Whether the protected words have been put back into `bytes`.
    repaired: bool,
}

impl<'a> Record<'a> {
    /// Where the shortest header ends, and the update sequence array may start.
    const SHORTEST_HEADER: usize = 42;

    /// Parses a record that may be read but not changed. Borrows where no protected word lies among
    /// the attributes, which is true for most records, and owns one repaired copy otherwise.
    ///
    /// `number` is the record's index in the MFT.
    ///
    /// # Errors
    /// When the slot holds no record: see [`RecordHeader::parse`].
    pub fn parse(number: u64, bytes: &'a [u8]) -> Result<Self, Damage> {
        let update_sequence = UpdateSequence::check(bytes, Self::SHORTEST_HEADER, Self::array_limit(number, bytes)?);
        let mut record = Self { number, bytes: Cow::Borrowed(bytes), update_sequence, repaired: false };
        let mut walk = record.attributes();
        walk.by_ref().for_each(drop);
        // The end marker and the word behind it.
        let end = walk.position().saturating_add(8);
        if end > STRIDE.saturating_sub(2) && update_sequence.protection() == Protection::Protected {
            record.repair();
        }
        Ok(record)
    }

    /// Parses a record in the caller's buffer and repairs it there, without an allocation.
    ///
    /// # Errors
    /// As [`parse`](Self::parse); the buffer is unchanged then.
    #[inline]
    pub fn parse_in_place(number: u64, bytes: &'a mut [u8]) -> Result<Self, Damage> {
        let limit = Self::array_limit(number, bytes)?;
        let update_sequence = UpdateSequence::repair(bytes, Self::SHORTEST_HEADER, limit);
        Ok(Self { number, bytes: Cow::Borrowed(bytes), update_sequence, repaired: true })
    }

    /// Parses a record and keeps its bytes.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn from_vec(number: u64, mut bytes: Vec<u8>) -> Result<Record<'static>, Damage> {
        let limit = Self::array_limit(number, &bytes)?;
        let update_sequence = UpdateSequence::repair(&mut bytes, Self::SHORTEST_HEADER, limit);
        Ok(Record { number, bytes: Cow::Owned(bytes), update_sequence, repaired: true })
    }

    /// Where the update sequence array of the record in `bytes` has to end: before the first
    /// attribute, unless that is impossible.
    ///
    /// # Errors
    /// When the slot holds no record.
    #[inline]
    fn array_limit(number: u64, bytes: &[u8]) -> Result<usize, Damage> {
        let header = RecordHeader::parse(bytes).map_err(|damage| damage.within(Some(number), 0))?;
        let first_attribute = usize::from(header.first_attribute());
        let words = bytes.as_chunks::<STRIDE>().0.len().saturating_add(1);
        let behind = usize::from(header.update_sequence_offset()).saturating_add(words.saturating_mul(2));
        let is_limit = first_attribute >= behind || !is_usual_first(bytes, behind.next_multiple_of(8));
        Ok(if first_attribute >= Self::SHORTEST_HEADER && is_limit { first_attribute } else { bytes.len() })
    }

    /// The record's index in the MFT.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The record's header.
    #[must_use]
    #[inline]
    pub fn header(&self) -> RecordHeader<'_> {
        // The constructors have proved the length; the all-zero header stands for the impossible.
        RecordHeader { bytes: self.bytes.first_chunk().unwrap_or(&[0; 48]) }
    }

    /// This record in this life: what references to the file hold while it exists.
    #[must_use]
    pub fn reference(&self) -> FileReference {
        FileReference::new(self.number, self.header().sequence_number())
    }

    /// True unless the record extends another one. A record with `$STANDARD_INFORMATION` and a name or an attribute list
    /// of its own is a base record whatever its header says: no writer puts these into one that extends another.
    #[must_use]
    #[inline]
    pub fn is_base_record(&self) -> bool {
        self.header().is_base_record() || self.has_base_attributes()
    }

    /// Whether the first attribute, or the one behind it, is an `$ATTRIBUTE_LIST`: no writer puts it elsewhere.
    #[inline]
    pub(crate) fn has_attribute_list(&self) -> bool {
        let first = self.first_attribute();
        let is_list = |offset| le::u32_at(&self.bytes, offset) == Some(AttributeType::ATTRIBUTE_LIST.0);
        let length = le::u32_at(&self.bytes, first.saturating_add(4)).and_then(|length| usize::try_from(length).ok());
        is_list(first) || length.is_some_and(|length| is_list(first.saturating_add(length)))
    }

    /// True when nothing is wrong with the record's frame but strides behind what it uses.
    pub(crate) fn is_sound_where_used(&self) -> bool {
        self.is_sound() || {
            let mut walk = self.attributes();
            walk.by_ref().for_each(drop);
            let end = walk.position().saturating_add(8).max(self.used_size().min(self.bytes.len()));
            let is_torn = |damage: &Damage| matches!(damage.kind, DamageKind::StrideMismatch { .. });
            self.find_damage().iter().all(is_torn) && self.update_sequence.is_proven_between(0, end)
        }
    }

    #[cold]
    fn has_base_attributes(&self) -> bool {
        let (mut has_information, mut has_name) = (false, false);
        for attribute in self.attributes().filter_map(Result::ok).filter(|attribute| !attribute.is_beyond_used()) {
            match attribute.attribute_type() {
                AttributeType::STANDARD_INFORMATION => {
                    let value = attribute.resident_value();
                    has_information |= value.is_ok_and(|value| StandardInformation::parse(value).is_ok());
                }
                AttributeType::FILE_NAME => has_name |= attribute.file_name().is_ok(),
                AttributeType::ATTRIBUTE_LIST => has_name = true,
                _ => {}
            }
        }
        has_information && has_name
    }

    /// The attributes in the order they stand in.
    #[must_use]
    #[inline]
    pub fn attributes(&self) -> Attributes<'_> {
        Attributes::new(&self.bytes, self.number, self.first_attribute(), self.used_size())
    }

    fn used_size(&self) -> usize {
        usize::try_from(self.header().used_size()).unwrap_or(usize::MAX)
    }

    /// Where the walk over the attributes starts: where the header says, or, where that is
    /// impossible, at the first place a writer could have put them.
    #[inline]
    fn first_attribute(&self) -> usize {
        let stored = usize::from(self.header().first_attribute());
        if stored == self.behind_array() { stored } else { self.likely_first_attribute(stored) }
    }

    /// Every writer puts the attributes right behind the update sequence array.
    #[inline]
    fn behind_array(&self) -> usize {
        let words = usize::from(self.update_sequence.strides()).saturating_add(1);
        usize::from(self.header().update_sequence_offset()).saturating_add(words.saturating_mul(2)).next_multiple_of(8)
    }

    /// Where the attributes start if the header's word for it is unusual: there, unless that is impossible, or one of
    /// the usual places has an attribute and the way from it leads to where the header says, or nothing stands there.
    #[cold]
    fn likely_first_attribute(&self, stored: usize) -> usize {
        let is_attribute = |offset: usize| {
            is_usual_first(&self.bytes, offset)
                && Attribute::sound_at(&self.bytes, self.number, offset, self.used_size()).is_some()
        };
        let Some(usual) = [56, 48, 72].into_iter().find(|offset| is_attribute(*offset)) else { return stored };
        let leads_there = || {
            let mut walk = Attributes::new(&self.bytes, self.number, usual, self.used_size());
            while walk.position() < stored && walk.next().is_some() {}
            walk.position() == stored
        };
        let is_good = self.is_first_attribute_possible() && is_attribute(stored) && !leads_there();
        if is_good { stored } else { usual }
    }

    /// Whether the attributes can start where the header says, and were found there.
    fn is_first_attribute_possible(&self) -> bool {
        let stored = usize::from(self.header().first_attribute());
        stored >= Self::SHORTEST_HEADER && stored.is_multiple_of(8) && stored < self.bytes.len()
    }

    #[inline]
    fn is_first_attribute_right(&self) -> bool {
        self.is_first_attribute_possible() && self.first_attribute() == usize::from(self.header().first_attribute())
    }

    /// The bytes behind the attributes: what earlier, longer lives of the record left there.
    #[must_use]
    pub fn slack(&self) -> &[u8] {
        let mut walk = self.attributes();
        walk.by_ref().for_each(drop);
        self.bytes.get(walk.position().saturating_add(8)..).unwrap_or_default()
    }

    /// The bytes of the record. Where it was parsed without a copy, the protected words behind the
    /// end marker are as they are on disk; [`into_repaired`](Self::into_repaired) puts them back.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What the update sequence says about the strides.
    #[must_use]
    pub fn update_sequence(&self) -> &UpdateSequence {
        &self.update_sequence
    }

    /// What is wrong with the record's frame: its mark, header and strides. What is wrong with its
    /// attributes comes from the walk over them.
    #[must_use]
    pub fn damage(&self) -> Vec<Damage> {
        if self.is_sound() { Vec::new() } else { self.find_damage() }
    }

    /// True when the record's frame is as it should be.
    #[must_use]
    #[inline]
    pub fn is_sound(&self) -> bool {
        let header = self.header();
        usize::try_from(header.allocated_size()) == Ok(self.bytes.len())
            && header.own_number().is_none_or(|own| own == self.number)
            && self.is_first_attribute_right()
            && self.update_sequence.is_sound()
            && (header.is_base_record() || !self.has_base_attributes())
            && !header.is_baad()
            && header.damaged_signature().is_none()
    }

    #[cold]
    fn find_damage(&self) -> Vec<Damage> {
        let header = self.header();
        let mut damage = Vec::new();
        let mut add = |offset, kind| damage.push(Damage::in_record(self.number, offset, kind));
        if header.is_baad() {
            add(0, DamageKind::BaadRecord);
        }
        if let Some(found) = header.damaged_signature() {
            add(0, DamageKind::BadSignature { found });
        }
        if !self.is_first_attribute_right() {
            let value = u64::from(header.first_attribute());
            add(20, DamageKind::BadValue { what: "first attribute offset", value });
        }
        if !header.is_base_record() && self.has_base_attributes() {
            add(32, DamageKind::BaseRecordItself { reference: header.base_reference() });
        }
        let (found, expected) = (header.allocated_size(), u32::try_from(self.bytes.len()).unwrap_or(u32::MAX));
        if found != expected {
            add(28, DamageKind::AllocatedSize { found, expected });
        }
        if let Some(found) = header.own_number().filter(|&own| own != self.number) {
            add(44, DamageKind::RecordNumberMismatch { found });
        }
        let strides = self.update_sequence.damage(&self.bytes);
        damage.extend(strides.into_iter().map(|damage| damage.within(Some(self.number), 0)));
        damage
    }
}

/// True for `FILE` with one byte damaged.
#[cold]
fn is_nearly_file(signature: u32) -> bool {
    signature.to_le_bytes().iter().zip(b"FILE").filter(|(found, expected)| found == expected).count() == 3
}

/// True where an attribute of a type stands that may be a record's first.
fn is_usual_first(bytes: &[u8], offset: usize) -> bool {
    matches!(le::u32_at(bytes, offset), Some(0x10 | 0x20 | 0x30 | 0x80))
}

impl Record<'_> {
    fn repair(&mut self) {
        if !self.repaired {
            self.update_sequence.apply(self.bytes.to_mut());
            self.repaired = true;
        }
    }

    /// The same record, owning its bytes, with every protected word put back.
    #[must_use]
    pub fn into_repaired(mut self) -> Record<'static> {
        self.repair();
        let Self { number, bytes, update_sequence, repaired } = self;
        Record { number, bytes: Cow::Owned(bytes.into_owned()), update_sequence, repaired }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::structure::forge::Forge;

    fn kinds(record: &Record<'_>) -> Vec<Result<u32, DamageKind>> {
        let kind = |attribute: Result<crate::structure::attribute::Attribute<'_>, Damage>| {
            attribute.map(|attribute| attribute.attribute_type().0).map_err(|damage| damage.kind)
        };
        record.attributes().map(kind).collect()
    }

    /// A record of two strides whose `$DATA` lies over the end of the first one.
    fn long_record() -> Vec<u8> {
        let content: Vec<u8> = (0..600).map(|byte| (byte % 251) as u8).collect();
        Forge::new(1024).sequence(3).name((5, 5), 3, "long.bin").resident(AttributeType::DATA, "", &content).on_disk(42)
    }

    #[test]
    fn headers_give_what_stands_in_them() {
        let mut bytes = Forge::new(512).sequence(3).on_disk(0x1_2345_6789);
        bytes[8..16].copy_from_slice(&0x0123_4567_89AB_CDEF_u64.to_le_bytes());
        bytes[18..20].copy_from_slice(&[0x34, 0x12]);
        bytes[40..44].copy_from_slice(&[0x78, 0x56, 3, 0]);
        let record = Record::parse(0x3_2345_6789, &bytes).unwrap();
        let header = record.header();
        assert_eq!((header.lsn(), header.link_count()), (0x0123_4567_89AB_CDEF, 0x1234));
        assert_eq!((header.next_attribute_id(), header.own_number()), (0x5678, Some(0x3_2345_6789)));
        assert_eq!((record.number(), record.bytes()), (0x3_2345_6789, &bytes[..]));
        assert!(header.is_in_use() && !header.is_directory() && header.is_base_record());
        assert!(record.is_sound() && !Record::parse(1, &bytes).unwrap().is_sound());
        let deleted = Forge::new(512).flags(2).base(7, 1).on_disk(9);
        let record = Record::parse(9, &deleted).unwrap();
        let header = record.header();
        assert!(!header.is_in_use() && header.is_directory() && !header.is_base_record());
    }

    #[test]
    fn a_first_attribute_at_the_end_of_the_record_is_looked_for_elsewhere() {
        let mut bytes = Forge::new(512).name((5, 5), 3, "f").on_disk(9);
        bytes[20..22].copy_from_slice(&512_u16.to_le_bytes());
        let record = Record::parse(9, &bytes).unwrap();
        assert_eq!((kinds(&record), record.is_sound()), (vec![Ok(0x30)], false));
    }

    #[test]
    fn an_array_that_reaches_into_the_attributes_protects_nothing() {
        // The array ends at 52, before a first attribute at 56. One inside the header is impossible, and no bound.
        let [protected, unverified] = [Protection::Protected, Protection::Unverified];
        let bounds = [(56, protected), (48, unverified), (42, unverified), (41, protected), (0, protected)];
        for (first, protection) in bounds {
            let mut bytes = Forge::new(512).on_disk(9);
            bytes[20] = first;
            assert_eq!(Record::parse(9, &bytes).unwrap().update_sequence().protection(), protection, "{first}");
        }
    }

    #[test]
    fn short_records_are_borrowed_and_long_ones_repaired_in_a_copy() {
        let short = Forge::new(1024).name((5, 5), 3, "a").on_disk(42);
        assert!(matches!(Record::parse(42, &short).unwrap().bytes, Cow::Borrowed(_)));
        let long = long_record();
        let record = Record::parse(42, &long).unwrap();
        assert!(matches!(record.bytes, Cow::Owned(_)));
        let data = record.attributes().filter_map(Result::ok).last().unwrap();
        assert!(data.resident_value().unwrap().iter().enumerate().all(|(at, &byte)| byte == (at % 251) as u8));
    }

    #[test]
    fn borrowed_owned_and_in_place_say_the_same() {
        for bytes in [Forge::new(1024).name((5, 5), 3, "a").on_disk(42), long_record(), Forge::new(4096).on_disk(42)] {
            let borrowed = Record::parse(42, &bytes).unwrap();
            let mut buffer = bytes.clone();
            let in_place = Record::parse_in_place(42, &mut buffer).unwrap();
            let owned = Record::from_vec(42, bytes.clone()).unwrap();
            assert_eq!(kinds(&borrowed), kinds(&in_place));
            assert_eq!(kinds(&owned), kinds(&in_place));
            assert_eq!(borrowed.clone().into_repaired().bytes(), in_place.bytes());
            assert_eq!(owned.bytes(), in_place.bytes());
            assert_eq!(in_place.damage(), []);
        }
    }

    #[test]
    fn header_fields_are_read() {
        let bytes = Forge::new(1024).sequence(9).flags(3).base(7, 2).on_disk(42);
        let header = RecordHeader::parse(&bytes).unwrap();
        assert_eq!((header.sequence_number(), header.own_number()), (9, Some(42)));
        assert!(header.is_in_use() && header.is_directory() && !header.is_base_record());
        assert_eq!(header.base_reference(), FileReference::new(7, 2));
        assert_eq!(header.allocated_size(), 1024);
    }

    #[test]
    fn short_headers_have_no_own_number() {
        let mut bytes = Forge::new(1024).on_disk(42);
        bytes[4] = 42;
        assert_eq!(RecordHeader::parse(&bytes).unwrap().own_number(), None);
    }

    #[test]
    fn slots_without_a_record_say_what_they_hold() {
        let kind = |bytes: &[u8]| Record::parse(1, bytes).unwrap_err().kind;
        assert_eq!(kind(&[0; 1024]), DamageKind::BlankRecord);
        assert_eq!(kind(&[1; 1024]), DamageKind::BadSignature { found: [1; 4] });
        assert!(matches!(kind(b"FILE"), DamageKind::TooShort { .. }));
    }

    #[test]
    fn baad_records_are_parsed_all_the_same() {
        let mut bytes = long_record();
        bytes[..4].copy_from_slice(b"BAAD");
        let record = Record::parse(42, &bytes).unwrap();
        assert_eq!(kinds(&record), [Ok(0x30), Ok(0x80)]);
        assert_eq!(record.damage()[0].kind, DamageKind::BaadRecord);
    }

    #[test]
    fn frame_damage_names_its_place() {
        let mut bytes = long_record();
        bytes[44] = 41;
        bytes[29] = 8;
        bytes[1022] = 6;
        let damage = Record::parse(42, &bytes).unwrap().damage();
        let torn = DamageKind::StrideMismatch { stride: 1, expected: 7, found: 6 };
        assert_eq!(
            damage,
            [
                Damage::in_record(42, 28, DamageKind::AllocatedSize { found: 2048, expected: 1024 }),
                Damage::in_record(42, 44, DamageKind::RecordNumberMismatch { found: 41 }),
                Damage::in_record(42, 1022, torn),
            ]
        );
    }

    #[test]
    fn an_impossible_first_attribute_gives_way_to_the_usual_place() {
        for offset in [0u16, 7, 57, 0x3FF, 0xFFFF] {
            let mut bytes = long_record();
            bytes[20..22].copy_from_slice(&offset.to_le_bytes());
            let record = Record::parse(42, &bytes).unwrap();
            assert_eq!(kinds(&record)[..2], [Ok(0x30), Ok(0x80)], "{offset}");
            let kind = DamageKind::BadValue { what: "first attribute offset", value: u64::from(offset) };
            assert!(record.damage().iter().any(|damage| damage.kind == kind));
        }
    }

    #[test]
    fn slack_starts_behind_the_word_after_the_end_marker() {
        let mut bytes = Forge::new(1024).on_disk(42);
        bytes[72] = 0xEE;
        let record = Record::from_vec(42, bytes).unwrap();
        assert_eq!(record.header().used_size(), 64);
        assert_eq!((record.slack().len(), record.slack()[8]), (1024 - 64, 0xEE));
    }

    #[test]
    fn every_truncation_is_safe() {
        let bytes = long_record();
        for length in 0..bytes.len() {
            let Ok(record) = Record::parse(42, &bytes[..length]) else { continue };
            record.attributes().for_each(drop);
            let _ = (record.damage(), record.slack().len());
        }
    }
}

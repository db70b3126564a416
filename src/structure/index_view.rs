//! Entries of the standard views: the indexes of `$Secure`, `$Quota`, `$ObjId` and `$Reparse`.

use bitflags::bitflags;

use crate::base::damage::Damage;
use crate::base::le;
use crate::base::reference::FileReference;
use crate::base::sid::Sid;
use crate::base::time::FileTime;

use super::index_entry::IndexEntry;
use super::security_stream::SecurityHeader;
use super::value::object_id::ObjectId;
use super::value::reparse_tag::ReparseTag;

/// The entry's key, of which `LEN` bytes are needed.
fn key<'a, const LEN: usize>(entry: &IndexEntry<'a>, what: &'static str) -> Result<&'a [u8; LEN], Damage> {
    let key = entry.key();
    key.first_chunk().ok_or_else(|| entry.in_key(Damage::too_short(0, what, LEN, key.len())))
}

/// The entry's data, of which `LEN` bytes are needed, and what follows them.
fn data<'a, const LEN: usize>(entry: &IndexEntry<'a>, what: &'static str) -> Result<(&'a [u8; LEN], &'a [u8]), Damage> {
    let data = entry.data()?;
    data.split_first_chunk().ok_or_else(|| entry.in_data(Damage::too_short(0, what, LEN, data.len())))
}

/// Reads an entry of `$Secure`'s `$SII` (key: security id) or `$SDH` (key: hash and security id).
///
/// Both have the same data. Whether the entry is true is for `$SDS` to say, which repeats it.
///
/// # Errors
/// When the data has less than 20 bytes.
pub fn security_header(entry: &IndexEntry<'_>) -> Result<SecurityHeader, Damage> {
    SecurityHeader::parse(entry.data()?).map_err(|damage| entry.in_data(damage))
}

/// An entry of `$ObjId`'s index `$O`: which file has an object id.
///
/// Key: the object id. Data, 56 bytes: 0 file, 8 birth volume id, 24 birth object id, 40 domain id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ObjectIdEntry<'a> {
    key: &'a [u8; 16],
    reference: FileReference,
    birth: &'a [u8],
}

impl<'a> ObjectIdEntry<'a> {
    /// Views the entry.
    ///
    /// # Errors
    /// When key or file reference are too short.
    pub fn parse(entry: &IndexEntry<'a>) -> Result<Self, Damage> {
        let (reference, birth) = data(entry, "data in $O of $ObjId")?;
        let reference = FileReference(u64::from_le_bytes(*reference));
        Ok(Self { key: key(entry, "key in $O of $ObjId")?, reference, birth })
    }

    /// The file with this id.
    #[must_use]
    pub fn reference(&self) -> FileReference {
        self.reference
    }

    /// The id, with the ids it had at birth as far as the data reaches.
    #[must_use]
    pub fn object_id(&self) -> ObjectId<'a> {
        ObjectId::from_parts(self.key, self.birth)
    }
}

/// An entry of `$Reparse`'s index `$R`: which file is a reparse point.
///
/// Key, 12 bytes: 0 reparse tag (`u32`), 4 file (`u64`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReparseEntry {
    /// The tag.
    pub tag: ReparseTag,
    /// The file.
    pub reference: FileReference,
}

impl ReparseEntry {
    /// Reads the entry.
    ///
    /// # Errors
    /// When the key has less than 12 bytes.
    pub fn parse(entry: &IndexEntry<'_>) -> Result<Self, Damage> {
        let key = key(entry, "key in $R")?;
        Ok(Self { tag: ReparseTag(le::u32_in::<0, 12>(key)), reference: FileReference(le::u64_in::<4, 12>(key)) })
    }
}

/// An entry of `$Quota`'s index `$O`: which owner id a user has.
///
/// Key: the user's SID. Data: owner id (`u32`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuotaOwnerEntry<'a> {
    /// The user.
    pub sid: Sid<'a>,
    /// The key in `$Q`.
    pub owner_id: u32,
}

impl<'a> QuotaOwnerEntry<'a> {
    /// Views the entry.
    ///
    /// # Errors
    /// When the key is no SID or the data is too short.
    pub fn parse(entry: &IndexEntry<'a>) -> Result<Self, Damage> {
        let sid = Sid::parse(entry.key()).map_err(|damage| entry.in_key(damage))?;
        let (owner_id, _) = data(entry, "data in $O of $Quota")?;
        Ok(Self { sid, owner_id: u32::from_le_bytes(*owner_id) })
    }
}

bitflags! {
    /// The state of a quota. Bits without a name here are kept.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
    pub struct QuotaFlags: u32 {
        /// The default limits apply.
        const DEFAULT_LIMITS = 0x1;
        /// The limit is reached.
        const LIMIT_REACHED = 0x2;
        /// The owner id is deleted.
        const ID_DELETED = 0x4;
        /// Use is tracked.
        const TRACKING = 0x10;
        /// Limits are enforced.
        const ENFORCEMENT = 0x20;
        /// Tracking is asked for.
        const TRACKING_REQUESTED = 0x40;
        /// Passing the threshold is logged.
        const LOG_THRESHOLD = 0x80;
        /// Reaching the limit is logged.
        const LOG_LIMIT = 0x100;
        /// The numbers are out of date.
        const OUT_OF_DATE = 0x200;
        /// The entry is corrupt.
        const CORRUPT = 0x400;
        /// Deletions are pending.
        const PENDING_DELETES = 0x800;
    }
}

/// An entry of `$Quota`'s index `$Q`: an owner's use and limits.
///
/// Key: owner id (`u32`). Data, 48 bytes: 0 version, 4 flags (`u32` each), 8 used bytes, 16 changed,
/// 24 threshold, 32 limit, 40 exceeded since (`u64` each), then the user's SID.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuotaEntry<'a> {
    owner_id: u32,
    fixed: &'a [u8; 48],
    sid: Option<Sid<'a>>,
}

impl<'a> QuotaEntry<'a> {
    /// Owner id of the entry that holds the default limits and no user.
    pub const DEFAULTS: u32 = 1;

    /// Views the entry.
    ///
    /// # Errors
    /// When key or data are too short, or what follows the data is no SID.
    pub fn parse(entry: &IndexEntry<'a>) -> Result<Self, Damage> {
        let owner_id = u32::from_le_bytes(*key(entry, "key in $Q")?);
        let (fixed, rest) = data(entry, "data in $Q")?;
        let sid = match rest {
            [] => None,
            _ => Some(Sid::parse(rest).map_err(|damage| entry.in_data(damage.within(None, 48)))?),
        };
        Ok(Self { owner_id, fixed, sid })
    }

    /// The owner id, which `$STANDARD_INFORMATION` names.
    #[must_use]
    pub fn owner_id(&self) -> u32 {
        self.owner_id
    }

    /// The version of the entry: 2.
    #[must_use]
    pub fn version(&self) -> u32 {
        le::u32_in::<0, 48>(self.fixed)
    }

    /// The flags.
    #[must_use]
    pub fn flags(&self) -> QuotaFlags {
        QuotaFlags::from_bits_retain(le::u32_in::<4, 48>(self.fixed))
    }

    /// Bytes in use by the owner's files.
    #[must_use]
    pub fn used(&self) -> u64 {
        le::u64_in::<8, 48>(self.fixed)
    }

    /// When the entry was last changed.
    #[must_use]
    pub fn changed(&self) -> FileTime {
        FileTime(le::u64_in::<16, 48>(self.fixed))
    }

    /// Bytes from which the owner is warned; all bits set where there is no threshold.
    #[must_use]
    pub fn threshold(&self) -> u64 {
        le::u64_in::<24, 48>(self.fixed)
    }

    /// Bytes the owner may use; all bits set where there is no limit.
    #[must_use]
    pub fn limit(&self) -> u64 {
        le::u64_in::<32, 48>(self.fixed)
    }

    /// Since when the threshold is exceeded, 0 if it is not.
    #[must_use]
    pub fn exceeded(&self) -> FileTime {
        FileTime(le::u64_in::<40, 48>(self.fixed))
    }

    /// The user; the entry with the default limits has none.
    #[must_use]
    pub fn sid(&self) -> Option<Sid<'a>> {
        self.sid
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::index_entry::IndexEntries;
    use super::super::index_entry::tests::view_entry;
    use super::*;

    const ADMINISTRATORS: [u8; 16] = [1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x20, 2, 0, 0];

    fn only(bytes: &[u8]) -> IndexEntry<'_> {
        IndexEntries::new(bytes, 0x40).next().unwrap().unwrap()
    }

    #[test]
    fn security_views_share_their_data() {
        let mut header = [0x78_u32, 0x100].map(u32::to_le_bytes).concat();
        header.extend_from_slice(&0x50_u64.to_le_bytes());
        header.extend_from_slice(&0x64_u32.to_le_bytes());
        let wanted = SecurityHeader { hash: 0x78, security_id: 0x100, offset: 0x50, size: 0x64 };
        let by_id = view_entry(&0x100_u32.to_le_bytes(), &header);
        let by_hash = view_entry(&header[..8], &[&header[..], b"I\0I\0"].concat());
        assert_eq!((by_id.len(), by_hash.len()), (40, 48), "as on every volume");
        assert_eq!(security_header(&only(&by_id)), Ok(wanted));
        assert_eq!(only(&by_hash).key(), &header[..8]);
        let cut = view_entry(&0x100_u32.to_le_bytes(), &header[..19]);
        assert_eq!(security_header(&only(&cut)), Err(Damage::too_short(0x54, "security header", 20, 19)));
    }

    #[test]
    fn object_ids_and_reparse_points_name_their_file() {
        let data: Vec<u8> = [&FileReference::new(41, 3).0.to_le_bytes()[..], &[7; 16], &[8; 16], &[0; 16]].concat();
        let bytes = view_entry(&[9; 16], &data);
        let entry = ObjectIdEntry::parse(&only(&bytes)).unwrap();
        assert_eq!(entry.reference(), FileReference::new(41, 3));
        assert_eq!(
            (entry.object_id().object_id().0, entry.object_id().birth_volume_id().unwrap().0),
            ([9; 16], [7; 16])
        );
        let key = [&0xA000_000C_u32.to_le_bytes()[..], &FileReference::new(42, 1).0.to_le_bytes()].concat();
        let bytes = view_entry(&key, &[]);
        let wanted = ReparseEntry { tag: ReparseTag::SYMLINK, reference: FileReference::new(42, 1) };
        assert_eq!(ReparseEntry::parse(&only(&bytes)), Ok(wanted));
        assert!(ReparseEntry::parse(&only(&view_entry(&key[..11], &[]))).is_err());
        assert!(ObjectIdEntry::parse(&only(&view_entry(&[9; 16], &data[..7]))).is_err());
    }

    #[test]
    fn quotas_have_an_owner_but_for_the_defaults() {
        let bytes = view_entry(&ADMINISTRATORS, &0x100_u32.to_le_bytes());
        let owner = QuotaOwnerEntry::parse(&only(&bytes)).unwrap();
        assert_eq!((owner.sid.to_string().as_str(), owner.owner_id), ("S-1-5-32-544", 0x100));
        let mut data = [2_u32, 0x11].map(u32::to_le_bytes).concat();
        for field in [1000_u64, 5, u64::MAX, 2000, 6] {
            data.extend_from_slice(&field.to_le_bytes());
        }
        let defaults = view_entry(&1_u32.to_le_bytes(), &data);
        let quota = QuotaEntry::parse(&only(&defaults)).unwrap();
        assert_eq!((quota.owner_id(), quota.sid(), quota.version()), (QuotaEntry::DEFAULTS, None, 2));
        assert_eq!(quota.flags(), QuotaFlags::DEFAULT_LIMITS | QuotaFlags::TRACKING);
        assert_eq!((quota.used(), quota.threshold(), quota.limit()), (1000, u64::MAX, 2000));
        assert_eq!((quota.changed(), quota.exceeded()), (FileTime(5), FileTime(6)));
        data.extend_from_slice(&ADMINISTRATORS);
        let owned = view_entry(&0x100_u32.to_le_bytes(), &data);
        let quota = QuotaEntry::parse(&only(&owned)).unwrap();
        assert_eq!((quota.owner_id(), quota.sid()), (0x100, Some(owner.sid)));
    }

    proptest! {
        #[test]
        fn arbitrary_keys_and_data_never_panic(
            key in proptest::collection::vec(any::<u8>(), 0..40),
            data in proptest::collection::vec(any::<u8>(), 0..80),
        ) {
            let bytes = view_entry(&key, &data);
            let entry = only(&bytes);
            let _ = (security_header(&entry), ObjectIdEntry::parse(&entry), ReparseEntry::parse(&entry));
            let _ = (QuotaOwnerEntry::parse(&entry), QuotaEntry::parse(&entry));
        }
    }
}

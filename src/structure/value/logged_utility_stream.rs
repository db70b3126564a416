//! `$LOGGED_UTILITY_STREAM`: what EFS and transactions keep about a file.

use core::iter::FusedIterator;

use crate::base::damage::Damage;
use crate::base::guid::Guid;
use crate::base::le;
use crate::base::name::Name;
use crate::base::reference::FileReference;
use crate::base::sid::Sid;

/// The value of a `$LOGGED_UTILITY_STREAM` attribute, by the attribute's name.
///
/// Reference: type 0x100.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum LoggedUtilityStream<'a> {
    /// `$EFS`: who can decrypt the file.
    Efs(EncryptionInformation<'a>),
    /// `$TXF_DATA`: the file's part in transactions.
    Transaction(TransactionData<'a>),
    /// Any other.
    Raw(&'a [u8]),
}

impl<'a> LoggedUtilityStream<'a> {
    /// Views the value of the attribute called `name`.
    ///
    /// # Errors
    /// When the value is too short for the structure that the name asks for.
    pub fn parse(name: Name<'_>, value: &'a [u8]) -> Result<Self, Damage> {
        if name.is("$EFS") {
            EncryptionInformation::parse(value).map(Self::Efs)
        } else if name.is("$TXF_DATA") {
            TransactionData::parse(value).map(Self::Transaction)
        } else {
            Ok(Self::Raw(value))
        }
    }
}

/// The value of `$TXF_DATA`: 56 bytes.
///
/// Layout: 0 root of the resource manager (file reference), 8 place in the change journal, 16 file
/// id, 24 data LSN, 32 metadata LSN, 40 directory index LSN (`u64` each), 48 flags (`u16`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TransactionData<'a> {
    fixed: &'a [u8; 50],
}

impl<'a> TransactionData<'a> {
    /// Views the value of the attribute.
    ///
    /// # Errors
    /// When the value ends before its flags do, at 50 bytes.
    pub fn parse(value: &'a [u8]) -> Result<Self, Damage> {
        let fixed = value.first_chunk().ok_or_else(|| Damage::too_short(0, "$TXF_DATA", 50, value.len()))?;
        Ok(Self { fixed })
    }

    /// The root directory of the resource manager.
    #[must_use]
    pub fn resource_manager(&self) -> FileReference {
        FileReference(le::u64_in::<0, 50>(self.fixed))
    }

    /// A place in the change journal.
    #[must_use]
    pub fn journal_index(&self) -> u64 {
        le::u64_in::<8, 50>(self.fixed)
    }

    /// The file's id among transactions.
    #[must_use]
    pub fn file_id(&self) -> u64 {
        le::u64_in::<16, 50>(self.fixed)
    }

    /// Log sequence numbers of data, metadata and directory index.
    #[must_use]
    pub fn log_sequence_numbers(&self) -> [u64; 3] {
        let fixed = self.fixed;
        [le::u64_in::<24, 50>(fixed), le::u64_in::<32, 50>(fixed), le::u64_in::<40, 50>(fixed)]
    }

    /// The flags.
    #[must_use]
    pub fn flags(&self) -> u16 {
        le::u16_in::<48, 50>(self.fixed)
    }
}

/// The value of `$EFS`: the file's key, encrypted once for each who may read it.
///
/// Layout: 0 length, 4 state, 8 version, 12 crypto API version (`u32` each), 16 file id (GUID), 32 and
/// 48 hashes, 64 offset of the users' keys, 68 offset of the recovery agents' keys (`u32` each, 0 for
/// none).
///
/// Reference: \[MS-EFSR\] 2.2.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EncryptionInformation<'a> {
    fixed: &'a [u8; 84],
    bytes: &'a [u8],
}

impl<'a> EncryptionInformation<'a> {
    /// Views the value of the attribute.
    ///
    /// # Errors
    /// When the value has less than the header's 84 bytes.
    pub fn parse(value: &'a [u8]) -> Result<Self, Damage> {
        let fixed = value.first_chunk().ok_or_else(|| Damage::too_short(0, "$EFS", 84, value.len()))?;
        Ok(Self { fixed, bytes: value })
    }

    /// Bytes of the structure as stored.
    #[must_use]
    pub fn length(&self) -> u32 {
        le::u32_in::<0, 84>(self.fixed)
    }

    /// The state; 0 when encryption is complete.
    #[must_use]
    pub fn state(&self) -> u32 {
        le::u32_in::<4, 84>(self.fixed)
    }

    /// The version of the structure: 2 and up.
    #[must_use]
    pub fn version(&self) -> u32 {
        le::u32_in::<8, 84>(self.fixed)
    }

    /// The file's id for EFS.
    #[must_use]
    pub fn file_id(&self) -> Guid {
        Guid(le::array_in::<16, 16, 84>(self.fixed))
    }

    /// The keys of the users.
    #[must_use]
    #[doc(alias = "DDF")]
    pub fn user_keys(&self) -> EncryptedKeys<'a> {
        self.keys(le::u32_in::<64, 84>(self.fixed))
    }

    /// The keys of the recovery agents.
    #[must_use]
    #[doc(alias = "DRF")]
    pub fn recovery_keys(&self) -> EncryptedKeys<'a> {
        self.keys(le::u32_in::<68, 84>(self.fixed))
    }

    fn keys(&self, offset: u32) -> EncryptedKeys<'a> {
        let state = if offset == 0 { KeysState::Left(0) } else { KeysState::Count };
        EncryptedKeys { bytes: self.bytes, offset: usize::try_from(offset).unwrap_or(usize::MAX), state }
    }
}

/// The file's key, encrypted for one user or recovery agent.
///
/// Layout: 0 length, 4 offset of the credential, 8 key length, 12 key offset, 16 flags (`u32` each).
/// The credential: 0 length, 4 offset of the SID, 8 type (`u32` each).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EncryptedKey<'a> {
    bytes: &'a [u8],
    offset: usize,
    key: &'a [u8],
    credential: usize,
}

impl<'a> EncryptedKey<'a> {
    const FIXED: usize = 20;

    /// Views the key that fills `bytes`, at `offset` of the value around it.
    fn parse(bytes: &'a [u8], offset: usize) -> Result<Self, Damage> {
        let fixed = bytes
            .first_chunk::<20>()
            .ok_or_else(|| Damage::too_short(offset, "encrypted key", Self::FIXED, bytes.len()))?;
        let [credential, length, start] =
            [le::u32_in::<4, 20>(fixed), le::u32_in::<8, 20>(fixed), le::u32_in::<12, 20>(fixed)].map(as_size);
        let key = le::slice_at(bytes, start, length).ok_or_else(|| {
            Damage::out_of_bounds("key in $EFS", start, length, bytes.len()).within(None, wide(offset))
        })?;
        Ok(Self { bytes, offset, key, credential })
    }

    /// The encrypted key.
    #[must_use]
    pub fn key(&self) -> &'a [u8] {
        self.key
    }

    /// How the user is named: 1 by a key container, 3 by a certificate's thumbprint.
    #[must_use]
    pub fn credential_type(&self) -> Option<u32> {
        le::u32_at(self.bytes, self.credential.checked_add(8)?)
    }

    /// The user, if named by SID.
    ///
    /// # Errors
    /// When credential or SID do not lie inside the key's bytes.
    pub fn sid(&self) -> Result<Option<Sid<'a>>, Damage> {
        let shift = |damage: Damage, by: usize| damage.within(None, wide(self.offset.saturating_add(by)));
        let credential = self.bytes.get(self.credential..).unwrap_or_default();
        let start = le::u32_at(credential, 4).map(as_size).ok_or_else(|| {
            shift(Damage::out_of_bounds("credential in $EFS", self.credential, 8, self.bytes.len()), 0)
        })?;
        if start == 0 {
            return Ok(None);
        }
        let sid = Sid::parse(credential.get(start..).unwrap_or_default());
        sid.map(Some).map_err(|damage| shift(damage, self.credential.saturating_add(start)))
    }
}

/// The encrypted keys of an [`EncryptionInformation`]: a count (`u32`), then the keys.
///
/// A key whose length is impossible ends the list with its damage.
#[derive(Debug, Clone)]
pub struct EncryptedKeys<'a> {
    bytes: &'a [u8],
    offset: usize,
    state: KeysState,
}

/// How far a walk over keys has come.
#[derive(Debug, Clone, Copy)]
enum KeysState {
    /// The count has not been read yet.
    Count,
    /// So many keys are left.
    Left(u32),
}

impl<'a> EncryptedKeys<'a> {
    fn count(&mut self) -> Result<u32, Damage> {
        let count = le::u32_at(self.bytes, self.offset)
            .ok_or_else(|| Damage::out_of_bounds("keys in $EFS", self.offset, 4, self.bytes.len()))?;
        self.offset = self.offset.saturating_add(4);
        Ok(count)
    }

    fn take(&mut self) -> Result<EncryptedKey<'a>, Damage> {
        let (start, rest) = (self.offset, self.bytes.get(self.offset..).unwrap_or_default());
        let length = le::u32_at(rest, 0)
            .map(as_size)
            .ok_or_else(|| Damage::too_short(start, "encrypted key", EncryptedKey::FIXED, rest.len()))?;
        if length < EncryptedKey::FIXED {
            return Err(Damage::bad_value(start, "length of encrypted key", length));
        }
        let bytes = rest.get(..length).ok_or_else(|| Damage::too_short(start, "encrypted key", length, rest.len()))?;
        self.offset = start.saturating_add(length);
        EncryptedKey::parse(bytes, start)
    }

    fn step(&mut self) -> Result<Option<EncryptedKey<'a>>, Damage> {
        let left = match self.state {
            KeysState::Count => self.count()?,
            KeysState::Left(left) => left,
        };
        let Some(left) = left.checked_sub(1) else { return Ok(None) };
        self.state = KeysState::Left(left);
        self.take().map(Some)
    }
}

impl<'a> Iterator for EncryptedKeys<'a> {
    type Item = Result<EncryptedKey<'a>, Damage>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.step() {
            Ok(Some(key)) => Some(Ok(key)),
            Ok(None) => {
                self.state = KeysState::Left(0);
                None
            }
            Err(damage) => {
                self.state = KeysState::Left(0);
                Some(Err(damage))
            }
        }
    }
}

impl FusedIterator for EncryptedKeys<'_> {}

/// A 32-bit size as one in memory.
fn as_size(size: u32) -> usize {
    usize::try_from(size).unwrap_or(usize::MAX)
}

/// A size in memory as one in a file.
fn wide(size: usize) -> u64 {
    u64::try_from(size).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SYSTEM: [u8; 12] = [1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0];

    fn words(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    fn utf16(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    /// One user key: header at 0, credential at 20 with its SID at 36, key of 8 bytes at 48.
    fn sample() -> Vec<u8> {
        let mut value = words(&[144, 0, 2, 0]);
        value.extend([[0x11; 16], [0x22; 16], [0x33; 16]].concat());
        value.extend(words(&[84, 0, 0, 0, 0]));
        value.extend(words(&[1]));
        value.extend(words(&[56, 20, 8, 48, 0]));
        value.extend(words(&[28, 16, 3, 0]));
        value.extend(SYSTEM);
        value.extend([0xAB; 8]);
        value
    }

    #[test]
    fn keys_are_bounded_by_their_length() {
        let first = |fields: [u32; 5]| {
            let mut value = sample();
            value[88..108].copy_from_slice(&words(&fields));
            match LoggedUtilityStream::parse(Name::new(&utf16("$EFS")), &value) {
                Ok(LoggedUtilityStream::Efs(efs)) => {
                    efs.user_keys().next().unwrap().map(|key| key.key().len()).map_err(|damage| damage.place.offset)
                }
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(first([20, 0, 0, 20, 0]), Ok(0), "a header alone");
        assert_eq!(first([19, 0, 0, 19, 0]), Err(88));
        assert_eq!(first([56, 20, 8, 49, 0]).map_err(|offset| offset >= 88), Err(true), "it is placed in the value");
    }

    #[test]
    fn numbers_are_read_where_they_lie() {
        let mut value = sample();
        value[4] = 9;
        let Ok(LoggedUtilityStream::Efs(efs)) = LoggedUtilityStream::parse(Name::new(&utf16("$EFS")), &value) else {
            panic!("no $EFS")
        };
        assert_eq!(efs.state(), 9);
        let mut value = [0; 56];
        value[8] = 0x23;
        let parsed = LoggedUtilityStream::parse(Name::new(&utf16("$TXF_DATA")), &value);
        let Ok(LoggedUtilityStream::Transaction(data)) = parsed else { panic!("no $TXF_DATA: {parsed:?}") };
        assert_eq!(data.journal_index(), 0x23);
    }

    #[test]
    fn keys_belong_to_users() {
        let value = sample();
        let name = utf16("$EFS");
        let Ok(LoggedUtilityStream::Efs(efs)) = LoggedUtilityStream::parse(Name::new(&name), &value) else {
            panic!("not $EFS")
        };
        assert_eq!((efs.length(), efs.state(), efs.version(), efs.file_id()), (144, 0, 2, Guid([0x11; 16])));
        let keys: Vec<_> = efs.user_keys().map(Result::unwrap).collect();
        assert_eq!((keys.len(), keys[0].key(), keys[0].credential_type()), (1, &[0xAB; 8][..], Some(3)));
        assert_eq!(keys[0].sid().unwrap().unwrap().to_string(), "S-1-5-18");
        assert_eq!(efs.recovery_keys().count(), 0);
    }

    #[test]
    fn every_truncation_is_damage() {
        let value = sample();
        for len in 0..value.len() {
            match EncryptionInformation::parse(&value[..len]) {
                Ok(efs) => assert!(efs.user_keys().any(|key| key.is_err()), "{len} bytes"),
                Err(damage) => assert_eq!(damage, Damage::too_short(0, "$EFS", 84, len)),
            }
        }
    }

    #[test]
    fn hostile_keys_end_their_list_with_damage() {
        for (at, stored) in
            [(84, u32::MAX), (88, 0), (88, 19), (88, u32::MAX), (64, u32::MAX), (96, 9), (100, u32::MAX)]
        {
            let mut value = sample();
            value[at..at + 4].copy_from_slice(&stored.to_le_bytes());
            let keys: Vec<_> = EncryptionInformation::parse(&value).unwrap().user_keys().collect();
            assert!(keys.len() <= 2 && keys.last().unwrap().is_err(), "{stored:#x} at {at}");
        }
        for (at, stored) in [(92, u32::MAX), (92, 54), (112, u32::MAX), (112, 36)] {
            let mut value = sample();
            value[at..at + 4].copy_from_slice(&stored.to_le_bytes());
            let key = EncryptionInformation::parse(&value).unwrap().user_keys().next().unwrap().unwrap();
            assert!(key.sid().is_err() && key.key() == [0xAB; 8], "{stored:#x} at {at}");
        }
    }

    #[test]
    fn transaction_data_starts_with_its_resource_manager() {
        let mut value: Vec<u8> =
            [FileReference::new(5, 5).0, 1, 2, 3, 4, 5].into_iter().flat_map(u64::to_le_bytes).collect();
        value.extend([2, 0, 0, 0, 0, 0, 0, 0]);
        let name = utf16("$TXF_DATA");
        let Ok(LoggedUtilityStream::Transaction(data)) = LoggedUtilityStream::parse(Name::new(&name), &value) else {
            panic!("not $TXF_DATA")
        };
        assert_eq!((data.resource_manager(), data.journal_index(), data.file_id()), (FileReference::new(5, 5), 1, 2));
        assert_eq!((data.log_sequence_numbers(), data.flags()), ([3, 4, 5], 2));
        assert!(TransactionData::parse(&value[..49]).is_err());
        assert_eq!(LoggedUtilityStream::parse(Name::default(), &value), Ok(LoggedUtilityStream::Raw(&value)));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(
            value in proptest::collection::vec(any::<u8>(), 84..300),
            offset in 0_u8..255,
            small in proptest::collection::vec(0_u8..80, 5),
        ) {
            let mut value = value;
            value[64..68].copy_from_slice(&[offset, 0, 0, 0]);
            for (index, word) in small.iter().enumerate() {
                let at = usize::from(offset) + 4 * index;
                if let Some(field) = value.get_mut(at..at + 4) {
                    field.copy_from_slice(&[*word, 0, 0, 0]);
                }
            }
            let efs = EncryptionInformation::parse(&value).unwrap();
            for key in efs.user_keys().chain(efs.recovery_keys()).flatten() {
                let _ = (key.sid(), key.credential_type());
                prop_assert!(key.key().len() <= value.len());
            }
        }
    }
}

//! `$OBJECT_ID`: the number by which links and services find a file again.

use crate::base::damage::Damage;
use crate::base::guid::Guid;
use crate::base::le;

/// The value of an `$OBJECT_ID` attribute: 16 to 64 bytes.
///
/// Layout: 0 object id, 16 birth volume id, 32 birth object id, 48 domain id (GUID each). The last
/// three are there as far as the value reaches.
///
/// Reference: `OBJECT_ID`, type 0x40.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ObjectId<'a> {
    id: &'a [u8; 16],
    rest: &'a [u8],
}

impl<'a> ObjectId<'a> {
    /// Views the value of the attribute.
    ///
    /// # Errors
    /// When the value ends inside the object id.
    pub fn parse(value: &'a [u8]) -> Result<Self, Damage> {
        let (id, rest) =
            value.split_first_chunk().ok_or_else(|| Damage::too_short(0, "$OBJECT_ID", 16, value.len()))?;
        Ok(Self { id, rest })
    }

    /// Joins an id with the birth ids that an index keeps elsewhere.
    pub(crate) fn from_parts(id: &'a [u8; 16], rest: &'a [u8]) -> Self {
        Self { id, rest }
    }

    /// The file's id on this volume. Version 1 encodes a time and a network address.
    #[must_use]
    pub fn object_id(&self) -> Guid {
        Guid(*self.id)
    }

    /// The volume on which the id was given.
    #[must_use]
    pub fn birth_volume_id(&self) -> Option<Guid> {
        guid_at(self.rest, 0)
    }

    /// The id the file had there.
    #[must_use]
    pub fn birth_object_id(&self) -> Option<Guid> {
        guid_at(self.rest, 16)
    }

    /// The domain, reserved.
    #[must_use]
    pub fn domain_id(&self) -> Option<Guid> {
        guid_at(self.rest, 32)
    }
}

fn guid_at(bytes: &[u8], offset: usize) -> Option<Guid> {
    le::array_at(bytes, offset).copied().map(Guid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_there_as_far_as_the_value_reaches() {
        let value: Vec<u8> = (0..64).collect();
        for len in 0..16 {
            assert_eq!(ObjectId::parse(&value[..len]).unwrap_err(), Damage::too_short(0, "$OBJECT_ID", 16, len));
        }
        for len in 16..=64 {
            let id = ObjectId::parse(&value[..len]).unwrap();
            assert_eq!(id.object_id().to_string(), "03020100-0504-0706-0809-0a0b0c0d0e0f");
            let ids = [id.birth_volume_id(), id.birth_object_id(), id.domain_id()];
            assert_eq!(ids.map(|id| id.is_some()), [len >= 32, len >= 48, len >= 64], "{len} bytes");
        }
        let whole = ObjectId::parse(&value).unwrap();
        assert_eq!(whole.domain_id().unwrap().0[0], 48);
    }
}

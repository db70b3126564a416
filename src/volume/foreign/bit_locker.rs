//! What BitLocker's metadata says openly, without any key.

use std::fmt;

use crate::base::guid::Guid;
use crate::base::le;
use crate::base::name::Name;
use crate::base::time::FileTime;
use crate::source::Source;

/// The open part of a BitLocker volume's metadata: enough to know which key opens it.
///
/// Three copies of a block lie in the volume; the boot sector says where. A block: 0 `"-FVE-FS-"`, 10 version (u16), 16
/// encrypted bytes (u64), 32 places of the three copies (u64 each); then at 64: 0 size (u32), 8 size of this header
/// (u32), 16 identifier of the volume, 36 encryption method (u32), 40 time of creation; then entries: 0 size (u16), 2 type
/// (u16), 4 type of the value (u16), 8 value.
///
/// Reference: libbde's documentation of the format, 4 and 5.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BitLocker {
    /// Identifier of the volume.
    pub identifier: Guid,
    /// How its sectors are encrypted.
    pub method: EncryptionMethod,
    /// When it was encrypted first.
    pub created: FileTime,
    /// What Windows wrote as its description: computer, volume and date.
    pub description: Option<String>,
    /// What gives its key.
    pub protectors: Vec<KeyProtector>,
}

/// How the sectors are encrypted: an open set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct EncryptionMethod(pub u32);

/// One of the ways to the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyProtector {
    /// The identifier that recovery keys are filed under.
    pub identifier: Guid,
    /// What it needs.
    pub kind: ProtectorKind,
}

/// What a protector needs: an open set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ProtectorKind(pub u16);

/// Identifiers in the boot sector: of Windows 7 and later, and of volumes of which only the used space is encrypted.
const BY_WINDOWS_7: [u8; 16] =
    [0x3B, 0xD6, 0x67, 0x49, 0x29, 0x2E, 0xD8, 0x4A, 0x83, 0x99, 0xF6, 0xA3, 0x39, 0xE3, 0xD0, 0x01];
const USED_SPACE_ONLY: [u8; 16] =
    [0x3B, 0x4D, 0xA8, 0x92, 0x80, 0xDD, 0x0E, 0x4D, 0x9E, 0x4E, 0xB1, 0xE3, 0x28, 0x4E, 0xAE, 0xD8];
const SIGNATURE: &[u8; 8] = b"-FVE-FS-";
/// Bytes of a block before its metadata.
const BLOCK_HEADER: u64 = 64;
/// Bytes of metadata that are read at most.
const MOST: u32 = 64 << 10;
/// Entries that are looked at, at most.
const MOST_ENTRIES: usize = 256;

/// True for the boot sector of BitLocker To Go, which is FAT's but for the identifier.
pub(super) fn is_to_go(sector: &[u8; 512]) -> bool {
    le::array_in::<3, 8, 512>(sector) == *b"MSWIN4.1" && is_identifier(&le::array_in::<0x1A8, 16, 512>(sector))
}

fn is_identifier(bytes: &[u8; 16]) -> bool {
    matches!(*bytes, BY_WINDOWS_7 | USED_SPACE_ONLY)
}

impl BitLocker {
    /// Reads the metadata of the volume that starts where `source` starts, from the first of its copies that is whole.
    #[must_use]
    pub fn read(source: &dyn Source) -> Option<Self> {
        let mut sector = [0; 512];
        source.read_readable(0, &mut sector);
        let places = places(&sector)?;
        places.into_iter().find_map(|place| Self::at(source, place))
    }

    fn at(source: &dyn Source, place: u64) -> Option<Self> {
        let mut head = [0; 112];
        let is_whole = source.read_readable(place, &mut head).is_empty();
        if !is_whole || le::array_in::<0, 8, 112>(&head) != *SIGNATURE {
            return None;
        }
        let (size, header_size) = (le::u32_in::<64, 112>(&head), le::u32_in::<72, 112>(&head));
        let mut bytes = vec![0; usize::try_from(size.min(MOST)).ok()?];
        source.read_readable(place.checked_add(BLOCK_HEADER)?, &mut bytes);
        let mut found = Self {
            identifier: Guid(le::array_in::<80, 16, 112>(&head)),
            method: EncryptionMethod(le::u32_in::<100, 112>(&head)),
            created: FileTime(le::u64_in::<104, 112>(&head)),
            description: None,
            protectors: Vec::new(),
        };
        for (kind, value_kind, value) in entries(bytes.get(usize::try_from(header_size).ok()?..)?) {
            match (kind, value_kind) {
                (7, 2) => found.description = Some(text(value)),
                (2, 8) => found.protectors.extend(protector(value)),
                _ => {}
            }
        }
        Some(found)
    }
}

/// Where the copies of the metadata lie, as the boot sector has it: Windows 7's, To Go's, or Vista's.
fn places(sector: &[u8; 512]) -> Option<Vec<u64>> {
    let three =
        |at: usize| [0, 8, 16].into_iter().filter_map(|by: usize| le::u64_at(sector, at.checked_add(by)?)).collect();
    if is_identifier(&le::array_in::<0xA0, 16, 512>(sector)) {
        return Some(three(0xB0));
    }
    if is_to_go(sector) {
        return Some(three(0x1B8));
    }
    // Vista has the cluster of the first copy where NTFS has that of the mirror.
    let cluster = u64::from(le::u16_in::<11, 512>(sector)).checked_mul(u64::from(le::u8_in::<13, 512>(sector)))?;
    Some(vec![le::u64_in::<0x38, 512>(sector).checked_mul(cluster)?])
}

/// Type, type of value, and value of each entry, as far as they fit.
fn entries(bytes: &[u8]) -> impl Iterator<Item = (u16, u16, &[u8])> {
    let mut rest = bytes;
    let next = move || {
        let size = usize::from(le::u16_at(rest, 0).filter(|&size| size >= 8)?);
        let (entry, behind) = rest.split_at_checked(size)?;
        rest = behind;
        Some((le::u16_at(entry, 2)?, le::u16_at(entry, 4)?, entry.get(8..)?))
    };
    std::iter::from_fn(next).take(MOST_ENTRIES)
}

fn text(value: &[u8]) -> String {
    let units = value.chunks_exact(2).take_while(|unit| **unit != [0, 0]).count();
    Name::new(value.get(..units.saturating_mul(2)).unwrap_or_default()).to_string()
}

/// Layout: 0 identifier, 16 time of the last change, 26 what it needs (u16).
fn protector(value: &[u8]) -> Option<KeyProtector> {
    let identifier = Guid(*le::array_at::<16>(value, 0)?);
    Some(KeyProtector { identifier, kind: ProtectorKind(le::u16_at(value, 26)?) })
}

impl fmt::Display for EncryptionMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            0x8000 => "AES-CBC 128 bits with diffuser",
            0x8001 => "AES-CBC 256 bits with diffuser",
            0x8002 => "AES-CBC 128 bits",
            0x8003 => "AES-CBC 256 bits",
            0x8004 => "AES-XTS 128 bits",
            0x8005 => "AES-XTS 256 bits",
            other => return write!(f, "method {other:#06x}"),
        })
    }
}

impl fmt::Display for ProtectorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            0x0000 => "clear key",
            0x0100 => "TPM",
            0x0200 => "startup key",
            0x0500 => "TPM and PIN",
            0x0800 => "recovery password",
            0x2000 => "password",
            other => return write!(f, "protector {other:#06x}"),
        })
    }
}

/// Volume, method, description, and each protector with its identifier.
impl fmt::Display for BitLocker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "volume {}, {}", self.identifier, self.method)?;
        if let Some(description) = &self.description {
            write!(f, ", described as {description:?}")?;
        }
        self.protectors.iter().try_for_each(|protector| write!(f, ", {} {}", protector.kind, protector.identifier))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The start of a volume whose second copy of the metadata is whole.
    fn volume() -> Vec<u8> {
        let mut bytes = vec![0; 16_384];
        bytes[3..11].copy_from_slice(SIGNATURE);
        bytes[0xA0..0xB0].copy_from_slice(&BY_WINDOWS_7);
        for (at, place) in [(0xB0, u64::MAX), (0xB8, 8192), (0xC0, 12_288)] {
            bytes[at..at + 8].copy_from_slice(&u64::to_le_bytes(place));
        }
        let mut entries = Vec::new();
        let mut put = |kind: u16, value_kind: u16, value: &[u8]| {
            let size = u16::try_from(value.len() + 8).unwrap();
            [size, kind, value_kind, 1].iter().for_each(|word| entries.extend(word.to_le_bytes()));
            entries.extend(value);
        };
        let description: Vec<u8> = "PC C: 1/2/2020\0".encode_utf16().flat_map(u16::to_le_bytes).collect();
        put(7, 2, &description);
        let mut protector = [0x11; 28];
        protector[26..].copy_from_slice(&0x0800_u16.to_le_bytes());
        put(2, 8, &protector);
        let block = &mut bytes[8192..];
        block[..8].copy_from_slice(SIGNATURE);
        block[64..68].copy_from_slice(&u32::try_from(48 + entries.len()).unwrap().to_le_bytes());
        block[72..76].copy_from_slice(&48_u32.to_le_bytes());
        block[80..96].fill(0x22);
        block[100..104].copy_from_slice(&0x8004_u32.to_le_bytes());
        block[112..112 + entries.len()].copy_from_slice(&entries);
        bytes
    }

    #[test]
    fn what_is_open_is_read_from_the_first_copy_that_is_whole() {
        let found = BitLocker::read(&volume()).unwrap();
        assert_eq!(
            found.to_string(),
            "volume 22222222-2222-2222-2222-222222222222, AES-XTS 128 bits, described as \"PC C: 1/2/2020\", recovery \
             password 11111111-1111-1111-1111-111111111111"
        );
    }

    #[test]
    fn any_truncation_and_any_byte_is_read_or_nothing() {
        let bytes = volume();
        for length in 0..bytes.len() {
            let found = BitLocker::read(&bytes[..length].to_vec());
            assert!(found.is_none() || length >= 8192 + 112, "{length}");
        }
        for at in (0..512).chain(8192..8192 + 256) {
            for value in [0, 0x7F, 0xFF] {
                let mut other = bytes.clone();
                other[at] = value;
                let _ = BitLocker::read(&other).map(|found| found.to_string());
            }
        }
    }
}

//! What reparse points of the known kinds say.

use crate::base::damage::Damage;
use crate::base::guid::Guid;
use crate::base::le;
use crate::base::name::Name;

use super::reparse_container::ReparseContainer;
use super::reparse_tag::ReparseTag;

/// The data of a reparse point, by its tag.
///
/// Nothing here is followed: a target is a fact about the file, not a way to read it.
///
/// Reference: \[MS-FSCC\] 2.1.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReparsePayload<'a> {
    /// [`SYMLINK`](ReparseTag::SYMLINK): another path.
    SymbolicLink(Link<'a>),
    /// [`MOUNT_POINT`](ReparseTag::MOUNT_POINT): another directory, or a volume.
    MountPoint(Link<'a>),
    /// [`LX_SYMLINK`](ReparseTag::LX_SYMLINK): another path, in UTF-8.
    LinuxLink(&'a [u8]),
    /// [`NFS`](ReparseTag::NFS): a special file.
    Nfs(NfsFile<'a>),
    /// [`APPEXECLINK`](ReparseTag::APPEXECLINK): a packaged application.
    ApplicationLink(ApplicationLink<'a>),
    /// [`WOF`](ReparseTag::WOF): content in the file's own stream `WofCompressedData`.
    Compressed(WofAlgorithm),
    /// [`WOF`](ReparseTag::WOF): content in a WIM outside the volume.
    Wim(WimBacking<'a>),
    /// [`WCI`](ReparseTag::WCI): content in a container's lower layer.
    Layer(LayerLink<'a>),
    /// [`DEDUP`](ReparseTag::DEDUP) or one of the cloud tags: content elsewhere.
    Container(ReparseContainer<'a>),
    /// Any other data.
    Raw(&'a [u8]),
}

impl<'a> ReparsePayload<'a> {
    pub(crate) fn parse(tag: ReparseTag, data: &'a [u8]) -> Result<Self, Damage> {
        match tag {
            ReparseTag::SYMLINK => Link::symbolic(data).map(Self::SymbolicLink),
            ReparseTag::MOUNT_POINT => Link::mount_point(data).map(Self::MountPoint),
            ReparseTag::LX_SYMLINK => {
                fixed::<4>(data, "LX_SYMLINK").map(|_| Self::LinuxLink(data.get(4..).unwrap_or_default()))
            }
            ReparseTag::NFS => Ok(NfsFile::parse(data)?.map_or(Self::Raw(data), Self::Nfs)),
            ReparseTag::APPEXECLINK => ApplicationLink::parse(data).map(Self::ApplicationLink),
            ReparseTag::WOF => Self::overlay(data),
            ReparseTag::WCI | ReparseTag::WCI_1 => LayerLink::parse(data).map(Self::Layer),
            tag if tag == ReparseTag::DEDUP || tag.is_cloud() => {
                Ok(ReparseContainer::parse(data)?.map_or(Self::Raw(data), Self::Container))
            }
            _ => Ok(Self::Raw(data)),
        }
    }

    /// Windows overlay: 0 version, 4 provider, 8 the provider's version (`u32` each).
    fn overlay(data: &'a [u8]) -> Result<Self, Damage> {
        match le::u32_in::<4, 8>(fixed(data, "WOF")?) {
            1 => fixed(data, "WOF with WIM").map(|fixed| Self::Wim(WimBacking { fixed })),
            2 => {
                let fixed = fixed::<16>(data, "WOF with file")?;
                Ok(Self::Compressed(WofAlgorithm(le::u32_in::<12, 16>(fixed))))
            }
            _ => Ok(Self::Raw(data)),
        }
    }
}

/// The first `LEN` bytes of the data.
fn fixed<'a, const LEN: usize>(data: &'a [u8], what: &'static str) -> Result<&'a [u8; LEN], Damage> {
    data.first_chunk().ok_or_else(|| Damage::too_short(0, what, LEN, data.len()))
}

/// The two names of a symbolic link or mount point.
///
/// Layout: 0 offset and 2 length of the substitute name, 4 offset and 6 length of the print name
/// (bytes, `u16` each, from the start of the buffer), 8 in symbolic links flags (`u32`), buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link<'a> {
    fixed: &'a [u8; 8],
    flags: u32,
    buffer: &'a [u8],
    buffer_offset: usize,
}

impl<'a> Link<'a> {
    fn symbolic(data: &'a [u8]) -> Result<Self, Damage> {
        let flags = le::u32_in::<8, 12>(fixed(data, "SYMLINK")?);
        Ok(Self { flags, ..Self::with_buffer(data, 12)? })
    }

    fn mount_point(data: &'a [u8]) -> Result<Self, Damage> {
        Self::with_buffer(data, 8)
    }

    fn with_buffer(data: &'a [u8], buffer_offset: usize) -> Result<Self, Damage> {
        let buffer = data.get(buffer_offset..).unwrap_or_default();
        Ok(Self { fixed: fixed(data, "MOUNT_POINT")?, flags: 0, buffer, buffer_offset })
    }

    /// Where the link leads, as the system uses it: often `\??\C:\…` or `\??\Volume{…}\`.
    ///
    /// # Errors
    /// When the name does not lie inside the data; the offset counts from the start of the data.
    pub fn substitute_name(&self) -> Result<Name<'a>, Damage> {
        self.name("substitute name", le::u16_in::<0, 8>(self.fixed), le::u16_in::<2, 8>(self.fixed))
    }

    /// Where the link leads, as it is shown to people; may be empty and need not be true.
    ///
    /// # Errors
    /// When the name does not lie inside the data; the offset counts from the start of the data.
    pub fn print_name(&self) -> Result<Name<'a>, Damage> {
        self.name("print name", le::u16_in::<4, 8>(self.fixed), le::u16_in::<6, 8>(self.fixed))
    }

    /// True when the substitute name starts from the link's own directory.
    #[must_use]
    pub fn is_relative(&self) -> bool {
        self.flags & 1 != 0
    }

    fn name(&self, what: &'static str, offset: u16, length: u16) -> Result<Name<'a>, Damage> {
        let (offset, length) = (usize::from(offset), usize::from(length));
        le::slice_at(self.buffer, offset, length).map(Name::new).ok_or_else(|| {
            let limit = self.buffer_offset.saturating_add(self.buffer.len());
            Damage::out_of_bounds(what, self.buffer_offset.saturating_add(offset), length, limit)
        })
    }
}

/// A special file made by the NFS server.
///
/// Layout: 0 type (`u64`), then by type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum NfsFile<'a> {
    /// `LNK`: a symbolic link.
    Link(Name<'a>),
    /// `CHR`: a character device, with its two numbers in the order stored.
    CharacterDevice([u32; 2]),
    /// `BLK`: a block device, with its two numbers in the order stored.
    BlockDevice([u32; 2]),
    /// `FIFO`: a named pipe.
    Fifo,
    /// `SOCK`: a socket.
    Socket,
}

impl<'a> NfsFile<'a> {
    fn parse(data: &'a [u8]) -> Result<Option<Self>, Damage> {
        let kind = u64::from_le_bytes(*fixed(data, "NFS")?);
        let numbers = || {
            let fixed = fixed::<16>(data, "NFS device")?;
            Ok([le::u32_in::<8, 16>(fixed), le::u32_in::<12, 16>(fixed)])
        };
        Ok(Some(match kind {
            0x014B_4E4C => Self::Link(Name::new(data.get(8..).unwrap_or_default())),
            0x0052_4843 => Self::CharacterDevice(numbers()?),
            0x004B_4C42 => Self::BlockDevice(numbers()?),
            0x4F46_4946 => Self::Fifo,
            0x4B43_4F53 => Self::Socket,
            _ => return Ok(None),
        }))
    }
}

/// The alias of a packaged application.
///
/// Layout: 0 version (`u32`, 3), 4 texts, each ended by NUL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ApplicationLink<'a> {
    version: u32,
    texts: Name<'a>,
}

impl<'a> ApplicationLink<'a> {
    fn parse(data: &'a [u8]) -> Result<Self, Damage> {
        let version = u32::from_le_bytes(*fixed(data, "APPEXECLINK")?);
        Ok(Self { version, texts: Name::new(data.get(4..).unwrap_or_default()) })
    }

    /// The version: 3.
    #[must_use]
    pub fn version(&self) -> u32 {
        self.version
    }

    /// The texts in order: package family, entry point, target, application type.
    pub fn texts(&self) -> impl Iterator<Item = Name<'a>> + 'a {
        let units = self.texts.bytes().as_chunks::<2>().0;
        let whole = units.strip_suffix(&[[0, 0]]).unwrap_or(units);
        whole.split(|unit| *unit == [0, 0]).map(|text| Name::new(text.as_flattened()))
    }

    /// The path of the program that is started.
    #[must_use]
    pub fn target(&self) -> Option<Name<'a>> {
        self.texts().nth(2)
    }
}

/// How a file of the overlay filter's provider 2 is compressed: a codec and a chunk size; an open set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct WofAlgorithm(pub u32);

impl WofAlgorithm {
    /// XPRESS Huffman, chunks of 4 KiB.
    pub const XPRESS_4K: Self = Self(0);
    /// LZX, chunks of 32 KiB.
    pub const LZX_32K: Self = Self(1);
    /// XPRESS Huffman, chunks of 8 KiB.
    pub const XPRESS_8K: Self = Self(2);
    /// XPRESS Huffman, chunks of 16 KiB.
    pub const XPRESS_16K: Self = Self(3);

    /// Bytes a chunk gives, except for the last, which may give fewer; `None` when the algorithm is unknown.
    #[must_use]
    pub const fn chunk_size(self) -> Option<u16> {
        match self {
            Self::XPRESS_4K => Some(0x1000),
            Self::XPRESS_8K => Some(0x2000),
            Self::XPRESS_16K => Some(0x4000),
            Self::LZX_32K => Some(0x8000),
            _ => None,
        }
    }
}

/// Content in a WIM file that is not part of this one.
///
/// Layout: 8 version (2), 12 flags (`u32` each), 16 data source (`u64`), 24 SHA-1 of the content, 44
/// SHA-1 of the WIM's lookup table, 64 size, 72 size in the WIM, 80 offset in the WIM (`u64` each).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WimBacking<'a> {
    fixed: &'a [u8; 88],
}

impl WimBacking<'_> {
    /// Which of the WIMs known to the volume.
    #[must_use]
    pub fn data_source(&self) -> u64 {
        le::u64_in::<16, 88>(self.fixed)
    }

    /// SHA-1 of the content.
    #[must_use]
    pub fn content_sha1(&self) -> [u8; 20] {
        le::array_in::<24, 20, 88>(self.fixed)
    }

    /// SHA-1 of the WIM's lookup table.
    #[must_use]
    pub fn table_sha1(&self) -> [u8; 20] {
        le::array_in::<44, 20, 88>(self.fixed)
    }

    /// Bytes of the content.
    #[must_use]
    pub fn size(&self) -> u64 {
        le::u64_in::<64, 88>(self.fixed)
    }

    /// Bytes it takes in the WIM.
    #[must_use]
    pub fn compressed_size(&self) -> u64 {
        le::u64_in::<72, 88>(self.fixed)
    }

    /// Where it starts in the WIM, in bytes.
    #[must_use]
    pub fn offset(&self) -> u64 {
        le::u64_in::<80, 88>(self.fixed)
    }
}

/// Content in a container's lower layer.
///
/// Layout: 0 version (`u32`, 1), 8 layer (GUID), 24 name length (bytes, `u16`), 26 name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LayerLink<'a> {
    /// The layer.
    pub layer: Guid,
    /// The path there.
    pub name: Name<'a>,
}

impl<'a> LayerLink<'a> {
    fn parse(data: &'a [u8]) -> Result<Self, Damage> {
        let fixed = fixed::<26>(data, "WCI")?;
        let length = usize::from(le::u16_in::<24, 26>(fixed));
        let name = le::slice_at(data, fixed.len(), length)
            .ok_or_else(|| Damage::out_of_bounds("name of WCI", fixed.len(), length, data.len()))?;
        Ok(Self { layer: Guid(le::array_in::<8, 16, 26>(fixed)), name: Name::new(name) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    fn words(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    fn link(substitute: &str, print: &str, flags: Option<u32>) -> Vec<u8> {
        let (substitute, print) = (utf16(substitute), utf16(print));
        let lengths = [substitute.len(), print.len()].map(|length| u16::try_from(length).unwrap());
        let mut data: Vec<u8> =
            [0, lengths[0], lengths[0] + 2, lengths[1]].into_iter().flat_map(u16::to_le_bytes).collect();
        data.extend(flags.into_iter().flat_map(u32::to_le_bytes));
        [&data, &substitute, &[0, 0][..], &print, &[0, 0]].concat()
    }

    #[test]
    fn deduplicated_files_and_placeholders_of_clouds_hold_a_container() {
        let data = [&[0, 0, 0, 0][..], b"FeRp", &[0; 12]].concat();
        let is_container = |tag| matches!(ReparsePayload::parse(tag, &data), Ok(ReparsePayload::Container(_)));
        assert!(is_container(ReparseTag::DEDUP) && is_container(ReparseTag(0x9000_001A)));
        assert!(!is_container(ReparseTag(0x8000_0099)));
    }

    #[test]
    fn nfs_devices_have_two_numbers() {
        for (kind, name) in [(0x0052_4843, "CharacterDevice([3, 4])"), (0x004B_4C42, "BlockDevice([3, 4])")] {
            let data = words(&[kind, 0, 3, 4]);
            assert_eq!(format!("{:?}", NfsFile::parse(&data).unwrap().unwrap()), name);
        }
    }

    #[test]
    fn chunk_sizes_go_by_the_algorithm() {
        let sizes = [0, 1, 2, 3, 4].map(|number| WofAlgorithm(number).chunk_size());
        assert_eq!(sizes, [Some(0x1000), Some(0x8000), Some(0x2000), Some(0x4000), None]);
    }

    #[test]
    fn links_have_two_names() {
        let data = link(r"..\b", r"b", Some(1));
        let Ok(ReparsePayload::SymbolicLink(symbolic)) = ReparsePayload::parse(ReparseTag::SYMLINK, &data) else {
            panic!("no symbolic link")
        };
        assert!(symbolic.substitute_name().unwrap().is(r"..\b") && symbolic.print_name().unwrap().is("b"));
        assert!(symbolic.is_relative());
        let data = link(r"\??\C:\Users", r"C:\Users", None);
        let Ok(ReparsePayload::MountPoint(mount)) = ReparsePayload::parse(ReparseTag::MOUNT_POINT, &data) else {
            panic!("no mount point")
        };
        assert!(mount.substitute_name().unwrap().is(r"\??\C:\Users") && mount.print_name().unwrap().is(r"C:\Users"));
        assert!(!mount.is_relative());
    }

    #[test]
    fn a_wild_name_costs_only_itself() {
        let mut data = link(r"\??\C:\Users", r"C:\Users", Some(0));
        data[4..6].copy_from_slice(&u16::MAX.to_le_bytes());
        let Ok(ReparsePayload::SymbolicLink(link)) = ReparsePayload::parse(ReparseTag::SYMLINK, &data) else {
            panic!("no symbolic link")
        };
        assert!(link.substitute_name().unwrap().is(r"\??\C:\Users"));
        let damage = Damage::out_of_bounds("print name", 12 + 65535, 16, data.len());
        assert_eq!(link.print_name(), Err(damage));
    }

    #[test]
    fn every_truncation_of_a_link_is_damage() {
        let data = link("ab", "cd", Some(0));
        for len in 0..data.len() - 2 {
            let whole = match ReparsePayload::parse(ReparseTag::SYMLINK, &data[..len]) {
                Ok(ReparsePayload::SymbolicLink(link)) => link.substitute_name().is_ok() && link.print_name().is_ok(),
                Err(damage) => {
                    assert_eq!(damage, Damage::too_short(0, "SYMLINK", 12, len));
                    false
                }
                other => panic!("{other:?}"),
            };
            assert!(!whole, "{len} bytes");
        }
    }

    #[test]
    fn linux_and_nfs_files_are_told_apart() {
        let target = [&[2, 0, 0, 0][..], "/mnt/ä".as_bytes()].concat();
        let payload = ReparsePayload::parse(ReparseTag::LX_SYMLINK, &target).unwrap();
        assert_eq!(payload, ReparsePayload::LinuxLink("/mnt/ä".as_bytes()));
        let nfs = |kind: &[u8; 8], rest: &[u8]| [&kind[..], rest].concat();
        let data = nfs(b"LNK\x01\0\0\0\0", &utf16("a/b"));
        let payload = ReparsePayload::parse(ReparseTag::NFS, &data).unwrap();
        assert!(matches!(payload, ReparsePayload::Nfs(NfsFile::Link(name)) if name.is("a/b")));
        let data = nfs(b"BLK\0\0\0\0\0", &words(&[8, 1]));
        let payload = ReparsePayload::parse(ReparseTag::NFS, &data);
        assert_eq!(payload, Ok(ReparsePayload::Nfs(NfsFile::BlockDevice([8, 1]))));
        assert!(ReparsePayload::parse(ReparseTag::NFS, &data[..15]).is_err());
        let data = nfs(b"FIFO\0\0\0\0", &[]);
        assert_eq!(ReparsePayload::parse(ReparseTag::NFS, &data), Ok(ReparsePayload::Nfs(NfsFile::Fifo)));
        let data = nfs(b"SOCK\0\0\0\0", &[]);
        assert_eq!(ReparsePayload::parse(ReparseTag::NFS, &data), Ok(ReparsePayload::Nfs(NfsFile::Socket)));
        let data = nfs(b"WHAT\0\0\0\0", &[]);
        assert_eq!(ReparsePayload::parse(ReparseTag::NFS, &data), Ok(ReparsePayload::Raw(&data)));
    }

    #[test]
    fn application_links_have_four_texts() {
        let data = [&words(&[3])[..], &utf16("family\0family!app\0C:\\app.exe\x000\0")].concat();
        let Ok(ReparsePayload::ApplicationLink(link)) = ReparsePayload::parse(ReparseTag::APPEXECLINK, &data) else {
            panic!("no application link")
        };
        let texts: Vec<String> = link.texts().map(|text| text.to_string()).collect();
        assert_eq!(texts, ["family", "family!app", r"C:\app.exe", "0"]);
        assert_eq!((link.version(), link.target().unwrap().to_string().as_str()), (3, r"C:\app.exe"));
    }

    #[test]
    fn overlays_name_algorithm_or_wim() {
        let data = words(&[1, 2, 1, 1]);
        let payload = ReparsePayload::parse(ReparseTag::WOF, &data);
        assert_eq!(payload, Ok(ReparsePayload::Compressed(WofAlgorithm::LZX_32K)));
        assert_eq!(WofAlgorithm::LZX_32K.chunk_size(), Some(32768));
        assert_eq!(WofAlgorithm(4).chunk_size(), None);
        assert!(ReparsePayload::parse(ReparseTag::WOF, &data[..15]).is_err());
        let mut wim = words(&[1, 1, 2, 0, 5, 0]);
        wim.extend([[0xAA; 20], [0xBB; 20]].concat());
        wim.extend([100_u64, 60, 4096].into_iter().flat_map(u64::to_le_bytes));
        let Ok(ReparsePayload::Wim(backing)) = ReparsePayload::parse(ReparseTag::WOF, &wim) else { panic!("no WIM") };
        assert_eq!((backing.data_source(), backing.content_sha1(), backing.table_sha1()), (5, [0xAA; 20], [0xBB; 20]));
        assert_eq!((backing.size(), backing.compressed_size(), backing.offset()), (100, 60, 4096));
        let unknown = words(&[1, 3]);
        assert_eq!(ReparsePayload::parse(ReparseTag::WOF, &unknown), Ok(ReparsePayload::Raw(&unknown)));
    }

    #[test]
    fn layers_have_a_name_inside_their_data() {
        let data = [&words(&[1, 0])[..], &[9; 16], &4_u16.to_le_bytes(), &utf16("ab")].concat();
        let Ok(ReparsePayload::Layer(link)) = ReparsePayload::parse(ReparseTag::WCI, &data) else { panic!("no layer") };
        assert!(link.name.is("ab") && link.layer == Guid([9; 16]));
        let cut = ReparsePayload::parse(ReparseTag::WCI, &data[..29]);
        assert_eq!(cut, Err(Damage::out_of_bounds("name of WCI", 26, 4, 29)));
    }
}

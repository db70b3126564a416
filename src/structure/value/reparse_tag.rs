//! Reparse tags: who interprets a reparse point.

use core::fmt;

/// Who interprets a reparse point: an open set.
///
/// Bits: 31 Microsoft's, 29 name surrogate, 28 directory may have children, 0 to 15 value.
///
/// Reference: \[MS-FSCC\] 2.1.2.1.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[doc(alias = "IO_REPARSE_TAG")]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ReparseTag(pub u32);

/// Declares the known tags, each with Microsoft's name less its `IO_REPARSE_TAG_`.
macro_rules! tags {
    ($($(#[$doc:meta])* $name:ident = $value:literal;)*) => {
        impl ReparseTag {
            $($(#[$doc])* pub const $name: Self = Self($value);)*

            /// Microsoft's name less its `IO_REPARSE_TAG_`, for the known tags.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                Some(match self {
                    $(Self::$name => stringify!($name),)*
                    _ => return None,
                })
            }

            /// Every tag that has a name.
            pub const KNOWN: &'static [Self] = &[$(Self::$name),*];
        }
    };
}

tags! {
    /// A directory that stands for another one, or for a volume.
    MOUNT_POINT = 0xA000_0003;
    /// Hierarchical storage management.
    HSM = 0xC000_0004;
    /// Home server drive extender.
    DRIVE_EXTENDER = 0x8000_0005;
    /// Hierarchical storage management, second version.
    HSM2 = 0x8000_0006;
    /// Single-instance store.
    SIS = 0x8000_0007;
    /// Content in a mounted WIM.
    WIM = 0x8000_0008;
    /// Clustered shared volume.
    CSV = 0x8000_0009;
    /// Distributed file system.
    DFS = 0x8000_000A;
    /// Filter manager test.
    FILTER_MANAGER = 0x8000_000B;
    /// A symbolic link.
    SYMLINK = 0xA000_000C;
    /// Web server's cache.
    IIS_CACHE = 0xA000_0010;
    /// Distributed file system replication.
    DFSR = 0x8000_0012;
    /// Content in the deduplication chunk store.
    DEDUP = 0x8000_0013;
    /// A special file or link made by the NFS server.
    NFS = 0x8000_0014;
    /// Application streams.
    APPXSTRM = 0xC000_0014;
    /// Content elsewhere (Windows 8.1).
    FILE_PLACEHOLDER = 0x8000_0015;
    /// Dynamic file manager.
    DFM = 0x8000_0016;
    /// Content compressed by the Windows overlay filter, in the file or in a WIM.
    WOF = 0x8000_0017;
    /// Content in a container's lower layer.
    WCI = 0x8000_0018;
    /// Content in a container's lower layer; a directory may have children.
    WCI_1 = 0x9000_1018;
    /// Global name of an object.
    GLOBAL_REPARSE = 0xA000_0019;
    /// Content in the cloud.
    CLOUD = 0x9000_001A;
    /// Content in the cloud, state 1.
    CLOUD_1 = 0x9000_101A;
    /// Content in the cloud, state 2.
    CLOUD_2 = 0x9000_201A;
    /// Content in the cloud, state 3.
    CLOUD_3 = 0x9000_301A;
    /// Content in the cloud, state 4.
    CLOUD_4 = 0x9000_401A;
    /// Content in the cloud, state 5.
    CLOUD_5 = 0x9000_501A;
    /// Content in the cloud, state 6.
    CLOUD_6 = 0x9000_601A;
    /// Content in the cloud, state 7.
    CLOUD_7 = 0x9000_701A;
    /// Content in the cloud, state 8.
    CLOUD_8 = 0x9000_801A;
    /// Content in the cloud, state 9.
    CLOUD_9 = 0x9000_901A;
    /// Content in the cloud, state 10.
    CLOUD_A = 0x9000_A01A;
    /// Content in the cloud, state 11.
    CLOUD_B = 0x9000_B01A;
    /// Content in the cloud, state 12.
    CLOUD_C = 0x9000_C01A;
    /// Content in the cloud, state 13.
    CLOUD_D = 0x9000_D01A;
    /// Content in the cloud, state 14.
    CLOUD_E = 0x9000_E01A;
    /// Content in the cloud, state 15.
    CLOUD_F = 0x9000_F01A;
    /// The alias of a packaged application.
    APPEXECLINK = 0x8000_001B;
    /// Content made up by a program (also: GVFS).
    PROJFS = 0x9000_001C;
    /// A symbolic link of the Windows subsystem for Linux.
    LX_SYMLINK = 0xA000_001D;
    /// Storage sync.
    STORAGE_SYNC = 0x8000_001E;
    /// A name that a container deleted from its lower layer.
    WCI_TOMBSTONE = 0xA000_001F;
    /// Not handled.
    UNHANDLED = 0x8000_0020;
    /// Cloud files before the cloud filter.
    ONEDRIVE = 0x8000_0021;
    /// A name that was deleted from a projection.
    PROJFS_TOMBSTONE = 0xA000_0022;
    /// A Unix domain socket.
    AF_UNIX = 0x8000_0023;
    /// A named pipe of the Windows subsystem for Linux.
    LX_FIFO = 0x8000_0024;
    /// A character device of the Windows subsystem for Linux.
    LX_CHR = 0x8000_0025;
    /// A block device of the Windows subsystem for Linux.
    LX_BLK = 0x8000_0026;
    /// A folder of storage sync.
    STORAGE_SYNC_FOLDER = 0x9000_0027;
    /// A link into a container's lower layer.
    WCI_LINK = 0xA000_0027;
    /// A link into a container's lower layer, second form.
    WCI_LINK_1 = 0xA000_1027;
    /// A file of a composite image.
    DATALESS_CIM = 0xA000_0028;
}

impl ReparseTag {
    /// True for a tag that Microsoft gave out; all others are followed by the owner's GUID.
    #[must_use]
    pub const fn is_microsoft(self) -> bool {
        self.0 & 0x8000_0000 != 0
    }

    /// True when the file stands for another named thing, as links do.
    #[must_use]
    pub const fn is_name_surrogate(self) -> bool {
        self.0 & 0x2000_0000 != 0
    }

    /// True for any of the sixteen cloud tags.
    #[must_use]
    pub const fn is_cloud(self) -> bool {
        self.0 & 0xFFFF_0FFF == Self::CLOUD.0
    }
}

impl fmt::Display for ReparseTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "{:#010x}", self.0),
        }
    }
}

impl fmt::Debug for ReparseTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ReparseTag({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_tags_have_names_and_differ() {
        let mut values: Vec<u32> = ReparseTag::KNOWN.iter().map(|tag| tag.0).collect();
        values.sort_unstable();
        values.dedup();
        assert_eq!(values.len(), ReparseTag::KNOWN.len());
        assert!(ReparseTag::KNOWN.iter().all(|tag| tag.name().is_some() && tag.is_microsoft()));
        assert_eq!(ReparseTag(0xA000_000C).to_string(), "SYMLINK");
        assert_eq!(ReparseTag(0x1234).to_string(), "0x00001234");
    }

    #[test]
    fn bits_are_microsofts() {
        assert!(ReparseTag::SYMLINK.is_name_surrogate() && ReparseTag::MOUNT_POINT.is_name_surrogate());
        assert!(!ReparseTag::WOF.is_name_surrogate() && !ReparseTag(0x0000_0042).is_microsoft());
        assert_eq!(ReparseTag::KNOWN.iter().filter(|tag| tag.is_cloud()).count(), 16);
    }
}

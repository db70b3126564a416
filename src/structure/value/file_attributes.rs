//! The attribute bits of a file, as `$STANDARD_INFORMATION` and `$FILE_NAME` store them.

use bitflags::bitflags;

bitflags! {
    /// What a file is marked as. Bits without a name here are kept.
    ///
    /// Three bits differ from those of the Windows API: see [`HAS_EXTENDED_ATTRIBUTES`],
    /// [`DIRECTORY`] and [`VIEW_INDEX`].
    ///
    /// Reference: \[MS-FSCC\] 2.6.
    ///
    /// [`HAS_EXTENDED_ATTRIBUTES`]: Self::HAS_EXTENDED_ATTRIBUTES
    /// [`DIRECTORY`]: Self::DIRECTORY
    /// [`VIEW_INDEX`]: Self::VIEW_INDEX
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
    #[doc(alias = "FILE_ATTRIBUTE")]
    #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
    pub struct FileAttributes: u32 {
        /// Not to be written or deleted.
        const READ_ONLY = 0x1;
        /// Left out of ordinary listings.
        const HIDDEN = 0x2;
        /// Part of the operating system.
        const SYSTEM = 0x4;
        /// The API's directory bit; on disk [`DIRECTORY`](Self::DIRECTORY) takes its place.
        const API_DIRECTORY = 0x10;
        /// Changed since the last backup.
        const ARCHIVE = 0x20;
        /// Reserved for devices.
        const DEVICE = 0x40;
        /// No other bit is set.
        const NORMAL = 0x80;
        /// Short-lived content.
        const TEMPORARY = 0x100;
        /// The main stream may have holes.
        const SPARSE = 0x200;
        /// The file has a `$REPARSE_POINT`.
        const REPARSE_POINT = 0x400;
        /// The main stream is compressed; on a directory: new files in it will be.
        const COMPRESSED = 0x800;
        /// The content is elsewhere.
        const OFFLINE = 0x1000;
        /// Not to be indexed for search.
        const NOT_CONTENT_INDEXED = 0x2000;
        /// Encrypted (EFS).
        const ENCRYPTED = 0x4000;
        /// Integrity stream (ReFS; bit seen on copies).
        const INTEGRITY = 0x8000;
        /// Reserved by Windows.
        const VIRTUAL = 0x1_0000;
        /// Left alone by the integrity scanner.
        const NO_SCRUB = 0x2_0000;
        /// On disk: the file has extended attributes. The API calls the same bit "recall on open".
        const HAS_EXTENDED_ATTRIBUTES = 0x4_0000;
        /// Kept on this device by the user's wish (cloud files).
        const PINNED = 0x8_0000;
        /// Not to be kept on this device (cloud files).
        const UNPINNED = 0x10_0000;
        /// Reading fetches the content from elsewhere.
        const RECALL_ON_DATA_ACCESS = 0x40_0000;
        /// On disk: the file has a `$I30` index, that is, it is a directory.
        const DIRECTORY = 0x1000_0000;
        /// On disk: the file has an index that is no directory, as `$Secure`.
        const VIEW_INDEX = 0x2000_0000;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_without_a_name_are_kept() {
        // The root of $Txf on Windows 10 carries bit 31.
        let attributes = FileAttributes::from_bits_retain(0x9000_0006);
        assert!(attributes.contains(FileAttributes::DIRECTORY | FileAttributes::HIDDEN | FileAttributes::SYSTEM));
        assert_eq!(attributes.bits(), 0x9000_0006);
    }
}

//! The same lives through ntfs-3g.

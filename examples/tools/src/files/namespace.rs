//! What the namespaces of names are called.

use ntfs_salvage::structure::value::Namespace;

/// The names of the known namespaces.
pub fn namespace_name(namespace: Namespace) -> Option<&'static str> {
    Some(match namespace {
        Namespace::POSIX => "posix",
        Namespace::WIN32 => "win32",
        Namespace::DOS => "dos",
        Namespace::WIN32_AND_DOS => "win32+dos",
        _ => return None,
    })
}

//! Where files are written: folders, the names in them, and paths as the manifest has them.

pub mod folder;
pub mod handles;
pub mod output_paths;
pub mod safe_name;
pub mod tree;

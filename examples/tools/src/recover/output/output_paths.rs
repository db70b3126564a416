//! Paths of the output as the manifest has them.

use crate::recover::output::tree::{FolderId, Tree};

/// Puts paths together, and remembers that of the last folder.
pub struct OutputPaths<'t> {
    tree: &'t Tree,
    /// What stands before all of them.
    prefix: &'t str,
    last: Option<FolderId>,
    text: String,
}

impl<'t> OutputPaths<'t> {
    pub fn new(tree: &'t Tree, prefix: &'t str) -> Self {
        Self { tree, prefix, last: None, text: String::new() }
    }

    /// The path of a folder, with a slash behind it.
    pub fn folder(&mut self, folder: FolderId) -> &str {
        if self.last != Some(folder) {
            self.text.clear();
            self.text.push_str(self.prefix);
            self.tree.push_path(folder, &mut self.text);
            self.last = Some(folder);
        }
        &self.text
    }

    /// Puts the path of a file in `out`.
    pub fn set_file(&mut self, folder: FolderId, name: &str, out: &mut String) {
        out.clear();
        out.push_str(self.folder(folder));
        out.push_str(name);
    }
}

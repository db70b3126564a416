//! Open folders, so that a path is looked up once for many files.

use std::io;
use std::sync::Arc;

use crate::recover::output::folder::Folder;
use crate::recover::output::tree::{FolderId, Tree};

/// The folders of a tree that were used last, open. One for each thread.
pub struct Handles<'t> {
    tree: &'t Tree,
    root: Arc<Folder>,
    open: Vec<Option<(FolderId, Arc<Folder>)>>,
}

impl<'t> Handles<'t> {
    /// Few enough for many threads under the usual limit of 1024 open files.
    const OPEN: usize = 16;

    pub fn new(tree: &'t Tree, root: Arc<Folder>) -> Self {
        Self { tree, root, open: vec![const { None }; Self::OPEN] }
    }

    fn known(&self, folder: FolderId) -> Option<Arc<Folder>> {
        if folder == FolderId::ROOT {
            return Some(self.root.clone());
        }
        let place = self.open[folder.index() % Self::OPEN].as_ref();
        place.filter(|(known, _)| *known == folder).map(|(_, handle)| handle.clone())
    }

    /// The folder, made if it is not there.
    pub fn folder(&mut self, folder: FolderId) -> io::Result<Arc<Folder>> {
        let mut way = Vec::new();
        let mut here = folder;
        let mut handle = loop {
            match self.known(here) {
                Some(handle) => break handle,
                None => {
                    way.push(here);
                    here = self.tree.parent(here);
                }
            }
        };
        for step in way.into_iter().rev() {
            handle = Arc::new(handle.child(self.tree.name(step)).map_err(not_a_folder)?);
            self.open[step.index() % Self::OPEN] = Some((step, handle.clone()));
        }
        Ok(handle)
    }
}

/// Says what stands in the way where it is a link: the system's words for that are odd.
fn not_a_folder(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::NotADirectory => {
            io::Error::new(error.kind(), "a file or a link stands where a folder has to be")
        }
        _ if error.to_string().contains("symbolic links") => {
            io::Error::new(io::ErrorKind::NotADirectory, "a link stands where a folder has to be: it is not followed")
        }
        _ => error,
    }
}

//! What is in a directory, by its index alone.

use std::collections::VecDeque;
use std::fmt;

use super::directory::{Directory, Records};
use crate::base::error::{Error, Result};
use crate::base::name::Name;
use crate::base::reference::FileReference;
use crate::structure::index_entry::IndexEntries;
use crate::structure::index_record::IndexRecord;
use crate::structure::value::file_attributes::FileAttributes;
use crate::structure::value::file_name::{FileName, Namespace};
use crate::volume::Volume;

/// A name in a directory, as its index has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Child {
    reference: FileReference,
    key: Vec<u8>,
}

impl Child {
    /// The file.
    #[must_use]
    pub fn reference(&self) -> FileReference {
        self.reference
    }

    /// The copy of its `$FILE_NAME` in the index: times and sizes are those of when it was written last.
    fn file_name(&self) -> Option<FileName<'_>> {
        FileName::parse(&self.key).ok()
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> Name<'_> {
        self.file_name().map(|name| name.name()).unwrap_or_default()
    }

    /// True for a directory.
    #[must_use]
    pub fn is_directory(&self) -> bool {
        self.file_name().is_some_and(|name| name.file_attributes().contains(FileAttributes::DIRECTORY))
    }

    /// Bytes of the main stream when the index was written last.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.file_name().map_or(0, |name| name.data_size())
    }
}

/// Iterator over the names in a directory: an error for each part of the index that cannot be read.
pub struct Children<'v> {
    directory: FileReference,
    index: Directory<'v, 'v>,
    ready: VecDeque<Result<Child>>,
    next: u64,
}

impl fmt::Debug for Children<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Children").field("directory", &self.directory).field("next", &self.next).finish_non_exhaustive()
    }
}

impl Volume<'_> {
    /// The names in a directory, by its index alone: without a catalog, one record of the index after the other, in
    /// no order. A DOS name beside a long one is left out. Deleted files are not among them:
    /// [`Catalog::children`](crate::Catalog::children) has those.
    ///
    /// ```
    /// # fn main() -> ntfs_salvage::Result<()> {
    /// let image = ntfs_salvage::source::open("testdata/plain.img")?;
    /// let volume = ntfs_salvage::Volume::open(&image)?;
    /// for child in volume.children(volume.entry_by_path("/sizes")?)? {
    ///     let child = child?;
    ///     println!("{} {} {}", child.reference(), child.size(), child.name());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::NoSuchFile`] where the reference means no live directory; [`Error::DamagedIndex`] where its index cannot
    /// be read. Each item is the latter for a part of the index that cannot be read.
    pub fn children(&self, directory: FileReference) -> Result<Children<'_>> {
        let records = Records::read(self, directory, &Records::INDEX).ok_or(Error::NoSuchFile(directory))?;
        let index = Directory::open(self, records).map_err(|records| match records.are_no_directory() {
            true => Error::NoSuchFile(directory),
            false => damaged(directory),
        })?;
        let mut children = Children { directory, index, ready: VecDeque::new(), next: 0 };
        let mut ready = VecDeque::new();
        match children.index.root() {
            Some(entries) => take(directory, entries, &mut ready),
            None => ready.push_back(Err(damaged(directory))),
        }
        children.ready = ready;
        Ok(children)
    }
}

fn damaged(directory: FileReference) -> Error {
    Error::DamagedIndex { directory, name: String::new() }
}

/// Takes the names of a node.
fn take(directory: FileReference, entries: IndexEntries<'_>, ready: &mut VecDeque<Result<Child>>) {
    for entry in entries {
        let Ok(entry) = entry else { return ready.push_back(Err(damaged(directory))) };
        match entry.file_name() {
            _ if entry.is_last() => return,
            Ok(name) if name.namespace() == Namespace::DOS => {}
            Ok(_) => {
                let child = Child { reference: entry.file_reference(), key: entry.key().to_vec() };
                ready.push_back(Ok(child));
            }
            Err(_) => ready.push_back(Err(damaged(directory))),
        }
    }
}

impl Iterator for Children<'_> {
    type Item = Result<Child>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.ready.is_empty() && self.next < self.index.record_count() {
            let bytes = self.index.record(self.next);
            self.next = self.next.saturating_add(1);
            match bytes.as_deref().map(IndexRecord::parse) {
                None => {}
                Some(Ok(record)) => take(self.directory, record.entries(), &mut self.ready),
                Some(Err(_)) => self.ready.push_back(Err(damaged(self.directory))),
            }
        }
        self.ready.pop_front()
    }
}

//! What a format is: something that writes the rows of one file after the other.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ntfs_salvage::Catalog;
use ntfs_salvage::catalog::{Link, Paths};

use crate::files::listed_file::ListedFile;
use crate::input::buffer::Buffer;
use crate::input::volumes::Opened;
use crate::mft_dump::recent::Recent;
use crate::mft_dump::time::{Dates, LastTimes, TimeField, TimeObject, UNSET_TIME, UnixText};

/// A format. Rows are appended to a buffer, on any thread; the buffers are written in order.
pub trait Rows: Sync {
    /// What stands before everything.
    fn head(&self, out: &mut Vec<u8>) {
        let _ = out;
    }

    /// What stands before the rows of a volume that is one of several.
    fn volume(&self, opened: &Opened<'_>, out: &mut Vec<u8>) {
        let _ = (opened, out);
    }

    /// The rows of a file.
    fn file(&self, file: &ListedFile<'_>, pen: &mut Pen<'_>, out: &mut Vec<u8>);

    /// True where rows say what is left of streams.
    fn shows_verdicts(&self) -> bool {
        false
    }

    /// True where files that exist come before all that do not.
    fn live_first(&self) -> bool {
        false
    }
}

/// What a thread keeps from row to row.
pub struct Pen<'c> {
    pub paths: Paths<'c>,
    pub dates: Dates,
    pub last: Last,
    /// Text being put together.
    pub text: String,
    /// The start of rows being put together.
    pub row: Vec<u8>,
    /// For the rows of whole batches.
    pub buffers: Buffers,
    /// Sets of attribute bits as text.
    pub attributes: Recent<String>,
    /// For content that is read to be judged.
    pub content: Option<Buffer>,
    /// Whether the paths of directories are plain text, which needs no escaping.
    plain: Recent<bool>,
    /// The volume, where it is one of several.
    pub shown: Option<&'c Opened<'c>>,
}

/// The times written last, as the formats have them.
pub struct Last {
    pub fields: LastTimes<TimeField>,
    pub objects: LastTimes<TimeObject>,
    pub unix: LastTimes<UnixText>,
}

impl<'c> Pen<'c> {
    pub fn new(catalog: &'c Catalog<'c>, shown: Option<&'c Opened<'c>>) -> Self {
        let last = Last {
            fields: LastTimes::new(*UNSET_TIME),
            // These are for times that are set.
            objects: LastTimes::new([0; 80]),
            unix: LastTimes::new([0; 16]),
        };
        Self {
            paths: catalog.paths(),
            dates: Dates::new(),
            last,
            text: String::new(),
            row: Vec::new(),
            buffers: Buffers::default(),
            attributes: Recent::new(),
            content: None,
            plain: Recent::new(),
            shown,
        }
    }

    /// True where the whole `path` of a link can stand as it is, with its name, which starts at `name`, as a text of
    /// its own. What can stand as it is depends on the format, and holds for the parts of a text that does.
    #[inline]
    pub fn is_plain_path(
        &mut self,
        link: &Link<'_>,
        path: &[u8],
        name: usize,
        is_plain: impl Fn(&[u8]) -> bool,
    ) -> bool {
        let Some((directory, name)) = path.split_at_checked(name) else { return false };
        // The root is named "." and its path does not say so.
        !name.is_empty() && is_plain(name) && *self.plain.get(link.parent().0, || is_plain(directory))
    }
}

/// The buffers of one thread. Another thread writes out what is in them and gives them back: what is still in
/// the cache of one processor would only slow down another that fills it.
#[derive(Clone, Default)]
pub struct Buffers(Arc<Mutex<Vec<Vec<u8>>>>);

impl Buffers {
    /// An empty buffer, if there is one the last that was given back.
    pub fn take(&self) -> Vec<u8> {
        self.idle().pop().unwrap_or_default()
    }

    pub fn give_back(&self, mut buffer: Vec<u8>) {
        buffer.clear();
        self.idle().push(buffer);
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Vec<u8>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

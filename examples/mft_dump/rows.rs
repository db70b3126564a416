//! What a format is: something that writes the rows of one file after the other.

use std::collections::HashMap;

use ntfs_salvage::catalog::{Catalog, Paths};

use crate::file::File;
use crate::input::Opened;
use crate::time::Dates;

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
    fn file(&self, file: &File<'_>, pen: &mut Pen<'_>, out: &mut Vec<u8>);

    /// True where files that exist come before all that do not.
    fn live_first(&self) -> bool {
        false
    }
}

/// What a thread keeps from row to row.
pub struct Pen<'c> {
    pub paths: Paths<'c>,
    pub dates: Dates,
    /// Text being put together.
    pub text: String,
    /// Names of attribute bits that were met.
    pub attributes: HashMap<u32, String>,
    /// The volume, where it is one of several.
    pub shown: Option<&'c Opened<'c>>,
}

impl<'c> Pen<'c> {
    pub fn new(catalog: &'c Catalog<'c>, shown: Option<&'c Opened<'c>>) -> Self {
        Self { paths: catalog.paths(), dates: Dates::new(), text: String::new(), attributes: HashMap::new(), shown }
    }
}

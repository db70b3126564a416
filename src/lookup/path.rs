//! From a path to a file.

use super::directory::{Directory, Records};
use super::node::{Order, Step};
use crate::base::error::{Error, Result};
use crate::base::name::Name;
use crate::base::reference::FileReference;
use crate::structure::attribute::Attribute;
use crate::structure::attribute_type::AttributeType;
use crate::volume::Volume;
use crate::volume::upcase::UpCase;

/// `$UpCase`.
const UPCASE: u64 = 10;
/// The root directory.
const ROOT: u64 = 5;

impl Volume<'_> {
    /// The live file that a path means, by the indexes of its directories alone: without a catalog, in a few reads a
    /// directory.
    ///
    /// Separators are `\` and `/`; a drive's letter is passed over, `.` and `..` are as in any path. Case counts only in
    /// directories that say so; what is upper case, the volume's own `$UpCase` says. `name:stream` is the file, if it
    /// has such a stream.
    ///
    /// ```no_run
    /// # fn main() -> ntfs_salvage::Result<()> {
    /// let source = ntfs_salvage::source::open("volume.img")?;
    /// let volume = ntfs_salvage::Volume::open(&source)?;
    /// let reference = volume.entry_by_path(r"\Users\x\report.docx")?;
    /// let catalog = volume.catalog();
    /// let report = catalog.entry_of(reference)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error::NoSuchName`] where a directory has no such name; [`Error::DamagedIndex`] where its index cannot be read
    /// there, so that a [catalog](Self::catalog) may well know the file; [`Error::NoSuchFile`] where an index names a
    /// file whose record lives another life, or that is no directory on the way.
    pub fn entry_by_path(&self, path: &str) -> Result<FileReference> {
        let order = Order { upcase: self.upcase(), is_case_sensitive: false };
        let root = self.mft().record(ROOT)?.reference();
        match self.follow(root, &names_of(path, &['\\', '/']), order) {
            // Names that other systems wrote may have a backslash in them.
            Err(Error::NoSuchName { .. }) if path.contains('/') && path.contains('\\') => {
                self.follow(root, &names_of(path, &['/']), order)
            }
            found => found,
        }
    }

    fn follow(&self, root: FileReference, names: &[&str], order: Order<'_>) -> Result<FileReference> {
        let mut here = root;
        for (index, name) in names.iter().enumerate() {
            let is_last = index.saturating_add(1) == names.len();
            here = match self.child(here, name, order) {
                Err(Error::NoSuchName { .. }) if is_last && name.contains(':') => self.stream(here, name, order)?,
                child => child?,
            };
        }
        Records::read(self, here, &[]).map(|_| here).ok_or(Error::NoSuchFile(here))
    }

    /// The file that has this name in a directory.
    fn child(&self, directory: FileReference, name: &str, order: Order<'_>) -> Result<FileReference> {
        let records = Records::read(self, directory, &Records::INDEX).ok_or(Error::NoSuchFile(directory))?;
        let damaged = || Error::DamagedIndex { directory, name: name.to_owned() };
        let mut index = match Directory::open(self, records) {
            Ok(index) => index,
            Err(records) if records.are_no_directory() => return Err(Error::NoSuchFile(directory)),
            Err(_) => return Err(damaged()),
        };
        let units = units_of(name);
        match index.find(Name::new(&units), order) {
            Step::Found(reference) => Ok(reference),
            Step::Absent => Err(Error::NoSuchName { directory, name: name.to_owned() }),
            Step::Below(_) | Step::Damaged => Err(damaged()),
        }
    }

    /// The file `name` of `name:stream` or `name:stream:$DATA`, if it has this stream.
    fn stream(&self, directory: FileReference, name: &str, order: Order<'_>) -> Result<FileReference> {
        let (file, stream) = name.split_once(':').unwrap_or((name, ""));
        let stream = stream.strip_suffix(":$DATA").unwrap_or(stream);
        let reference = self.child(directory, file, order)?;
        let records = Records::read(self, reference, &[AttributeType::DATA]).ok_or(Error::NoSuchFile(reference))?;
        let units = units_of(stream);
        let wanted = |data: Attribute<'_>| order.upcase.equals_ignoring_case(data.name(), Name::new(&units));
        match records.attributes(AttributeType::DATA).any(wanted) {
            true => Ok(reference),
            false if records.are_whole => Err(Error::NoSuchName { directory, name: name.to_owned() }),
            false => Err(Error::DamagedIndex { directory, name: name.to_owned() }),
        }
    }

    /// The volume's table of upper case, or the usual one where it cannot be read. It is read once.
    #[must_use]
    pub fn upcase(&self) -> &UpCase {
        self.cached_upcase(|| self.read_upcase().unwrap_or_else(UpCase::built_in))
    }

    fn read_upcase(&self) -> Option<UpCase> {
        let record = self.mft().record(UPCASE).ok()?;
        let is_table = |attribute: &Attribute<'_>| {
            attribute.attribute_type() == AttributeType::DATA && attribute.name().is_empty()
        };
        let table = record.attributes().filter_map(Result::ok).find(is_table)?;
        UpCase::parse(&self.attribute_value(&table).ok()?).ok()
    }
}

/// The names of a path, without the drive, `.` and what `..` takes back.
fn names_of<'p>(path: &'p str, separators: &[char]) -> Vec<&'p str> {
    let mut names = Vec::new();
    for (index, name) in path.split(separators).enumerate() {
        let is_drive = index == 0 && name.len() == 2 && name.ends_with(':');
        match name {
            "" | "." => {}
            ".." => drop(names.pop()),
            _ if is_drive => {}
            name => names.push(name),
        }
    }
    names
}

fn units_of(name: &str) -> Vec<u8> {
    name.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

#[cfg(test)]
mod tests {

    fn names_of(path: &str) -> Vec<&str> {
        super::names_of(path, &['\\', '/'])
    }

    #[test]
    fn paths_are_taken_apart_as_people_write_them() {
        let names = ["a", "b c"];
        for path in [r"\a\b c", "/a/b c", r"a\b c\", r"C:\a\b c", r"a\.\x\..\b c", "//a//b c", r"\..\a/b c"] {
            assert_eq!(names_of(path), names, "{path}");
        }
        assert!(names_of(r"\").is_empty() && names_of("c:").is_empty() && names_of("").is_empty());
        assert_eq!(names_of(r"\a\b:zone"), ["a", "b:zone"]);
        assert_eq!(names_of(r"\a:\b"), ["a:", "b"]);
    }
}

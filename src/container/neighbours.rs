//! Where the further files of an image are looked for: segments, extents, parents.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use super::files::ImageFile;
use crate::source;

/// A place that has files by their plain names. Nothing in an image can ask for a path.
pub(crate) trait Neighbours: Send + Sync {
    /// Opens the file of this name; `None` where there is none.
    ///
    /// # Errors
    /// When there is one that cannot be opened.
    fn open(&self, name: &OsStr) -> io::Result<Option<ImageFile>>;

    /// The names of all files there are, in order.
    fn names(&self) -> &[OsString];
}

impl dyn Neighbours + '_ {
    /// Opens the file of this name, whatever the case of its ASCII letters.
    ///
    /// # Errors
    /// When there is one that cannot be opened.
    pub(crate) fn open_any_case(&self, name: &OsStr) -> io::Result<Option<ImageFile>> {
        if let Some(file) = self.open(name)? {
            return Ok(Some(file));
        }
        match self.names().iter().find(|other| other.eq_ignore_ascii_case(name)) {
            Some(name) => self.open(name),
            None => Ok(None),
        }
    }
}

/// The plain name at the end of a path that an image names, as any system writes it.
pub(crate) fn plain_name(path: &str) -> Option<&str> {
    path.rsplit(['/', '\\']).next().filter(|name| !matches!(*name, "" | "." | ".."))
}

/// Folders of the file system.
pub(crate) struct Folders {
    folders: Vec<PathBuf>,
    names: OnceLock<Vec<OsString>>,
}

impl Folders {
    /// The folder of `path`, and then `more`.
    pub(crate) fn beside(path: &Path, more: &[PathBuf]) -> Self {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let folders = std::iter::once(folder.to_owned()).chain(more.iter().cloned()).collect();
        Self { folders, names: OnceLock::new() }
    }
}

impl Neighbours for Folders {
    fn open(&self, name: &OsStr) -> io::Result<Option<ImageFile>> {
        for folder in &self.folders {
            let path = folder.join(name);
            match fs::File::open(&path) {
                Ok(file) if file.metadata()?.is_dir() => {}
                Ok(file) => return Ok(Some(ImageFile { source: Arc::new(source::FileSource::new(file)?), path })),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    fn names(&self) -> &[OsString] {
        self.names.get_or_init(|| {
            let entries = self.folders.iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten();
            let mut names: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.file_name())).collect();
            names.sort_unstable();
            names.dedup();
            names
        })
    }
}

impl fmt::Debug for Folders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.folders).finish()
    }
}

/// No files at all: for a source that came without any.
#[derive(Debug)]
pub(crate) struct Nobody;

impl Neighbours for Nobody {
    fn open(&self, _: &OsStr) -> io::Result<Option<ImageFile>> {
        Ok(None)
    }

    fn names(&self) -> &[OsString] {
        &[]
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Files in memory.
    #[derive(Debug, Default)]
    pub(crate) struct Shelf {
        names: Vec<OsString>,
        files: Vec<Vec<u8>>,
    }

    impl Shelf {
        pub(crate) fn new<N: AsRef<OsStr>>(files: impl IntoIterator<Item = (N, Vec<u8>)>) -> Self {
            let mut files: Vec<_> = files.into_iter().map(|(name, bytes)| (name.as_ref().to_owned(), bytes)).collect();
            files.sort();
            let (names, files) = files.into_iter().unzip();
            Self { names, files }
        }
    }

    impl Neighbours for Shelf {
        fn open(&self, name: &OsStr) -> io::Result<Option<ImageFile>> {
            let index = self.names.iter().position(|other| other == name);
            let file = |index: usize| ImageFile { path: name.into(), source: Arc::new(self.files[index].clone()) };
            Ok(index.map(file))
        }

        fn names(&self) -> &[OsString] {
            &self.names
        }
    }

    #[test]
    fn names_never_lead_out_of_the_folder() {
        assert_eq!(plain_name(r"C:\VMs\base.vhd"), Some("base.vhd"));
        assert_eq!(plain_name("../../etc/passwd"), Some("passwd"));
        assert_eq!(plain_name("base.vhd"), Some("base.vhd"));
        for nothing in ["", "..", "a/..", "/", r"x\."] {
            assert_eq!(plain_name(nothing), None, "{nothing}");
        }
    }

    #[test]
    fn a_folder_opens_its_files_in_any_case() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("Case.E02"), b"two").unwrap();
        fs::create_dir(folder.path().join("case.e03")).unwrap();
        let folders = Folders::beside(&folder.path().join("case.E01"), &[]);
        let neighbours: &dyn Neighbours = &folders;
        assert!(neighbours.open(OsStr::new("case.e02")).unwrap().is_none());
        let file = neighbours.open_any_case(OsStr::new("case.e02")).unwrap().unwrap();
        assert_eq!((file.source.size(), file.path), (3, folder.path().join("Case.E02")));
        assert!(neighbours.open_any_case(OsStr::new("case.e03")).unwrap().is_none(), "a folder is no file");
    }
}

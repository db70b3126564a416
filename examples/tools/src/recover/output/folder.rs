//! Folders that are written into, held open, so that nobody can put a link in the way.

#[cfg(unix)]
pub use by_handle::Folder;
#[cfg(not(unix))]
pub use by_path::Folder;

use ntfs_salvage::FileTime;

/// When a file was last read and last written.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    pub accessed: FileTime,
    pub modified: FileTime,
}

#[cfg(unix)]
mod by_handle {
    use std::fs::{self, File};
    use std::io;
    use std::os::fd::{AsFd, OwnedFd};
    use std::path::Path;

    use ntfs_salvage::FileTime;
    use rustix::fs::{AtFlags, Mode, OFlags, Timespec, Timestamps, futimens, linkat, mkdirat, open, openat, unlinkat};

    use super::Times;

    /// A folder, by its handle: every name is looked up in it alone, and none that is a link is followed.
    pub struct Folder(OwnedFd);

    impl Folder {
        const OPEN: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

        /// Opens the folder under which everything is, and makes it if it is not there.
        pub fn root(path: &Path) -> io::Result<Self> {
            fs::create_dir_all(path)?;
            Ok(Self(open(path, Self::OPEN, Mode::empty())?))
        }

        /// The folder of this name, made if it is not there.
        pub fn child(&self, name: &str) -> io::Result<Self> {
            let open = || openat(&self.0, name, Self::OPEN | OFlags::NOFOLLOW, Mode::empty());
            match open() {
                Err(rustix::io::Errno::NOENT) => match mkdirat(&self.0, name, Mode::from_bits_retain(0o777)) {
                    Ok(()) | Err(rustix::io::Errno::EXIST) => Ok(Self(open()?)),
                    Err(error) => Err(error.into()),
                },
                opened => Ok(Self(opened?)),
            }
        }

        /// Makes a file that was not there.
        pub fn create(&self, name: &str) -> io::Result<File> {
            let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            Ok(openat(&self.0, name, flags, Mode::from_bits_retain(0o666))?.into())
        }

        /// Gives a file of this folder another name in another.
        pub fn link(&self, name: &str, to: &Self, new_name: &str) -> io::Result<()> {
            Ok(linkat(&self.0, name, &to.0, new_name, AtFlags::empty())?)
        }

        /// Takes away a file that was made by mistake.
        pub fn remove(&self, name: &str) -> io::Result<()> {
            Ok(unlinkat(&self.0, name, AtFlags::empty())?)
        }

        pub fn set_times(&self, times: Times) -> io::Result<()> {
            set(&self.0, times)
        }
    }

    pub fn set_times(file: &File, times: Times) -> io::Result<()> {
        set(file, times)
    }

    fn set(file: impl AsFd, times: Times) -> io::Result<()> {
        let (last_access, last_modification) = (timespec(times.accessed), timespec(times.modified));
        Ok(futimens(file, &Timestamps { last_access, last_modification })?)
    }

    fn timespec(time: FileTime) -> Timespec {
        Timespec { tv_sec: time.unix_seconds(), tv_nsec: i64::from(time.subsecond_ticks()) * 100 }
    }
}

#[cfg(unix)]
pub use by_handle::set_times;

#[cfg(not(unix))]
mod by_path {
    use std::fs::{self, File, FileTimes};
    use std::io;
    use std::path::{Path, PathBuf};
    use std::time::{Duration, SystemTime};

    use ntfs_salvage::FileTime;

    use super::Times;

    /// A folder, by its path: that it is no link is looked at when it is opened.
    pub struct Folder(PathBuf);

    impl Folder {
        /// Opens the folder under which everything is, and makes it if it is not there.
        pub fn root(path: &Path) -> io::Result<Self> {
            fs::create_dir_all(path)?;
            Ok(Self(fs::canonicalize(path)?))
        }

        /// The folder of this name, made if it is not there.
        pub fn child(&self, name: &str) -> io::Result<Self> {
            let path = self.0.join(name);
            match fs::create_dir(&path) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                _ => {}
            }
            // Of a junction, too, Windows says that it is a link.
            match fs::symlink_metadata(&path)?.is_dir() {
                true => Ok(Self(path)),
                false => Err(io::Error::from(io::ErrorKind::NotADirectory)),
            }
        }

        /// Makes a file that was not there.
        pub fn create(&self, name: &str) -> io::Result<File> {
            File::create_new(self.0.join(name))
        }

        /// Gives a file of this folder another name in another.
        pub fn link(&self, name: &str, to: &Self, new_name: &str) -> io::Result<()> {
            fs::hard_link(self.0.join(name), to.0.join(new_name))
        }

        /// Takes away a file that was made by mistake.
        pub fn remove(&self, name: &str) -> io::Result<()> {
            fs::remove_file(self.0.join(name))
        }

        /// Folders keep the times of when they were written: they cannot be opened to set others.
        pub fn set_times(&self, _: Times) -> io::Result<()> {
            Ok(())
        }
    }

    pub fn set_times(file: &File, times: Times) -> io::Result<()> {
        let (Some(accessed), Some(modified)) = (system_time(times.accessed), system_time(times.modified)) else {
            return Ok(());
        };
        file.set_times(FileTimes::new().set_accessed(accessed).set_modified(modified))
    }

    fn system_time(time: FileTime) -> Option<SystemTime> {
        let seconds = Duration::from_secs(time.unix_seconds().unsigned_abs());
        let second = match time.unix_seconds() < 0 {
            true => SystemTime::UNIX_EPOCH.checked_sub(seconds),
            false => SystemTime::UNIX_EPOCH.checked_add(seconds),
        };
        second?.checked_add(Duration::from_nanos(u64::from(time.subsecond_ticks()) * 100))
    }
}

#[cfg(not(unix))]
pub use by_path::set_times;

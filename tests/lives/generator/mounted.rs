//! The same lives through ntfs-3g.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use super::{Disk, Done, Form, Full};

const RECORD: u64 = 1024;
const OPTIONS: &str = "streams_interface=windows,compression,no_def_opts,permissions,noatime,show_sys_files";

/// Why volumes cannot be made and mounted here.
pub(crate) fn obstacle() -> Option<&'static str> {
    let runs = |program: &str| Command::new(program).arg("--version").output().is_ok();
    if !Path::new("/dev/fuse").exists() {
        return Some("there is no /dev/fuse");
    }
    (!["mkntfs", "ntfs-3g", "umount"].iter().all(|program| runs(program))).then_some("mkntfs or ntfs-3g is missing")
}

/// A volume in a file, mounted while something is asked of it.
#[derive(Debug)]
pub(crate) struct Mounted {
    image: PathBuf,
    point: PathBuf,
    is_mounted: bool,
    options: &'static str,
}

impl Mounted {
    /// A new volume in `folder`.
    pub(crate) fn format(folder: &Path, bytes: u64, cluster: u64) -> io::Result<Self> {
        let image = folder.join("volume.img");
        File::create(&image)?.set_len(bytes)?;
        let mut format = Command::new("mkntfs");
        format.args(["-q", "-F", "-Q", "-s", "512", "-p", "0", "-H", "0", "-S", "0", "-c"]).arg(cluster.to_string());
        run(format.arg(&image))?;
        Self::open(folder, image, OPTIONS)
    }

    /// A volume that is there, to be read.
    pub(crate) fn of(folder: &Path, bytes: &[u8]) -> io::Result<Self> {
        let image = folder.join("volume.img");
        fs::write(&image, bytes)?;
        Self::open(folder, image, "streams_interface=windows,show_sys_files,ro")
    }

    fn open(folder: &Path, image: PathBuf, options: &'static str) -> io::Result<Self> {
        let point = folder.join("mounted");
        fs::create_dir_all(&point)?;
        let mut mounted = Self { image, point, is_mounted: false, options };
        mounted.mount()?;
        Ok(mounted)
    }

    pub(crate) fn mount(&mut self) -> io::Result<()> {
        if !self.is_mounted {
            run(Command::new("ntfs-3g").args(["-o", self.options]).arg(&self.image).arg(&self.point))?;
            self.is_mounted = true;
        }
        Ok(())
    }

    /// Comes back when the driver has written all and is gone.
    pub(crate) fn unmount(&mut self) -> io::Result<()> {
        if !self.is_mounted {
            return Ok(());
        }
        for _ in 0..100 {
            if run(Command::new("umount").arg(&self.point)).is_ok() {
                break;
            }
            thread::sleep(Duration::from_millis(20));
        }
        self.is_mounted = false;
        while self.is_served() {
            thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    /// Whether a driver still has the image.
    fn is_served(&self) -> bool {
        let own = self.image.to_string_lossy().into_owned().into_bytes();
        let has_image = |process: io::Result<fs::DirEntry>| {
            let line = fs::read(process.ok()?.path().join("cmdline")).ok()?;
            let is_driver = line.split(|byte| *byte == 0).next()?.ends_with(b"ntfs-3g");
            (is_driver && line.windows(own.len()).any(|part| part == own)).then_some(())
        };
        fs::read_dir("/proc").is_ok_and(|mut all| all.any(|process| has_image(process).is_some()))
    }

    fn at(&self, path: &str) -> PathBuf {
        self.point.join(path.trim_start_matches('/'))
    }

    fn stream_at(&self, path: &str, stream: &str) -> PathBuf {
        let colon = if stream.is_empty() { "" } else { ":" };
        self.point.join(format!("{}{colon}{stream}", path.trim_start_matches('/')))
    }

    /// A record as it is in the image: what is read through the driver may be what the kernel has kept of it.
    fn record(&self, number: u64) -> io::Result<Vec<u8>> {
        let image = File::open(&self.image)?;
        let read = |at: u64, length: usize| {
            let mut bytes = vec![0; length];
            image.read_exact_at(&mut bytes, at).map(|()| bytes)
        };
        let boot = read(0, 512)?;
        let cluster = 512 * u64::from(boot[13]);
        let start = u64::from_le_bytes(boot[48..56].try_into().expect("eight bytes")) * cluster;
        let (mut left, mut record) = (number * RECORD, Vec::new());
        for (lcn, count) in runs_of_table(&read(start, RECORD as usize)?) {
            let mut at = lcn * cluster + left;
            while left < count * cluster && record.len() < RECORD as usize {
                record.extend(read(at, 512)?);
                at += 512;
                left += 512;
            }
            left = left.saturating_sub(count * cluster);
            if record.len() == RECORD as usize {
                return Ok(record);
            }
        }
        Err(io::Error::other("the table is not so long"))
    }
}

/// Where record 0 says that the table lies.
fn runs_of_table(record: &[u8]) -> Vec<(u64, u64)> {
    let word = |at: usize| usize::from(u16::from_le_bytes([record[at], record[at + 1]]));
    let mut at = word(20);
    while record[at] != 0x80 {
        at += word(at + 4);
    }
    at += word(at + 32);
    let (mut runs, mut lcn) = (Vec::new(), 0_i64);
    while record[at] != 0 {
        let (counts, places) = (usize::from(record[at] & 15), usize::from(record[at] >> 4));
        let number = |from: usize, length: usize| {
            let sign = if record[from + length - 1] & 0x80 != 0 { 0xFF } else { 0 };
            let mut bytes = [sign; 8];
            bytes[..length].copy_from_slice(&record[from..from + length]);
            i64::from_le_bytes(bytes)
        };
        lcn += number(at + 1 + counts, places);
        runs.push((lcn as u64, number(at + 1, counts) as u64));
        at += 1 + counts + places;
    }
    runs
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = self.unmount();
    }
}

fn run(command: &mut Command) -> io::Result<()> {
    let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status()?;
    if status.success() { Ok(()) } else { Err(io::Error::other(format!("{command:?} ended with {status}"))) }
}

/// No room is an answer; all else is a fault of the test.
fn or_full<T>(result: io::Result<T>, what: &str) -> Result<T, Full> {
    match result {
        Ok(done) => Ok(done),
        Err(error) if matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::FileTooLarge) => Err(Full),
        Err(error) => panic!("{what}: {error}"),
    }
}

impl Disk for Mounted {
    fn make_directory(&mut self, path: &str) -> Done {
        or_full(fs::create_dir(self.at(path)), path)
    }

    fn create(&mut self, path: &str, form: Form) -> Done {
        or_full(File::create_new(self.at(path)), path)?;
        if form == Form::Compressed {
            let flags = 0x820_u32.to_be_bytes();
            let done =
                rustix::fs::setxattr(self.at(path), "system.ntfs_attrib_be", &flags, rustix::fs::XattrFlags::empty());
            done.unwrap_or_else(|error| panic!("{path} cannot be compressed: {error}"));
        }
        Ok(())
    }

    fn write(&mut self, path: &str, stream: &str, offset: u64, bytes: &[u8]) -> Result<usize, Full> {
        let place = self.stream_at(path, stream);
        let file = or_full(OpenOptions::new().write(true).create(true).truncate(false).open(place), path)?;
        let mut done = 0;
        while done < bytes.len() {
            match file.write_at(&bytes[done..], offset + done as u64) {
                Ok(0) => break,
                Ok(count) => done += count,
                Err(error) if error.kind() == ErrorKind::StorageFull => break,
                Err(error) => panic!("{path}: {error}"),
            }
        }
        // What was given up half-way is what the driver says it is.
        if done < bytes.len() { Err(Full) } else { Ok(done) }
    }

    fn set_size(&mut self, path: &str, stream: &str, size: u64) -> Done {
        let file = or_full(OpenOptions::new().write(true).open(self.stream_at(path, stream)), path)?;
        or_full(file.set_len(size), path)
    }

    fn remove_stream(&mut self, path: &str, stream: &str) {
        fs::remove_file(self.stream_at(path, stream)).unwrap_or_else(|error| panic!("{path}:{stream}: {error}"));
    }

    fn rename(&mut self, from: &str, to: &str) -> Done {
        or_full(fs::rename(self.at(from), self.at(to)), from)
    }

    fn link(&mut self, path: &str, to: &str) -> Done {
        or_full(fs::hard_link(self.at(path), self.at(to)), to)
    }

    fn remove(&mut self, path: &str) {
        let place = self.at(path);
        let is_directory = fs::symlink_metadata(&place).is_ok_and(|facts| facts.is_dir());
        let done = if is_directory { fs::remove_dir(place) } else { fs::remove_file(place) };
        done.unwrap_or_else(|error| panic!("{path}: {error}"));
    }

    fn reference(&mut self, path: &str) -> (u64, u16) {
        let number = fs::metadata(self.at(path)).unwrap_or_else(|error| panic!("{path}: {error}")).ino();
        let record = self.record(number).unwrap_or_else(|error| panic!("record {number}: {error}"));
        (number, u16::from_le_bytes([record[16], record[17]]))
    }

    fn is_all_in_records(&mut self, path: &str) -> bool {
        let (number, _) = self.reference(path);
        // No attribute list: the second attribute has another type.
        let record = self.record(number).expect("the record can be read");
        let first = usize::from(u16::from_le_bytes([record[20], record[21]]));
        let length = u32::from_le_bytes(record[first + 4..first + 8].try_into().expect("four bytes")) as usize;
        record[first + length] != 0x20
    }

    fn keeps(&mut self, number: u64) -> bool {
        let record = self.record(number).expect("the record can be read");
        record[22] & 1 == 0 && record[32..40] == [0; 8]
    }

    fn content(&mut self, path: &str, stream: &str) -> Option<Vec<u8>> {
        fs::read(self.stream_at(path, stream)).ok()
    }

    fn can_rewrite_compressed(&self) -> bool {
        false
    }

    fn rest(&mut self) {
        self.unmount().and_then(|()| self.mount()).expect("the volume can be mounted again");
    }

    fn image(&mut self) -> Vec<u8> {
        self.unmount().expect("the volume can be unmounted");
        fs::read(&self.image).expect("the image is there")
    }
}

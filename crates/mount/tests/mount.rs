//! Mounts volumes of known content, and reads them with the programs that people have.

#![cfg(target_os = "linux")]
#![allow(missing_docs, reason = "tests")]

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::fs::{getxattr, listxattr};
use tempfile::TempDir;

fn has(programs: &[&str]) -> bool {
    let is_there =
        |program: &&str| Command::new("which").arg(program).output().is_ok_and(|found| found.status.success());
    let missing: Vec<_> = programs.iter().filter(|program| !is_there(program)).collect();
    let has_fuse = Path::new("/dev/fuse").exists();
    if !missing.is_empty() || !has_fuse {
        eprintln!("skipped (1 test): {missing:?} or /dev/fuse is missing");
    }
    missing.is_empty() && has_fuse
}

fn done(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

/// A volume in an image, made by ntfs-3g.
struct Volume {
    folder: TempDir,
}

impl Volume {
    fn new(fill: impl FnOnce(&Path)) -> Self {
        let volume = Self { folder: tempfile::tempdir().unwrap() };
        let (image, mount) = (volume.path("disk.img"), volume.path("made"));
        fs::File::create(&image).unwrap().set_len(48 << 20).unwrap();
        fs::create_dir(&mount).unwrap();
        fs::create_dir(volume.path("here")).unwrap();
        done(Command::new("mkntfs").args(["-qFf"]).arg(&image));
        done(Command::new("ntfs-3g").args(["-o", "streams_interface=windows"]).args([&image, &mount]));
        fill(&mount);
        done(Command::new("umount").arg(&mount));
        volume
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn mount(&self, options: &[&str]) -> Mounted {
        let place = self.path("here");
        let mut command = Command::new(env!("CARGO_BIN_EXE_ntfs-mount"));
        command.arg(self.path("disk.img")).arg(&place).args(options).stderr(Stdio::piped());
        let child = command.spawn().unwrap();
        let mut mounted = Mounted { child, place };
        let start = Instant::now();
        while !mounted.is_there() {
            if mounted.child.try_wait().unwrap().is_some() || start.elapsed() > Duration::from_secs(60) {
                let mut text = String::new();
                mounted.child.stderr.take().unwrap().read_to_string(&mut text).unwrap();
                panic!("not mounted: {text}");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        mounted
    }
}

/// A mount that ends with the test.
struct Mounted {
    child: Child,
    place: PathBuf,
}

impl Mounted {
    fn is_there(&self) -> bool {
        is_mounted(&self.place)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.place.join(name)
    }

    fn signal(&mut self, signal: &str) -> Option<i32> {
        done(Command::new("kill").args(["-s", signal, &self.child.id().to_string()]));
        self.child.wait().unwrap().code()
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.place).stderr(Stdio::null()).status();
        let _ = self.child.wait();
    }
}

fn is_mounted(place: &Path) -> bool {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    mounts.lines().any(|line| line.split(' ').nth(4) == place.to_str())
}

fn content(number: usize) -> Vec<u8> {
    (0..number * 997).map(|at| (at * 7 + at / 256 + number) as u8).collect()
}

fn fill(root: &Path) {
    for directory in ["one/two/three", "empty", "naïve 文件"] {
        fs::create_dir_all(root.join(directory)).unwrap();
    }
    for number in 0..60 {
        let directory = ["one", "one/two", "one/two/three", "naïve 文件"][number % 4];
        fs::write(root.join(format!("{directory}/{number}.bin")), content(number)).unwrap();
    }
    fs::hard_link(root.join("one/4.bin"), root.join("empty/linked.bin")).unwrap();
    fs::write(root.join("one/8.bin:second"), "of eight").unwrap();
}

fn attribute(path: &Path, name: &str) -> Option<String> {
    let mut value = vec![0; 4096];
    let length = getxattr(path, format!("user.ntfs_salvage.{name}"), &mut value[..]).ok()?;
    String::from_utf8(value[..length].to_vec()).ok()
}

/// Every file below a directory, by its path.
fn files(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut open = vec![root.to_owned()];
    while let Some(directory) = open.pop() {
        for item in fs::read_dir(directory).unwrap() {
            let path = item.unwrap().path();
            match path.is_dir() {
                true => open.push(path),
                false => drop(found.insert(path.strip_prefix(root).unwrap().to_owned(), fs::read(&path).unwrap())),
            }
        }
    }
    found
}

#[test]
fn what_ntfs_3g_wrote_is_there_byte_for_byte() {
    if !has(&["mkntfs", "ntfs-3g", "umount", "tar", "sha256sum"]) {
        return;
    }
    let volume = Volume::new(fill);
    done(Command::new("ntfs-3g").args(["-o", "ro"]).arg(volume.path("disk.img")).arg(volume.path("made")));
    let expected = files(&volume.path("made"));
    let listed = done(Command::new("sh").args(["-c", "find . | sort"]).current_dir(volume.path("made")));
    let sums = done(
        Command::new("sh")
            .args(["-c", "find . -type f | sort | tr '\\n' '\\0' | xargs -0 sha256sum"])
            .current_dir(volume.path("made")),
    );
    let modified = fs::metadata(volume.path("made/one/8.bin")).unwrap().modified().unwrap();
    done(Command::new("umount").arg(volume.path("made")));
    let mut mounted = volume.mount(&[]);
    assert_eq!(expected.len(), 61);
    assert!(files(&mounted.place) == expected);
    let here = done(Command::new("sh").args(["-c", "find . | sort"]).current_dir(&mounted.place));
    assert_eq!(String::from_utf8_lossy(&here.stdout), String::from_utf8_lossy(&listed.stdout));
    fs::write(volume.path("sums"), sums.stdout).unwrap();
    done(Command::new("sha256sum").args(["--quiet", "-c"]).arg(volume.path("sums")).current_dir(&mounted.place));
    // tar packs it, and what it packed is the same.
    let (archive, unpacked) = (volume.path("all.tar"), volume.path("unpacked"));
    fs::create_dir(&unpacked).unwrap();
    done(Command::new("tar").arg("-cf").arg(&archive).arg("-C").arg(&mounted.place).arg("."));
    done(Command::new("tar").arg("-xf").arg(&archive).arg("-C").arg(&unpacked));
    assert!(files(&unpacked) == expected);
    let of_file = fs::metadata(mounted.path("one/8.bin")).unwrap();
    assert_eq!(of_file.modified().unwrap(), modified);
    assert_eq!((of_file.permissions().mode() & 0o777, of_file.len()), (0o444, 8 * 997));
    assert_eq!(
        fs::metadata(mounted.path("one/4.bin")).unwrap().ino(),
        fs::metadata(mounted.path("empty/linked.bin")).unwrap().ino()
    );
    // Any part of a file, in any order.
    let file = fs::File::open(mounted.path("one/two/three/58.bin")).unwrap();
    for (offset, length) in [(50_000, 4000), (0, 1), (4095, 2), (57_825, 100), (58 * 997, 5)] {
        let mut part = vec![0; length];
        let count = file.read_at(&mut part, offset).unwrap();
        let whole = content(58);
        let rest = &whole[(offset as usize).min(whole.len())..];
        assert_eq!(part[..count], rest[..length.min(rest.len())], "{offset}");
    }
    drop(file);
    assert_eq!(mounted.signal("INT"), Some(0));
    assert!(!is_mounted(&mounted.place));
}

#[test]
fn streams_and_verdicts_are_attributes_and_nothing_is_written() {
    if !has(&["mkntfs", "ntfs-3g", "umount"]) {
        return;
    }
    let volume = Volume::new(|root| {
        fill(root);
        // Deleted files keep their clusters as long as nobody takes them.
        fs::write(root.join("one/gone.bin"), content(40)).unwrap();
        fs::remove_file(root.join("one/gone.bin")).unwrap();
    });
    let before = fs::read(volume.path("disk.img")).unwrap();
    let mounted = volume.mount(&["--deleted", "--streams", "-q"]);
    let eight = mounted.path("one/8.bin");
    assert_eq!(fs::read(mounted.path("one/8.bin:second")).unwrap(), b"of eight");
    let names: Vec<_> = fs::read_dir(mounted.path("one")).unwrap().map(|item| item.unwrap().file_name()).collect();
    assert!(names.iter().any(|name| name == "8.bin:second"));
    assert_eq!(attribute(&eight, "verdict").as_deref(), Some("intact"));
    assert_eq!(attribute(&eight, "stream.second").as_deref(), Some("of eight"));
    assert_eq!(attribute(&eight, "state").as_deref(), Some("live"));
    assert_eq!(attribute(&eight, "nothing"), None);
    let mut list = vec![0; 4096];
    let length = listxattr(&eight, &mut list[..]).unwrap();
    assert!(String::from_utf8_lossy(&list[..length]).contains("user.ntfs_salvage.reasons\0"));
    let gone = mounted.path("$Deleted/one/gone.bin");
    assert_eq!(attribute(&gone, "verdict").as_deref(), Some("likely"));
    assert_eq!(fs::read(&gone).unwrap(), content(40));
    for result in [
        fs::write(mounted.path("new"), "x"),
        fs::write(&eight, "x"),
        fs::remove_file(&eight),
        fs::create_dir(mounted.path("new")),
        fs::rename(&eight, mounted.path("other")),
    ] {
        assert!(result.is_err());
    }
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let line = mounts.lines().find(|line| line.contains(mounted.place.to_str().unwrap())).unwrap();
    assert!(["ro,", "nosuid", "nodev", "noexec"].iter().all(|option| line.contains(option)), "{line}");
    drop(mounted);
    assert!(fs::read(volume.path("disk.img")).unwrap() == before);
    // Without --streams they are there, and not listed.
    let mounted = volume.mount(&[]);
    assert_eq!(fs::read(mounted.path("one/8.bin:second")).unwrap(), b"of eight");
    let names: Vec<_> = fs::read_dir(mounted.path("one")).unwrap().map(|item| item.unwrap().file_name()).collect();
    assert!(!names.iter().any(|name| name == "8.bin:second"));
    assert!(!mounted.path("$Deleted").exists() && !mounted.path("$MFT").exists());
}

#[test]
fn what_cannot_be_read_is_an_error_and_never_zeros() {
    if !has(&["mkntfs", "ntfs-3g", "umount", "grep"]) {
        return;
    }
    let volume = Volume::new(fill);
    let image = fs::read(volume.path("disk.img")).unwrap();
    let whole = content(59);
    // The second cluster of a file: its place is found by its bytes.
    let start = image.windows(4096).step_by(4096).position(|part| part == &whole[4096..8192]);
    let start = (0..image.len() / 4096)
        .find(|cluster| image[cluster * 4096..(cluster + 1) * 4096] == whole[4096..8192])
        .or(start);
    let lost = start.unwrap() as u64 * 4096 + 1024;
    let map = format!("0 + 1\n0 {lost} +\n{lost} 512 -\n{} {} +\n", lost + 512, image.len() as u64 - lost - 512);
    fs::write(volume.path("map"), map).unwrap();
    let mounted = volume.mount(&["--map", volume.path("map").to_str().unwrap()]);
    let path = mounted.path("naïve 文件/59.bin");
    assert_eq!(attribute(&path, "verdict").as_deref(), Some("partial"));
    assert_eq!(attribute(&path, "reasons").as_deref(), Some("unreadable"));
    let file = fs::File::open(&path).unwrap();
    let (mut buffer, mut found) = (vec![0; whole.len()], Vec::new());
    // Everything before the bad sector, then an error, then everything behind it.
    let count = file.read_at(&mut buffer, 0).unwrap();
    assert_eq!(count, 4096 + 1024);
    found.extend_from_slice(&buffer[..count]);
    for at in [count as u64, count as u64 + 511] {
        assert_eq!(file.read_at(&mut buffer[..1], at).unwrap_err().raw_os_error(), Some(5));
    }
    let count = file.read_at(&mut buffer, 4096 + 1536).unwrap();
    found.extend_from_slice(&[0; 512]);
    found.extend_from_slice(&buffer[..count]);
    assert!(found[..5120] == whole[..5120] && found[5632..] == whole[5632..]);
    assert!(fs::read(&path).is_err());
    assert_eq!(fs::read(mounted.path("one/8.bin")).unwrap(), content(8));
}

#[test]
fn what_cannot_be_mounted_is_said_in_one_sentence() {
    if !has(&["mkntfs", "ntfs-3g", "umount"]) {
        return;
    }
    let volume = Volume::new(fill);
    let path = |name: &str| volume.path(name).to_str().unwrap().to_owned();
    fs::create_dir(path("full")).unwrap();
    fs::write(path("full/kept"), "kept").unwrap();
    fs::write(path("blank"), vec![0; 1 << 16]).unwrap();
    let size = fs::metadata(path("disk.img")).unwrap().len();
    fs::write(path("map"), format!("0 + 1\n0 {} +\n", size + 512)).unwrap();
    let mounted = volume.mount(&[]);
    let (disk, here, made, map) = (path("disk.img"), path("here"), path("made"), path("map"));
    let cases: [(&[&str], &str); 7] = [
        (&[&disk, &path("full")], "is in use: choose an empty directory"),
        (&[&disk, &here], "is in use"),
        (&[&disk, &path("no such")], "cannot mount on"),
        (&[&path("blank"), &made], "no NTFS volume"),
        (&[&path("no image"), &made], "cannot open"),
        (&[&disk, &made, "--map", &map], "it is the map of another disk"),
        (&[&disk, &made, "--partition", "4"], "no NTFS volume"),
    ];
    for (arguments, expected) in cases {
        let output = Command::new(env!("CARGO_BIN_EXE_ntfs-mount")).args(arguments).output().unwrap();
        let message = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {message}");
        assert!(message.contains(expected) && message.lines().count() == 1, "{arguments:?}: {message}");
    }
    assert_eq!(fs::read_to_string(path("full/kept")).unwrap(), "kept");
    assert!(mounted.is_there());
}

/// A file that is open stays readable until it is closed; then the program ends.
#[test]
fn ctrl_c_ends_a_mount_that_is_in_use() {
    if !has(&["mkntfs", "ntfs-3g", "umount"]) {
        return;
    }
    let volume = Volume::new(fill);
    let mut mounted = volume.mount(&["-q"]);
    let file = fs::File::open(mounted.path("one/8.bin")).unwrap();
    done(Command::new("kill").args(["-s", "INT", &mounted.child.id().to_string()]));
    let start = Instant::now();
    while mounted.is_there() {
        assert!(start.elapsed() < Duration::from_secs(20));
        std::thread::sleep(Duration::from_millis(20));
    }
    let mut buffer = vec![0; 8 * 997];
    assert_eq!(file.read_at(&mut buffer, 0).unwrap(), buffer.len());
    assert!(buffer == content(8));
    drop(file);
    assert_eq!(mounted.child.wait().unwrap().code(), Some(0));
}

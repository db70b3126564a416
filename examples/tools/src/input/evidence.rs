//! The evidence: nothing is written on it.

use std::fs;
use std::path::{Path, PathBuf};

use crate::command::failure::Failure;

/// Refuses an output that is the input, or lies on a file system in it.
pub fn refuse_as_output(input: &Path, output: &Path) -> Result<(), Failure> {
    let output = existing(output);
    let is_on_it = is_same(input, &output) || lies_on(input, &output);
    match is_on_it {
        true => Err(Failure::Message(format!(
            "{} is the input, or lies on a file system in it: nothing is written on the evidence",
            output.display()
        ))),
        false => Ok(()),
    }
}

/// The path itself, or the folder above it that exists.
fn existing(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let found = absolute.ancestors().find_map(|path| fs::canonicalize(path).ok());
    found.unwrap_or(absolute)
}

#[cfg(unix)]
fn is_same(input: &Path, output: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let identity = |path: &Path| fs::metadata(path).ok().map(|metadata| (metadata.dev(), metadata.ino()));
    identity(input).is_some_and(|input| identity(output) == Some(input))
}

#[cfg(not(unix))]
fn is_same(input: &Path, output: &Path) -> bool {
    fs::canonicalize(input).is_ok_and(|input| fs::canonicalize(output).is_ok_and(|output| input == output))
}

#[cfg(target_os = "linux")]
fn lies_on(input: &Path, output: &Path) -> bool {
    use std::os::unix::fs::{FileTypeExt, MetadataExt};
    let Ok(canonical) = fs::canonicalize(input) else { return false };
    if mount_source(output).is_some_and(|source| source == canonical) {
        return true;
    }
    let (Ok(of_input), Ok(of_output)) = (fs::metadata(input), fs::metadata(output)) else { return false };
    let device = of_input.file_type().is_block_device().then(|| of_input.rdev());
    is_made_of(of_output.dev(), device, &canonical, 0)
}

#[cfg(not(target_os = "linux"))]
fn lies_on(input: &Path, output: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let (Ok(input), Ok(output)) = (fs::metadata(input), fs::metadata(output)) else { return false };
        return input.rdev() != 0 && input.rdev() == output.dev();
    }
    #[cfg(not(unix))]
    {
        let _ = (input, output);
        false
    }
}

/// What the file system is mounted from that holds `path`: ntfs-3g mounts images as they are.
#[cfg(target_os = "linux")]
fn mount_source(path: &Path) -> Option<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
    let unescape = |text: &str| text.replace("\\040", " ").replace("\\011", "\t").replace("\\134", "\\");
    let mounts = mounts.lines().filter_map(|line| {
        let (left, right) = line.split_once(" - ")?;
        Some((unescape(left.split(' ').nth(4)?), unescape(right.split(' ').nth(1)?)))
    });
    // The longest is the innermost; of two at one place the later lies over the earlier.
    let holds = mounts.filter(|(place, _)| path.starts_with(place));
    let (_, source) = holds.max_by_key(|(place, _)| place.len())?;
    fs::canonicalize(source).ok()
}

/// True when the device is the input's, a part of it, or made of one that is (loop, device mapper, RAID).
#[cfg(target_os = "linux")]
fn is_made_of(device: u64, input: Option<u64>, image: &Path, depth: u32) -> bool {
    let system = |device: u64| {
        let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
        fs::canonicalize(format!("/sys/dev/block/{major}:{minor}")).ok()
    };
    if input == Some(device) {
        return true;
    }
    let Some(here) = system(device) else { return false };
    if input.and_then(system).is_some_and(|input| here.starts_with(input)) {
        return true;
    }
    let disk = if here.join("partition").exists() { here.parent().unwrap_or(&here).to_owned() } else { here.clone() };
    let backing = fs::read_to_string(disk.join("loop/backing_file")).ok();
    if backing.is_some_and(|file| Path::new(file.trim_end_matches('\n')) == image) {
        return true;
    }
    let below = fs::read_dir(here.join("slaves")).into_iter().flatten().filter_map(Result::ok);
    let numbers = below.filter_map(|slave| {
        let text = fs::read_to_string(slave.path().join("dev")).ok()?;
        let (major, minor) = text.trim().split_once(':')?;
        Some(rustix::fs::makedev(major.parse().ok()?, minor.parse().ok()?))
    });
    depth < 8 && numbers.into_iter().any(|device| is_made_of(device, input, image, depth + 1))
}

//! Images that other programs make.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A folder that is gone when it is no longer needed.
pub(crate) struct Folder(tempfile::TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}

/// Whether a program is there. A test that needs one that is not says so and does nothing.
pub(crate) fn is_installed(program: &str) -> bool {
    let is_there = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    if !is_there {
        eprintln!("skipped: {program} is not installed");
    }
    is_there
}

fn run(program: &str, folder: &Path, arguments: &[&str]) -> bool {
    let done = Command::new(program).args(arguments).current_dir(folder).output().unwrap();
    if !done.status.success() {
        eprintln!("{program} {arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    }
    done.status.success()
}

pub(crate) fn qemu_img(folder: &Folder, arguments: &[&str]) -> bool {
    run("qemu-img", folder.0.path(), arguments)
}

/// Commands of `qemu-io` on an image.
pub(crate) fn qemu_io(folder: &Folder, format: &str, image: &str, commands: &[&str]) -> bool {
    let commands: Vec<&str> = commands.iter().flat_map(|command| ["-c", command]).collect();
    run("qemu-io", folder.0.path(), &[&["-f", format, image], &commands[..]].concat())
}

/// A disk with text, noise, repetitions and holes of many sizes.
pub(crate) fn disk(size: usize) -> Vec<u8> {
    let mut bytes = vec![0; size];
    let (mut at, mut state) = (0, 0x9E37_79B9_u32);
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        usize::try_from(state).unwrap()
    };
    while at < size {
        let length = (random() % 90_000 + 1).min(size - at);
        let kind = random() % 4;
        for byte in &mut bytes[at..at + length] {
            *byte = match kind {
                0 => 0,
                1 => b"all work and no play "[random() % 21],
                2 => u8::try_from(random() % 256).unwrap(),
                _ => 0x55,
            };
        }
        at += length;
    }
    bytes
}

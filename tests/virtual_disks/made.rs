//! Images that other programs make.

use std::fs;
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

/// A disk whose last change of its block table is in the log only.
pub(crate) fn dirty_vhdx(folder: &Folder) -> Vec<u8> {
    assert!(qemu_img(folder, &["create", "-f", "vhdx", "-o", "block_size=1M", "image", "8M"]));
    // It ends without closing: what it returns says nothing.
    qemu_io(folder, "vhdx", "image", &["write -P 0xa5 0 1M", "write -P 0x5a 5M 64k", "abort"]);
    let mut image = fs::read(folder.path("image")).unwrap();
    assert!(image[1 << 20..].starts_with(b"loge"));
    let place = usize::try_from(u64::from_le_bytes(image[(1 << 20) + 80..][..8].try_into().unwrap())).unwrap();
    image[place..place + 4096].fill(0);
    let guid: [u8; 16] = image[(1 << 20) + 32..][..16].try_into().unwrap();
    for header in [64 << 10, 128 << 10] {
        image[header + 48..header + 64].copy_from_slice(&guid);
        seal(&mut image[header..header + 4096]);
    }
    image
}

/// Renews the checksum of a structure of VHDX.
fn seal(structure: &mut [u8]) {
    structure[4..8].fill(0);
    let sum = !structure.iter().fold(u32::MAX, |sum, &byte| {
        (0..8).fold(sum ^ u32::from(byte), |sum, _| (sum >> 1) ^ (0x82F6_3B78 * (sum & 1)))
    });
    structure[4..8].copy_from_slice(&sum.to_le_bytes());
}

/// Every format and option that the tool can write.
pub(crate) const OPTIONS: &[(&str, &str, &[&str])] = &[
    ("vhdx", "vhdx", &[]),
    ("vhdx", "vhdx", &["-o", "subformat=fixed"]),
    ("vhdx", "vhdx", &["-o", "block_size=1M"]),
    ("vhdx", "vhdx", &["-o", "block_size=256M"]),
    ("vhdx", "vhdx", &["-o", "log_size=4M,block_state_zero=off"]),
    ("vmdk", "vmdk", &[]),
    ("vmdk", "vmdk", &["-o", "zeroed_grain=on"]),
    ("vmdk", "vmdk", &["-o", "compat6,adapter_type=lsilogic"]),
    ("vmdk", "vmdk", &["-o", "subformat=monolithicFlat"]),
    ("vmdk", "vmdk", &["-o", "subformat=twoGbMaxExtentSparse"]),
    ("vmdk", "vmdk", &["-o", "subformat=twoGbMaxExtentFlat"]),
    ("vmdk", "vmdk", &["-o", "subformat=streamOptimized"]),
    ("vdi", "vdi", &[]),
    ("vdi", "vdi", &["-o", "static=on"]),
    ("qcow2", "qcow2", &[]),
    ("qcow2", "qcow2", &["-c"]),
    #[cfg(feature = "zstd")]
    ("qcow2", "qcow2", &["-c", "-o", "compression_type=zstd"]),
    #[cfg(feature = "zstd")]
    ("qcow2", "qcow2", &["-c", "-o", "compression_type=zstd,cluster_size=2M"]),
    ("qcow2", "qcow2", &["-o", "compat=0.10"]),
    ("qcow2", "qcow2", &["-o", "compat=0.10", "-c"]),
    ("qcow2", "qcow2", &["-o", "cluster_size=512"]),
    ("qcow2", "qcow2", &["-o", "cluster_size=512", "-c"]),
    ("qcow2", "qcow2", &["-o", "cluster_size=2M"]),
    ("qcow2", "qcow2", &["-o", "cluster_size=2M", "-c"]),
    ("qcow2", "qcow2", &["-o", "extended_l2=on"]),
    ("qcow2", "qcow2", &["-o", "extended_l2=on", "-c"]),
    ("qcow2", "qcow2", &["-o", "lazy_refcounts=on"]),
    ("qcow2", "qcow2", &["-o", "refcount_bits=1"]),
    ("qcow2", "qcow2", &["-o", "refcount_bits=64"]),
    ("qcow2", "qcow2", &["-o", "preallocation=metadata"]),
    ("qcow2", "qcow2", &["-o", "preallocation=full"]),
    ("qcow2", "qcow2", &["-o", "data_file=made.data"]),
    ("qcow2", "qcow2", &["-o", "data_file=made.raw-data,data_file_raw=on"]),
];

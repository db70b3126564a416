//! Virtual disks against QEMU: what its own tool makes of an image is what is read of it.

#[path = "virtual_disks/made.rs"]
mod made;

use std::fs;

use made::{Folder, OPTIONS, dirty_vhdx, disk, is_installed, qemu_img, qemu_io};
use ntfs_salvage::container::{Evidence, Opening, open};
use ntfs_salvage::source::Source;

fn read(evidence: &Evidence) -> Vec<u8> {
    let mut bytes = vec![0xEE; usize::try_from(evidence.size()).unwrap()];
    let missing = evidence.read_readable(0, &mut bytes);
    assert_eq!(missing, [], "{evidence:?}");
    bytes
}

/// Reads an image in pieces that cut blocks, and compares each with what it should be.
fn assert_reads_as(evidence: &Evidence, expected: &[u8], what: &str) {
    assert!(evidence.container().is_some(), "{what}: not recognized");
    assert_eq!(evidence.size(), u64::try_from(expected.len()).unwrap(), "{what}");
    assert!(read(evidence) == expected, "{what}: other bytes");
    let (mut at, mut step) = (0, 1_usize);
    while at < expected.len() {
        step = step * 7 % 300_007 + 1;
        let mut piece = vec![0; step];
        let count = evidence.read_at(u64::try_from(at).unwrap(), &mut piece).unwrap();
        assert!(piece[..count] == expected[at..at + count], "{what}: other bytes in {step} from {at} on");
        at += step;
    }
}

#[test]
fn what_qemu_writes_is_read() {
    if !is_installed("qemu-img") {
        return;
    }
    let folder = Folder::new();
    for (number, size) in [3 << 20, (5 << 20) + 512 * 3].into_iter().enumerate() {
        let bytes = disk(size);
        fs::write(folder.path("disk.raw"), &bytes).unwrap();
        for (index, (format, ending, options)) in OPTIONS.iter().enumerate() {
            let image = folder.path(&format!("made{number}-{index}.{ending}"));
            let what = format!("{format} {options:?}, {size} bytes");
            let done = qemu_img(
                &folder,
                &[&["convert", "-f", "raw", "-O", format], *options, &["disk.raw", image.to_str().unwrap()]].concat(),
            );
            assert!(done, "{what}");
            let evidence = open(&image).unwrap_or_else(|error| panic!("{what}: {error}"));
            let mut expected = bytes.clone();
            // Formats that round the size up.
            expected.resize(usize::try_from(evidence.size()).unwrap(), 0);
            assert_reads_as(&evidence, &expected, &what);
            let notes: Vec<_> = evidence.container().unwrap().notes().collect();
            assert!(notes.is_empty(), "{what}: {notes:?}");
            fs::remove_file(image).unwrap();
        }
    }
}

/// VirtualBox is not at hand: a difference is an image of QEMU whose header is made one, with another below it.
#[test]
fn a_difference_of_virtualbox_finds_its_parent_by_its_identity() {
    if !is_installed("qemu-img") || !is_installed("qemu-io") {
        return;
    }
    let folder = Folder::new();
    let mut bytes = disk(6 << 20);
    fs::write(folder.path("disk.raw"), &bytes).unwrap();
    assert!(qemu_img(&folder, &["convert", "-O", "vdi", "disk.raw", "base.vdi"]));
    assert!(qemu_img(&folder, &["create", "-f", "vdi", "child.vdi", "6M"]));
    assert!(qemu_io(&folder, "vdi", "child.vdi", &["write -P 7 1M 1M", "write -P 9 5000k 100k"]));
    let mut child = fs::read(folder.path("child.vdi")).unwrap();
    // What an image does not write of a block is what the parent has: VirtualBox copies it.
    let block = 5000 * 1024 / (1 << 20) * (1 << 20);
    let own = &mut child[(1 << 20) + 1024..][..1 << 20];
    let skip = 5000 * 1024 - block;
    bytes[1 << 20..2 << 20].fill(7);
    bytes[5000 * 1024..5100 * 1024].fill(9);
    assert!(own[skip..skip + 100 * 1024].iter().all(|&byte| byte == 9), "the second block of the file");
    own.copy_from_slice(&bytes[block..block + (1 << 20)]);
    let base = fs::read(folder.path("base.vdi")).unwrap();
    child[76] = 4;
    child[424..456].copy_from_slice(&base[392..424]);
    fs::write(folder.path("child.vdi"), &child).unwrap();
    assert_reads_as(&open(folder.path("child.vdi")).unwrap(), &bytes, "VDI differencing");

    fs::rename(folder.path("base.vdi"), folder.path("{renamed}.vdi")).unwrap();
    assert_reads_as(&open(folder.path("child.vdi")).unwrap(), &bytes, "with its parent under another name");
    // The parent was written to since: it is another disk now.
    let mut changed = base;
    changed[410] ^= 1;
    fs::write(folder.path("{renamed}.vdi"), &changed).unwrap();
    let error = open(folder.path("child.vdi")).unwrap_err().to_string();
    assert!(error.starts_with("VDI differencing: the parent image is missing: no name is given, identity "), "{error}");
    let lost = Opening::new().missing_parent_as_lost().open(folder.path("child.vdi")).unwrap();
    assert_known_or_lost(&lost, &bytes, "without its parent");
}

/// Writes parts of a disk, so that an image has them and its backing file has not: whole clusters, parts of them,
/// zeros. Returns the commands and changes `bytes` as they do.
fn changes(bytes: &mut [u8], seed: usize) -> Vec<String> {
    let mut commands = Vec::new();
    for (index, (from, length)) in [(5, 3), (200, 128), (1000, 1), (3000, 300), (4090, 6)].into_iter().enumerate() {
        let start = (from * 512 + seed * 4096) % (bytes.len() - 200_000) / 512 * 512;
        let (length, value) =
            (length * 512, if index == 1 { 0 } else { u8::try_from(0x11 * (index + 2) + seed).unwrap() });
        bytes[start..start + length].fill(value);
        let zeros = if value == 0 { "-z".to_owned() } else { format!("-P {value}") };
        commands.push(format!("write {zeros} {start} {length}"));
    }
    commands
}

fn write_into(folder: &Folder, format: &str, image: &str, bytes: &mut [u8], seed: usize) {
    let commands = changes(bytes, seed);
    assert!(qemu_io(folder, format, image, &commands.iter().map(String::as_str).collect::<Vec<_>>()));
}

#[test]
fn a_chain_of_backing_files_is_followed_and_a_missing_one_is_named() {
    if !is_installed("qemu-img") || !is_installed("qemu-io") {
        return;
    }
    for (base, options) in [("raw", ""), ("qcow2", ""), ("qcow2", "extended_l2=on"), ("vpc", ""), ("vhdx", "")] {
        let folder = Folder::new();
        let mut bytes = disk(4 << 20);
        fs::write(folder.path("disk.raw"), &bytes).unwrap();
        assert!(qemu_img(&folder, &["convert", "-f", "raw", "-O", base, "disk.raw", "base"]));
        let vpc = open(folder.path("base")).unwrap().size();
        bytes.resize(usize::try_from(vpc).unwrap(), 0);
        let options = if options.is_empty() { "cluster_size=64k" } else { options };
        let create = |name: &str, below: &str, format: &str, size: &str| {
            qemu_img(&folder, &["create", "-f", "qcow2", "-o", options, "-b", below, "-F", format, name, size])
        };
        assert!(create("middle", "base", base, "6M") && create("top", "middle", "qcow2", "7M"));
        bytes.resize(7 << 20, 0);
        write_into(&folder, "qcow2", "middle", &mut bytes[..6 << 20], 3);
        write_into(&folder, "qcow2", "top", &mut bytes, 8);
        let evidence = open(folder.path("top")).unwrap();
        assert_eq!(evidence.container().unwrap().images(), 3);
        assert_reads_as(&evidence, &bytes, &format!("{base} {options}"));

        fs::rename(folder.path("middle"), folder.path("elsewhere")).unwrap();
        let error = open(folder.path("top")).unwrap_err().to_string();
        assert!(error.contains("\"middle\"") && error.starts_with("QCOW2: the parent image is missing"), "{error}");
        let lost = Opening::new().missing_parent_as_lost().open(folder.path("top")).unwrap();
        assert_known_or_lost(&lost, &bytes, "without its parent");
        // A file in the parent's place that is not QCOW2 at all.
        fs::write(folder.path("middle"), vec![7; 8 << 20]).unwrap();
        assert!(open(folder.path("top")).is_err(), "a raw file is not the QCOW2 that is meant");
    }
}

/// Each byte is the right one, or reported as lost.
fn assert_known_or_lost(evidence: &Evidence, expected: &[u8], what: &str) {
    let mut bytes = vec![0xEE; expected.len()];
    let missing = evidence.read_readable(0, &mut bytes);
    assert!(!missing.is_empty(), "{what}: nothing is lost");
    let mut expected = expected.to_vec();
    for range in missing {
        expected[usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap()].fill(0);
    }
    assert!(bytes == expected, "{what}: a wrong byte that is not called lost");
}

#[test]
fn a_snapshot_is_a_disk_of_its_own() {
    if !is_installed("qemu-img") || !is_installed("qemu-io") {
        return;
    }
    for options in ["compat=0.10", "cluster_size=4k", "extended_l2=on"] {
        let folder = Folder::new();
        let first = disk(5 << 20);
        fs::write(folder.path("disk.raw"), &first).unwrap();
        assert!(qemu_img(&folder, &["convert", "-O", "qcow2", "-o", options, "disk.raw", "image"]));
        let mut states = vec![first];
        for seed in 0..3 {
            assert!(qemu_img(&folder, &["snapshot", "-c", &format!("state {seed}"), "image"]));
            let mut next = states[seed].clone();
            write_into(&folder, "qcow2", "image", &mut next, seed);
            states.push(next);
        }
        let now = open(folder.path("image")).unwrap();
        assert_eq!(now.container().unwrap().facts().unwrap().snapshots, ["state 0", "state 1", "state 2"]);
        assert_reads_as(&now, &states[3], options);
        for (seed, state) in states.iter().take(3).enumerate() {
            for name in [format!("state {seed}"), (seed + 1).to_string()] {
                let evidence = Opening::new().snapshot(&name).open(folder.path("image")).unwrap();
                assert_reads_as(&evidence, state, &name);
            }
        }
        let error = Opening::new().snapshot("x").open(folder.path("image")).unwrap_err().to_string();
        assert_eq!(error, "QCOW2: it has no snapshot \"x\"; it has state 0, state 1, state 2");
    }
}

#[test]
fn encrypted_and_older_images_are_named() {
    if !is_installed("qemu-img") {
        return;
    }
    let folder = Folder::new();
    let luks = [
        "create",
        "-f",
        "qcow2",
        "--object",
        "secret,id=s,data=x",
        "-o",
        "encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=10",
        "image",
        "4M",
    ];
    assert!(qemu_img(&folder, &luks));
    let error = open(folder.path("image")).unwrap_err().to_string();
    assert_eq!(error, "QCOW2: it is encrypted (LUKS); \"qemu-img convert\" with its key makes a raw image");
    assert!(qemu_img(&folder, &["create", "-f", "qcow", "image", "4M"]));
    let error = open(folder.path("image")).unwrap_err().to_string();
    assert!(error.starts_with("QCOW2: version 1 is not read"), "{error}");
    #[cfg(not(feature = "zstd"))]
    {
        assert!(qemu_img(&folder, &["create", "-f", "qcow2", "-o", "compression_type=zstd", "image", "4M"]));
        let error = open(folder.path("image")).unwrap_err().to_string();
        assert!(error.starts_with("QCOW2: its clusters are compressed with zstd"), "{error}");
    }
}

/// A disk whose last change of its block table is in the log only: QEMU, asked to repair it, writes the log out.
#[test]
fn a_dirty_vhdx_reads_as_qemu_reads_it_once_its_log_is_written() {
    if !is_installed("qemu-img") || !is_installed("qemu-io") {
        return;
    }
    let folder = Folder::new();
    let image = dirty_vhdx(&folder);
    fs::write(folder.path("image"), &image).unwrap();
    let evidence = open(folder.path("image")).unwrap();
    let notes: Vec<_> = evidence.container().unwrap().notes().map(str::to_owned).collect();
    assert!(notes.iter().any(|note| note.contains("its log was replayed in memory")), "{notes:?}");
    let ours = read(&evidence);
    assert!(ours[..1 << 20].iter().all(|&byte| byte == 0xA5), "the block that only the log knows");
    assert!(fs::read(folder.path("image")).unwrap() == image, "the file is as it was");

    fs::copy(folder.path("image"), folder.path("repaired")).unwrap();
    assert!(qemu_img(&folder, &["check", "-r", "all", "repaired"]));
    assert!(qemu_img(&folder, &["convert", "-O", "raw", "repaired", "raw"]));
    assert!(ours == fs::read(folder.path("raw")).unwrap());
}

fn u64_of(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap())
}

/// Where a region of a VHDX file starts, by the first bytes of its GUID.
fn region(image: &[u8], guid: [u8; 4]) -> usize {
    let table = &image[192 << 10..];
    let entry = (0..8).map(|index| &table[16 + 32 * index..][..32]).find(|entry| entry.starts_with(&guid)).unwrap();
    usize::try_from(u64_of(entry, 16)).unwrap()
}

/// Hyper-V is not at hand: a difference is an image of QEMU that gets a parent, a locator, and a sector bitmap.
fn difference(child: &mut Vec<u8>, parent: &[u8], own: std::ops::Range<usize>) {
    let (metadata, table) = (region(child, [0x06, 0xA2, 0x7C, 0x8B]), region(child, [0x66, 0x77, 0xC2, 0x2D]));
    let header = [64 << 10, 128 << 10].into_iter().max_by_key(|&at| u64_of(parent, at + 8)).unwrap();
    let linkage: Vec<String> = parent[header + 32..header + 48].iter().map(|byte| format!("{byte:02x}")).collect();
    let order = [3, 2, 1, 0, 20, 5, 4, 20, 7, 6, 20, 8, 9, 20, 10, 11, 12, 13, 14, 15];
    let linkage: String = order.iter().map(|&at| linkage.get(at).map_or("-", String::as_str)).collect();
    let texts = ["parent_linkage", &format!("{{{}}}", linkage.to_uppercase()), "relative_path", r".\base.vhdx"];
    let mut locator =
        [
            &[
                0xB7, 0xEF, 0x4A, 0xB0, 0x9E, 0xD1, 0x81, 0x4A, 0xB7, 0x89, 0x25, 0xB8, 0xE9, 0x44, 0x59, 0x13, 0, 0,
                2, 0,
            ][..],
            &[0; 24],
        ]
        .concat();
    for (index, text) in texts.into_iter().enumerate() {
        let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let (entry, is_value) = (20 + index / 2 * 12, index % 2);
        let (start, length) = (u32::try_from(locator.len()).unwrap(), u16::try_from(bytes.len()).unwrap());
        locator[entry + is_value * 4..][..4].copy_from_slice(&start.to_le_bytes());
        locator[entry + 8 + is_value * 2..][..2].copy_from_slice(&length.to_le_bytes());
        locator.extend(bytes);
    }
    let count = usize::from(child[metadata + 10]);
    child[metadata + 10] += 1;
    let place = 80 << 10;
    let entry = &mut child[metadata + 32 + 32 * count..][..32];
    entry[..16].copy_from_slice(&[
        0x2D, 0x5F, 0xD3, 0xA8, 0x0B, 0xB3, 0x4D, 0x45, 0xAB, 0xF7, 0xD3, 0xD8, 0x48, 0x34, 0xAB, 0x0C,
    ]);
    entry[16..20].copy_from_slice(&u32::try_from(place).unwrap().to_le_bytes());
    entry[20..24].copy_from_slice(&u32::try_from(locator.len()).unwrap().to_le_bytes());
    entry[24] = 4;
    child[metadata + place..][..locator.len()].copy_from_slice(&locator);
    let parameters = (0..count)
        .map(|index| metadata + 32 + 32 * index)
        .find(|&at| child[at..].starts_with(&[0x37, 0x67, 0xA1, 0xCA]))
        .unwrap();
    let parameters = metadata + usize::try_from(u64_of(child, parameters + 16) & 0xFFFF_FFFF).unwrap();
    child[parameters + 4] |= 2;
    // The block that has the bytes of `own` has nothing else.
    child[table + own.start / (1 << 20) * 8] = 7;
    let bitmap = child.len().next_multiple_of(1 << 20);
    child.resize(bitmap + (1 << 20), 0);
    (own.start / 512..own.end / 512).for_each(|sector| child[bitmap + sector / 8] |= 1 << (sector % 8));
    child[table + 4096 * 8..][..8].copy_from_slice(&(u64::try_from(bitmap).unwrap() | 6).to_le_bytes());
}

#[test]
fn a_difference_of_hyper_v_has_sectors_of_its_own_and_of_its_parent() {
    if !is_installed("qemu-img") || !is_installed("qemu-io") {
        return;
    }
    let folder = Folder::new();
    let mut bytes = disk(6 << 20);
    fs::write(folder.path("disk.raw"), &bytes).unwrap();
    let options = "block_size=1M,block_state_zero=off";
    assert!(qemu_img(&folder, &["convert", "-O", "vhdx", "-o", options, "disk.raw", "base.vhdx"]));
    assert!(qemu_img(&folder, &["create", "-f", "vhdx", "-o", options, "child.vhdx", "6M"]));
    assert!(qemu_io(&folder, "vhdx", "child.vhdx", &["write -P 7 1M 1M", "write -P 9 5000k 100k"]));
    bytes[1 << 20..2 << 20].fill(7);
    bytes[5000 * 1024..5100 * 1024].fill(9);
    let mut child = fs::read(folder.path("child.vhdx")).unwrap();
    difference(&mut child, &fs::read(folder.path("base.vhdx")).unwrap(), 5000 * 1024..5100 * 1024);
    fs::write(folder.path("child.vhdx"), &child).unwrap();
    assert_reads_as(&open(folder.path("child.vhdx")).unwrap(), &bytes, "VHDX differencing");

    fs::rename(folder.path("base.vhdx"), folder.path("renamed.avhdx")).unwrap();
    assert_reads_as(&open(folder.path("child.vhdx")).unwrap(), &bytes, "with its parent under another name");
    // Whoever writes to the parent makes another disk of it.
    assert!(qemu_io(&folder, "vhdx", "renamed.avhdx", &["write -P 1 0 512"]));
    let error = open(folder.path("child.vhdx")).unwrap_err().to_string();
    assert!(error.starts_with("VHDX differencing: the parent image is missing: \"base.vhdx\", identity "), "{error}");
    let lost = Opening::new().missing_parent_as_lost().open(folder.path("child.vhdx")).unwrap();
    assert_known_or_lost(&lost, &bytes, "without its parent");
}

#[test]
fn a_delta_of_vmware_finds_the_state_of_its_parent() {
    if !is_installed("qemu-img") || !is_installed("qemu-io") {
        return;
    }
    for options in
        ["subformat=monolithicSparse", "subformat=monolithicSparse,zeroed_grain=on", "subformat=twoGbMaxExtentSparse"]
    {
        let folder = Folder::new();
        let mut bytes = disk(5 << 20);
        fs::write(folder.path("disk.raw"), &bytes).unwrap();
        assert!(qemu_img(&folder, &["convert", "-O", "vmdk", "-o", options, "disk.raw", "base.vmdk"]));
        for (name, below) in [("middle.vmdk", "base.vmdk"), ("top.vmdk", "middle.vmdk")] {
            assert!(qemu_img(&folder, &["create", "-f", "vmdk", "-o", options, "-b", below, "-F", "vmdk", name]));
            write_into(&folder, "vmdk", name, &mut bytes, name.len());
        }
        // The middle one was opened and written to before the top one was made of it: their identities fit.
        assert_reads_as(&open(folder.path("top.vmdk")).unwrap(), &bytes, options);
        fs::rename(folder.path("middle.vmdk"), folder.path("renamed.vmdk")).unwrap();
        if options.contains("monolithic") {
            assert_reads_as(&open(folder.path("top.vmdk")).unwrap(), &bytes, "with its parent under another name");
        }
        fs::remove_file(folder.path("renamed.vmdk")).unwrap();
        let error = open(folder.path("top.vmdk")).unwrap_err().to_string();
        assert!(error.starts_with("VMDK delta: the parent image is missing: \"middle.vmdk\", identity "), "{error}");
        let lost = Opening::new().missing_parent_as_lost().open(folder.path("top.vmdk")).unwrap();
        assert_known_or_lost(&lost, &bytes, "without its parent");
    }
}

#[test]
fn a_missing_extent_is_a_lost_range_and_has_a_name() {
    if !is_installed("qemu-img") || !is_installed("qemu-io") {
        return;
    }
    for kind in ["Sparse", "Flat"] {
        let folder = Folder::new();
        let options = format!("subformat=twoGbMaxExtent{kind}");
        assert!(qemu_img(&folder, &["create", "-f", "vmdk", "-o", &options, "split.vmdk", "5G"]));
        let writes = ["write -P 1 0 64k", "write -P 2 2040M 10M", "write -P 3 4095M 1M", "write -P 4 5119M 1M"];
        assert!(qemu_io(&folder, "vmdk", "split.vmdk", &writes));
        let evidence = open(folder.path("split.vmdk")).unwrap();
        assert_eq!((evidence.size(), evidence.container().unwrap().files().count()), (5 << 30, 3));
        let byte_at = |evidence: &Evidence, place: u64| {
            let mut byte = [0xEE; 4096];
            evidence.read_at(place, &mut byte).map(|_| byte)
        };
        for (place, value) in [
            (0, 1),
            (64 << 10, 0),
            (2040 << 20, 2),
            (2047 << 20, 2),
            (2049 << 20, 2),
            (2051 << 20, 0),
            (4095 << 20, 3),
            (5119 << 20, 4),
        ] {
            assert_eq!(byte_at(&evidence, place).unwrap(), [value; 4096], "{place}");
        }
        let second = folder.path(&format!("split-{}002.vmdk", if kind == "Sparse" { "s" } else { "f" }));
        fs::remove_file(&second).unwrap();
        let evidence = open(folder.path("split.vmdk")).unwrap();
        let container = evidence.container().unwrap();
        assert!(
            container.notes().any(|note| note.contains("002.vmdk\" is missing")),
            "{:?}",
            container.notes().collect::<Vec<_>>()
        );
        assert_eq!(container.known_losses().len(), 1);
        assert_eq!(byte_at(&evidence, 5119 << 20).unwrap(), [4; 4096]);
        assert!(
            byte_at(&evidence, 2050 << 20)
                .unwrap_err()
                .to_string()
                .contains("the file of the image that has them is missing")
        );
        for name in ["split-s001.vmdk", "split-f001.vmdk", "split-s003.vmdk", "split-f003.vmdk"] {
            let _ = fs::remove_file(folder.path(name));
        }
        let error = open(folder.path("split.vmdk")).unwrap_err().to_string();
        assert!(error.starts_with("VMDK: its extent \"split-"), "{error}");
    }
}

#[test]
fn a_stream_that_was_cut_gives_the_grains_that_are_there() {
    if !is_installed("qemu-img") {
        return;
    }
    let folder = Folder::new();
    let bytes = disk(5 << 20);
    fs::write(folder.path("disk.raw"), &bytes).unwrap();
    assert!(qemu_img(
        &folder,
        &["convert", "-O", "vmdk", "-o", "subformat=streamOptimized", "disk.raw", "stream.vmdk"]
    ));
    let whole = fs::read(folder.path("stream.vmdk")).unwrap();
    // As a writer leaves it that cannot go back: the directory is named in the footer only.
    let mut footed = whole.clone();
    footed[56..64].fill(0xFF);
    footed.resize(footed.len().next_multiple_of(512), 0);
    let mut marker = [0; 512];
    (marker[0], marker[12]) = (1, 3);
    footed.extend(marker);
    footed.extend(&whole[..512]);
    footed.extend([0; 512]);
    fs::write(folder.path("footed.vmdk"), &footed).unwrap();
    assert_reads_as(&open(folder.path("footed.vmdk")).unwrap(), &bytes, "with a footer");
    // The last grain is there: nothing is lost with the tables behind it.
    fs::write(folder.path("cut.vmdk"), &footed[..footed.len() - 600]).unwrap();
    assert_reads_as(&open(folder.path("cut.vmdk")).unwrap(), &bytes, "without its footer");
    let mut read_before = usize::MAX;
    for cut in [footed.len() / 2, footed.len() / 3, 70_000] {
        fs::write(folder.path("cut.vmdk"), &footed[..cut]).unwrap();
        let evidence = open(folder.path("cut.vmdk")).unwrap();
        let mut found = vec![0xEE; bytes.len()];
        let missing = evidence.read_readable(0, &mut found);
        let lost: u64 = missing.iter().map(|range| range.end - range.start).sum();
        let read = bytes.len() - usize::try_from(lost).unwrap();
        assert!(read < read_before && (read > 1 << 19 || cut == 70_000), "{read} bytes of {cut}");
        read_before = read;
        assert_known_or_lost(&evidence, &bytes, "a stream that was cut");
    }
}

fn words(words: &[(usize, u64)]) -> Vec<u8> {
    let mut bytes = vec![0; 512];
    words.iter().for_each(|&(index, word)| bytes[index * 8..][..8].copy_from_slice(&word.to_le_bytes()));
    bytes
}

/// A disk of ESX with deltas on it, made here, and read by QEMU, too.
struct Esx {
    folder: Folder,
    base: Vec<u8>,
}

impl Esx {
    fn new() -> Self {
        let this = Self { folder: Folder::new(), base: disk(4 << 20) };
        fs::write(this.folder.path("base-flat.vmdk"), &this.base).unwrap();
        this.descriptor("base.vmdk", "ffffffff", "vmfs", "VMFS \"base-flat.vmdk\"");
        this
    }

    fn descriptor(&self, name: &str, parent: &str, kind: &str, extent: &str) {
        let text = format!(
            "# Disk DescriptorFile\nversion=1\nCID=0000abcd\nparentCID={parent}\ncreateType=\"{kind}\"\n\n\
             # Extent description\nRW 8192 {extent}\n\n# The Disk Data Base\n#DDB\n\nddb.adapterType = \"lsilogic\"\n"
        );
        fs::write(self.folder.path(name), text).unwrap();
    }

    fn delta(&self, name: &str, kind: &str, bytes: &[u8]) {
        let extent = format!("{} \"{name}-delta.vmdk\"", kind.to_uppercase());
        fs::write(self.folder.path(&format!("{name}-delta.vmdk")), bytes).unwrap();
        self.descriptor(&format!("{name}.vmdk"), "0000abcd\nparentFileNameHint=\"base.vmdk\"", kind, &extent);
    }

    fn assert_reads_as(&self, name: &str, expected: &[u8]) {
        assert_reads_as(&open(self.folder.path(name)).unwrap(), expected, name);
        if is_installed("qemu-img") {
            assert!(qemu_img(&self.folder, &["convert", "-f", "vmdk", "-O", "raw", name, "raw"]));
            assert!(fs::read(self.folder.path("raw")).unwrap() == expected, "{name}: QEMU reads other bytes");
        }
    }

    fn error(&self, name: &str) -> String {
        open(self.folder.path(name)).unwrap_err().to_string()
    }
}

/// Grains of a sector, in a table of 4096 behind a directory of two.
#[test]
fn deltas_of_esx_are_read_as_qemu_reads_them() {
    let esx = Esx::new();
    let (mut delta, mut expected) = (vec![0; 2048 * 512], esx.base.clone());
    let numbers = [(0, 0x4457_4F43), (4, 1), (8, 3), (12, 8192), (16, 1), (20, 4), (24, 2)];
    numbers.iter().for_each(|&(at, word): &(usize, u32)| delta[at..at + 4].copy_from_slice(&word.to_le_bytes()));
    delta[4 * 512..][..4].copy_from_slice(&100_u32.to_le_bytes());
    for grain in [0, 1, 2, 700, 4095] {
        let place = 1000 + grain % 1000;
        let value = u8::try_from(grain % 200 + 1).unwrap();
        delta[100 * 512 + grain * 4..][..4].copy_from_slice(&u32::try_from(place).unwrap().to_le_bytes());
        delta[place * 512..][..512].fill(value);
        expected[grain * 512..][..512].fill(value);
    }
    esx.delta("old", "vmfsSparse", &delta);
    esx.assert_reads_as("base.vmdk", &esx.base);
    esx.assert_reads_as("old.vmdk", &expected);
    let error = esx.error("old-delta.vmdk");
    assert!(error.contains("the parent image is missing: no name is given"), "{error}");

    esx.descriptor("device.vmdk", "ffffffff", "vmfsRawDeviceMap", "VMFSRDM \"base-flat.vmdk\"");
    let error = esx.error("device.vmdk");
    assert!(error.contains("on a device that it maps"), "{error}");
}

/// The directory at sector 8, tables from 64 on, grains from 256 on.
#[test]
fn space_efficient_deltas_are_read_as_qemu_reads_them() {
    let esx = Esx::new();
    let (mut delta, mut expected) = (vec![0; 512 * 512], esx.base.clone());
    let places = [
        (10, 1),
        (11, 1),
        (12, 2),
        (13, 1),
        (14, 3),
        (15, 1),
        (16, 8),
        (17, 1),
        (18, 64),
        (19, 64),
        (20, 140),
        (21, 1),
    ];
    let numbers =
        [(0, 0xCAFE_BABE), (1, 0x2_0000_0001), (2, 8192), (3, 8), (4, 64), (22, 150), (23, 1), (24, 256), (25, 256)];
    delta[..512].copy_from_slice(&words(&[&places[..], &numbers].concat()));
    delta[512..1024].copy_from_slice(&words(&[(0, 0xCAFE_CAFE)]));
    delta[8 * 512..][..8].copy_from_slice(&0x1000_0000_0000_0000_u64.to_le_bytes());
    for (grain, entry) in
        [(0, 3_u64 << 60 | 5 << 48), (1, 2 << 60), (2, 1 << 60), (9, 3 << 60 | 7 << 48), (1000, 3 << 60)]
    {
        delta[64 * 512 + grain * 8..][..8].copy_from_slice(&entry.to_le_bytes());
        let value = if entry >> 60 == 3 { u8::try_from(grain % 100 + 50).unwrap() } else { 0 };
        if value > 0 {
            let place = 256 * 512 + usize::try_from(entry >> 48 & 0xFFF).unwrap() * 4096;
            delta[place..place + 4096].fill(value);
        }
        expected[grain * 4096..][..4096].fill(value);
    }
    esx.delta("new", "seSparse", &delta);
    esx.assert_reads_as("new.vmdk", &expected);
    delta[512 + 24] = 1;
    esx.delta("new", "seSparse", &delta);
    let error = esx.error("new.vmdk");
    assert!(error.contains("its journal has changes that are not in its tables"), "{error}");
}

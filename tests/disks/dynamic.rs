//! Dynamic disks: simple, spanned and striped volumes, and those of which a part is elsewhere.

use ntfs_salvage::recoverability::Verdict;
use ntfs_salvage::salvage::Content;
use ntfs_salvage::volume::dynamic_disk::{DynamicDisk, VolumeLayout};

use super::forge::{Dynamic, Forged};
use super::{check_intact, contents, open, starts, volume};

const M: usize = 1 << 20;
/// Where a dynamic disk's area for volumes starts.
const FIRST: u64 = 63;

/// A disk of 16 MiB with a spanned, a simple and a striped volume.
fn disk(is_all_here: bool) -> (Forged, [Vec<u8>; 3]) {
    let [spanned, simple, striped] = ["plain.img", "deleted.img", "links_streams.img"].map(volume);
    let mut disk = Forged::new(16 * M);
    disk.boot_record(&[(0x42, 63, (16 * 2048 - 63) as u32)]);
    let at = |sector: u64| ((FIRST + sector) * 512) as usize;
    // The second half of the spanned volume lies behind the simple one.
    disk.put(at(0), &spanned[..M]);
    disk.put(at(2048), &simple);
    disk.put(at(2048 + 4096), &spanned[M..]);
    for (row, piece) in striped.chunks(64 << 10).enumerate() {
        let column = 12_288 + (row as u64 % 2) * 4096;
        disk.put(at(column + row as u64 / 2 * 128), piece);
    }
    disk.database(&[
        Dynamic {
            layout: 2,
            sectors: 4096,
            stripe: 0,
            parts: vec![((0, 0, 2048, 0), true), ((6144, 2048, 2048, 0), is_all_here)],
            ..Dynamic::default()
        },
        Dynamic { layout: 2, sectors: 4096, parts: vec![((2048, 0, 4096, 0), true)], ..Dynamic::default() },
        Dynamic {
            layout: 1,
            sectors: 4096,
            stripe: 128,
            parts: vec![((12_288, 0, 2048, 0), true), ((16_384, 0, 2048, 1), true)],
            ..Dynamic::default()
        },
    ]);
    (disk, [spanned, simple, striped])
}

#[test]
fn volumes_of_a_dynamic_disk_are_put_together_as_its_database_has_them() {
    let (disk, originals) = disk(true);
    let dynamic = DynamicDisk::read(&disk.bytes).expect("the database is read");
    let layouts: Vec<_> = dynamic.volumes().iter().map(|volume| volume.layout).collect();
    assert_eq!(layouts, [VolumeLayout::Spanned, VolumeLayout::Simple, VolumeLayout::Striped]);
    let found = open(&disk.bytes, Some(&dynamic));
    assert_eq!(found.volumes.len(), 3);
    assert_eq!(starts(&found), [0, 2048, 12_288].map(|sector| (FIRST + sector) * 512));
    for (opened, original) in found.volumes.iter().zip(&originals) {
        let truth = contents(&ntfs_salvage::Volume::open(original).unwrap());
        let read = contents(opened.volume());
        assert_eq!(read.len(), truth.len());
        assert!(read.iter().all(|(path, (bytes, _))| truth[path].0 == *bytes));
        assert!(check_intact(opened.volume(), original) > 0);
    }
    assert_eq!(found.unread, []);
}

#[test]
fn a_mirrored_volume_is_opened_by_the_copy_that_is_here() {
    let original = volume("plain.img");
    for (is_first_here, is_second_here) in [(true, false), (false, true), (true, true), (false, false)] {
        let mut disk = Forged::new(16 * M);
        disk.boot_record(&[(0x42, 63, (16 * 2048 - 63) as u32)]);
        for (is_here, at) in [(is_first_here, 0), (is_second_here, 8192)] {
            if is_here {
                disk.put(((FIRST + at) * 512) as usize, &original);
            }
        }
        let copy = |at, is_here| vec![((at, 0, 4096, 0), is_here)];
        disk.database(&[Dynamic {
            layout: 2,
            sectors: 4096,
            parts: copy(0, is_first_here),
            mirror: copy(8192, is_second_here),
            ..Dynamic::default()
        }]);
        let dynamic = DynamicDisk::read(&disk.bytes).unwrap();
        assert_eq!(dynamic.volumes()[0].layout, VolumeLayout::Mirrored);
        let found = open(&disk.bytes, Some(&dynamic));
        let is_open = is_first_here || is_second_here;
        let place = if is_first_here { FIRST } else { FIRST + 8192 } * 512;
        assert_eq!(starts(&found), if is_open { vec![place] } else { Vec::new() });
        if is_open {
            assert!(check_intact(found.volumes[0].volume(), &original) > 0);
            assert_eq!(found.unread, []);
        } else {
            let Content::DynamicVolume(said) = &found.unread[0].content else { panic!("{:?}", found.unread) };
            assert_eq!(said, "mirrored volume Volume1, 2097152 bytes: incomplete, 0 of 2 parts are on this disk");
        }
    }
}

#[test]
fn a_volume_of_which_a_part_is_elsewhere_is_named_incomplete() {
    let (disk, _) = disk(false);
    let dynamic = DynamicDisk::read(&disk.bytes).unwrap();
    let found = open(&disk.bytes, Some(&dynamic));
    assert_eq!(found.volumes.len(), 2);
    let [unread] = &found.unread[..] else { panic!("{:?}", found.unread) };
    let Content::DynamicVolume(said) = &unread.content else { panic!("{unread:?}") };
    assert_eq!(said, "spanned volume Volume1, 2097152 bytes: incomplete, 1 of 2 parts are on this disk");
}

#[test]
fn without_the_database_nothing_on_a_dynamic_disk_is_vouched_for() {
    let (mut disk, _) = disk(true);
    let end = disk.bytes.len();
    disk.bytes[end - M..].fill(0);
    assert!(DynamicDisk::read(&disk.bytes).is_none());
    let found = open(&disk.bytes, None);
    assert!(!found.volumes.is_empty());
    let verdicts = found.volumes.iter().flat_map(|opened| contents(opened.volume()).into_values());
    let clusters = verdicts.filter(|(bytes, _)| bytes.len() > 1024);
    assert!(clusters.into_iter().all(|(_, verdict)| verdict != Verdict::Intact));
    assert!(found.unread.iter().any(|unread| unread.content == Content::DynamicDisk));
}

#[test]
fn ldmtool_reads_the_database_alike() {
    let (disk, _) = disk(true);
    let path = std::env::temp_dir().join(format!("ntfs-salvage-ldm-{}.img", std::process::id()));
    std::fs::write(&path, &disk.bytes).unwrap();
    let output = std::process::Command::new("ldmtool").args(["-d"]).arg(&path).arg("scan").output();
    std::fs::remove_file(&path).unwrap();
    let Ok(output) = output else {
        println!("skipped: no ldmtool");
        return;
    };
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("5d0c891a-2b3c-4d4e-8f70-91a2b3c4d5e6"), "{text}");
}

#[test]
fn every_byte_of_the_database_may_be_wrong() {
    let (disk, _) = disk(true);
    let start = disk.bytes.len() - M;
    for at in (0..2048).map(|at| start + 17 * 512 + at).chain((0..0x170).map(|at| 6 * 512 + at)) {
        let mut bytes = disk.bytes.clone();
        for value in [0, 0xFF] {
            bytes[at] = value;
            let _ = DynamicDisk::read(&bytes).map(|dynamic| format!("{dynamic:?}"));
        }
    }
}

#[test]
fn volumes_in_several_parts_can_be_kept() {
    let (disk, originals) = disk(true);
    let session = ntfs_salvage::Session::of(std::sync::Arc::new(disk.bytes)).expect("there are volumes");
    let kept: Vec<_> = session.volumes().iter().map(|volume| volume.volume().clone()).collect();
    drop(session);
    assert_eq!(kept.len(), 3);
    for (volume, original) in kept.iter().zip(&originals) {
        let truth = contents(&ntfs_salvage::Volume::open(original).unwrap());
        let read = contents(volume);
        assert_eq!(read.len(), truth.len());
        assert!(read.iter().all(|(path, (bytes, _))| truth[path].0 == *bytes));
    }
}

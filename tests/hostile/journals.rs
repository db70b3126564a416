//! Classes 92 and 93: `$LogFile` and `$UsnJrnl`. Their records are not parsed here; what is asked of us is that
//! they are streams like any other, whatever they hold and however large their sparse head is.

use ntfs_salvage::content::Origin;
use ntfs_salvage::{Entry, Volume};

use crate::exercise;
use crate::forge::{DATA, Forge, VolumeForge, root, run};

/// Clusters of the journal's head that was given back: 2^40 bytes.
const HEAD: u64 = 1 << 28;

fn image(log: Vec<u8>, journal: Vec<u8>) -> Vec<u8> {
    let runs = |run: Vec<u8>| [run, vec![0]].concat();
    let mut records = vec![vec![0; 1024]; 32];
    let size = 32 * 1024;
    let table = runs(run(8, VolumeForge::TABLE as i64));
    records[0] = Forge::new().name(5, "$MFT").runs(DATA, "", (0, 7), [size; 3], &table).on_disk(0);
    records[2] = Forge::new().name(5, "$LogFile").runs(DATA, "", (0, 1), [8192; 3], &runs(run(2, 20))).on_disk(2);
    records[5] = root().on_disk(5);
    let hole = [vec![0x08], HEAD.to_le_bytes().to_vec()].concat();
    let sizes = [(HEAD + 2) * 4096; 3];
    let sparse = runs([hole, run(2, 30)].concat());
    let usn = Forge::new().name(5, "$UsnJrnl").runs(DATA, "$J", (0, HEAD + 1), sizes, &sparse);
    records[24] = usn.on_disk(24);
    VolumeForge { clusters: 64, records, content: vec![(20, log), (30, journal)] }.bytes()
}

fn read(entry: &Entry<'_>, offset: u64, length: usize) -> (Vec<u8>, Origin) {
    let streams = entry.streams();
    let mut bytes = vec![9; length];
    let mut reader = streams[0].reader();
    let reading = reader.read_at(offset, &mut bytes);
    assert_eq!((reading.length(), reading.ranges().len()), (length, 1));
    (bytes.clone(), reading.ranges()[0].origin)
}

#[test]
fn class_92_a_log_of_any_bytes_is_a_stream() {
    for signature in [*b"RSTR", *b"RCRD", *b"CHKD", *b"BAAD", [0; 4], [0xFF; 4]] {
        // Page sizes, restart areas and clients of impossible sizes.
        let log = [&signature[..], &[0xFF; 4092], &signature, &[0; 4092]].concat();
        let image = image(log.clone(), vec![0; 8192]);
        exercise::table::volume(&image);
        let volume = Volume::open(&image).unwrap();
        let catalog = volume.catalog();
        assert_eq!(read(&catalog.entry(2).unwrap(), 0, 8192).0, log);
    }
}

#[test]
fn class_93_a_journal_with_a_head_of_a_terabyte_is_read_where_it_has_bytes() {
    // Record lengths of 0, odd, and beyond everything.
    for length in [0_u32, 1, 7, 61, u32::MAX] {
        let journal = length.to_le_bytes().repeat(2048);
        let image = image(vec![0; 8192], journal.clone());
        exercise::table::volume(&image);
        let volume = Volume::open(&image).unwrap();
        let catalog = volume.catalog();
        let entry = catalog.entry(24).unwrap();
        assert_eq!(entry.streams()[0].size(), Some((HEAD + 2) * 4096));
        assert_eq!(read(&entry, HEAD / 2 * 4096, 4096), (vec![0; 4096], Origin::Hole));
        assert_eq!(read(&entry, HEAD * 4096, 8192).0, journal);
    }
}

//! Inputs that ask for more than they bring: each is made to blow up output, memory or time.

use ntfs_salvage::FileReference;

use crate::forge::{self, ATTRIBUTE_LIST, DATA, FILE_NAME, Forge, VolumeForge, list_entry, run, table};
use crate::generator;

/// An input and what it is.
pub(crate) struct Input {
    pub(crate) name: &'static str,
    pub(crate) bytes: Vec<u8>,
}

const INDEX_ALLOCATION: u32 = 0xA0;
const REPARSE_POINT: u32 = 0xC0;

/// How many records a table has; without optimisation fewer do.
const MANY: u64 = if cfg!(debug_assertions) { 500 } else { 3000 };

/// A table as Windows leaves one: the mix of files, names and attributes that was measured on real tables.
pub(crate) fn benign_table() -> Vec<u8> {
    let mut bytes = Vec::new();
    generator::Table { records: MANY, seed: 6, script: generator::Script::Latin }
        .write_to(&mut bytes)
        .expect("there is memory for it");
    bytes
}

/// A volume of ordinary files: times, one name in a directory of ten files, clusters of its own.
pub(crate) fn benign_volume() -> Vec<u8> {
    volume(1 << 20, |number, _| match number % 11 {
        0 => Forge::directory().resident(0x10, "", &times()).name(5, &format!("directory {number}")),
        rest => {
            let file = Forge::new().resident(0x10, "", &times()).name(number - rest, &format!("a file {number}.txt"));
            let runs = [run(4, 4096 + number as i64 * 4), vec![0]].concat();
            file.runs(DATA, "", (0, 3), [16_384; 3], &runs)
        }
    })
}

fn times() -> Vec<u8> {
    let mut value = vec![0; 72];
    for (place, time) in (0..4).zip([132_488_656_095_579_827_u64; 4]) {
        forge::put(&mut value, place * 8, &time.to_le_bytes());
    }
    value
}

type Make = fn() -> Vec<u8>;

/// All that hold what no writer of NTFS would write.
pub(crate) fn all() -> Vec<Input> {
    let inputs: [(&str, Make); 19] = [
        ("a chain of directories with short names", || chain("d")),
        ("a chain of directories with names of 200 letters", || chain(&"n".repeat(200))),
        ("a chain of directories with control characters for names", || chain(&"\u{1}".repeat(200))),
        ("files in a directory as deep as can be", || {
            deep("x", |name| Forge::new().resident(0x10, "", &times()).name(24 + DEEP - 1, name))
        }),
        ("files with ten links each in a directory as deep as can be", || deep("", |_| many_links(24 + DEEP - 1))),
        ("files with ten links each", || records(|_| many_links(5))),
        ("a circle of directories", || records_in(Forge::directory, |number| 24 + (number - 24 + 1) % MANY)),
        ("records full of named streams", || records(|_| many_streams(Forge::new().name(5, "f")))),
        ("records full of named streams with times", || {
            records(|_| many_streams(Forge::new().resident(0x10, "", &times()).name(5, "f")))
        }),
        ("records full of broken attributes", || records(|_| broken_attributes())),
        ("records full of runs", || records(|_| many_runs())),
        ("names of control characters", || records(|_| Forge::new().name(5, &"\u{1}".repeat(255)))),
        ("one file of all records, each with links", || one_file(|_| many_links(5))),
        ("one file of all records, half of them with streams", || {
            one_file(|number| match number % 2 {
                0 => many_links(5),
                _ => many_streams(Forge::new()),
            })
        }),
        ("torn records", torn),
        ("files that share one long attribute list", || shared_list(|_| 0)),
        ("files that share parts of one long attribute list", || shared_list(|number| number % 200)),
        ("directories that share one long index", shared_index),
        ("files that share one long reparse point", || shared(&reparse_point(), REPARSE_POINT, |_| 0)),
    ];
    inputs.into_iter().map(|(name, make)| Input { name, bytes: make() }).collect()
}

fn records(record: impl Fn(u64) -> Forge) -> Vec<u8> {
    table((24..24 + MANY).map(|number| (number, record(number))).collect())
}

fn records_in(record: impl Fn() -> Forge, parent: impl Fn(u64) -> u64) -> Vec<u8> {
    records(|number| record().name(parent(number), "d"))
}

fn chain(name: &str) -> Vec<u8> {
    records(|number| Forge::directory().name(if number == 24 { 5 } else { number - 1 }, name))
}

/// Directories of 255 letters each that together are as long as a path can be.
const DEEP: u64 = 128;

fn deep(name: &str, file: impl Fn(&str) -> Forge) -> Vec<u8> {
    records(|number| match number {
        24 => Forge::directory().name(5, &"n".repeat(255)),
        25..152 => Forge::directory().name(number - 1, &"n".repeat(255)),
        _ => file(name),
    })
}

fn many_links(parent: u64) -> Forge {
    (0..9).fold(Forge::new(), |record, _| record.name(parent, "l"))
}

fn many_streams(record: Forge) -> Forge {
    (0..24).fold(record, |record, _| record.resident(DATA, "s", b""))
}

fn broken_attributes() -> Forge {
    let mut attribute = forge::resident(DATA, 9, "", b"");
    forge::put(&mut attribute, 8, &[2, 255, 0xFF, 0xFF, 0xFF, 0xFF]);
    forge::put(&mut attribute, 16, &[0xFF; 7]);
    (0..35).fold(Forge::new().name(5, "b"), |record, _| record.raw(&attribute))
}

fn many_runs() -> Forge {
    let runs = [[0x11, 1, 8], [0x11, 1, 0xF9]].concat().repeat(130);
    Forge::new().name(5, "r").runs(DATA, "", (0, 259), [260 * 4096; 3], &[runs, vec![0]].concat())
}

fn one_file(extension: impl Fn(u64) -> Forge) -> Vec<u8> {
    let base = FileReference::new(24, 1).0.to_le_bytes();
    records(|number| match number {
        24 => Forge::new().name(5, "base"),
        _ => extension(number).with(32, &base),
    })
}

fn torn() -> Vec<u8> {
    let mut table = records(|_| many_streams(Forge::new().name(5, "t")));
    for stride in table.chunks_exact_mut(512).skip(2 * 24) {
        forge::put(stride, 510, &[9, 9]);
    }
    table
}

/// A reparse point of a mebibyte, which is 64 times as long as one can be.
fn reparse_point() -> Vec<u8> {
    let mut point = vec![0; 1 << 20];
    forge::put(&mut point, 0, &0xA000_0003_u32.to_le_bytes());
    forge::put(&mut point, 4, &0xFFF8_u16.to_le_bytes());
    point
}

/// A volume of files whose attribute lists lie in the same clusters, from the cluster on that `start` says.
fn shared_list(start: impl Fn(u64) -> u64) -> Vec<u8> {
    let list: Vec<u8> =
        (0..32_768).flat_map(|n| list_entry(FILE_NAME, 0, FileReference::new((1 << 30) + n, 1))).collect();
    shared(&list, ATTRIBUTE_LIST, start)
}

/// A volume of files of which each has the same clusters for its attribute `code`.
fn shared(content: &[u8], code: u32, start: impl Fn(u64) -> u64) -> Vec<u8> {
    with_content(content, |number, content_at| {
        let (start, length) = (start(number), content.len() as u64 / 4096 - start(number));
        let runs = [run(length, (content_at + start) as i64), vec![0]].concat();
        Forge::new().runs(code, "", (0, length - 1), [length * 4096; 3], &runs).name(5, "l").resident(DATA, "", b"x")
    })
}

/// A volume of directories of which each has the same mebibyte for its index.
fn shared_index() -> Vec<u8> {
    with_content(&[0x41; 1 << 20], |_, content_at| {
        let runs = [run(256, content_at as i64), vec![0]].concat();
        Forge::directory().name(5, "d").runs(INDEX_ALLOCATION, "$I30", (0, 255), [1 << 20; 3], &runs)
    })
}

/// A volume of such records, with this behind its table.
fn with_content(content: &[u8], record: impl Fn(u64, u64) -> Forge) -> Vec<u8> {
    let mut bytes = volume(content.len() as u64, record);
    let at = (VolumeForge::TABLE + (24 + MANY).div_ceil(4)) * 4096;
    forge::put(&mut bytes, at as usize, content);
    bytes
}

/// A volume of such records and so many bytes behind its table; the record is told where they start.
fn volume(content: u64, record: impl Fn(u64, u64) -> Forge) -> Vec<u8> {
    let table_clusters = (24 + MANY).div_ceil(4);
    let table_run = [run(table_clusters, VolumeForge::TABLE as i64), vec![0]].concat();
    let size = table_clusters * 4096;
    let first = Forge::new().name(5, "$MFT").runs(DATA, "", (0, table_clusters - 1), [size; 3], &table_run);
    let content_at = VolumeForge::TABLE + table_clusters;
    let record = |number: u64| match number {
        0 => first.clone().on_disk(0),
        5 => forge::root().on_disk(5),
        24.. => record(number, content_at).on_disk(number),
        _ => vec![0; 1024],
    };
    let records = (0..24 + MANY).map(record).collect();
    VolumeForge { clusters: content_at + content.div_ceil(4096) + 1, records, content: Vec::new() }.bytes()
}

//! A new volume, over whatever was there.

use std::collections::BTreeMap;

use super::super::Form;
use super::super::random::Random;
use super::attributes::{Facts, VOLUME_INFORMATION, VOLUME_NAME, utf16};
use super::clusters::Clusters;
use super::node::{Node, Stream, upper, upper_unit};
use super::record::{Header, RECORD};
use super::runs::Run;
use super::table::{FIRST_USER, boot_sector};
use super::{Habits, ROOT, Size, Slot, Volume};

/// 2026-01-01, in units of 100 ns since 1601.
const START: u64 = 134_118_720_000_000_000;
const UPCASE_SIZE: usize = 131_072;
const NAMES: [&str; 12] = [
    "$MFT", "$MFTMirr", "$LogFile", "$Volume", "$AttrDef", ".", "$Bitmap", "$Boot", "$BadClus", "$Secure", "$UpCase",
    "$Extend",
];

impl Volume {
    pub(crate) fn format(size: Size, habits: Habits, seed: u64) -> Self {
        Self::format_over(vec![0; size.bytes as usize], size.cluster, habits, seed)
    }

    /// A quick format: only what a new volume needs is written over.
    pub(crate) fn format_over(bytes: Vec<u8>, cluster: u64, habits: Habits, seed: u64) -> Self {
        let random = Random::new(seed);
        let total = (bytes.len() as u64 - 512) / cluster;
        let mut volume = Self {
            clusters: Clusters::new(total, random.fork("clusters")),
            bytes,
            cluster,
            habits,
            slots: (0..FIRST_USER).map(|number| Slot { sequence: number.max(1) as u16, ..Slot::default() }).collect(),
            next_slot: FIRST_USER,
            table: Vec::new(),
            nodes: BTreeMap::new(),
            now: START + seed % 1000 * 36_000_000_000,
            log_sequence: 0x10_0000,
            random: random.fork("volume"),
        };
        volume.place_metadata(total);
        volume
    }

    fn place_metadata(&mut self, total: u64) {
        let cluster = self.cluster;
        let in_clusters = |bytes: u64| bytes.div_ceil(cluster);
        let boot = self.reserve(0, in_clusters(8192));
        let start = total / 3;
        self.table = self.reserve(start, in_clusters(FIRST_USER * RECORD as u64));
        let bitmap_of_table = self.reserve(start.saturating_sub(in_clusters(4096)), in_clusters(512));
        let mirror = self.reserve(boot.len() as u64, in_clusters(4 * RECORD as u64));
        let log = self.reserve(total / 2, in_clusters(65_536));
        let upcase = self.reserve(total / 2 + in_clusters(65_536), in_clusters(UPCASE_SIZE as u64));
        let bitmap_size = total.div_ceil(64) * 8;
        let bitmap = self.reserve(in_clusters(16_384), in_clusters(bitmap_size));
        self.keep_zone();
        let contents: [(u64, Vec<u64>, Vec<u8>); 6] = [
            (1, mirror, vec![0; 4 * RECORD]),
            (2, log, vec![0xFF; 65_536]),
            (6, bitmap, vec![0; bitmap_size as usize]),
            (7, boot, vec![0; 8192]),
            (10, upcase, upcase_table()),
            (0, self.table.clone(), vec![0; FIRST_USER as usize * RECORD]),
        ];
        let mut streams: BTreeMap<u64, Stream> = BTreeMap::new();
        for (number, lcns, content) in contents {
            self.write_clusters(&lcns, 0, &content);
            let (map, initialized) = (lcns.into_iter().map(Some).collect(), content.len() as u64);
            streams.insert(number, Stream { content, is_outside: true, map, initialized });
        }
        for number in 0..12 {
            self.nodes.insert(number, self.metadata(number, streams.remove(&number), &bitmap_of_table, total));
        }
        let sectors = self.bytes.len() as u64 / 512;
        let mirror = self.nodes[&1].streams[""].map[0].expect("no hole");
        let serial = self.random.next();
        let boot = boot_sector(cluster, sectors, self.table[0], mirror, serial);
        self.bytes[..512].copy_from_slice(&boot);
        let end = (sectors as usize - 1) * 512;
        self.bytes[end..end + 512].copy_from_slice(&boot);
        self.write_metadata();
    }

    fn reserve(&mut self, start: u64, count: u64) -> Vec<u64> {
        self.clusters.reserve(&[Run { lcn: Some(start), count }]);
        (start..start + count).collect()
    }

    /// An eighth of the volume behind the table is left to it.
    fn keep_zone(&mut self) {
        if self.habits.keeps_zone {
            let start = self.table[self.table.len() - 1] + 1;
            let length = self.bytes.len() as u64 / self.cluster / 8;
            self.clusters.keep(start..start + length);
        }
    }

    fn metadata(&self, number: u64, stream: Option<Stream>, bitmap: &[u64], total: u64) -> Node {
        let facts = Facts { created: self.now, modified: self.now, changed: self.now, attributes: 6 };
        let name = NAMES[number as usize].to_owned();
        let mut node = Node {
            number,
            sequence: number.max(1) as u16,
            is_directory: matches!(number, ROOT | 11),
            facts,
            names: vec![(ROOT, name)],
            ..Node::default()
        };
        if !node.is_directory {
            node.streams.insert(String::new(), stream.unwrap_or_default());
        }
        match number {
            0 => node.bitmap = bitmap.to_vec(),
            3 => {
                node.extras.push((VOLUME_NAME, utf16("lives")));
                node.extras.push((VOLUME_INFORMATION, vec![0, 0, 0, 0, 0, 0, 0, 0, 3, 1, 0, 0]));
            }
            8 => {
                node.form = Form::Sparse;
                let hole = Stream {
                    content: vec![0; (total * self.cluster) as usize],
                    is_outside: true,
                    map: vec![None; total as usize],
                    initialized: 0,
                };
                node.streams.insert("$Bad".into(), hole);
            }
            _ => {}
        }
        node
    }

    fn write_metadata(&mut self) {
        for number in 0..FIRST_USER {
            self.slots[number as usize].is_used = number < 16;
            self.slots[number as usize].was_used = true;
            let sequence = self.slots[number as usize].sequence;
            let flags = u16::from(number < 16);
            let zeros = vec![0; RECORD];
            let table = self.table.clone();
            self.write_clusters(&table, number * RECORD as u64, &zeros);
            self.write_record(Header { number, sequence, flags, ..Header::default() }, &[]);
        }
        let children: Vec<_> = (0..12).map(|number| (NAMES[number as usize].to_owned(), number)).collect();
        let root = self.nodes.get_mut(&ROOT).expect("there is a root");
        root.children = children.into_iter().map(|(name, number)| (upper(&name), (name, number))).collect();
        for number in 0..12 {
            let node = self.nodes[&number].clone();
            if node.is_directory { self.write_directory(node) } else { self.write_node(node) }
        }
        self.write_bitmaps();
    }
}

fn upcase_table() -> Vec<u8> {
    (0..=u16::MAX).flat_map(|unit| upper_unit(unit).to_le_bytes()).collect()
}

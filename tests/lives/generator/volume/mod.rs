//! A volume of our own making, with the habits of one driver or another.

mod attributes;
mod clusters;
mod disk;
mod format;
mod index;
mod layout;
mod lznt1;
mod node;
mod places;
pub(crate) mod record;
mod runs;
mod streams;
mod table;

use std::collections::BTreeMap;

use super::random::Random;
use attributes::{Facts, file_name, put};
pub(crate) use clusters::Allocation;
use clusters::Clusters;
use index::Index;
use node::{Node, runs_of};
use runs::{Run, push};

const ROOT: u64 = 5;
/// Clusters' bytes that are kept for metadata when the volume is full.
const RESERVE: u64 = 64 << 10;

/// What drivers do differently.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Habits {
    pub(crate) allocation: Allocation,
    /// Leaves an eighth of the volume to the table, for as long as there is room elsewhere.
    pub(crate) keeps_zone: bool,
    /// A record starts its life with zeros behind its end (ntfs-3g), or with what an earlier one left (Windows).
    pub(crate) clears_records: bool,
    /// Sequence numbers go up when a record is freed (Windows, ntfs-3g), or when it is used again (Linux ntfs3).
    pub(crate) counts_on_deletion: bool,
    /// A record is used again as soon as it is the lowest free one, or only when the search has come round.
    pub(crate) reuses_lowest: bool,
    /// An attribute list stays when it is not needed any more.
    pub(crate) keeps_list: bool,
    /// A stream that has become small goes back into its record.
    pub(crate) moves_back: bool,
    /// What is lengthened is not written to (Windows), or filled with zeros.
    pub(crate) leaves_uninitialized: bool,
    /// A deleted file's record says that it has no name (ntfs-3g).
    pub(crate) zeroes_links: bool,
    /// A file with extension records is cut to nothing before it is deleted (Windows).
    pub(crate) cuts_large: bool,
    pub(crate) long_information: bool,
    /// Records that the table grows by.
    pub(crate) growth: u64,
}

impl Habits {
    /// Those of Windows.
    pub(crate) const WINDOWS: Self = Self {
        allocation: Allocation::BestFit,
        keeps_zone: true,
        clears_records: false,
        counts_on_deletion: true,
        reuses_lowest: true,
        keeps_list: true,
        moves_back: false,
        leaves_uninitialized: true,
        zeroes_links: false,
        cuts_large: false,
        long_information: true,
        growth: 64,
    };

    /// Those that the seed says, with this allocation.
    pub(crate) fn any(allocation: Allocation, random: &mut Random) -> Self {
        Self {
            allocation,
            keeps_zone: random.percent(50),
            clears_records: random.percent(30),
            counts_on_deletion: random.percent(80),
            reuses_lowest: random.percent(70),
            keeps_list: random.percent(50),
            moves_back: random.percent(30),
            leaves_uninitialized: random.percent(60),
            zeroes_links: random.percent(50),
            cuts_large: random.percent(20),
            long_information: random.percent(80),
            growth: random.choose(&[8, 16, 64]),
        }
    }
}

/// How large a volume is made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    pub(crate) bytes: u64,
    pub(crate) cluster: u64,
}

/// A slot of the table.
#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    is_used: bool,
    sequence: u16,
    was_used: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Volume {
    bytes: Vec<u8>,
    cluster: u64,
    habits: Habits,
    clusters: Clusters,
    slots: Vec<Slot>,
    /// Where the search for a free record goes on.
    next_slot: u64,
    table: Vec<u64>,
    nodes: BTreeMap<u64, Node>,
    now: u64,
    log_sequence: u64,
    random: Random,
}

impl Volume {
    /// How many clusters were handed out so far.
    pub(crate) fn handed_out(&self) -> u64 {
        self.clusters.handed_out
    }

    pub(crate) fn cluster(&self) -> u64 {
        self.cluster
    }

    /// Free clusters for content.
    fn room(&self) -> u64 {
        self.clusters.free().saturating_sub(RESERVE / self.cluster)
    }

    fn take_clusters(&mut self, count: u64) -> Vec<u64> {
        let runs = self.clusters.allocate(count, self.habits.allocation).expect("room was kept");
        clusters::each(&runs).collect()
    }

    fn release(&mut self, lcns: impl Iterator<Item = u64>) {
        let mut runs = Vec::new();
        lcns.for_each(|lcn| push(&mut runs, Run { lcn: Some(lcn), count: 1 }));
        self.clusters.release(&runs);
    }

    /// Writes behind byte `offset` of what lies in these clusters.
    fn write_clusters(&mut self, lcns: &[u64], offset: u64, bytes: &[u8]) {
        let mut done = 0;
        while done < bytes.len() {
            let at = offset + done as u64;
            let inside = at % self.cluster;
            let length = ((self.cluster - inside) as usize).min(bytes.len() - done);
            let place = (lcns[(at / self.cluster) as usize] * self.cluster + inside) as usize;
            put(&mut self.bytes, place, &bytes[done..done + length]);
            done += length;
        }
    }

    fn read_clusters(&self, lcns: &[u64], offset: u64, length: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(length);
        while bytes.len() < length {
            let at = offset + bytes.len() as u64;
            let inside = at % self.cluster;
            let count = ((self.cluster - inside) as usize).min(length - bytes.len());
            let place = (lcns[(at / self.cluster) as usize] * self.cluster + inside) as usize;
            bytes.extend_from_slice(&self.bytes[place..place + count]);
        }
        bytes
    }

    fn reference_of(&self, number: u64) -> u64 {
        number | u64::from(self.slots[number as usize].sequence) << 48
    }

    fn index_of(&self, node: &Node) -> Index {
        let entry = |(name, number): &(String, u64)| {
            let child = self.nodes.get(number);
            let facts = child.map_or_else(Facts::default, |child| child.facts);
            let is_directory = child.is_some_and(|child| child.is_directory);
            let mut key = file_name(self.reference_of(node.number), name, 1, facts, is_directory);
            if let Some(stream) = child.and_then(|child| child.streams.get("")) {
                put(&mut key, 40, &(stream.map.len() as u64 * self.cluster).to_le_bytes());
                put(&mut key, 48, &stream.size().to_le_bytes());
            }
            index::entry(self.reference_of(*number), &key)
        };
        index::build(node.children.values().map(entry).collect(), self.cluster)
    }

    /// Writes the blocks of a directory's index, and its records.
    fn write_directory(&mut self, mut node: Node) {
        let index = self.index_of(&node);
        let per_block = (index::BLOCK as u64 / self.cluster) as usize;
        let wanted = index.blocks.len() * per_block;
        if node.index.len() < wanted {
            let more = self.take_clusters((wanted - node.index.len()) as u64);
            node.index.extend(more);
        }
        let rest = node.index.split_off(wanted);
        self.release(rest.into_iter());
        for (number, entries) in index.blocks.iter().enumerate() {
            let vcn = (number * per_block) as u64;
            let mut block = self.read_clusters(&node.index, vcn * self.cluster, index::BLOCK);
            index::write_block(&mut block, vcn, self.log_sequence, entries);
            self.write_clusters(&node.index, vcn * self.cluster, &block);
        }
        self.write_node(node);
    }

    /// Where the attribute list of a file lies outside its record.
    pub(crate) fn list_runs(&self, number: u64) -> Vec<Run> {
        let map: Vec<_> =
            self.nodes.get(&number).into_iter().flat_map(|node| &node.list).map(|lcn| Some(*lcn)).collect();
        runs_of(&map)
    }
}

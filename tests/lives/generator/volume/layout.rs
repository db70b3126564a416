//! Which attribute of a file stands in which of its records.

use super::super::Form;
use super::Volume;
use super::attributes::{
    ATTRIBUTE_LIST, Attribute, BITMAP, COMPRESSED, DATA, FILE_NAME, INDEX_ALLOCATION, INDEX_ROOT, SPARSE, Sizes,
    file_name, list_entry, non_resident, resident, standard_information,
};
use super::node::{Node, Stream, runs_of, upper};
use super::record::{DIRECTORY, Header, IN_USE, ROOM};
use super::runs::pieces;

/// Bytes of mapping pairs in one piece of a stream.
const PAIRS: usize = 560;
/// Bytes of an attribute list that stay in the record.
const LIST_IN_RECORD: usize = 280;

impl Volume {
    /// Writes all records of a file, and what its attributes need.
    pub(super) fn write_node(&mut self, mut node: Node) {
        self.log_sequence += 8;
        node.facts.changed = self.now;
        let whole = self.attributes_of(&node, usize::MAX);
        let total: usize = whole.iter().map(|attribute| attribute.bytes.len()).sum();
        let stays = self.habits.keeps_list && node.has_list;
        if total <= ROOM && !stays {
            self.drop_list(&mut node);
            let header = self.header_of(&node);
            self.write_record(header, &whole);
        } else {
            let parts = self.attributes_of(&node, PAIRS);
            self.write_parts(&mut node, parts);
        }
        self.nodes.insert(node.number, node);
    }

    fn drop_list(&mut self, node: &mut Node) {
        for number in std::mem::take(&mut node.extensions) {
            self.free_record(number, None);
        }
        self.release(std::mem::take(&mut node.list).into_iter());
        node.has_list = false;
    }

    fn header_of(&self, node: &Node) -> Header {
        let directory = if node.is_directory { DIRECTORY } else { 0 };
        Header {
            number: node.number,
            sequence: node.sequence,
            links: node.names.len() as u16,
            flags: IN_USE | directory,
            base: 0,
            log_sequence: self.log_sequence,
        }
    }

    /// In the order of their types and names; streams in pieces whose pairs have at most so many bytes.
    fn attributes_of(&self, node: &Node, most: usize) -> Vec<Attribute> {
        let mut all = vec![standard_information(node.facts, self.habits.long_information)];
        for (parent, name) in &node.names {
            let value = file_name(self.reference_of(*parent), name, 1, node.facts, node.is_directory);
            all.push(resident(FILE_NAME, "", &value));
        }
        all.extend(node.extras.iter().map(|(code, value)| resident(*code, "", value)));
        for (name, stream) in &node.streams {
            self.add_stream(&mut all, node, name, stream, most);
        }
        if node.is_directory {
            self.add_index(&mut all, node);
        }
        if !node.bitmap.is_empty() {
            let map: Vec<_> = node.bitmap.iter().map(|lcn| Some(*lcn)).collect();
            let size = self.table_bitmap_size();
            let sizes = Sizes { allocated: map.len() as u64 * self.cluster, size, initialized: size };
            all.push(non_resident(BITMAP, "", (0, &runs_of(&map)), sizes, (0, self.cluster)));
        }
        // As the index orders names: without regard to case.
        all.sort_by_key(|attribute| (attribute.code, upper(&attribute.name), attribute.vcn));
        all
    }

    fn add_stream(&self, all: &mut Vec<Attribute>, node: &Node, name: &str, stream: &Stream, most: usize) {
        if !stream.is_outside {
            all.push(resident(DATA, name, &stream.content));
            return;
        }
        let flags = match node.form {
            Form::Plain => 0,
            Form::Sparse => SPARSE,
            Form::Compressed => COMPRESSED,
        };
        let sizes = Sizes {
            allocated: stream.map.len() as u64 * self.cluster,
            size: stream.size(),
            initialized: stream.initialized,
        };
        let runs = runs_of(&stream.map);
        for (vcn, piece) in pieces(&runs, most) {
            all.push(non_resident(DATA, name, (vcn, &piece), sizes, (flags, self.cluster)));
        }
    }

    fn add_index(&self, all: &mut Vec<Attribute>, node: &Node) {
        let index = self.index_of(node);
        all.push(resident(INDEX_ROOT, "$I30", &index.root));
        if node.index.is_empty() {
            return;
        }
        let map: Vec<_> = node.index.iter().map(|lcn| Some(*lcn)).collect();
        let size = map.len() as u64 * self.cluster;
        let sizes = Sizes { allocated: size, size, initialized: size };
        all.push(non_resident(INDEX_ALLOCATION, "$I30", (0, &runs_of(&map)), sizes, (0, self.cluster)));
        let used = (1_u64 << index.blocks.len()) - 1;
        all.push(resident(BITMAP, "$I30", &used.to_le_bytes()));
    }

    /// Base record, attribute list, and as many extension records as it takes.
    fn write_parts(&mut self, node: &mut Node, parts: Vec<Attribute>) {
        let length: usize = parts.iter().map(|part| list_entry(part, 0, 0).len()).sum();
        let stays_outside = !node.list.is_empty() && self.habits.keeps_list;
        let is_outside = length > LIST_IN_RECORD || stays_outside;
        let list_room = if is_outside { 112 } else { length.next_multiple_of(8) + 24 };
        let bins = share_out(parts, ROOM - list_room);
        while node.extensions.len() + 1 < bins.len() {
            let number = self.take_record();
            node.extensions.push(number);
        }
        for number in node.extensions.split_off(bins.len() - 1) {
            self.free_record(number, None);
        }
        let list = self.list_of(node, &bins);
        self.place_list(node, if is_outside { list.len() as u64 } else { 0 });
        let mut base = bins[0].clone();
        base.insert(1, self.list_attribute(node, &list));
        self.write_list(node, &list);
        let header = self.header_of(node);
        self.write_record(header, &base);
        for (number, bin) in node.extensions.clone().into_iter().zip(&bins[1..]) {
            let sequence = self.slots[number as usize].sequence;
            let base = node.number | u64::from(node.sequence) << 48;
            let header = Header { number, sequence, links: 0, flags: IN_USE, base, log_sequence: self.log_sequence };
            self.write_record(header, bin);
        }
        node.has_list = true;
    }

    fn list_of(&self, node: &Node, bins: &[Vec<Attribute>]) -> Vec<u8> {
        let mut entries = Vec::new();
        for (place, bin) in bins.iter().enumerate() {
            let number = if place == 0 { node.number } else { node.extensions[place - 1] };
            for (id, attribute) in bin.iter().enumerate() {
                // Behind the list, which is the second attribute of the base record.
                let id = id + usize::from(place == 0 && id > 0);
                let reference = self.reference_of(number);
                let key = (attribute.code, upper(&attribute.name), attribute.vcn);
                entries.push((key, list_entry(attribute, reference, id as u16)));
            }
        }
        entries.sort();
        entries.into_iter().flat_map(|(_, entry)| entry).collect()
    }

    /// Gives the list as many clusters as it needs.
    fn place_list(&mut self, node: &mut Node, bytes: u64) {
        let wanted = bytes.div_ceil(self.cluster) as usize;
        while node.list.len() < wanted {
            let more = self.take_clusters(1);
            node.list.extend(more);
        }
        let rest = node.list.split_off(wanted);
        self.release(rest.into_iter());
    }

    fn list_attribute(&self, node: &Node, list: &[u8]) -> Attribute {
        if node.list.is_empty() {
            return resident(ATTRIBUTE_LIST, "", list);
        }
        let map: Vec<_> = node.list.iter().map(|lcn| Some(*lcn)).collect();
        let size = list.len() as u64;
        let sizes = Sizes { allocated: map.len() as u64 * self.cluster, size, initialized: size };
        non_resident(ATTRIBUTE_LIST, "", (0, &runs_of(&map)), sizes, (0, self.cluster))
    }

    fn write_list(&mut self, node: &Node, list: &[u8]) {
        if !node.list.is_empty() {
            self.write_clusters(&node.list.clone(), 0, list);
        }
    }
}

/// The attributes record by record: what comes first stays in the base record.
fn share_out(parts: Vec<Attribute>, base_room: usize) -> Vec<Vec<Attribute>> {
    let mut bins = vec![Vec::new()];
    let mut rooms = vec![base_room];
    for part in parts {
        let length = part.bytes.len();
        let place = rooms.iter().position(|room| *room >= length).unwrap_or_else(|| {
            bins.push(Vec::new());
            rooms.push(ROOM);
            rooms.len() - 1
        });
        rooms[place] -= length;
        bins[place].push(part);
    }
    bins
}

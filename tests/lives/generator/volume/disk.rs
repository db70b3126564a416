//! The volume as its users have it: paths.

use super::super::{Disk, Done, Form, Full};
use super::attributes::Facts;
use super::node::{Node, Stream, upper};
use super::table::FIRST_USER;
use super::{ROOT, Volume};

/// Most names of a directory: its index has two levels.
const MOST_CHILDREN: usize = 90;

impl Volume {
    fn find(&self, path: &str) -> Option<u64> {
        path.split('/').filter(|part| !part.is_empty()).try_fold(ROOT, |directory, part| {
            self.nodes[&directory].children.get(&upper(part)).map(|(_, number)| *number)
        })
    }

    fn node(&self, path: &str) -> Node {
        let number = self.find(path).unwrap_or_else(|| panic!("{path} is not there"));
        self.nodes[&number].clone()
    }

    fn parent<'p>(&self, path: &'p str) -> (u64, &'p str) {
        let (folder, name) = path.rsplit_once('/').expect("a path starts with /");
        (self.find(folder).unwrap_or_else(|| panic!("{folder} is not there")), name)
    }

    /// Whether another name of some file has its place.
    fn can_name(&self, path: &str) -> bool {
        let (parent, _) = self.parent(path);
        self.nodes[&parent].children.len() < MOST_CHILDREN && self.room() > 16
    }

    fn tick(&mut self) {
        self.now += self.random.between(1, 900) * 10_000_000;
    }

    fn new_node(&mut self, path: &str, is_directory: bool, form: Form) -> Done {
        self.tick();
        if !self.can_name(path) {
            return Err(Full);
        }
        let number = self.take_record();
        let sequence = self.slots[number as usize].sequence;
        let attributes = match form {
            Form::Plain => 0x20,
            Form::Sparse => 0x220,
            Form::Compressed => 0x820,
        };
        let facts = Facts { created: self.now, modified: self.now, changed: self.now, attributes };
        let mut node = Node { number, sequence, is_directory, form, facts, ..Node::default() };
        if !is_directory {
            node.streams.insert(String::new(), Stream::default());
        }
        self.nodes.insert(number, node);
        self.add_name(number, path);
        Ok(())
    }

    fn add_name(&mut self, number: u64, path: &str) {
        let (parent, name) = self.parent(path);
        let mut node = self.nodes[&number].clone();
        node.names.push((parent, name.to_owned()));
        self.write(node);
        let mut directory = self.nodes[&parent].clone();
        directory.children.insert(upper(name), (name.to_owned(), number));
        directory.facts.modified = self.now;
        self.write(directory);
    }

    fn drop_name(&mut self, number: u64, path: &str) {
        let (parent, name) = self.parent(path);
        let mut directory = self.nodes[&parent].clone();
        directory.children.remove(&upper(name));
        directory.facts.modified = self.now;
        self.write(directory);
        let mut node = self.nodes[&number].clone();
        let place = node.names.iter().position(|known| *known == (parent, name.to_owned()));
        node.names.remove(place.expect("the file has the name"));
        self.nodes.insert(number, node);
    }

    fn write(&mut self, node: Node) {
        if node.is_directory { self.write_directory(node) } else { self.write_node(node) }
    }

    /// Its record says what it said, but for being in use.
    fn delete(&mut self, number: u64) {
        let mut node = self.nodes.remove(&number).expect("a file");
        if self.habits.cuts_large && !node.extensions.is_empty() {
            for stream in node.streams.values_mut().filter(|stream| stream.is_outside) {
                self.release(std::mem::take(&mut stream.map).into_iter().flatten());
                *stream = Stream { is_outside: true, ..Stream::default() };
            }
            let cut = node.clone();
            self.write_node(cut);
            node = self.nodes.remove(&number).expect("a file");
        }
        for stream in node.streams.values_mut() {
            self.release(std::mem::take(&mut stream.map).into_iter().flatten());
        }
        self.release(node.list.into_iter().chain(node.index));
        for extension in node.extensions {
            self.free_record(extension, None);
        }
        self.free_record(number, self.habits.zeroes_links.then_some(0));
    }

    /// Whether the file is stored in pieces that are cut before it is deleted.
    pub(crate) fn is_cut_on_deletion(&self, number: u64) -> bool {
        self.habits.cuts_large && self.nodes.get(&number).is_some_and(|node| !node.extensions.is_empty())
    }
}

impl Disk for Volume {
    fn make_directory(&mut self, path: &str) -> Done {
        self.new_node(path, true, Form::Plain)
    }

    fn create(&mut self, path: &str, form: Form) -> Done {
        self.new_node(path, false, form)
    }

    fn write(&mut self, path: &str, stream: &str, offset: u64, bytes: &[u8]) -> Result<usize, Full> {
        self.tick();
        let mut node = self.node(path);
        if !node.streams.contains_key(stream) && (node.streams.len() > 12 || self.room() < 8) {
            return Err(Full);
        }
        let before = node.clone();
        let written = self.write_stream(&mut node, stream, offset, bytes);
        let node = if written.is_err() && !before.streams.contains_key(stream) {
            assert!(node.streams[stream].map.is_empty(), "a stream that was not made has clusters");
            before
        } else {
            node
        };
        Volume::write(self, node);
        written
    }

    fn set_size(&mut self, path: &str, stream: &str, size: u64) -> Done {
        self.tick();
        let mut node = self.node(path);
        let done = self.size_stream(&mut node, stream, size);
        Volume::write(self, node);
        done
    }

    fn remove_stream(&mut self, path: &str, stream: &str) {
        self.tick();
        let mut node = self.node(path);
        let gone = node.streams.remove(stream).expect("the stream is there");
        self.release(gone.map.into_iter().flatten());
        Volume::write(self, node);
    }

    fn rename(&mut self, from: &str, to: &str) -> Done {
        self.tick();
        let number = self.find(from).unwrap_or_else(|| panic!("{from} is not there"));
        let replaced = self.find(to).filter(|found| *found != number);
        if replaced.is_none() && !self.can_name(to) {
            return Err(Full);
        }
        if replaced.is_some() {
            self.remove(to);
        }
        self.drop_name(number, from);
        self.add_name(number, to);
        Ok(())
    }

    fn link(&mut self, path: &str, to: &str) -> Done {
        self.tick();
        let number = self.find(path).unwrap_or_else(|| panic!("{path} is not there"));
        if !self.can_name(to) || self.nodes[&number].names.len() > 12 {
            return Err(Full);
        }
        self.add_name(number, to);
        Ok(())
    }

    fn remove(&mut self, path: &str) {
        self.tick();
        let number = self.find(path).unwrap_or_else(|| panic!("{path} is not there"));
        assert!(number >= FIRST_USER, "{path} is the volume's own");
        let is_last = self.nodes[&number].names.len() == 1;
        let names = self.nodes[&number].names.clone();
        self.drop_name(number, path);
        if is_last {
            self.nodes.get_mut(&number).expect("a file").names = names;
            self.delete(number);
        } else {
            let node = self.nodes[&number].clone();
            Volume::write(self, node);
        }
    }

    fn reference(&mut self, path: &str) -> (u64, u16) {
        let node = self.node(path);
        (node.number, node.sequence)
    }

    fn is_all_in_records(&mut self, path: &str) -> bool {
        self.node(path).list.is_empty()
    }

    fn keeps(&mut self, number: u64) -> bool {
        !self.slots[number as usize].is_used && self.is_base(number)
    }

    fn content(&mut self, path: &str, stream: &str) -> Option<Vec<u8>> {
        let node = self.node(path);
        node.streams.get(stream).map(|stream| stream.content.clone())
    }

    fn rest(&mut self) {
        self.now += self.random.between(600, 90_000) * 10_000_000;
    }

    fn can_rewrite_compressed(&self) -> bool {
        true
    }

    fn image(&mut self) -> Vec<u8> {
        self.write_bitmaps();
        self.bytes.clone()
    }
}

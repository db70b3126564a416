//! The tree of names: made once, so that listings ask nothing of the volume.

use std::collections::HashMap;
use std::ops::{ControlFlow, Range};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ntfs_salvage::catalog::{Batch, Paths};
use ntfs_salvage::{Catalog, Entry, EntryState, FileReference, FileTime, Stream, Threads};

/// What is shown.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted {
    pub(crate) deleted: bool,
    /// NTFS's own files.
    pub(crate) own: bool,
    /// Alternate streams beside their files.
    pub(crate) streams: bool,
}

/// A file or directory, whatever its names.
#[derive(Debug, Clone)]
pub(crate) struct FileFacts {
    pub(crate) reference: FileReference,
    pub(crate) size: u64,
    pub(crate) modified: SystemTime,
    pub(crate) changed: SystemTime,
    pub(crate) accessed: SystemTime,
    pub(crate) created: SystemTime,
    pub(crate) is_directory: bool,
    /// How many names it has.
    pub(crate) links: u32,
    /// The name of the alternate stream that it is.
    pub(crate) stream: Option<Box<str>>,
    /// False for directories that only paths speak of.
    pub(crate) is_known: bool,
}

/// A name in a directory.
#[derive(Debug, Clone)]
struct Node {
    /// The directory, in `files`.
    parent: u32,
    name: Range<u32>,
    file: u32,
}

/// All that is shown. A file's number is its inode's, less one.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    files: Vec<FileFacts>,
    /// By directory and name.
    nodes: Vec<Node>,
    names: String,
    /// The directory each directory is in.
    parents: HashMap<u32, u32>,
}

pub(crate) const ROOT: u32 = 0;
const DELETED: &str = "$Deleted";
const ORPHAN: &str = "$Orphan";
/// NTFS's own files have the records before this one.
const FIRST_OF_USERS: u64 = 24;
const ROOT_RECORD: u64 = 5;

/// What a thread found in a batch of entries.
struct NamedFile {
    /// From the root of what is shown, with the name at the end.
    path: String,
    /// Where the name starts in it.
    name: usize,
    file: FileFacts,
}

/// Puts the tree together.
#[derive(Default)]
struct Builder {
    tree: Tree,
    /// Directories by their paths.
    directories: HashMap<String, u32>,
    /// Files that have been given a number, by their reference: hard links share it.
    numbers: HashMap<FileReference, u32>,
}

impl Tree {
    pub(crate) fn of(catalog: &Catalog<'_>, wanted: Wanted, threads: &Threads) -> Self {
        let mut builder = Builder::default();
        let root = catalog.entry(ROOT_RECORD).ok().filter(|entry| entry.state() == EntryState::Live);
        let root = root.map_or_else(unknown_directory, |entry| file_of(&entry));
        builder.tree.files.push(FileFacts { is_directory: true, ..root });
        builder.directories.insert(String::new(), ROOT);
        let work = |(paths, text): &mut (Paths<'_>, String), batch: Batch<'_>| {
            let mut found = Vec::new();
            batch.into_entries().for_each(|entry| look_at(&entry, wanted, (paths, text), &mut found));
            found
        };
        let consume = |found: Vec<NamedFile>| {
            found.into_iter().for_each(|found| builder.add(found));
            ControlFlow::<()>::Continue(())
        };
        let _ = catalog.scan(threads, || (catalog.paths(), String::new()), work, consume);
        builder.finish()
    }

    pub(crate) fn file(&self, number: u32) -> Option<&FileFacts> {
        self.files.get(number as usize)
    }

    pub(crate) fn file_count(&self) -> usize {
        self.files.iter().filter(|file| !file.is_directory).count()
    }

    /// The directory that a directory is in.
    pub(crate) fn parent_of(&self, directory: u32) -> u32 {
        self.parents.get(&directory).copied().unwrap_or(ROOT)
    }

    fn name(&self, node: &Node) -> &str {
        &self.names[node.name.start as usize..node.name.end as usize]
    }

    /// The names in a directory from the one numbered `first` on, with the files.
    pub(crate) fn children(&self, directory: u32, first: usize) -> impl Iterator<Item = (&str, u32)> {
        let start = self.nodes.partition_point(|node| node.parent < directory);
        let of_it = self.nodes[start..].iter().take_while(move |node| node.parent == directory);
        of_it.skip(first).map(|node| (self.name(node), node.file))
    }

    pub(crate) fn child(&self, directory: u32, name: &str) -> Option<u32> {
        let found =
            self.nodes.binary_search_by(|node| node.parent.cmp(&directory).then_with(|| self.name(node).cmp(name)));
        found.ok().map(|index| self.nodes[index].file)
    }
}

fn look_at(
    entry: &Entry<'_>,
    wanted: Wanted,
    (paths, text): (&mut Paths<'_>, &mut String),
    found: &mut Vec<NamedFile>,
) {
    let is_live = entry.state() == EntryState::Live;
    let number = entry.record_number();
    if number == ROOT_RECORD || (!is_live && !wanted.deleted) || (number < FIRST_OF_USERS && is_live && !wanted.own) {
        return;
    }
    let file = file_of(entry);
    let streams = entry.streams();
    let named = streams.iter().filter(|stream| wanted.streams && !stream.name().is_empty());
    let named: Vec<(Box<str>, u64)> =
        named.map(|stream| (stream.name().to_string().into(), stream.size().unwrap_or(0))).collect();
    let mut add = |path: String, name: usize| {
        for (stream, size) in &named {
            let of_stream =
                FileFacts { stream: Some(stream.clone()), size: *size, is_directory: false, links: 1, ..file.clone() };
            let path = format!("{}:{}", path, clean(stream));
            found.push(NamedFile { path, name, file: of_stream });
        }
        found.push(NamedFile { path, name, file: file.clone() });
    };
    let links = entry.links();
    if links.is_empty() {
        let path = format!("{ORPHAN}/record {}", entry.reference());
        return add(path, ORPHAN.len() + 1);
    }
    for link in links {
        text.clear();
        paths.push(link.parent(), link.name(), text);
        let own = clean(&link.name().to_string());
        let above = text.len().saturating_sub(link.name().to_string().len()).min(text.len());
        let above = text.get(..above).unwrap_or_default().trim_end_matches('/');
        let is_own = above == "/$Extend" || above.starts_with("/$Extend/");
        if is_own && is_live && !wanted.own && !above.starts_with("/$Extend/$Deleted") {
            continue;
        }
        let is_whole = text.starts_with('/');
        let area = match (is_live, is_whole && entry.state() != EntryState::Ghost) {
            (true, true) => "",
            (false, true) => DELETED,
            // What is live and has no way to the root was not asked for as deleted; it is shown all the same.
            _ => ORPHAN,
        };
        let mut path = String::from(area);
        for part in above.split('/').filter(|part| !part.is_empty()) {
            push_part(&mut path, &clean(part));
        }
        let name = if path.is_empty() { 0 } else { path.len() + 1 };
        push_part(&mut path, &own);
        add(path, name);
    }
}

fn push_part(path: &mut String, part: &str) {
    if !path.is_empty() {
        path.push('/');
    }
    path.push_str(part);
}

/// A name that means nothing to a kernel but itself.
fn clean(name: &str) -> String {
    let text: String =
        name.chars().map(|letter| if letter == '/' || letter == '\0' { '\u{fffd}' } else { letter }).collect();
    match text.as_str() {
        "" | "." | ".." => format!("\u{fffd}{text}"),
        _ if text.len() > 1000 => {
            text.char_indices().take_while(|(at, _)| *at < 1000).map(|(_, letter)| letter).collect()
        }
        _ => text,
    }
}

fn file_of(entry: &Entry<'_>) -> FileFacts {
    let times = entry
        .standard_information()
        .map(|times| [times.modified(), times.record_changed(), times.accessed(), times.created()].map(system_time));
    let [modified, changed, accessed, created] = times.unwrap_or([UNIX_EPOCH; 4]);
    let is_directory = entry.is_directory();
    let streams = entry.streams();
    let size = streams.iter().find(|stream| stream.name().is_empty()).and_then(Stream::size);
    FileFacts {
        reference: entry.reference(),
        size: if is_directory { 0 } else { size.unwrap_or(0).min(i64::MAX as u64) },
        modified,
        changed,
        accessed,
        created,
        is_directory,
        links: 0,
        stream: None,
        is_known: true,
    }
}

fn unknown_directory() -> FileFacts {
    FileFacts {
        reference: FileReference::new(0, 0),
        size: 0,
        modified: UNIX_EPOCH,
        changed: UNIX_EPOCH,
        accessed: UNIX_EPOCH,
        created: UNIX_EPOCH,
        is_directory: true,
        links: 0,
        stream: None,
        is_known: false,
    }
}

/// A time of NTFS: 100 ns since 1601.
fn system_time(time: FileTime) -> SystemTime {
    const SECONDS_TO_1970: u64 = 11_644_473_600;
    let since = Duration::new(time.0 / 10_000_000, (time.0 % 10_000_000) as u32 * 100);
    let epoch = Duration::from_secs(SECONDS_TO_1970);
    match since.checked_sub(epoch) {
        Some(after) => UNIX_EPOCH.checked_add(after).unwrap_or(UNIX_EPOCH),
        None => UNIX_EPOCH.checked_sub(epoch - since).unwrap_or(UNIX_EPOCH),
    }
}

impl Builder {
    fn add(&mut self, found: NamedFile) {
        let NamedFile { path, name, file } = found;
        if file.is_directory {
            let number = self.directory(&path);
            let known = &mut self.tree.files[number as usize];
            // Of two directories with one path the one that was found first keeps it.
            if !known.is_known {
                *known = file;
            }
            return;
        }
        let parent = self.directory(path[..name].trim_end_matches('/'));
        let number = self.number(file);
        self.node(parent, &path[name..], number);
    }

    fn number(&mut self, file: FileFacts) -> u32 {
        let next = self.tree.files.len() as u32;
        let number = match file.stream {
            Some(_) => next,
            // Names without a record are not one file.
            None if file.reference == FileReference::UNKNOWN => next,
            None => *self.numbers.entry(file.reference).or_insert(next),
        };
        if number == next {
            self.tree.files.push(file);
        }
        self.tree.files[number as usize].links += 1;
        number
    }

    fn node(&mut self, parent: u32, name: &str, file: u32) {
        let start = self.tree.names.len() as u32;
        self.tree.names.push_str(name);
        let name = start..self.tree.names.len() as u32;
        self.tree.nodes.push(Node { parent, name, file });
    }

    /// The directory with a path, made with all above it where it is not there.
    fn directory(&mut self, path: &str) -> u32 {
        if let Some(&number) = self.directories.get(path) {
            return number;
        }
        // From the top down, so that a path of any depth is no recursion.
        let mut number = ROOT;
        for end in path.match_indices('/').map(|(at, _)| at).chain([path.len()]) {
            let part = &path[..end];
            number = match self.directories.get(part) {
                Some(&known) => known,
                None => {
                    let made = self.tree.files.len() as u32;
                    self.tree.files.push(unknown_directory());
                    let name = part.rfind('/').map_or(0, |slash| slash + 1);
                    self.node(number, &part[name..], made);
                    self.tree.parents.insert(made, number);
                    self.directories.insert(part.to_owned(), made);
                    made
                }
            };
        }
        number
    }

    fn finish(self) -> Tree {
        let Self { mut tree, .. } = self;
        let mut nodes = std::mem::take(&mut tree.nodes);
        let name = |node: &Node| &tree.names[node.name.start as usize..node.name.end as usize];
        nodes.sort_by(|one, other| one.parent.cmp(&other.parent).then_with(|| name(one).cmp(name(other))));
        // A name that is taken gets its file's record; a directory comes first, as it may hold others.
        let mut renamed = Vec::new();
        let mut start = 0;
        while start < nodes.len() {
            let same = |node: &Node| node.parent == nodes[start].parent && name(node) == name(&nodes[start]);
            let end = start + nodes[start..].iter().take_while(|node| same(node)).count();
            let is_directory = |index: &usize| tree.files[nodes[*index].file as usize].is_directory;
            let keeper = (start..end).find(is_directory).unwrap_or(start);
            renamed.extend((start..end).filter(|index| *index != keeper));
            start = end;
        }
        let names: Vec<_> = renamed
            .iter()
            .map(|&index| {
                format!("{}~{}.{index}", name(&nodes[index]), tree.files[nodes[index].file as usize].reference)
            })
            .collect();
        for (&index, text) in renamed.iter().zip(&names) {
            let start = tree.names.len() as u32;
            tree.names.push_str(text);
            nodes[index].name = start..tree.names.len() as u32;
        }
        if !renamed.is_empty() {
            let name = |node: &Node| &tree.names[node.name.start as usize..node.name.end as usize];
            nodes.sort_by(|one, other| one.parent.cmp(&other.parent).then_with(|| name(one).cmp(name(other))));
        }
        tree.nodes = nodes;
        tree
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(record: u64) -> FileFacts {
        FileFacts {
            reference: FileReference::new(record, 1),
            is_directory: false,
            is_known: true,
            ..unknown_directory()
        }
    }

    fn tree(paths: &[(&str, u64, bool)]) -> Tree {
        let mut builder = Builder::default();
        builder.tree.files.push(unknown_directory());
        builder.directories.insert(String::new(), ROOT);
        for &(path, record, is_directory) in paths {
            let name = path.rfind('/').map_or(0, |slash| slash + 1);
            builder.add(NamedFile { path: path.into(), name, file: FileFacts { is_directory, ..file(record) } });
        }
        builder.finish()
    }

    fn names(tree: &Tree, directory: u32) -> Vec<&str> {
        tree.children(directory, 0).map(|(name, _)| name).collect()
    }

    #[test]
    fn directories_are_made_on_the_way_and_known_later() {
        let tree = tree(&[("a/b/x", 30, false), ("a", 31, true), ("y", 32, false), ("a/b", 33, true)]);
        assert_eq!(names(&tree, ROOT), ["a", "y"]);
        let a = tree.child(ROOT, "a").unwrap();
        let b = tree.child(a, "b").unwrap();
        assert_eq!((names(&tree, a), names(&tree, b)), (vec!["b"], vec!["x"]));
        assert_eq!((tree.parent_of(b), tree.parent_of(a)), (a, ROOT));
        assert!(tree.file(a).unwrap().is_known && tree.file(b).unwrap().reference.record_number() == 33);
        assert_eq!(tree.child(b, "X"), None);
    }

    #[test]
    fn a_name_that_is_taken_gets_the_record_and_links_share_a_file() {
        let tree = tree(&[("x", 30, false), ("x", 31, false), ("x/in", 32, false), ("link", 30, false)]);
        let all = names(&tree, ROOT);
        assert_eq!(all.len(), 4, "{all:?}");
        assert!(all.contains(&"x") && all.iter().filter(|name| name.starts_with("x~3")).count() == 2, "{all:?}");
        assert!(tree.file(tree.child(ROOT, "x").unwrap()).unwrap().is_directory);
        let linked = tree.child(ROOT, "link").unwrap();
        assert_eq!(tree.file(linked).unwrap().links, 2);
    }

    #[test]
    fn hostile_names_stay_in_their_directory() {
        assert_eq!(
            ["..", ".", "", "a/b", "x\0y"].map(clean),
            ["\u{fffd}..", "\u{fffd}.", "\u{fffd}", "a\u{fffd}b", "x\u{fffd}y"]
        );
        assert!(clean(&"\u{4e00}".repeat(400)).len() <= 1003);
    }

    #[test]
    fn times_before_1970_and_at_the_end_are_times() {
        assert_eq!(system_time(FileTime(116_444_736_000_000_000)), UNIX_EPOCH);
        assert!(system_time(FileTime(0)) < UNIX_EPOCH);
        assert!(system_time(FileTime(u64::MAX)) > UNIX_EPOCH);
    }
}

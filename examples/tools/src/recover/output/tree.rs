//! The folders of the output, and which names in them are taken.

use std::collections::{HashMap, HashSet};

use ntfs_salvage::catalog::Paths;
use ntfs_salvage::structure::value::Namespace;
use ntfs_salvage::{Catalog, FileReference, Name};

use crate::recover::output::folder::Times;
use crate::recover::output::safe_name::{key, safe, with_mark};

/// A folder of the output by its place in the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FolderId(usize);

impl FolderId {
    pub const ROOT: Self = Self(0);

    pub fn index(self) -> usize {
        self.0
    }
}

/// A folder of the output.
struct Node {
    parent: FolderId,
    name: String,
    /// Of a directory that is wanted itself: made even if nothing is in it.
    times: Option<Option<Times>>,
}

/// The folders of the output. What they are called does not depend on the order of the work.
pub struct Tree {
    nodes: Vec<Node>,
    /// By parent and name on the volume; names that no volume has start with NUL.
    children: HashMap<(FolderId, Box<str>), FolderId>,
    /// The folder for the files in a directory; `None` for files without a name.
    homes: HashMap<Option<FileReference>, FolderId>,
    taken: HashSet<(FolderId, u64)>,
    /// What was asked for last: most files are in the directory of the one before.
    last_home: Option<(Option<FileReference>, FolderId)>,
    text: String,
}

/// Where paths go that stop before the root.
const ORPHANS: &str = "$Orphan";

impl Tree {
    /// A tree whose root holds `reserved` already.
    pub fn new(reserved: Option<&str>) -> Self {
        let root = Node { parent: FolderId::ROOT, name: String::new(), times: None };
        let taken = reserved.map(|name| (FolderId::ROOT, key(name)));
        Self {
            nodes: vec![root],
            children: HashMap::new(),
            homes: HashMap::new(),
            taken: taken.into_iter().collect(),
            last_home: None,
            text: String::new(),
        }
    }

    /// The folder for files in the directory `parent`, as far as one was asked for with [`prepare`](Self::prepare).
    pub fn home(&self, parent: Option<FileReference>) -> FolderId {
        self.homes.get(&parent).copied().unwrap_or(FolderId::ROOT)
    }

    /// Finds or makes the folder for files in the directory `parent`.
    pub fn prepare(&mut self, parent: Option<FileReference>, catalog: &Catalog<'_>, paths: &mut Paths<'_>) -> FolderId {
        if let Some((_, home)) = self.last_home.filter(|(last, _)| *last == parent) {
            return home;
        }
        let home = match self.homes.get(&parent) {
            Some(&known) => known,
            None => self.make_home(parent, catalog, paths),
        };
        self.last_home = Some((parent, home));
        home
    }

    fn make_home(&mut self, parent: Option<FileReference>, catalog: &Catalog<'_>, paths: &mut Paths<'_>) -> FolderId {
        let home = match parent {
            Some(parent) => self.descend(parent, catalog, paths),
            None => {
                let orphans = self.child(FolderId::ROOT, "\0orphans", ORPHANS, || None);
                self.child(orphans, "\0no name", "no name", || None)
            }
        };
        self.homes.insert(parent, home);
        home
    }

    fn descend(&mut self, parent: FileReference, catalog: &Catalog<'_>, paths: &mut Paths<'_>) -> FolderId {
        let mut text = std::mem::take(&mut self.text);
        text.clear();
        paths.push(parent, Name::new(&[]), &mut text);
        let mut names: Vec<&str> = text.trim_end_matches('/').split('/').collect();
        // In front of the first slash is nothing, or why the path stops.
        let stop = names.remove(0);
        let mut here = FolderId::ROOT;
        if !stop.is_empty() {
            let orphans = self.child(here, "\0orphans", ORPHANS, || None);
            here = self.child(orphans, stop, stop.trim_matches(['<', '>']), || None);
        }
        let depth = names.len();
        for (index, name) in names.into_iter().enumerate() {
            here = self.child(here, name, name, || ancestor(catalog, parent, depth - 1 - index));
        }
        self.text = text;
        here
    }

    /// The folder for a directory that is wanted itself.
    pub fn add_directory(&mut self, parent: FolderId, name: &str, reference: FileReference, times: Option<Times>) {
        let folder = self.child(parent, name, name, || Some(reference));
        self.nodes[folder.0].times = Some(times);
    }

    fn child(
        &mut self,
        parent: FolderId,
        raw: &str,
        name: &str,
        reference: impl FnOnce() -> Option<FileReference>,
    ) -> FolderId {
        if let Some(&known) = self.children.get(&(parent, raw.into())) {
            return known;
        }
        let id = FolderId(self.nodes.len());
        let mut own = safe(name).into_owned();
        if !self.take(parent, key(&own)) {
            let plain = std::mem::take(&mut own);
            let reference = reference().map_or_else(String::new, |reference| format!("~{reference}"));
            let marks = std::iter::once(reference.clone()).chain((2..).map(|n| format!("{reference}~{n}")));
            let mut marked = marks.map(|mark| with_mark(&plain, &mark));
            own = marked.find(|name| self.take(parent, key(name))).unwrap_or(plain);
        }
        self.nodes.push(Node { parent, name: own, times: None });
        self.children.insert((parent, raw.into()), id);
        id
    }

    /// Makes room for so many names.
    pub fn expect_names(&mut self, count: usize) {
        self.taken.reserve(count);
    }

    /// Takes a name by its [`key`]; false where it is taken.
    pub fn take(&mut self, folder: FolderId, key: u64) -> bool {
        self.taken.insert((folder, key))
    }

    pub fn parent(&self, folder: FolderId) -> FolderId {
        self.nodes[folder.0].parent
    }

    pub fn name(&self, folder: FolderId) -> &str {
        &self.nodes[folder.0].name
    }

    /// The folder of a directory that was [added](Self::add_directory).
    pub fn directory(&self, parent: FolderId, name: &str) -> Option<FolderId> {
        self.children.get(&(parent, name.into())).copied()
    }

    /// The directories that are wanted themselves.
    pub fn directories(&self) -> impl Iterator<Item = (FolderId, Option<Times>)> {
        let all = self.nodes.iter().enumerate();
        all.filter_map(|(index, node)| Some((FolderId(index), node.times?)))
    }

    /// Appends the path below the root, with a slash behind each name.
    pub fn push_path(&self, folder: FolderId, out: &mut String) {
        let mut names = Vec::new();
        let mut here = folder;
        while here != FolderId::ROOT {
            names.push(self.name(here));
            here = self.parent(here);
        }
        for name in names.into_iter().rev() {
            out.push_str(name);
            out.push('/');
        }
    }
}

/// The directory so many levels above another: asked only for names that are taken.
fn ancestor(catalog: &Catalog<'_>, mut reference: FileReference, levels: usize) -> Option<FileReference> {
    for _ in 0..levels {
        let entry = catalog.entry(reference.record_number()).ok()?;
        let links = entry.links();
        let link = links.iter().find(|link| link.file_name().namespace() != Namespace::DOS).or(links.first())?;
        reference = link.parent();
    }
    Some(reference)
}

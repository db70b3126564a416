//! What the kernel asks, and the answers.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::ops::Range;
use std::time::Duration;

use fuser::consts::{FOPEN_DIRECT_IO, FOPEN_KEEP_CACHE, FUSE_ASYNC_READ, FUSE_DO_READDIRPLUS};
use fuser::{
    FileAttr, FileType, Filesystem, KernelConfig, ReplyAttr, ReplyData, ReplyDirectory, ReplyDirectoryPlus, ReplyEmpty,
    ReplyEntry, ReplyOpen, ReplyStatfs, ReplyXattr, Request,
};
use ntfs_salvage::content::StreamReader;
use ntfs_salvage::recoverability::{Assessment, ByteStatus};
use ntfs_salvage::{Catalog, EntryState};
use rustix::io::Errno;

use crate::attributes;
use crate::tree::{FileFacts, ROOT, Tree};

/// What is left of a volume, as a file system.
pub(crate) struct Recovered<'m> {
    catalog: &'m Catalog<'m>,
    assessment: &'m Assessment<'m>,
    tree: &'m Tree,
    open: HashMap<u64, Open<'m>>,
    next_handle: u64,
    buffer: Vec<u8>,
    /// Numbers of streams that were looked up and are not in the tree, counted from the tree's end.
    streams: Vec<FileFacts>,
    stream_numbers: HashMap<(u32, String), u32>,
    owner: (u32, u32),
}

/// An open file.
struct Open<'m> {
    reader: StreamReader<'m>,
    size: u64,
    /// Parts that are not there, or are known to be another file's.
    lost: Vec<Range<u64>>,
    /// Whether a read may give less than was asked for.
    is_direct: bool,
}

/// Nothing changes while it is mounted.
const FOREVER: Duration = Duration::from_secs(1 << 20);
const BLOCK: u32 = 4096;
/// Streams that are looked up by name at most: each takes some room.
const MOST_STREAMS: usize = 1 << 16;

impl<'m> Recovered<'m> {
    pub(crate) fn new(catalog: &'m Catalog<'m>, assessment: &'m Assessment<'m>, tree: &'m Tree) -> Self {
        let owner = (rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw());
        Self {
            catalog,
            assessment,
            tree,
            open: HashMap::new(),
            next_handle: 1,
            buffer: Vec::new(),
            streams: Vec::new(),
            stream_numbers: HashMap::new(),
            owner,
        }
    }

    fn file(&self, inode: u64) -> Option<&FileFacts> {
        let number = u32::try_from(inode.checked_sub(1)?).ok()?;
        self.tree.file(number).or_else(|| self.streams.get(u32::MAX.checked_sub(number)? as usize))
    }

    fn attributes(&self, inode: u64, file: &FileFacts) -> FileAttr {
        FileAttr {
            ino: inode,
            size: file.size,
            blocks: file.size.div_ceil(512),
            atime: file.accessed,
            mtime: file.modified,
            ctime: file.changed,
            crtime: file.created,
            kind: if file.is_directory { FileType::Directory } else { FileType::RegularFile },
            perm: if file.is_directory { 0o555 } else { 0o444 },
            nlink: file.links.max(1),
            uid: self.owner.0,
            gid: self.owner.1,
            rdev: 0,
            blksize: BLOCK,
            flags: 0,
        }
    }

    /// The number of `NAME:STREAM` in a directory.
    fn stream(&mut self, directory: u32, name: &str) -> Option<u32> {
        // The name of the file may have a colon, too: the last one counts.
        let (of_file, of_stream) = name.rsplit_once(':')?;
        let number = self.tree.child(directory, of_file)?;
        let key = (number, of_stream.to_owned());
        if let Some(&known) = self.stream_numbers.get(&key) {
            return Some(known);
        }
        let file = self.tree.file(number).filter(|file| file.is_known && self.streams.len() < MOST_STREAMS)?;
        let entry = self.catalog.entry_of(file.reference).ok()?;
        let streams = entry.streams();
        let stream = streams.iter().find(|stream| !of_stream.is_empty() && stream.name().is(of_stream))?;
        let size = stream.size().unwrap_or(0).min(i64::MAX as u64);
        let found = FileFacts { size, stream: Some(of_stream.into()), is_directory: false, links: 1, ..file.clone() };
        let made = u32::MAX - self.streams.len() as u32;
        self.streams.push(found);
        self.stream_numbers.insert(key, made);
        Some(made)
    }

    fn opened(&self, file: &FileFacts) -> Option<Open<'m>> {
        let name = file.stream.as_deref().unwrap_or_default();
        let entry = self.catalog.entry_of(file.reference).ok()?;
        let streams = entry.streams();
        let stream = streams.iter().find(|stream| stream.name().is(name))?;
        let is_live = entry.state() == EntryState::Live || entry.header().is_in_use();
        let assessed = self.assessment.assess(stream);
        let is_lost = |standing| match standing {
            ByteStatus::Missing(_) | ByteStatus::Overwritten => true,
            ByteStatus::Claimed(_) => !is_live,
            _ => false,
        };
        let lost = assessed.ranges().iter().filter(|part| is_lost(part.standing));
        let lost: Vec<_> = lost.map(|part| part.range.offset..part.range.end()).collect();
        let reader = self.catalog.open_stream(file.reference, name).ok()?;
        Some(Open { reader, size: file.size, is_direct: !lost.is_empty(), lost })
    }

    fn entry(&self, number: u32, reply: ReplyEntry) {
        let inode = u64::from(number) + 1;
        match self.file(inode) {
            Some(file) => reply.entry(&FOREVER, &self.attributes(inode, file), 0),
            None => reply.error(code(Errno::NOENT)),
        }
    }
}

fn code(error: Errno) -> i32 {
    error.raw_os_error()
}

impl Open<'_> {
    /// The bytes from `offset` on that are there. Where the first is not, or, but for direct reads, any, it is an error:
    /// what is missing is no zero.
    fn read<'b>(&mut self, offset: u64, length: usize, buffer: &'b mut Vec<u8>) -> Result<&'b [u8], Errno> {
        let length = usize::try_from(self.size.saturating_sub(offset)).map_or(length, |left| left.min(length));
        buffer.resize(length.max(buffer.len()), 0);
        let bytes = &mut buffer[..length];
        if bytes.is_empty() {
            return Ok(bytes);
        }
        let end = offset + length as u64;
        let first = self.lost.partition_point(|lost| lost.end <= offset);
        let known = self.lost.get(first).map_or(end, |lost| lost.start.clamp(offset, end));
        let reading = self.reader.read_at(offset, bytes);
        let missing = reading.ranges().iter().find(|range| range.missing().is_some()).map_or(end, |range| range.offset);
        let there = known.min(missing).min(offset + reading.length() as u64).saturating_sub(offset) as usize;
        match there {
            0 => Err(Errno::IO),
            there if there < length && !self.is_direct => Err(Errno::IO),
            there => Ok(&bytes[..there]),
        }
    }
}

impl Filesystem for Recovered<'_> {
    fn init(&mut self, _: &Request<'_>, config: &mut KernelConfig) -> Result<(), i32> {
        // An older kernel goes without.
        let _ = config.add_capabilities(FUSE_ASYNC_READ);
        let _ = config.add_capabilities(FUSE_DO_READDIRPLUS);
        let _ = config.set_max_readahead(1 << 20);
        Ok(())
    }

    fn lookup(&mut self, _: &Request<'_>, parent: u64, name: &OsStr, reply: ReplyEntry) {
        let Some(directory) = parent.checked_sub(1).and_then(|number| u32::try_from(number).ok()) else {
            return reply.error(code(Errno::NOENT));
        };
        let Some(name) = name.to_str() else { return reply.error(code(Errno::NOENT)) };
        match self.tree.child(directory, name).or_else(|| self.stream(directory, name)) {
            Some(number) => self.entry(number, reply),
            None => reply.error(code(Errno::NOENT)),
        }
    }

    fn getattr(&mut self, _: &Request<'_>, inode: u64, _: Option<u64>, reply: ReplyAttr) {
        match self.file(inode) {
            Some(file) => reply.attr(&FOREVER, &self.attributes(inode, file)),
            None => reply.error(code(Errno::NOENT)),
        }
    }

    fn open(&mut self, _: &Request<'_>, inode: u64, flags: i32, reply: ReplyOpen) {
        const ACCESS: i32 = 3;
        if flags & ACCESS != 0 {
            return reply.error(code(Errno::ROFS));
        }
        let Some(opened) = self.file(inode).and_then(|file| self.opened(file)) else {
            return reply.error(code(Errno::IO));
        };
        let flags = if opened.is_direct { FOPEN_DIRECT_IO } else { FOPEN_KEEP_CACHE };
        let handle = self.next_handle;
        self.next_handle += 1;
        self.open.insert(handle, opened);
        reply.opened(handle, flags);
    }

    fn read(
        &mut self,
        _: &Request<'_>,
        _: u64,
        handle: u64,
        offset: i64,
        size: u32,
        _: i32,
        _: Option<u64>,
        reply: ReplyData,
    ) {
        let (Some(open), Ok(offset)) = (self.open.get_mut(&handle), u64::try_from(offset)) else {
            return reply.error(code(Errno::BADF));
        };
        match open.read(offset, size as usize, &mut self.buffer) {
            Ok(bytes) => reply.data(bytes),
            Err(error) => reply.error(code(error)),
        }
    }

    fn release(&mut self, _: &Request<'_>, _: u64, handle: u64, _: i32, _: Option<u64>, _: bool, reply: ReplyEmpty) {
        self.open.remove(&handle);
        reply.ok();
    }

    fn readdir(&mut self, _: &Request<'_>, inode: u64, _: u64, offset: i64, mut reply: ReplyDirectory) {
        for (place, name, number) in listing(self.tree, inode, offset) {
            let Some(file) = self.tree.file(number) else { continue };
            let kind = if file.is_directory { FileType::Directory } else { FileType::RegularFile };
            if reply.add(u64::from(number) + 1, place, kind, name) {
                break;
            }
        }
        reply.ok();
    }

    fn readdirplus(&mut self, _: &Request<'_>, inode: u64, _: u64, offset: i64, mut reply: ReplyDirectoryPlus) {
        for (place, name, number) in listing(self.tree, inode, offset) {
            let Some(file) = self.tree.file(number) else { continue };
            let of_entry = u64::from(number) + 1;
            if reply.add(of_entry, place, name, &FOREVER, &self.attributes(of_entry, file), 0) {
                break;
            }
        }
        reply.ok();
    }

    fn statfs(&mut self, _: &Request<'_>, _: u64, reply: ReplyStatfs) {
        let geometry = self.catalog.volume().geometry();
        let (size, blocks) =
            geometry.map_or((BLOCK, 0), |geometry| (geometry.cluster_size(), geometry.cluster_count()));
        reply.statfs(blocks, 0, 0, self.catalog.volume().mft().record_count(), 0, size, 1000, size);
    }

    fn getxattr(&mut self, _: &Request<'_>, inode: u64, name: &OsStr, size: u32, reply: ReplyXattr) {
        let wanted = name.to_str().filter(|name| name.starts_with("user."));
        let (Some(file), Some(wanted)) = (self.file(inode), wanted) else { return reply.error(code(Errno::NODATA)) };
        let all = attributes::all(self.catalog, self.assessment, file);
        match all.into_iter().find(|(name, _)| name == wanted) {
            Some((_, value)) => answer(&value, size, reply),
            None => reply.error(code(Errno::NODATA)),
        }
    }

    fn listxattr(&mut self, _: &Request<'_>, inode: u64, size: u32, reply: ReplyXattr) {
        let Some(file) = self.file(inode) else { return reply.error(code(Errno::NOENT)) };
        let all = attributes::all(self.catalog, self.assessment, file);
        let names: Vec<u8> = all.iter().flat_map(|(name, _)| name.bytes().chain([0])).collect();
        answer(&names, size, reply);
    }
}

/// What a directory has from a place on: the place of the next, a name, and a file.
fn listing(tree: &Tree, inode: u64, offset: i64) -> impl Iterator<Item = (i64, &str, u32)> {
    let directory = u32::try_from(inode.saturating_sub(1)).unwrap_or(ROOT);
    let first = usize::try_from(offset).unwrap_or(0);
    let dots = [(".", directory), ("..", tree.parent_of(directory))].into_iter().skip(first);
    let rest = tree.children(directory, first.saturating_sub(2));
    (offset + 1..).zip(dots.chain(rest)).map(|(place, (name, number))| (place, name, number))
}

fn answer(value: &[u8], size: u32, reply: ReplyXattr) {
    match size {
        0 => reply.size(value.len() as u32),
        size if (size as usize) < value.len() => reply.error(code(Errno::RANGE)),
        _ => reply.data(value),
    }
}

//! Content: into records, into clusters, into compression units.

use super::super::{Form, Full};
use super::node::{Node, Stream, UNIT};
use super::{Volume, lznt1};

/// Bytes of a value that stay in a record.
const IN_RECORD: usize = 640;

impl Volume {
    /// Writes to a stream of a file; how many bytes there was room for.
    pub(super) fn write_stream(&mut self, node: &mut Node, name: &str, at: u64, bytes: &[u8]) -> Result<usize, Full> {
        let form = node.form;
        let mut stream = node.streams.remove(name).unwrap_or_default();
        let written = self.write_into(&mut stream, form, at, bytes);
        node.streams.insert(name.to_owned(), stream);
        node.facts.modified = self.now;
        written
    }

    fn write_into(&mut self, stream: &mut Stream, form: Form, at: u64, bytes: &[u8]) -> Result<usize, Full> {
        let end = at + bytes.len() as u64;
        let is_small = stream.size().max(end) as usize <= IN_RECORD && form != Form::Sparse;
        if !stream.is_outside && !is_small {
            self.move_out(stream, form)?;
        }
        let mut written = bytes.len();
        if stream.is_outside && form == Form::Plain {
            written = self.fill_map(stream, end).saturating_sub(at).min(bytes.len() as u64) as usize;
            if written == 0 && !bytes.is_empty() {
                return Err(Full);
            }
        } else if stream.is_outside && self.room() < 2 * (end - at.min(end)) / self.cluster + 2 * UNIT {
            return Err(Full);
        }
        let before = stream.size();
        let end = at + written as u64;
        stream.content.resize(before.max(end) as usize, 0);
        stream.content[at as usize..end as usize].copy_from_slice(&bytes[..written]);
        if stream.is_outside {
            self.store(stream, form, at, end);
        }
        Ok(written)
    }

    /// Cuts or lengthens a stream. What is added are zeros.
    pub(super) fn size_stream(&mut self, node: &mut Node, name: &str, size: u64) -> Result<(), Full> {
        let form = node.form;
        let before = node.streams.get(name).map_or(0, Stream::size);
        if size > before {
            return self.lengthen(node, name, size);
        }
        let mut stream = node.streams.remove(name).unwrap_or_default();
        stream.content.truncate(size as usize);
        stream.initialized = stream.initialized.min(size);
        let unit = if form == Form::Compressed { UNIT } else { 1 };
        let kept = size.div_ceil(self.cluster).next_multiple_of(unit) as usize;
        let rest = stream.map.split_off(kept.min(stream.map.len()));
        self.release(rest.into_iter().flatten());
        if form == Form::Sparse {
            stream.map.resize(kept.next_multiple_of(UNIT as usize), None);
        }
        if stream.is_outside && form == Form::Compressed && size > 0 {
            let cluster = self.cluster;
            self.store(&mut stream, form, (size - 1) / (UNIT * cluster) * UNIT * cluster, size);
        }
        let last = size.saturating_sub(1) / self.cluster;
        if form == Form::Sparse && size > 0 && stream.map.get(last as usize).copied().flatten().is_some() {
            // What was behind the end must not come back when the stream grows again.
            self.store(&mut stream, form, size - 1, size);
        }
        if stream.is_outside && self.habits.moves_back && size <= 200 {
            let rest = std::mem::take(&mut stream.map);
            self.release(rest.into_iter().flatten());
            stream.is_outside = false;
        }
        node.streams.insert(name.to_owned(), stream);
        node.facts.modified = self.now;
        Ok(())
    }

    fn lengthen(&mut self, node: &mut Node, name: &str, size: u64) -> Result<(), Full> {
        let mut stream = node.streams.remove(name).unwrap_or_default();
        let before = stream.size();
        let done = match node.form {
            Form::Plain if size as usize <= IN_RECORD && !stream.is_outside => Ok(()),
            Form::Plain => self.lengthen_plain(&mut stream, size),
            form if stream.is_outside => self.store_holes(&mut stream, form, size),
            form => self.move_out(&mut stream, form).and_then(|()| self.store_holes(&mut stream, form, size)),
        };
        if done.is_ok() {
            stream.content.resize(size as usize, 0);
            if stream.is_outside && node.form == Form::Compressed && before > 0 {
                self.store(&mut stream, Form::Compressed, before - 1, before);
            }
        }
        node.streams.insert(name.to_owned(), stream);
        node.facts.modified = self.now;
        done
    }

    /// Clusters that are handed out and not written to: what the initialized size is for.
    fn lengthen_plain(&mut self, stream: &mut Stream, size: u64) -> Result<(), Full> {
        let wanted = size.div_ceil(self.cluster).saturating_sub(stream.map.len() as u64);
        if self.room() < wanted + stream.size() / self.cluster + 1 {
            return Err(Full);
        }
        self.move_out(stream, Form::Plain)?;
        let before = stream.size();
        self.fill_map(stream, size);
        if !self.habits.leaves_uninitialized {
            stream.content.resize(size as usize, 0);
            self.store(stream, Form::Plain, before, size);
        }
        Ok(())
    }

    fn store_holes(&mut self, stream: &mut Stream, form: Form, size: u64) -> Result<(), Full> {
        let unit = if form == Form::Plain { 1 } else { UNIT };
        let clusters = size.div_ceil(self.cluster).next_multiple_of(unit);
        stream.map.resize(clusters as usize, None);
        stream.initialized = size;
        Ok(())
    }

    /// Out of the record.
    fn move_out(&mut self, stream: &mut Stream, form: Form) -> Result<(), Full> {
        if stream.is_outside {
            return Ok(());
        }
        let size = stream.size();
        if self.room() < size.div_ceil(self.cluster) + UNIT {
            return Err(Full);
        }
        stream.is_outside = true;
        if form == Form::Plain {
            self.fill_map(stream, size);
        }
        self.store(stream, form, 0, size);
        Ok(())
    }

    /// Clusters up to byte `end`, as far as there are; up to which byte there are any.
    fn fill_map(&mut self, stream: &mut Stream, end: u64) -> u64 {
        let has = stream.map.len() as u64;
        let wanted = end.div_ceil(self.cluster).saturating_sub(has).min(self.room());
        let more = self.take_clusters(wanted);
        stream.map.extend(more.into_iter().map(Some));
        stream.map.len() as u64 * self.cluster
    }

    /// Puts bytes `from..to` of the content where they belong.
    fn store(&mut self, stream: &mut Stream, form: Form, from: u64, to: u64) {
        match form {
            Form::Plain => self.store_plain(stream, from.min(stream.initialized), to),
            Form::Sparse => self.store_sparse(stream, from, to),
            Form::Compressed => self.store_units(stream, from, to),
        }
        stream.initialized = stream.initialized.max(to).min(stream.size());
    }

    fn store_plain(&mut self, stream: &Stream, from: u64, to: u64) {
        let map: Vec<u64> = stream.map.iter().map(|lcn| lcn.expect("a plain stream has no holes")).collect();
        self.write_clusters(&map, from, &stream.content[from as usize..to as usize]);
    }

    fn store_sparse(&mut self, stream: &mut Stream, from: u64, to: u64) {
        let clusters = stream.size().div_ceil(self.cluster).next_multiple_of(UNIT) as usize;
        stream.map.resize(clusters, None);
        for vcn in from / self.cluster..to.div_ceil(self.cluster) {
            let start = (vcn * self.cluster) as usize;
            let bytes = stream.content[start..(start + self.cluster as usize).min(stream.content.len())].to_vec();
            let lcn = match stream.map[vcn as usize] {
                Some(lcn) => lcn,
                None => self.take_clusters(1)[0],
            };
            stream.map[vcn as usize] = Some(lcn);
            let mut whole = bytes;
            whole.resize(self.cluster as usize, 0);
            self.write_clusters(&[lcn], 0, &whole);
        }
    }

    fn store_units(&mut self, stream: &mut Stream, from: u64, to: u64) {
        let unit = UNIT * self.cluster;
        let clusters = stream.size().div_ceil(self.cluster).next_multiple_of(UNIT) as usize;
        stream.map.resize(clusters, None);
        for number in from / unit..to.div_ceil(unit) {
            let start = (number * unit) as usize;
            let data = stream.content[start..(start + unit as usize).min(stream.content.len())].to_vec();
            let place = (number * UNIT) as usize..((number + 1) * UNIT) as usize;
            let before: Vec<u64> = stream.map[place.clone()].iter_mut().filter_map(Option::take).collect();
            self.release(before.into_iter());
            if data.iter().all(|byte| *byte == 0) {
                continue;
            }
            let packed = lznt1::compress(&data);
            let needed = (packed.len() as u64).div_ceil(self.cluster);
            let (mut stored, count) = if needed < UNIT { (packed, needed) } else { (data, UNIT) };
            stored.resize((count * self.cluster) as usize, 0);
            let lcns = self.take_clusters(count);
            self.write_clusters(&lcns, 0, &stored);
            stream.map[place].iter_mut().zip(lcns).for_each(|(slot, lcn)| *slot = Some(lcn));
        }
    }
}

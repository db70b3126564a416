//! The content of a stream: read, written with holes, and inspected.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::ops::Range;

use ntfs_salvage::content::{Origin, StreamReader};
use ntfs_salvage::recoverability::{AssessedRange, ByteStatus};
use ntfs_salvage::source::Source;

use crate::command::stop::Stop;
use crate::files::verified_content::{is_written, size_of};
use crate::input::buffer::Buffer;
use crate::recover::copy::inspection::Inspection;
use crate::recover::copy::progress::Progress;
use crate::recover::copy::recovery::Recovery;
use crate::recover::order::fetched::Contents;
use crate::recover::order::turn::Turn;
use crate::recover::plan::job::Job;

/// The parts of a stream that are written, each as long as can be.
fn spans(ranges: &[AssessedRange], is_live: bool) -> impl Iterator<Item = Range<u64>> {
    let mut written = ranges.iter().filter(move |part| is_written(part.standing, is_live)).map(|part| part.range);
    let mut next = written.next();
    std::iter::from_fn(move || {
        let first = next.take()?;
        let mut end = first.end();
        for range in written.by_ref() {
            if range.offset != end {
                next = Some(range);
                break;
            }
            end = range.end();
        }
        Some(first.offset..end)
    })
}

/// Where content comes from, and the right to read it.
pub struct Reading<'c, 't> {
    pub contents: Contents<'c>,
    pub turn: &'c mut Turn<'t>,
}

/// Writes a stream into an empty file.
pub struct Copy<'c, 't> {
    file: &'c mut File,
    reading: Reading<'c, 't>,
    progress: &'c Progress,
    /// Where the file's cursor is, and how far inspecting has come.
    cursor: u64,
    inspected: u64,
    /// Which byte of the stream the file starts with, and which one is written next.
    base: u64,
    at: u64,
    /// True when less could be read than the metadata promised.
    pub falls_short: bool,
    /// Whether sectors of zeros are in question, as they are in a volume that has lost some.
    is_wiped: bool,
    /// Who may end it in the middle.
    stop: Option<&'c Stop>,
}

/// What ends a copy in the middle.
const INTERRUPTION: &str = "the user has ended the run";

/// Whether the user ended it.
pub fn is_interruption(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::Other && error.to_string() == INTERRUPTION
}

impl<'c, 't> Copy<'c, 't> {
    /// Bytes that are read in one turn of a stream that is read by itself.
    const TURN: u64 = Inspection::IN_A_TURN as u64 * Buffer::SIZE as u64;

    pub fn to(file: &'c mut File, recovery: &'c Recovery<'_>, reading: Reading<'c, 't>) -> Self {
        Self {
            file,
            reading,
            progress: recovery.progress,
            cursor: 0,
            inspected: 0,
            base: 0,
            at: 0,
            falls_short: false,
            is_wiped: recovery.assessment.is_wiped(),
            stop: Some(recovery.options.stop),
        }
    }

    /// The same, and nobody ends it in the middle.
    pub fn without_stops(mut self) -> Self {
        self.stop = None;
        self
    }

    /// Writes the stream of the job from byte `from` on, into a file that starts there. Returns the next byte that
    /// is to be written where the file system has no file of that size.
    pub fn run(&mut self, job: &Job<'_>, from: u64, inspection: &mut Inspection<'_, '_>) -> io::Result<Option<u64>> {
        let ranges = job.found.ranges();
        let size = size_of(ranges);
        if size == 0 {
            return Ok(None);
        }
        (self.base, self.cursor, self.inspected) = (from, from, from);
        let mut reader = None;
        for span in spans(ranges, job.is_live).filter(|span| span.end > from) {
            let span = span.start.max(from)..span.end;
            match self.copy_span(job, &mut reader, span, inspection) {
                Err(error) if is_too_far(&error) && self.at > self.base => return Ok(Some(self.at)),
                copied => copied?,
            }
        }
        self.pass_over(job, size, inspection);
        if self.cursor < size {
            match self.file.set_len(size - self.base) {
                Err(error) if is_too_far(&error) => return Ok(Some(size)),
                done => done?,
            }
        }
        Ok(None)
    }

    fn copy_span<'f>(
        &mut self,
        job: &Job<'f>,
        reader: &mut Option<StreamReader<'f>>,
        span: Range<u64>,
        inspection: &mut Inspection<'_, '_>,
    ) -> io::Result<()> {
        self.pass_over(job, span.start, inspection);
        self.at = span.start;
        let mut position = span.start;
        let mut next_turn = position.saturating_add(Self::TURN);
        while position < span.end {
            if self.stop.is_some_and(Stop::is_asked) {
                return Err(io::Error::other(INTERRUPTION));
            }
            if position >= next_turn {
                self.reading.turn.pause(|| inspection.catch_up());
                next_turn = position.saturating_add(Self::TURN);
            }
            let wanted = usize::try_from(span.end - position).map_or(Buffer::SIZE, |left| left.min(Buffer::SIZE));
            let mut buffer = inspection.buffer();
            let bytes = buffer.first(wanted);
            let length = match reader.is_none() && is_read_straight(job, &self.reading.contents, position, bytes) {
                true => self.write(position, bytes).map(|()| wanted)?,
                false => self.copy_piece(reader.get_or_insert_with(|| job.stream.reader()), position, bytes)?,
            };
            self.falls_short |= self.is_wiped && has_zero_sector(position, buffer.first(length));
            inspection.bytes(buffer, length);
            if length == 0 {
                // The map promised more: what follows stays a hole.
                self.falls_short = true;
                break;
            }
            position += length as u64;
            self.at = position;
            self.progress.add_bytes(length as u64);
        }
        self.inspected = position;
        Ok(())
    }

    /// What is not written up to `end`: zeros that the stream has, and what is missing or another's.
    fn pass_over(&mut self, job: &Job<'_>, end: u64, inspection: &mut Inspection<'_, '_>) {
        let ranges = job.found.ranges();
        let first = ranges.partition_point(|part| part.range.end() <= self.inspected);
        for part in &ranges[first..] {
            let range = part.range.clip(self.inspected, end);
            match part.standing {
                ByteStatus::Zeros => inspection.zeros(range.length),
                _ => inspection.gap(range.length),
            }
            self.inspected += range.length;
            if self.inspected >= end {
                break;
            }
        }
    }

    /// Copies what can be read of `bytes`, and returns how many of them the stream has. Missing ones are zero.
    fn copy_piece(&mut self, reader: &mut StreamReader<'_>, start: u64, bytes: &mut [u8]) -> io::Result<usize> {
        let reading = reader.read_at(start, bytes);
        let length = reading.length();
        if reading.is_true() {
            self.write(start, &bytes[..length])?;
            return Ok(length);
        }
        self.falls_short = true;
        let there = reading.ranges().iter().filter(|range| range.missing().is_none());
        for range in there {
            let from = (range.offset - start) as usize;
            self.write(range.offset, &bytes[from..][..range.length as usize])?;
        }
        Ok(length)
    }

    fn write(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        if offset != self.cursor {
            self.file.seek(SeekFrom::Start(offset - self.base))?;
        }
        self.file.write_all(bytes)?;
        self.cursor = offset + bytes.len() as u64;
        Ok(())
    }
}

/// True where a place in a file is farther than its file system has any.
fn is_too_far(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::FileTooLarge | io::ErrorKind::InvalidInput)
}

/// Whether a sector of the bytes, which are a stream's from `position` on, is zero.
fn has_zero_sector(position: u64, bytes: &[u8]) -> bool {
    const SECTOR: usize = 512;
    let first = (SECTOR - position as usize % SECTOR).min(bytes.len());
    let (head, rest) = bytes.split_at(if first == SECTOR { 0 } else { first });
    let is_zero = |sector: &[u8]| sector.iter().all(|byte| *byte == 0);
    (!head.is_empty() && is_zero(head)) || rest.chunks(SECTOR).any(is_zero)
}

/// Reads bytes that are stored as they are, all or nothing; what this cannot do the stream's reader does.
///
/// The assessment has found all places already: having the reader find them again took a seventh of
/// the time in user space.
fn is_read_straight(job: &Job<'_>, contents: &Contents<'_>, start: u64, bytes: &mut [u8]) -> bool {
    let ranges = job.found.ranges();
    let first = ranges.partition_point(|part| part.range.end() <= start);
    let (mut position, mut rest) = (start, bytes);
    for part in &ranges[first..] {
        let range = part.range.clip(position, position + rest.len() as u64);
        let (now, later) = rest.split_at_mut(range.length as usize);
        let is_read = !range.is_doubtful
            && match range.origin {
                Origin::Clusters(place) => contents.read_at(place, now).is_ok_and(|count| count == now.len()),
                Origin::Record(_) => {
                    let value = job
                        .value
                        .unwrap_or_default()
                        .get(range.offset as usize..)
                        .and_then(|rest| rest.get(..now.len()));
                    value.map(|value| now.copy_from_slice(value)).is_some()
                }
                _ => false,
            };
        (position, rest) = (range.end(), later);
        if !is_read || rest.is_empty() {
            return is_read;
        }
    }
    false
}

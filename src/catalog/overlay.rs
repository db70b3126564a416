//! Content that the Windows overlay filter compressed into a stream of its own.

use std::ops::Range;

use super::encoding::Encoding;
use super::stream::Stream;
use super::stream_map::StreamMap;
use crate::base::damage::Damage;
use crate::codec::wof::ChunkTable;
use crate::structure::value::reparse_payload::WofAlgorithm;

/// The chunks of a file in its stream `WofCompressedData`.
#[derive(Debug, Clone)]
pub(super) struct Overlay<'e> {
    algorithm: WofAlgorithm,
    table: ChunkTable,
    stored: StreamMap<'e>,
}

impl<'e> Overlay<'e> {
    /// Finds the chunks of the main stream `stream`, which has `size` bytes; `None` where the file has
    /// no stream of chunks.
    pub(super) fn find(stream: &Stream<'e>, algorithm: WofAlgorithm, size: u64) -> Option<Result<Self, Damage>> {
        let streams = stream.entry().streams();
        let stored = streams.iter().find(|stream| stream.name().is(Encoding::OVERLAY_STREAM))?.map();
        let table = ChunkTable::new(algorithm, size, stored.size());
        Some(table.map(|table| Self { algorithm, table, stored }))
    }

    pub(super) fn algorithm(&self) -> WofAlgorithm {
        self.algorithm
    }

    pub(super) fn table(&self) -> &ChunkTable {
        &self.table
    }

    pub(super) fn stored(&self) -> &StreamMap<'e> {
        &self.stored
    }

    /// The chunk that gives byte `offset`, and where its output belongs.
    pub(super) fn chunk_at(&self, offset: u64) -> Option<(u64, Range<u64>)> {
        let index = offset.checked_div(self.table.chunk_size())?;
        Some((index, self.table.output_range(index)?))
    }
}

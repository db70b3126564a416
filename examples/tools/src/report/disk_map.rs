//! The map of the disk: what lies where, and its picture.

use std::fmt::Write;
use std::ops::{ControlFlow, Range};

use ntfs_salvage::catalog::Batch;
use ntfs_salvage::recoverability::Assessment;
use ntfs_salvage::source::Source;
use ntfs_salvage::structure::AttributeType;
use ntfs_salvage::volume::{ClusterState, Location};
use ntfs_salvage::{EntryState, Threads};

use crate::files::runs::runs;
use crate::input::spans::Spans;
use crate::input::volumes::Opened;
use crate::report::{grouped, rounded};

/// What a part of a disk is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Damaged,
    Unread,
    Table,
    Indexes,
    Live,
    Deleted,
    Unclaimed,
    Free,
    Other,
}

impl Kind {
    /// Of two that meet the first counts.
    const ALL: [Self; 9] = [
        Self::Damaged,
        Self::Unread,
        Self::Table,
        Self::Indexes,
        Self::Live,
        Self::Deleted,
        Self::Unclaimed,
        Self::Free,
        Self::Other,
    ];

    fn class(self) -> &'static str {
        match self {
            Self::Damaged => "damaged",
            Self::Unread => "unread",
            Self::Table => "table",
            Self::Indexes => "indexes",
            Self::Live => "live",
            Self::Deleted => "deleted",
            Self::Unclaimed => "unclaimed",
            Self::Free => "free",
            Self::Other => "other",
        }
    }

    fn label(self) -> &'static str {
        match self {
            Self::Damaged => "damaged records",
            Self::Unread => "unread: the medium does not give it, or it was not rescued",
            Self::Table => "table of files ($MFT)",
            Self::Indexes => "indexes of directories",
            Self::Live => "files that exist",
            Self::Deleted => "deleted files alone claim it",
            Self::Unclaimed => "in use, but no file claims it",
            Self::Free => "free, and no file claims it",
            Self::Other => "outside of the volumes that were read",
        }
    }
}

/// What lies where on the disk.
#[derive(Debug, Default)]
pub struct DiskMap {
    parts: [Vec<Range<u64>>; 9],
}

/// The map as the page shows it.
pub struct Drawn {
    pub width: u32,
    pub height: u32,
    pub bytes_a_cell: String,
    pub description: String,
    pub shapes: String,
    pub rows: Vec<DrawnRow>,
}

/// A kind in numbers.
pub struct DrawnRow {
    pub class: &'static str,
    pub label: &'static str,
    pub bytes: String,
    pub share: String,
    pub count: String,
    pub first: String,
}

const COLUMNS: u64 = 128;
const ROWS: u64 = 32;
const CELL: u32 = 8;

impl DiskMap {
    fn add(&mut self, kind: Kind, ranges: impl IntoIterator<Item = Range<u64>>) {
        self.parts[kind as usize].extend(ranges);
    }

    /// What could not be read, in bytes of the input.
    pub fn add_unread(&mut self, ranges: impl IntoIterator<Item = Range<u64>>) {
        self.add(Kind::Unread, ranges);
    }

    /// What a volume says of its clusters.
    pub fn add_volume(&mut self, opened: &Opened<'_>, assessment: &Assessment<'_>, threads: &Threads) {
        let volume = &opened.volume;
        let Some(geometry) = volume.geometry().copied() else { return };
        let (window, size) = (volume.source(), u64::from(geometry.cluster_size()));
        // A volume of a dynamic disk lies in several places: its clusters are told one by one only there.
        let place = |range: Range<u64>| {
            let start = window.origin_of(range.start);
            start..start.saturating_add(range.end - range.start)
        };
        let bytes =
            |clusters: Range<u64>| place(clusters.start.saturating_mul(size)..clusters.end.saturating_mul(size));
        let table = volume.mft().extents().list().iter().filter_map(|extent| match extent.location {
            Location::At(position) => Some(place(position..position.saturating_add(extent.length))),
            _ => None,
        });
        self.add(Kind::Table, table);
        for (clusters, claim) in assessment.claims().all() {
            let kind = if claim.live[0].is_some() { Kind::Live } else { Kind::Deleted };
            self.add(kind, Some(bytes(clusters)));
        }
        for (clusters, state) in assessment.bitmap().states(0..geometry.cluster_count()) {
            let kind = if state == ClusterState::Free { Kind::Free } else { Kind::Unclaimed };
            self.add(kind, Some(bytes(clusters)));
        }
        let catalog = assessment.catalog();
        let work = |(): &mut (), batch: Batch<'_>| {
            let (mut indexes, mut damaged) = (Vec::new(), Vec::new());
            for entry in batch.into_entries() {
                if entry.state() == EntryState::Live && entry.is_directory() {
                    let of_index = entry.attributes_of(AttributeType::INDEX_ALLOCATION);
                    indexes.extend(of_index.flat_map(|attribute| runs(&attribute, &geometry)));
                }
                if !entry.record().is_sound() {
                    damaged.extend(volume.mft().places(entry.record_number()).filter_map(
                        |extent| match extent.location {
                            Location::At(position) => Some(position..position.saturating_add(extent.length)),
                            _ => None,
                        },
                    ));
                }
            }
            (indexes, damaged)
        };
        let consume = |(indexes, damaged): (Vec<Range<u64>>, Vec<Range<u64>>)| {
            self.add(Kind::Indexes, indexes.into_iter().map(place));
            self.add(Kind::Damaged, damaged.into_iter().map(place));
            ControlFlow::<()>::Continue(())
        };
        let _ = catalog.scan(threads, || (), work, consume);
    }

    /// The picture and the numbers of a disk of `size` bytes.
    pub fn draw(&self, size: u64) -> Drawn {
        let whole = Spans::of(0..size);
        let mut taken = Spans::default();
        let parts = Kind::ALL.map(|kind| {
            let own: Spans = match kind {
                Kind::Other => whole.minus(&taken),
                _ => self.parts[kind as usize].iter().cloned().collect::<Spans>().and(&whole).minus(&taken),
            };
            taken = taken.or(&own);
            own
        });
        let cell = size.div_ceil(COLUMNS * ROWS).max(512);
        let cells = size.div_ceil(cell);
        let height = CELL * u32::try_from(cells.div_ceil(COLUMNS)).unwrap_or(1).max(1);
        let shapes = shapes(&parts, cell, cells);
        let rows: Vec<_> = Kind::ALL
            .into_iter()
            .zip(&parts)
            .filter(|(_, part)| !part.is_empty())
            .map(|(kind, part)| row(kind, part, size))
            .collect();
        let told = rows.iter().map(|row| format!("{}: {} of the disk", row.label, row.share));
        let description = format!("{}. The table below has the same in numbers.", told.collect::<Vec<_>>().join("; "));
        Drawn { width: CELL * COLUMNS as u32, height, bytes_a_cell: rounded(cell), description, shapes, rows }
    }
}

fn row(kind: Kind, part: &Spans, size: u64) -> DrawnRow {
    const SHOWN: usize = 6;
    let share = part.bytes() as f64 / size.max(1) as f64 * 100.0;
    let ranges = part.list().iter().take(SHOWN).map(|range| format!("{} to {}", range.start, range.end));
    let mut first = ranges.collect::<Vec<_>>().join("; ");
    if part.list().len() > SHOWN {
        first.push_str("; …");
    }
    DrawnRow {
        class: kind.class(),
        label: kind.label(),
        bytes: grouped(part.bytes()),
        share: if share > 0.0 && share < 0.01 { "< 0.01 %".into() } else { format!("{share:.2} %") },
        count: grouped(part.list().len() as u64),
        first,
    }
}

/// How many bytes of each cell are of a kind.
fn amounts(part: &Spans, cell: u64, cells: u64) -> Vec<u64> {
    let mut amounts = vec![0; usize::try_from(cells).unwrap_or(0)];
    for range in part.list() {
        let (first, last) = (range.start / cell, (range.end - 1) / cell);
        for index in first..=last {
            let inside = range.end.min((index + 1) * cell) - range.start.max(index * cell);
            amounts[index as usize] += inside;
        }
    }
    amounts
}

/// Rectangles of cells that look the same, row by row, and the bars of those with something bad in them.
fn shapes(parts: &[Spans; 9], cell: u64, cells: u64) -> String {
    let amounts = parts.each_ref().map(|part| amounts(part, cell, cells));
    let most = |index: usize| {
        let best = Kind::ALL.into_iter().rev().max_by_key(|kind| amounts[*kind as usize][index]);
        best.unwrap_or(Kind::Other)
    };
    let bad = |index: usize| {
        let is_here = |kind: &Kind| amounts[*kind as usize][index] > 0 && most(index) != *kind;
        [Kind::Unread, Kind::Damaged].into_iter().find(is_here)
    };
    let mut out = String::new();
    let count = usize::try_from(cells).unwrap_or(0);
    for start in (0..count).step_by(COLUMNS as usize) {
        let row = start..count.min(start + COLUMNS as usize);
        let top = start as u32 / COLUMNS as u32 * CELL;
        stripes(
            row.clone(),
            |index| Some(most(index)),
            |kind, x, width| {
                let _ = writeln!(
                    out,
                    r#"<rect class="{}" x="{x}" y="{top}" width="{width}" height="{CELL}"/>"#,
                    kind.class()
                );
            },
        );
        stripes(row, bad, |kind, x, width| {
            let (y, height) = (top + CELL - 3, 3);
            let _ =
                writeln!(out, r#"<rect class="{}" x="{x}" y="{y}" width="{width}" height="{height}"/>"#, kind.class());
        });
    }
    out
}

fn stripes(row: Range<usize>, kind: impl Fn(usize) -> Option<Kind>, mut draw: impl FnMut(Kind, u32, u32)) {
    let (first, mut index) = (row.start, row.start);
    while index < row.end {
        let here = kind(index);
        let start = index;
        while index < row.end && kind(index) == here {
            index += 1;
        }
        if let Some(kind) = here {
            draw(kind, (start - first) as u32 * CELL, (index - start) as u32 * CELL);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_of_one_kind_and_the_worse_counts() {
        let mut map = DiskMap::default();
        map.add(Kind::Free, Some(0..8192));
        map.add(Kind::Live, Some(1024..4096));
        map.add_unread(Some(2048..2560));
        let drawn = map.draw(16384);
        let bytes: Vec<_> = drawn.rows.iter().map(|row| (row.class, row.bytes.as_str())).collect();
        assert_eq!(bytes, [("unread", "512"), ("live", "2,560"), ("free", "5,120"), ("other", "8,192")]);
        assert!(drawn.description.contains("files that exist: 15.62 % of the disk"), "{}", drawn.description);
    }

    #[test]
    fn a_cell_has_the_colour_of_most_of_it_and_a_bar_for_what_is_bad() {
        let mut map = DiskMap::default();
        let size = 4096 * 1024;
        map.add(Kind::Live, Some(0..size));
        map.add_unread(Some(1024..1280));
        let drawn = map.draw(size);
        assert!(
            drawn.shapes.contains(r#"<rect class="unread" x="8" y="5" width="8" height="3"/>"#),
            "{}",
            &drawn.shapes[..300]
        );
        assert_eq!(drawn.shapes.matches(r#"class="live""#).count(), 32, "one stripe a row");
        assert_eq!(DiskMap::default().draw(0).rows.len(), 0);
    }
}

//! The order of a bare table's records: by the numbers they name, where a copy lacks a piece.

use std::collections::{BTreeMap, BTreeSet};

use super::extents::{Extent, Extents, Location};
use crate::base::damage::{Damage, DamageKind, wide};
use crate::base::reference::FileReference;
use crate::source::buffer::PageBuffer;
use crate::source::{Source, Window};
use crate::structure::record::{Record, RecordHeader};

/// Bytes that are read at once.
const READ: u64 = 1 << 20;
/// Records start at multiples of this in any table, and in a copy that lacks whole sectors.
const SECTOR: u64 = 512;
/// Records that a table may have though its copy is short; more may be as many as [`MOST_TIMES`] its slots.
const ALWAYS_HELD: u64 = 1 << 20;
/// How many times as many records as slots a table may have: each costs memory.
const MOST_TIMES: u64 = 16;

/// Pieces behind a record that are asked for the next sensible number.
const LOOKED_AHEAD: usize = 4;
/// Directories and parents that are compared where records do not name their numbers.
const COMPARED: usize = 256;
/// Bytes of such a table that are looked at.
const LOOKED_AT: u64 = 64 << 20;
/// Records that are a collection; of fewer, a wrong number is as likely.
const FEWEST: u64 = 3;
/// Parents that have to agree on a shift.
const LEAST_PARENTS: usize = 4;

/// Records that follow each other in the copy and in their numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Piece {
    /// Where it starts in the copy, in bytes.
    start: u64,
    /// The first byte behind it.
    end: u64,
    /// The number that its first slot has.
    first: u64,
    /// How many records in it name a number.
    witnesses: u64,
}

impl Piece {
    fn count(&self, record_size: u64) -> u64 {
        self.end.saturating_sub(self.start).div_ceil(record_size.max(1))
    }

    fn behind(&self, record_size: u64) -> u64 {
        self.first.saturating_add(self.count(record_size))
    }
}

/// Where the records of a copy of the table belong, and what is wrong with their order.
#[derive(Debug, Default)]
pub(super) struct Order {
    pub(super) extents: Extents,
    pub(super) damage: Vec<Damage>,
    /// How many records the table may have.
    pub(super) most: u64,
}

/// The order by the records' own numbers; `None` where it is the one they stand in, or nothing says another.
pub(super) fn by_own_numbers(source: Window<'_>, record_size: u32) -> Option<Order> {
    let size = u64::from(record_size);
    let slots = source.size().div_ceil(size.max(1));
    let most = slots.saturating_mul(MOST_TIMES).max(ALWAYS_HELD);
    let all = pieces(source, size);
    let is_scattered = is_scattered(&all, most, size);
    let mut pieces = if is_scattered { all } else { believed(&all, size) };
    if pieces.iter().all(|piece| piece.start == piece.first.saturating_mul(size)) {
        return None;
    }
    pieces.retain(|piece| piece.behind(size) <= most);
    if pieces.is_empty() {
        return None;
    }
    if !is_scattered {
        widen(&mut pieces, source.size(), size);
    }
    Some(ordered(&pieces, size, most))
}

/// True for records that somebody collected: most stand where nothing but their numbers says which they are, and no
/// number is one of a table far larger than this.
fn is_scattered(pieces: &[Piece], most: u64, record_size: u64) -> bool {
    let alone = pieces.iter().filter(|piece| piece.witnesses == 1);
    let records = pieces.iter().map(|piece| piece.witnesses).fold(0, u64::saturating_add);
    let numbers: BTreeSet<u64> = pieces.iter().map(|piece| piece.first).collect();
    let is_possible = pieces.iter().all(|piece| piece.behind(record_size) <= most);
    let are_many = numbers.len().saturating_mul(4) > pieces.len().saturating_mul(3);
    is_possible && are_many && records >= FEWEST && wide(alone.count()).saturating_mul(2) > records
}

/// The pieces of the copy, as far as records name their numbers.
fn pieces(source: Window<'_>, record_size: u64) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    let mut buffer = PageBuffer::new(usize::try_from(READ).unwrap_or(0));
    let (mut loaded, mut next) = (0..0, 0_u64);
    while next < source.size() {
        if !(loaded.start <= next && next.saturating_add(SECTOR) <= loaded.end) {
            let length = READ.min(source.size().saturating_sub(next));
            let bytes = buffer.bytes();
            let part = bytes.get_mut(..usize::try_from(length).unwrap_or(0)).unwrap_or_default();
            source.read_readable(next, part);
            loaded = next..next.saturating_add(length);
        }
        let at = usize::try_from(next.saturating_sub(loaded.start)).unwrap_or(usize::MAX);
        let header = buffer.bytes().get(at..).and_then(|bytes| RecordHeader::parse(bytes).ok());
        let header = header.filter(|header| u64::from(header.allocated_size()) == record_size || header.is_baad());
        let Some(header) = header else {
            next = next.saturating_add(SECTOR);
            continue;
        };
        if let Some(number) = header.own_number().filter(|_| !header.is_baad()) {
            add(&mut pieces, next, number, record_size);
        }
        next = next.saturating_add(record_size);
    }
    pieces
}

/// Takes a record into the last piece, or into one of its own.
fn add(pieces: &mut Vec<Piece>, start: u64, number: u64, record_size: u64) {
    let end = start.saturating_add(record_size);
    match pieces
        .last_mut()
        .filter(|piece| key(piece.start, piece.first, record_size) == key(start, number, record_size))
    {
        Some(piece) => {
            piece.end = end;
            piece.witnesses = piece.witnesses.saturating_add(1);
        }
        None => pieces.push(Piece { start, end, first: number, witnesses: 1 }),
    }
}

/// What all records of a piece share.
fn key(start: u64, number: u64, record_size: u64) -> i128 {
    let before = i128::from(number).saturating_mul(i128::from(record_size));
    i128::from(start).saturating_sub(before)
}

/// The pieces without records that name a wrong number. Such a record stands alone, and its number does not lie
/// between those around it; a piece that was moved has several, or the right number for its place in the order.
fn believed(pieces: &[Piece], record_size: u64) -> Vec<Piece> {
    let mut kept: Vec<Piece> = Vec::new();
    for (index, piece) in pieces.iter().enumerate() {
        let behind = pieces.get(index.saturating_add(1)..).unwrap_or_default();
        let is_wrong = piece.witnesses == 1 && !is_between(kept.last(), piece, behind, record_size);
        match kept.last_mut() {
            _ if is_wrong => {}
            // What a wrong number has parted is one piece again.
            Some(last) if key(last.start, last.first, record_size) == key(piece.start, piece.first, record_size) => {
                last.end = piece.end;
                last.witnesses = last.witnesses.saturating_add(piece.witnesses);
            }
            _ => kept.push(*piece),
        }
    }
    kept
}

/// True for a record whose number lies between those of the records around it in the copy.
fn is_between(before: Option<&Piece>, piece: &Piece, behind: &[Piece], record_size: u64) -> bool {
    let least = before.map_or(0, |before| before.behind(record_size));
    let next = behind.iter().take(LOOKED_AHEAD).find(|next| next.first > least);
    let slots = piece.start.div_ceil(record_size.max(1)).saturating_add(1);
    // Behind the last piece, and alone, a number has to be a likely one.
    let most = next.map_or_else(|| least.saturating_add(slots), |next| next.first);
    least <= piece.first && piece.first < most
}

/// Gives slots that hold no record, or one without a number, to the piece before them, or to the first one.
fn widen(pieces: &mut [Piece], size: u64, record_size: u64) {
    let starts: Vec<u64> = pieces.iter().map(|piece| piece.start).collect();
    let mut numbers: Vec<u64> = pieces.iter().map(|piece| piece.first).collect();
    numbers.sort_unstable();
    for (index, piece) in pieces.iter_mut().enumerate() {
        let limit = starts.get(index.saturating_add(1)).copied().unwrap_or(size);
        let left = limit.saturating_sub(piece.end).div_ceil(record_size.max(1));
        // No further than the numbers of the next piece leave room for.
        let behind = piece.behind(record_size);
        let next = numbers.get(numbers.partition_point(|first| *first < behind));
        let room = next.map_or(u64::MAX, |first| first.saturating_sub(behind));
        let taken = left.min(room).saturating_mul(record_size);
        piece.end = piece.end.saturating_add(taken).min(limit.max(piece.end));
    }
    if let Some(piece) = pieces.first_mut() {
        let before = piece.start.checked_div(record_size).unwrap_or(0);
        let taken = before.min(piece.first);
        piece.start = piece.start.saturating_sub(taken.saturating_mul(record_size));
        piece.first = piece.first.saturating_sub(taken);
    }
}

/// The map of the table: longer pieces first, each number once.
fn ordered(pieces: &[Piece], record_size: u64, most: u64) -> Order {
    let mut order: Vec<&Piece> = pieces.iter().collect();
    order.sort_by_key(|piece| (std::cmp::Reverse(piece.witnesses), piece.start));
    let mut claims: BTreeMap<u64, (u64, u64)> = BTreeMap::new();
    for piece in order {
        let end = piece.behind(record_size);
        for (first, end) in free(&claims, piece.first, end) {
            let start = piece.start.saturating_add(first.saturating_sub(piece.first).saturating_mul(record_size));
            claims.insert(first, (end, start));
        }
    }
    fill(&mut claims, record_size);
    let mut extents = Extents::default();
    for (first, (end, start)) in &claims {
        let bytes = |records: u64| records.saturating_mul(record_size);
        let length = bytes(end.saturating_sub(*first));
        extents.push(Extent { offset: bytes(*first), length, location: Location::At(*start) });
    }
    let damage = pieces.iter().filter_map(|piece| shifted(piece, record_size)).collect();
    Order { extents, damage, most }
}

/// Leaves records that name others' numbers in their slots, where those around them say which numbers these are:
/// nothing of the copy is passed over.
fn fill(claims: &mut BTreeMap<u64, (u64, u64)>, record_size: u64) {
    let bytes = |records: u64| records.saturating_mul(record_size);
    let used: BTreeMap<u64, (u64, u64)> = claims
        .iter()
        .map(|(first, (end, start))| (*start, (start.saturating_add(bytes(end.saturating_sub(*first))), *first)))
        .collect();
    let mut filled = Vec::new();
    for ((&first, &(end, start)), (&next, &(_, next_start))) in claims.iter().zip(claims.iter().skip(1)) {
        let (place, number) = (start.saturating_add(bytes(end.saturating_sub(first))), end);
        if next == end || key(place, number, record_size) != key(next_start, next, record_size) {
            continue;
        }
        for (from, to) in free(&used, place, next_start) {
            let slot =
                |position: u64| number.saturating_add(position.saturating_sub(place).div_ceil(record_size.max(1)));
            let position = place.saturating_add(bytes(slot(from).saturating_sub(number)));
            filled.push((slot(from), slot(to), position));
        }
    }
    claims.extend(
        filled.into_iter().filter(|(first, end, _)| first < end).map(|(first, end, start)| (first, (end, start))),
    );
}

/// What to say of a piece that does not stand where its numbers belong.
fn shifted(piece: &Piece, record_size: u64) -> Option<Damage> {
    let slot = piece.start.checked_div(record_size).unwrap_or(0);
    let kind = DamageKind::TableShifted { first: piece.first, end: piece.behind(record_size), slot };
    (key(piece.start, piece.first, record_size) != 0).then(|| Damage::new(piece.start, kind))
}

/// Where no record names its number, as in NTFS 3.0: what the parents that files name prove of a shift.
pub(super) fn proved_by_parents(source: Window<'_>, record_size: u32) -> Option<Damage> {
    let size = u64::from(record_size).max(1);
    let mut bytes = vec![0; usize::try_from(size).ok()?];
    let (mut directories, mut parents) = (BTreeMap::new(), BTreeSet::new());
    for slot in 0..source.size().min(LOOKED_AT).checked_div(size)? {
        source.read_readable(slot.saturating_mul(size), &mut bytes);
        let Ok(record) = Record::parse_in_place(slot, &mut bytes) else { continue };
        let header = record.header();
        if header.own_number().is_some() {
            return None;
        }
        if !header.is_in_use() || !header.is_base_record() {
            continue;
        }
        let names = record.attributes().filter_map(Result::ok).filter_map(|attribute| attribute.file_name().ok());
        parents.extend(names.map(|(name, _)| name.parent()));
        if header.is_directory() {
            directories.insert(slot, header.sequence_number());
        }
    }
    let is_there = |parent: &FileReference| directories.get(&parent.record_number()) == Some(&parent.sequence_number());
    let lost: Vec<FileReference> = parents.into_iter().filter(|parent| !is_there(parent)).take(COMPARED).collect();
    let mut votes: BTreeMap<i128, usize> = BTreeMap::new();
    for parent in &lost {
        let same = directories.iter().filter(|(_, sequence)| **sequence == parent.sequence_number());
        for (slot, _) in same.take(COMPARED) {
            let shift = i128::from(parent.record_number()).saturating_sub(i128::from(*slot));
            let count = votes.entry(shift).or_default();
            *count = count.saturating_add(1);
        }
    }
    let (by, parents) = votes.into_iter().max_by_key(|(_, count)| *count)?;
    let is_proved = parents >= LEAST_PARENTS && parents.saturating_mul(2) > lost.len();
    let kind = DamageKind::TableShiftProved { by: i64::try_from(by).ok()?, parents: wide(parents) };
    is_proved.then(|| Damage::in_record(0, 0, kind))
}

/// The numbers of `first .. end` that no piece has.
fn free(claims: &BTreeMap<u64, (u64, u64)>, first: u64, end: u64) -> Vec<(u64, u64)> {
    let mut free = Vec::new();
    let before = claims.range(..first).next_back().map_or(first, |(_, (end, _))| *end);
    let mut position = first.max(before);
    for (&start, &(claim_end, _)) in claims.range(first..end) {
        if position < start {
            free.push((position, start));
        }
        position = position.max(claim_end);
    }
    if position < end {
        free.push((position, end));
    }
    free
}

#[cfg(test)]
#[expect(clippy::single_range_in_vec_init, reason = "ranges of records, of which there may be one")]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::base::threads::Threads;
    use crate::structure::forge::Forge;
    use crate::volume::Volume;

    const RECORD: usize = 1024;
    const RECORDS: u64 = 401;

    /// Ten directories of files, whose names say where they belong; some records are free.
    fn record(number: u64) -> Forge {
        let forge = Forge::new(RECORD);
        match number {
            5 => forge.sequence(5).flags(3).name((5, 5), 3, "."),
            30..40 => forge.flags(3).name((5, 5), 3, &format!("dir{number}")),
            40.. => {
                let parent = 30 + number % 10;
                let flags = u16::from(!number.is_multiple_of(7));
                forge.flags(flags).sequence(2 - flags).name((parent, 1), 3, &format!("{number} of dir{parent}"))
            }
            _ => forge.name((5, 5), 3, &format!("system {number}")),
        }
    }

    fn table() -> Vec<u8> {
        (0..RECORDS).flat_map(|number| record(number).on_disk(number)).collect()
    }

    /// Numbers and paths of the records of a copy, and what was said about its order.
    fn listed(copy: &[u8]) -> (BTreeMap<u64, String>, Vec<DamageKind>) {
        let volume = Volume::from_table(&copy).unwrap();
        let catalog = volume.catalog_with(&Threads::single());
        let path = |entry: crate::catalog::Entry<'_>| {
            Some((entry.record_number(), entry.paths().next().map(|path| path.text)?))
        };
        let paths = catalog.entries().filter_map(path).collect();
        (paths, volume.damage().map(|damage| damage.kind).collect())
    }

    fn is_false(number: u64, path: &str) -> bool {
        let told = path.rsplit_once(" of ").map(|(_, parent)| format!("/{parent}/{number} of {parent}"));
        path.starts_with('/') && told.is_some_and(|told| told != path)
    }

    /// The copy's paths are those of the table, as far as it has the records.
    fn assert_right(copy: &[u8], missing: &[std::ops::Range<u64>]) -> Vec<DamageKind> {
        let (whole, _) = listed(&table());
        let (paths, damage) = listed(copy);
        let is_there = |number: &u64| !missing.iter().any(|range| range.contains(number));
        let parent = |number: u64| if number < 40 { 5 } else { 30 + number % 10 };
        for (number, path) in whole.iter().filter(|(number, _)| is_there(number)) {
            // Only the root needs no record.
            let expected = parent(*number) == 5 || is_there(&parent(*number));
            let found = paths.get(number).unwrap_or_else(|| panic!("{number} is lost"));
            assert_eq!(found == path, expected, "{number}: {found}");
        }
        assert_eq!(paths.len(), whole.keys().filter(|number| is_there(number)).count());
        for range in missing {
            let told = DamageKind::TableUnmapped { first: range.start, end: range.end };
            assert!(damage.contains(&told), "{range:?} of {damage:?}");
        }
        damage
    }

    fn without(bytes: std::ops::Range<usize>) -> Vec<u8> {
        let mut copy = table();
        copy.drain(bytes);
        copy
    }

    #[test]
    fn records_that_somebody_collected_go_by_their_own_numbers() {
        let whole = table();
        let (truth, _) = listed(&whole);
        // Any order, with something else in between; a directory before and behind its files.
        let numbers = [77_u64, 33, 150, 399, 48, 5, 214, 61, 39, 300, 36];
        let mut copy = Vec::new();
        for (place, number) in numbers.iter().enumerate() {
            copy.extend(record(*number).on_disk(*number));
            if place % 3 == 1 {
                copy.extend([0xA5; RECORD]);
            }
        }
        let (found, _) = listed(&copy);
        let expected: Vec<u64> = numbers.into_iter().collect::<BTreeSet<_>>().into_iter().collect();
        assert_eq!(found.keys().copied().collect::<Vec<_>>(), expected);
        for number in [33, 36, 39] {
            assert_eq!(found[&number], truth[&number]);
        }
        // Two records may as well have wrong numbers, and one of a table of millions takes no memory.
        let two = [record(77).on_disk(77), record(33).on_disk(33)].concat();
        assert!(Volume::from_table(&two).unwrap().mft().record_count() <= 2);
        let mut far = copy.clone();
        far.extend(record(60).on_disk(0x7FFF_FFFF));
        assert!(Volume::from_table(&far).unwrap().mft().record_count() < 1 << 21);
    }

    #[test]
    fn a_whole_copy_stays_as_it_is() {
        assert_eq!(assert_right(&table(), &[]), []);
        let window = table();
        assert!(by_own_numbers(Window::whole(&window), 1024).is_none());
    }

    #[test]
    fn a_copy_without_its_head_has_the_numbers_of_the_table() {
        let damage = assert_right(&without(0..25 * RECORD), &[0..25]);
        assert!(damage.contains(&DamageKind::TableShifted { first: 25, end: RECORDS, slot: 0 }), "{damage:?}");
    }

    #[test]
    fn a_copy_without_a_piece_has_the_numbers_of_the_table() {
        let damage = assert_right(&without(128 * RECORD..192 * RECORD), &[128..192]);
        assert!(damage.contains(&DamageKind::TableShifted { first: 192, end: RECORDS, slot: 128 }), "{damage:?}");
        let mut copy = without(300 * RECORD..301 * RECORD);
        copy.drain(60 * RECORD..100 * RECORD);
        assert_right(&copy, &[60..100, 300..301]);
        // Directories are among what is missing: their files have no path, instead of another's.
        assert_right(&without(33 * RECORD..36 * RECORD), &[33..36]);
    }

    #[test]
    fn a_copy_of_the_records_in_use_has_the_numbers_of_the_table() {
        let in_use = (0..RECORDS).filter(|number| *number < 40 || !number.is_multiple_of(7));
        let copy: Vec<u8> = in_use.flat_map(|number| record(number).on_disk(number)).collect();
        let free: Vec<_> = (42..RECORDS).step_by(7).map(|number| number..number + 1).collect();
        assert_right(&copy, &free);
        // No two records that follow each other are there.
        let even = |number: &u64| *number < 40 || number.is_multiple_of(2);
        let copy: Vec<u8> = (0..RECORDS).filter(even).flat_map(|number| record(number).on_disk(number)).collect();
        let odd: Vec<_> = (41..RECORDS - 1).step_by(2).map(|number| number..number + 1).collect();
        assert_right(&copy, &odd);
    }

    #[test]
    fn a_missing_sector_costs_the_record_it_was_in() {
        for lost in [512, 1536, 512 * 77] {
            let records = 100..100 + u64::div_ceil(lost as u64, 1024);
            let (paths, _) = listed(&without(100 * RECORD..100 * RECORD + lost));
            assert!(paths.iter().all(|(number, path)| !is_false(*number, path)), "{lost}");
            let there = (0..RECORDS).filter(|number| !records.contains(number) && paths.contains_key(number)).count();
            assert_eq!(there, RECORDS as usize - (records.end - records.start) as usize, "{lost}");
        }
    }

    #[test]
    fn pieces_in_another_order_go_back_to_their_places() {
        let whole = table();
        let [a, b, c] = [0..64 * RECORD, 64 * RECORD..200 * RECORD, 200 * RECORD..whole.len()];
        assert_right(&[&whole[a.clone()], &whole[c.clone()], &whole[b.clone()]].concat(), &[]);
        assert_right(&[&whole[c.clone()], &whole[b.clone()], &whole[a.clone()]].concat(), &[]);
        // A piece that was written twice moves what is behind it.
        assert_right(&[&whole[a], &whole[b.clone()], &whole[b], &whole[c]].concat(), &[]);
    }

    #[test]
    fn slots_without_a_record_stay_with_those_around_them() {
        let mut copy = without(128 * RECORD..192 * RECORD);
        for slot in [0, 50, 127, 128, 200, 335] {
            copy[slot * RECORD..][..RECORD].fill(0);
        }
        let lost = [0, 50, 127, 192, 264, 399];
        let (paths, damage) = listed(&copy);
        assert!(paths.iter().all(|(number, path)| !is_false(*number, path) && !lost.contains(number)));
        assert_eq!(paths.len(), RECORDS as usize - 64 - lost.len());
        assert!(damage.iter().any(|kind| matches!(kind, DamageKind::TableUnmapped { .. })), "{damage:?}");
    }

    #[test]
    fn one_wrong_number_moves_nothing() {
        for wrong in [0_u64, 3, 99, 101, 399, 5000, 1 << 40] {
            let mut copy = table();
            copy[100 * RECORD + 42..][..2].copy_from_slice(&((wrong >> 32) as u16).to_le_bytes());
            copy[100 * RECORD + 44..][..4].copy_from_slice(&(wrong as u32).to_le_bytes());
            assert_right(&copy, &[]);
        }
        // Several that name the numbers of others, as where a table was written over, stay where they stand.
        let mut copy = table();
        for slot in 100..107 {
            copy[slot * RECORD + 44..][..4].copy_from_slice(&(slot as u32 - 70).to_le_bytes());
        }
        assert_right(&copy, &[]);
        // Nor do all, where a tool left them zero.
        let mut copy = table();
        copy.chunks_mut(RECORD).for_each(|record| record[42..48].fill(0));
        assert_right(&copy, &[]);
    }

    #[test]
    fn numbers_beyond_what_can_be_held_move_nothing() {
        let copy: Vec<u8> = (0..40).flat_map(|number| record(number).on_disk(number + (1 << 40))).collect();
        let volume = Volume::from_table(&copy).unwrap();
        assert_eq!(volume.mft().record_count(), 40);
    }

    #[test]
    fn parents_prove_a_shift_where_records_do_not_name_their_numbers() {
        let old = |range: std::ops::Range<u64>| {
            let with_short_header = |number| {
                let mut bytes = record(number).on_disk(number);
                let array: [u8; 6] = bytes[48..54].try_into().unwrap();
                bytes[4] = 42;
                bytes[42..48].copy_from_slice(&array);
                bytes
            };
            range.flat_map(with_short_header).collect::<Vec<u8>>()
        };
        let proof = |copy: &[u8]| {
            let (_, damage) = listed(copy);
            damage.into_iter().find(|kind| matches!(kind, DamageKind::TableShiftProved { .. }))
        };
        assert_eq!(proof(&old(0..RECORDS)), None);
        assert_eq!(proof(&old(20..RECORDS)), Some(DamageKind::TableShiftProved { by: 20, parents: 10 }));
        assert_eq!(
            proof(&[old(0..8), old(0..RECORDS)].concat()),
            Some(DamageKind::TableShiftProved { by: -8, parents: 8 })
        );
    }

    #[test]
    fn a_copy_that_ends_early_says_how_many_records_it_lacks() {
        use crate::structure::attribute_type::AttributeType;
        let size = RECORDS * 1024;
        let first = record(0).runs(AttributeType::DATA, "", (0, 99), [size; 3], &[0x21, 100, 9, 1, 0]);
        let mut copy = table();
        copy[..RECORD].copy_from_slice(&first.on_disk(0));
        assert_right(&copy, &[]);
        copy.truncate(300 * RECORD);
        assert_right(&copy, &[300..RECORDS]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn no_file_stands_under_a_directory_it_was_not_in(
            cuts in proptest::collection::vec((0..RECORDS as usize * 2, 1..120_usize), 1..5)
        ) {
            let mut copy = table();
            for (start, length) in cuts {
                let start = (start * 512).min(copy.len());
                let end = (start + length * 512).min(copy.len());
                copy.drain(start..end);
            }
            if let Ok(volume) = Volume::from_table(&copy) {
                let catalog = volume.catalog_with(&Threads::single());
                for entry in catalog.entries() {
                    for path in entry.paths() {
                        prop_assert!(!is_false(entry.record_number(), &path.text), "{} {}", entry.record_number(), path.text);
                    }
                }
            }
        }
    }
}

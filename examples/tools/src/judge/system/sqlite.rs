//! SQLite: pages that are what a database's pages are, as many as the header says; and the log beside it, each frame of
//! which carries a sum over all frames before it.

use std::collections::BTreeSet;

use crate::judge::tape::{Stop, Tape, ensure, ensure_sum, wrong};
use crate::judge::{Proof, Walk};

pub async fn walk(Walk { tape, size }: Walk) -> Result<Proof, Stop> {
    tape.expect_any_looks();
    let header = tape.peek::<100>().await?;
    let long = |at: usize| u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    let page = match u16::from_be_bytes([header[16], header[17]]) {
        1 => 65_536u64,
        page => page.into(),
    };
    ensure(
        page.is_power_of_two() && page >= 512 && header[21..24] == [64, 32, 32],
        "the header of a SQLite database that is none",
    )?;
    ensure(size.is_multiple_of(page), "the SQLite database ends in the middle of a page")?;
    let pages = size / page;
    let said = u64::from(long(28));
    let is_current = long(24) == long(92);
    ensure(!is_current || said == 0 || said <= pages, "the SQLite database has fewer pages than its header says")?;
    let reserved = u64::from(header[20]);
    if reserved > 0 {
        return Err(Stop::Unknown(
            "a SQLite database with bytes of an extension in each page, which may be encrypted".into(),
        ));
    }
    let mut trees = Trees::default();
    for number in 1..=pages {
        let bytes = tape.bytes(page as usize).await?;
        match look(&bytes, if number == 1 { 100 } else { 0 }, pages) {
            Page::Tree => trees.add(number, &bytes, if number == 1 { 100 } else { 0 }),
            Page::Other => {}
            Page::Wrong => return wrong("the first page of the SQLite database is none of a tree"),
        }
    }
    if let Some(number) = trees.missing() {
        tape.suspect((number - 1) * page + 1);
        return wrong(format!("page {number} of the SQLite database is in a tree, and is no page of one"));
    }
    Ok(Proof::Plausible("the pages are as many as the header says, and those of trees are sound"))
}

/// Which pages are those of trees, and which are said to be.
#[derive(Default)]
struct Trees {
    are: BTreeSet<u64>,
    are_named: BTreeSet<u64>,
}

impl Trees {
    /// Pages that are kept in mind.
    const MOST: usize = 20_000;

    fn add(&mut self, number: u64, page: &[u8], start: usize) {
        if self.are.len() >= Self::MOST || self.are_named.len() >= Self::MOST {
            return;
        }
        self.are.insert(number);
        if !matches!(page[start], 2 | 5) {
            return;
        }
        let four = |at: usize| {
            page.get(at..at + 4).map(|four| u64::from(u32::from_be_bytes([four[0], four[1], four[2], four[3]])))
        };
        self.are_named.extend(four(start + 8));
        let cells = usize::from(u16::from_be_bytes([page[start + 3], page[start + 4]]));
        let places = page[start + 12..].as_chunks::<2>().0.iter().take(cells);
        self.are_named.extend(places.filter_map(|place| four(u16::from_be_bytes(*place).into())));
    }

    /// The first page that a tree names, and that is none.
    fn missing(&self) -> Option<u64> {
        let is_full = self.are.len() >= Self::MOST || self.are_named.len() >= Self::MOST;
        self.are_named.iter().find(|number| !is_full && !self.are.contains(number)).copied()
    }
}

enum Page {
    /// A page of a tree, whose cells lie in it.
    Tree,
    /// A page of overflowing values, of the list of free pages, or of pointers: anything may stand there.
    Other,
    Wrong,
}

fn look(page: &[u8], start: usize, pages: u64) -> Page {
    let word = |at: usize| page.get(at..at + 2).map_or(0, |two| usize::from(u16::from_be_bytes([two[0], two[1]])));
    let header = match page[start] {
        2 | 5 => 12,
        10 | 13 => 8,
        _ if start > 0 => return Page::Wrong,
        _ => return Page::Other,
    };
    let cells = word(start + 3);
    let content = match word(start + 5) {
        0 => 65_536,
        content => content,
    };
    let end = start + header + cells * 2;
    let is_tree = end <= page.len()
        && content >= end.min(page.len())
        && content <= page.len().max(65_536)
        && word(start + 1) < page.len()
        && (0..cells).all(|cell| (end..page.len()).contains(&word(start + header + cell * 2)));
    let right =
        page.get(start + 8..start + 12).map_or(0, |four| u32::from_be_bytes([four[0], four[1], four[2], four[3]]));
    let is_tree = is_tree && (header == 8 || (right > 1 && u64::from(right) <= pages));
    match is_tree {
        true => Page::Tree,
        // Other pages may begin with such a byte by chance.
        false if start > 0 => Page::Wrong,
        false => Page::Other,
    }
}

/// The log: its header, and frames up to the first whose salt is of an earlier round.
pub async fn wal(Walk { tape, size }: Walk) -> Result<Proof, Stop> {
    let header = tape.array::<32>().await?;
    let is_big_endian = header[3] & 1 == 1;
    let long = |bytes: &[u8], at: usize| u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
    let page = u64::from(long(&header, 8));
    ensure(page.is_power_of_two() && (512..=65_536).contains(&page), "the header of a SQLite log that is none")?;
    let mut sums = (0, 0);
    add(&mut sums, &header[..24], is_big_endian);
    ensure_sum(sums == (long(&header, 24), long(&header, 28)), "the sum of the SQLite log's header does not hold")?;
    tape.prove();
    while size - tape.position() >= 24 + page {
        let start = tape.peek::<24>().await?;
        if start[8..16] != header[16..24] {
            let ahead = long(&header, 16).wrapping_sub(long(&start, 8));
            let is_earlier = (1..1 << 16).contains(&ahead) && long(&start, 0) > 0;
            return if is_earlier { stale(&tape, size).await } else { wrong("no frame where the SQLite log has one") };
        }
        tape.skip(24).await?;
        add(&mut sums, &start[..8], is_big_endian);
        let body = tape.bytes(page as usize).await?;
        add(&mut sums, &body, is_big_endian);
        ensure_sum(sums == (long(&start, 16), long(&start, 20)), "the sum of a frame of the SQLite log does not hold")?;
        tape.prove();
    }
    ensure(tape.position() == size, "the SQLite log ends in the middle of a frame")?;
    Ok(Proof::Verified("the sums of the header and of all frames hold"))
}

/// Frames of an earlier round, whose sums begin elsewhere.
async fn stale(tape: &Tape, size: u64) -> Result<Proof, Stop> {
    tape.skip(size - tape.position()).await?;
    Ok(Proof::Plausible("the sums of the frames of this round hold; frames of an earlier one are behind them"))
}

fn add((first, second): &mut (u32, u32), bytes: &[u8], is_big_endian: bool) {
    for [a, b, c, d, e, f, g, h] in bytes.as_chunks::<8>().0 {
        let read = if is_big_endian { u32::from_be_bytes } else { u32::from_le_bytes };
        *first = first.wrapping_add(read([*a, *b, *c, *d])).wrapping_add(*second);
        *second = second.wrapping_add(read([*e, *f, *g, *h])).wrapping_add(*first);
    }
}

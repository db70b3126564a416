//! The map of an image that ddrescue made: which parts of it are true.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;

use crate::base::damage::{Damage, DamageKind, wide};

/// What ddrescue knows of a part of a medium.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Status {
    /// `?`: not tried; also what no line of the map speaks of.
    NotTried,
    /// `*`: a large read failed, its edges were not looked for.
    NotTrimmed,
    /// `/`: inside of a failed read whose edges are known, not tried sector by sector.
    NotScraped,
    /// `-`: bad sectors.
    Bad,
    /// `+`: the image has these bytes.
    Rescued,
}

impl Status {
    const ALL: [Self; 5] = [Self::NotTried, Self::NotTrimmed, Self::NotScraped, Self::Bad, Self::Rescued];

    /// The character that stands for it in the file.
    #[must_use]
    pub const fn symbol(self) -> char {
        match self {
            Self::NotTried => '?',
            Self::NotTrimmed => '*',
            Self::NotScraped => '/',
            Self::Bad => '-',
            Self::Rescued => '+',
        }
    }

    fn of(symbol: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| symbol.chars().eq([status.symbol()]))
    }
}

/// A range of positions that have one status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// Which positions, in bytes.
    pub range: Range<u64>,
    /// Their status.
    pub status: Status,
}

/// What ddrescue was doing when it wrote the map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Where it was, in bytes.
    pub position: u64,
    /// What it did there: `?`, `*`, `/`, `-`, `F` (filling), `G` (making an approximate map) or `+` (finished).
    pub status: char,
    /// In which pass.
    pub pass: u32,
}

/// A ddrescue mapfile (before version 1.20: logfile): for every part of a medium, whether it was rescued.
///
/// The parts that were not rescued hold something in the image, mostly zeros, but it is not what the
/// medium holds. [`RescuedOnly`](super::RescuedOnly) keeps them from being read.
///
/// Positions count in the medium. An image that was made with another output position (`ddrescue -o`)
/// needs the map [moved](Self::moved).
///
/// Reference: the manual of GNU ddrescue, "Mapfile structure".
///
/// ```
/// # fn main() -> ntfs_salvage::Result<()> {
/// use ntfs_salvage::source::DamageMap;
///
/// let map = DamageMap::parse(b"# Mapfile\n0x200 ?\n0x0 0x200 +\n0x200 0x200 -\n0x400 0x400 ?\n")?;
/// assert!(map.is_rescued(0..512) && !map.is_rescued(0..513));
/// assert_eq!(map.blocks().len(), 3);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DamageMap {
    blocks: Vec<Block>,
    progress: Progress,
    damage: Vec<Damage>,
}

impl DamageMap {
    /// Reads a map. Lines that do not fit, gaps between blocks, and blocks that overlap are
    /// [damage](Self::damage) beside the map; what they leave open counts as not tried.
    ///
    /// # Errors
    /// When there is not a single block in it: then it is no map.
    pub fn parse(text: &[u8]) -> Result<Self, Damage> {
        let mut parser = Parser::default();
        let mut offset = 0_usize;
        for (number, line) in (1_u32..).zip(text.split(|&byte| byte == b'\n')) {
            parser.line(Line { number, offset }, &String::from_utf8_lossy(line));
            offset = offset.saturating_add(line.len()).saturating_add(1);
        }
        parser.finish()
    }

    /// The map of a medium of `size` bytes of which `read` could be read and `unreadable` could not. No two
    /// ranges overlap. Of what is in neither nothing is known: it was not tried.
    ///
    /// A domain for ddrescue (`-m`) is such a map: what it is to read is marked as rescued.
    #[must_use]
    pub fn of_reads(size: u64, read: &[Range<u64>], unreadable: &[Range<u64>]) -> Self {
        let read = read.iter().map(|range| (range, Status::Rescued));
        let mut known: Vec<_> = read.chain(unreadable.iter().map(|range| (range, Status::Bad))).collect();
        known.sort_unstable_by_key(|(range, _)| range.start);
        let (mut blocks, mut position) = (Vec::new(), 0);
        for (range, status) in known {
            append(&mut blocks, position..range.start, Status::NotTried);
            append(&mut blocks, range.clone(), status);
            position = range.end;
        }
        append(&mut blocks, position..size, Status::NotTried);
        let open = blocks.iter().find(|block| block.status == Status::NotTried);
        let status = if open.is_some() { '?' } else { '+' };
        let progress = Progress { position: open.map_or(size, |block| block.range.start), status, pass: 1 };
        Self { blocks, progress, damage: Vec::new() }
    }

    /// The same map in the positions of an image in which position `image` holds what the medium has at
    /// `medium`. What the image has no room for, before its start, is left out.
    #[must_use]
    pub fn moved(&self, medium: u64, image: u64) -> Self {
        let place = |position: u64| {
            let moved = i128::from(position).saturating_sub(i128::from(medium)).saturating_add(i128::from(image));
            u64::try_from(moved.max(0)).unwrap_or(u64::MAX)
        };
        let moved =
            |block: &Block| Block { range: place(block.range.start)..place(block.range.end), status: block.status };
        let blocks = self.blocks.iter().map(moved).filter(|block| !block.range.is_empty()).collect();
        let progress = Progress { position: place(self.progress.position), ..self.progress };
        Self { blocks, progress, damage: self.damage.clone() }
    }

    /// What is wrong with the file; offsets count in its text.
    #[must_use]
    pub fn damage(&self) -> &[Damage] {
        &self.damage
    }

    /// What ddrescue was doing when it wrote the map.
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.progress
    }

    /// The blocks, in order, each where the one before ends and with another status.
    #[must_use]
    pub fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// The status of one position; not tried, where the map does not reach.
    #[must_use]
    pub fn status_at(&self, position: u64) -> Status {
        let block = self.blocks.get(self.first_behind(position));
        block.filter(|block| block.range.contains(&position)).map_or(Status::NotTried, |block| block.status)
    }

    /// The parts of `range`, in order and without gaps; not tried, where the map does not reach.
    pub fn blocks_in(&self, range: Range<u64>) -> impl Iterator<Item = Block> + '_ {
        let mut index = self.first_behind(range.start);
        let mut position = range.start;
        std::iter::from_fn(move || {
            if position >= range.end {
                return None;
            }
            let block = self.blocks.get(index).filter(|block| block.range.start < range.end);
            let (end, status) = match block {
                Some(block) if block.range.start <= position => {
                    index = index.saturating_add(1);
                    (block.range.end.min(range.end), block.status)
                }
                Some(block) => (block.range.start, Status::NotTried),
                None => (range.end, Status::NotTried),
            };
            let range = position..end;
            position = end;
            Some(Block { range, status })
        })
    }

    /// True when all of `range` was rescued.
    #[must_use]
    pub fn is_rescued(&self, range: Range<u64>) -> bool {
        self.blocks_in(range).all(|block| block.status == Status::Rescued)
    }

    /// The first block that ends behind `position`.
    fn first_behind(&self, position: u64) -> usize {
        self.blocks.partition_point(|block| block.range.end <= position)
    }
}

/// The map as ddrescue writes it.
impl fmt::Display for DamageMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "# Mapfile. Created by ntfs-salvage version {}", env!("CARGO_PKG_VERSION"))?;
        writeln!(f, "# current_pos  current_status  current_pass")?;
        let Progress { position, status, pass } = self.progress;
        writeln!(f, "0x{position:08X}     {status}               {pass}")?;
        writeln!(f, "#      pos        size  status")?;
        for Block { range, status } in &self.blocks {
            let size = range.end.saturating_sub(range.start);
            writeln!(f, "0x{:08X}  0x{size:08X}  {}", range.start, status.symbol())?;
        }
        Ok(())
    }
}

/// A line of the file, for the damage in it.
#[derive(Debug, Clone, Copy, Default)]
struct Line {
    number: u32,
    offset: usize,
}

impl Line {
    fn damage(self, what: &'static str) -> Damage {
        Damage::new(wide(self.offset), DamageKind::MapLine { line: self.number, what })
    }
}

/// What a file says, before its claims are settled.
#[derive(Debug, Default)]
struct Parser {
    progress: Option<Progress>,
    claims: Vec<(Line, Block)>,
    damage: Vec<Damage>,
}

impl Parser {
    fn line(&mut self, line: Line, text: &str) {
        let fields: Vec<_> = text.split_whitespace().take_while(|field| !field.starts_with('#')).collect();
        let read = match *fields.as_slice() {
            [] => return,
            // The status line is the first; without it, the first line is a block.
            [position, status] if self.is_first() => self.status_line(position, status, "1"),
            [position, status, pass] if self.is_first() && number(status).is_none() => {
                self.status_line(position, status, pass)
            }
            [position, size, status] => self.block(line, position, size, status),
            _ => Err("neither a status line nor a block"),
        };
        if let Err(what) = read {
            self.damage.push(line.damage(what));
        }
    }

    fn is_first(&self) -> bool {
        self.progress.is_none() && self.claims.is_empty()
    }

    fn status_line(&mut self, position: &str, status: &str, pass: &str) -> Result<(), &'static str> {
        let mut symbols = status.chars().filter(|symbol| "?*/-FG+".contains(*symbol));
        let (Some(position), Some(symbol), None) = (number(position), symbols.next(), symbols.next()) else {
            return Err("not a status line");
        };
        let pass = pass.parse().map_err(|_| "not the number of a pass")?;
        self.progress = Some(Progress { position, status: symbol, pass });
        Ok(())
    }

    fn block(&mut self, line: Line, position: &str, size: &str, status: &str) -> Result<(), &'static str> {
        let start = number(position).ok_or("not a position")?;
        let size = number(size).filter(|&size| size > 0).ok_or("not a size")?;
        let status = Status::of(status).ok_or("not the status of a block")?;
        let end = start.checked_add(size).ok_or("the block ends behind all positions")?;
        self.claims.push((line, Block { range: start..end, status }));
        Ok(())
    }

    fn finish(mut self) -> Result<DamageMap, Damage> {
        if self.claims.is_empty() {
            return Err(Line { number: 1, offset: 0 }.damage("no block at all"));
        }
        if self.progress.is_none() {
            self.damage.push(Line { number: 1, offset: 0 }.damage("no status line"));
        }
        let blocks = settle(self.claims, &mut self.damage);
        self.damage.sort_by_key(|damage| damage.place.offset);
        let progress = self.progress.unwrap_or(Progress { position: 0, status: '?', pass: 1 });
        Ok(DamageMap { blocks, progress, damage: self.damage })
    }
}

/// An integer as C writes it: decimal, `0x` and hexadecimal, or `0` and octal.
fn number(text: &str) -> Option<u64> {
    let (digits, radix) = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => (digits, 16),
        None if text.len() > 1 && text.starts_with('0') => (text, 8),
        None => (text, 10),
    };
    // The parser of the standard library would take a sign.
    if digits.chars().all(|digit| digit.is_digit(radix)) { u64::from_str_radix(digits, radix).ok() } else { None }
}

/// Turns claims into blocks in order, without gap or overlap: nothing is known of positions that no block
/// claims, or more than one.
fn settle(mut claims: Vec<(Line, Block)>, damage: &mut Vec<Damage>) -> Vec<Block> {
    claims.sort_by_key(|(_, block)| block.range.start);
    let mut edges: Vec<(u64, bool, usize)> = Vec::new();
    for (index, (_, block)) in claims.iter().enumerate() {
        edges.extend([(block.range.start, true, index), (block.range.end, false, index)]);
    }
    edges.sort_unstable();
    let mut blocks = Vec::new();
    let mut open = BTreeSet::new();
    let mut position = edges.first().map_or(0, |edge| edge.0);
    for (edge, starts, index) in edges {
        let mut claimants = open.iter().filter_map(|&claimant: &usize| claims.get(claimant));
        let status = match (claimants.next(), claimants.next()) {
            (Some((_, block)), None) => block.status,
            _ => Status::NotTried,
        };
        let (is_gap, is_free) = (open.is_empty() && edge > position, open.is_empty());
        append(&mut blocks, position..edge, status);
        position = edge;
        if !starts {
            open.remove(&index);
            continue;
        }
        open.insert(index);
        let Some((line, _)) = claims.get(index) else { continue };
        if is_gap {
            damage.push(line.damage("there is a gap before the block"));
        } else if !is_free {
            damage.push(line.damage("the block overlaps another"));
        }
    }
    blocks
}

/// Appends a range, to the last block if it has the same status.
fn append(blocks: &mut Vec<Block>, range: Range<u64>, status: Status) {
    match blocks.last_mut() {
        _ if range.is_empty() => {}
        Some(last) if last.status == status => last.range.end = range.end,
        _ => blocks.push(Block { range, status }),
    }
}

#[cfg(test)]
#[allow(clippy::single_range_in_vec_init, reason = "a list with one range is what is meant")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// In the manual's layout: a status line and five blocks.
    const MAP: &str = "\
# Mapfile. Created by GNU ddrescue
# Command line: ddrescue -d /dev/x image map
0x00120000     ?               1
#      pos        size  status
0x00000000  0x00117000  +
0x00117000  0x00000200  -
0x00117200  0x00001000  /
0x00118200  0x00007E00  *   # trailing
0x00120000  0x00048000  ?
";

    fn parse(text: &str) -> DamageMap {
        DamageMap::parse(text.as_bytes()).unwrap()
    }

    fn block(range: Range<u64>, status: Status) -> Block {
        Block { range, status }
    }

    fn complaints(map: &DamageMap) -> Vec<(u32, &'static str)> {
        map.damage()
            .iter()
            .map(|damage| match damage.kind {
                DamageKind::MapLine { line, what } => (line, what),
                other => panic!("{other}"),
            })
            .collect()
    }

    #[test]
    fn the_manuals_map_is_read_and_written() {
        let map = parse(MAP);
        assert_eq!(map.damage(), []);
        assert_eq!(map.progress(), Progress { position: 0x12_0000, status: '?', pass: 1 });
        assert_eq!(
            map.blocks(),
            [
                block(0..0x11_7000, Status::Rescued),
                block(0x11_7000..0x11_7200, Status::Bad),
                block(0x11_7200..0x11_8200, Status::NotScraped),
                block(0x11_8200..0x12_0000, Status::NotTrimmed),
                block(0x12_0000..0x16_8000, Status::NotTried),
            ]
        );
        assert_eq!(parse(&map.to_string()), map);
        assert!(map.to_string().contains("\n0x00117000  0x00000200  -\n"));
    }

    #[test]
    fn every_position_has_a_status() {
        let map = parse(MAP);
        let cases = [(0, '+'), (0x11_6FFF, '+'), (0x11_7000, '-'), (0x11_7200, '/'), (0x16_8000, '?'), (u64::MAX, '?')];
        for (position, symbol) in cases {
            assert_eq!(map.status_at(position).symbol(), symbol, "{position:#x}");
        }
        assert!(map.is_rescued(0..0x11_7000));
        assert!(!map.is_rescued(0x11_6FFF..0x11_7001));
        assert!(!map.is_rescued(0x16_8000..0x16_8001));
        assert!(map.is_rescued(7..7));
        let parts: Vec<_> =
            map.blocks_in(0x11_8000..0x17_0000).map(|block| (block.range, block.status.symbol())).collect();
        let expected = [
            (0x11_8000..0x11_8200, '/'),
            (0x11_8200..0x12_0000, '*'),
            (0x12_0000..0x16_8000, '?'),
            (0x16_8000..0x17_0000, '?'),
        ];
        assert_eq!(parts, expected);
    }

    #[test]
    fn numbers_are_those_of_c_and_old_files_have_no_pass() {
        let map = parse("010 +\n0 0x10 +\n020 16 -\n0X20 0xa /\n");
        assert_eq!(map.progress(), Progress { position: 8, status: '+', pass: 1 });
        let expected = [block(0..16, Status::Rescued), block(16..32, Status::Bad), block(32..42, Status::NotScraped)];
        assert_eq!((map.blocks(), map.damage()), (&expected[..], &[][..]));
        assert_eq!(["", "0x", "08", "-1", "+1", "1k", "18446744073709551616"].map(number), [None; 7]);
    }

    #[test]
    fn gaps_and_overlaps_count_as_not_tried() {
        let map = parse("0 + 1\n0 100 +\n150 50 +\n190 20 -\n210 10 +\n");
        let expected = [
            block(0..100, Status::Rescued),
            block(100..150, Status::NotTried),
            block(150..190, Status::Rescued),
            block(190..200, Status::NotTried),
            block(200..210, Status::Bad),
            block(210..220, Status::Rescued),
        ];
        assert_eq!(map.blocks(), expected);
        assert_eq!(complaints(&map), [(3, "there is a gap before the block"), (4, "the block overlaps another")]);
    }

    #[test]
    fn blocks_in_any_order_are_sorted_and_twice_the_same_is_an_overlap() {
        let map = parse("0 + 1\n50 50 +\n0 50 -\n60 10 +\n");
        let expected = [
            block(0..50, Status::Bad),
            block(50..60, Status::Rescued),
            block(60..70, Status::NotTried),
            block(70..100, Status::Rescued),
        ];
        assert_eq!(map.blocks(), expected);
        assert_eq!(complaints(&map), [(4, "the block overlaps another")]);
    }

    #[test]
    fn lines_that_do_not_fit_are_told_and_passed() {
        let map = parse("0 10 +\nnonsense\n10 x +\n10 0 +\n10 10 !\n1 18446744073709551615 +\r\n10 10 -\r\n");
        assert_eq!(map.blocks(), [block(0..10, Status::Rescued), block(10..20, Status::Bad)]);
        let expected = [
            (1, "no status line"),
            (2, "neither a status line nor a block"),
            (3, "not a size"),
            (4, "not a size"),
            (5, "not the status of a block"),
            (6, "the block ends behind all positions"),
        ];
        assert_eq!(complaints(&map), expected);
    }

    #[test]
    fn a_file_without_blocks_is_no_map() {
        for text in ["", "# only\n", "0 + 1\n", "MZ\0\u{1}"] {
            assert!(DamageMap::parse(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn an_image_may_start_elsewhere() {
        let map = parse("100 + 1\n0 100 +\n100 50 -\n150 50 +\n");
        assert_eq!(map.moved(0, 0), map);
        let later = map.moved(0, 1000);
        assert_eq!(
            (later.status_at(999), later.status_at(1100), later.progress().position),
            (Status::NotTried, Status::Bad, 1100)
        );
        let cut = map.moved(120, 0);
        assert_eq!(cut.blocks(), [block(0..30, Status::Bad), block(30..80, Status::Rescued)]);
        assert_eq!(map.moved(u64::MAX, 0).blocks(), []);
    }

    #[test]
    fn an_account_becomes_a_map() {
        let map = DamageMap::of_reads(2000, &[100..512, 1100..1900], &[0..100, 512..1024]);
        let expected = [
            block(0..100, Status::Bad),
            block(100..512, Status::Rescued),
            block(512..1024, Status::Bad),
            block(1024..1100, Status::NotTried),
            block(1100..1900, Status::Rescued),
            block(1900..2000, Status::NotTried),
        ];
        assert_eq!(map.blocks(), expected);
        assert_eq!(map.progress(), Progress { position: 1024, status: '?', pass: 1 });
        assert_eq!(parse(&map.to_string()), map);
        let whole = DamageMap::of_reads(9, &[0..9], &[]);
        assert_eq!((whole.blocks(), whole.progress().status), (&[block(0..9, Status::Rescued)][..], '+'));
        assert_eq!(DamageMap::of_reads(0, &[], &[]).blocks(), []);
    }

    proptest! {
        #[test]
        fn blocks_never_overlap_and_none_is_rescued_that_two_claim(claims in prop::collection::vec((0_u64..90, 1_u64..30, 0_usize..5), 1..12)) {
            let mut text = String::from("0 ? 1\n");
            let mut naive = vec![Vec::new(); 128];
            for (start, size, status) in claims {
                text.push_str(&format!("{start} {size} {}\n", Status::ALL[status].symbol()));
                (start..start + size).for_each(|at| naive[usize::try_from(at).unwrap()].push(Status::ALL[status]));
            }
            let map = parse(&text);
            prop_assert!(map.blocks().windows(2).all(|pair| pair[0].range.end == pair[1].range.start && pair[0].status != pair[1].status));
            for (at, claimed) in (0..).zip(&naive) {
                let expected = if claimed.len() == 1 { claimed[0] } else { Status::NotTried };
                prop_assert_eq!(map.status_at(at), expected);
                prop_assert_eq!(map.is_rescued(at..at + 1), expected == Status::Rescued);
            }
            let again = parse(&map.to_string());
            prop_assert_eq!(again.blocks(), map.blocks());
        }

        #[test]
        fn arbitrary_text_does_no_harm(text in "[0-9xa-f?*/+#\n -]{0,80}") {
            let _ = DamageMap::parse(text.as_bytes());
        }
    }
}

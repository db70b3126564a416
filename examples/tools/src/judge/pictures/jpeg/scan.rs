//! The scans of a JPEG: Huffman codes, counted in units.

use crate::judge::tape::{Fault, Stop, Tape, ensure, wrong};

const NO_CODE: &str = "a scan of a JPEG with a code that no table has, or too many";

/// A Huffman table: for the next 16 bits the length of the code that they start with, and its symbol.
struct Table {
    /// By the first [`Table::SHORT`] bits: length and symbol of codes that are no longer.
    short: Vec<(u8, u8)>,
    /// Of longer codes, for each length: the first code behind them, aligned to 16 bits, and where their symbols are.
    long: Vec<(u32, u32, u8)>,
    symbols: Vec<u8>,
}

impl Table {
    const SHORT: u32 = 9;

    fn new(counts: &[u8; 16], symbols: &[u8]) -> Self {
        let mut short = vec![(0, 0); 1 << Self::SHORT];
        let mut long = Vec::new();
        let (mut code, mut index) = (0u32, 0usize);
        for (length, &count) in (1u8..).zip(counts) {
            for symbol in &symbols[index..index + usize::from(count)] {
                if let Some(spare) = Self::SHORT.checked_sub(length.into()) {
                    short[(code << spare) as usize..((code + 1) << spare) as usize].fill((length, *symbol));
                }
                code += 1;
            }
            index += usize::from(count);
            if u32::from(length) > Self::SHORT {
                // The symbol of a code of this length stands `code - offset` behind the start.
                let offset = code.wrapping_sub(index as u32);
                long.push((code << (16 - length), offset, length));
            }
            code <<= 1;
        }
        Self { short, long, symbols: symbols.to_vec() }
    }

    /// Length and symbol of the code that these 16 bits start with.
    fn find(&self, bits: u32) -> Option<(u8, u8)> {
        match self.short[(bits >> (16 - Self::SHORT)) as usize] {
            (0, _) => {
                let (_, offset, length) = *self.long.iter().find(|(end, _, _)| bits < *end)?;
                let index = (bits >> (16 - length)).wrapping_sub(offset);
                self.symbols.get(index as usize).map(|symbol| (length, *symbol))
            }
            found => Some(found),
        }
    }
}

#[derive(Clone, Copy, Default)]
struct Component {
    id: u8,
    horizontal: u32,
    vertical: u32,
}

/// What the segments say of the picture.
#[derive(Default)]
pub struct Picture {
    /// Tables of DC values, then of AC values.
    tables: [Option<std::rc::Rc<Table>>; 8],
    components: Vec<Component>,
    width: u32,
    height: u32,
    is_baseline: bool,
    restart: u32,
}

/// A code that cannot be. Where the scan had just left the cluster in which it began, that cluster may be another
/// picture's, with tables of its own.
fn no_code(tape: &Tape, scan: u64) -> Result<(), Stop> {
    const LAG: u64 = 1024;
    let (size, place) = (tape.cluster_size().max(1), tape.position());
    let is_first = place / size == scan / size + 1 && place % size < LAG;
    let fault = if is_first { Fault::Since(scan) } else { Fault::Here };
    Err(Stop::Contradiction(NO_CODE.into(), fault))
}

impl Picture {
    pub fn has_frame(&self) -> bool {
        !self.components.is_empty()
    }

    pub fn restart(&mut self, body: &[u8]) -> Result<(), Stop> {
        let [high, low] = *body else { return wrong("a restart interval of a JPEG that is none") };
        self.restart = u16::from_be_bytes([high, low]).into();
        Ok(())
    }

    pub fn tables(&mut self, mut body: &[u8]) -> Result<(), Stop> {
        const NONE: &str = "a Huffman table of a JPEG that is none";
        while let [first, rest @ ..] = body {
            let Some((counts, rest)) = rest.split_first_chunk::<16>() else { return wrong(NONE) };
            let total: usize = counts.iter().map(|count| usize::from(*count)).sum();
            ensure(first >> 4 <= 1 && first & 15 <= 3 && total <= 256 && rest.len() >= total, NONE)?;
            let mut room = 1i64;
            for count in counts {
                room = room * 2 - i64::from(*count);
                ensure(room >= 0, NONE)?;
            }
            let (symbols, rest) = rest.split_at(total);
            let place = usize::from((first >> 4) * 4 + (first & 3));
            self.tables[place] = Some(Table::new(counts, symbols).into());
            body = rest;
        }
        Ok(())
    }

    pub fn frame(&mut self, marker: u8, body: &[u8]) -> Result<(), Stop> {
        const NONE: &str = "a frame of a JPEG that is none";
        let [bits, h1, h0, w1, w0, count, components @ ..] = body else { return wrong(NONE) };
        ensure(components.len() == usize::from(*count) * 3 && (1..=4).contains(count), NONE)?;
        ensure(matches!(bits, 2..=16), NONE)?;
        self.width = u16::from_be_bytes([*w1, *w0]).into();
        self.height = u16::from_be_bytes([*h1, *h0]).into();
        ensure(self.width > 0, NONE)?;
        self.is_baseline = matches!(marker, 0xc0 | 0xc1);
        let component = |three: &[u8; 3]| Component {
            id: three[0],
            horizontal: (three[1] >> 4).into(),
            vertical: (three[1] & 15).into(),
        };
        self.components = components.as_chunks::<3>().0.iter().map(component).collect();
        let is_factor = |factor: u32| (1..=4).contains(&factor);
        ensure(self.components.iter().all(|one| is_factor(one.horizontal) && is_factor(one.vertical)), NONE)
    }

    /// Follows the entropy-coded bytes behind a scan's header up to the next marker that is not a restart.
    pub async fn scan(&self, tape: &Tape, header: &[u8]) -> Result<(), Stop> {
        let mut units = self.units(header);
        let start = tape.position();
        let mut restarts = 0;
        loop {
            match tape.pass_some(|bytes| follow(bytes, &mut units)).await? {
                Met::Nothing => {}
                Met::Wrong => return no_code(tape, start),
                Met::Ff => match tape.peek::<2>().await?[1] {
                    0 => {
                        tape.skip(2).await?;
                        ensure(units.as_mut().is_none_or(|units| units.byte(0xff)), NO_CODE)?;
                    }
                    marker @ 0xd0..=0xd7 => {
                        ensure(marker & 7 == restarts, "the restart markers of a JPEG are not in order")?;
                        restarts = (restarts + 1) % 8;
                        let is_whole = units.as_mut().is_none_or(|units| units.restart(self.restart));
                        ensure(is_whole, "a restart of a JPEG at a wrong place")?;
                        tape.skip(2).await?;
                    }
                    0xff => tape.skip(1).await?,
                    _ => {
                        let is_whole = units.is_none_or(|mut units| units.is_whole());
                        return ensure(is_whole, "a scan of a JPEG has fewer units than the picture");
                    }
                },
            }
        }
    }

    /// What is to be decoded in the scan; none where it is not baseline.
    fn units(&self, header: &[u8]) -> Option<Units> {
        let (&count, rest) = header.split_first()?;
        let chosen = rest.as_chunks::<2>().0.get(..count.into())?;
        if !self.is_baseline || self.height == 0 || chosen.is_empty() {
            return None;
        }
        let mut tables = Vec::new();
        let mut blocks = Vec::new();
        for [id, places] in chosen {
            let component = self.components.iter().find(|component| component.id == *id)?;
            let dc = self.tables[usize::from(places >> 4 & 3)].clone()?;
            let ac = self.tables[usize::from(4 + (places & 3))].clone()?;
            let each = if count == 1 { 1 } else { component.horizontal * component.vertical };
            blocks.extend((0..each).map(|_| tables.len()));
            tables.push([dc, ac]);
        }
        let (widest, highest) =
            self.components.iter().fold((1, 1), |(w, h), one| (w.max(one.horizontal), h.max(one.vertical)));
        let (across, down) = match count {
            1 => {
                // One component alone: its own blocks, without those that fill up a unit.
                let one = self.components.iter().find(|component| component.id == chosen[0][0])?;
                let along = |length: u32, factor: u32, most: u32| (length * factor).div_ceil(most).div_ceil(8);
                (along(self.width, one.horizontal, widest), along(self.height, one.vertical, highest))
            }
            _ => (self.width.div_ceil(8 * widest), self.height.div_ceil(8 * highest)),
        };
        let total = u64::from(across) * u64::from(down);
        Some(Units { tables, blocks, total, ..Units::default() })
    }
}

enum Met {
    Nothing,
    Ff,
    Wrong,
}

/// Decodes up to the next 0xff.
fn follow(bytes: &[u8], units: &mut Option<Units>) -> (usize, Met) {
    let length = bytes.iter().position(|byte| *byte == 0xff).unwrap_or(bytes.len());
    if let Some(units) = units {
        for (index, byte) in bytes[..length].iter().enumerate() {
            if !units.byte(*byte) {
                return (index, Met::Wrong);
            }
        }
    }
    match length {
        0 => (0, Met::Ff),
        length => (length, Met::Nothing),
    }
}

/// Where decoding stands.
#[derive(Default)]
struct Units {
    /// DC and AC table of each component of the scan.
    tables: Vec<[std::rc::Rc<Table>; 2]>,
    /// Which component each block of a unit is of.
    blocks: Vec<usize>,
    total: u64,
    done: u64,
    since_restart: u64,
    block: usize,
    /// Which coefficient of the block comes next.
    coefficient: u32,
    /// Bits that came and were not decoded yet, in the highest places.
    held: u32,
    count: u32,
    /// Bits of a value that are to be passed over.
    passing: u32,
}

impl Units {
    /// Takes eight bits; `false` where they cannot be.
    fn byte(&mut self, byte: u8) -> bool {
        self.held |= u32::from(byte) << (24 - self.count);
        self.count += 8;
        // The longest code has 16 bits: no code is looked up before so many are there.
        while self.count > 16 && self.done < self.total {
            if !self.step() {
                return false;
            }
        }
        if self.done >= self.total {
            // What is left of the last byte is filled up with ones.
            (self.held, self.count) = (0, 0);
        }
        true
    }

    /// Decodes a code or passes over a value's bits.
    fn step(&mut self) -> bool {
        if self.passing > 0 {
            let now = self.passing.min(self.count);
            self.take(now);
            self.passing -= now;
        } else {
            let table = &self.tables[self.blocks[self.block]][usize::from(self.coefficient > 0)];
            let found = table.find(self.held >> 16);
            let Some((length, symbol)) = found.filter(|(length, _)| u32::from(*length) <= self.count) else {
                return false;
            };
            self.take(length.into());
            if !self.symbol(symbol) {
                return false;
            }
        }
        if self.passing == 0 && self.coefficient >= 64 {
            self.coefficient = 0;
            self.block += 1;
            if self.block == self.blocks.len() {
                self.block = 0;
                self.done += 1;
                self.since_restart += 1;
            }
        }
        true
    }

    fn take(&mut self, count: u32) {
        self.held = self.held.checked_shl(count).unwrap_or(0);
        self.count -= count;
    }

    fn symbol(&mut self, symbol: u8) -> bool {
        let (run, bits) = (u32::from(symbol >> 4), u32::from(symbol & 15));
        self.passing = bits;
        self.coefficient = match (self.coefficient, bits) {
            (0, _) => {
                return symbol <= 15 && {
                    self.coefficient = 1;
                    true
                };
            }
            (now, 0) if run == 15 => now + 16,
            (_, 0) => 64,
            (now, _) => now + run + 1,
        };
        self.coefficient <= 64
    }

    /// Decodes what is held, behind which ones are to be thought.
    fn drain(&mut self) {
        while self.done < self.total && self.count > 0 {
            let held = self.held;
            self.held |= u32::MAX.checked_shr(self.count).unwrap_or(0);
            let count = std::mem::replace(&mut self.count, 32);
            let is_decoded = self.step();
            let used = 32 - self.count;
            if !is_decoded || used > count {
                (self.held, self.count) = (held, 0);
                return;
            }
            self.held = held.checked_shl(used).unwrap_or(0);
            self.count = count - used;
        }
    }

    fn is_whole(&mut self) -> bool {
        self.drain();
        self.done >= self.total
    }

    /// True when so many units lie between two restarts; begins anew.
    fn restart(&mut self, interval: u32) -> bool {
        self.drain();
        let is_whole = self.since_restart == u64::from(interval) && self.block == 0 && self.coefficient == 0;
        self.since_restart = 0;
        (self.held, self.count, self.passing, self.block, self.coefficient) = (0, 0, 0, 0, 0);
        is_whole
    }
}

//! Canonical prefix codes, decoded by a table.

use super::bit_reader::BitReader;

/// Bits of the longest code word.
const LONGEST: usize = 16;

/// Low bits of an entry that hold the code word's length.
const LENGTH_BITS: u32 = 5;

/// A canonical prefix code over `SYMBOLS` symbols, of which code words up to log2(`ROOT`) bits are
/// found with one look into a table, and longer (rarer) ones with one comparison a bit.
///
/// Code words are assigned in the order of (length, symbol), each one more than the one before.
#[derive(Debug)]
pub(super) struct PrefixCode<const SYMBOLS: usize, const ROOT: usize> {
    /// By the next bits: symbol and length; 0 where a longer code word starts.
    root: [u16; ROOT],
    /// The symbols in the order of their code words.
    symbols: [u16; SYMBOLS],
    /// By length: the first code word that is longer, as 16 bits from its top; 0 when none is so short.
    limits: [u32; LONGEST + 1],
    /// By length: what to add to a code word to get its place in `symbols`.
    bases: [usize; LONGEST + 1],
}

impl<const SYMBOLS: usize, const ROOT: usize> PrefixCode<SYMBOLS, ROOT> {
    const ROOT_BITS: u32 = ROOT.trailing_zeros();

    /// The code whose code words have these lengths, 0 for an unused symbol. A code with no symbol
    /// at all is one from which nothing can be decoded.
    ///
    /// `None` when they are no complete code: some bits would have no meaning, or two.
    pub(super) fn new(lengths: &[u8; SYMBOLS]) -> Option<Self> {
        const { assert!(ROOT.is_power_of_two() && SYMBOLS < 1 << (u16::BITS - LENGTH_BITS)) };
        let mut counts = [0_u16; LONGEST + 1];
        for &length in lengths {
            let count = counts.get_mut(usize::from(length))?;
            *count = count.wrapping_add(1);
        }
        counts[0] = 0;
        let mut code =
            Self { root: [0; ROOT], symbols: [0; SYMBOLS], limits: [0; LONGEST + 1], bases: [0; LONGEST + 1] };
        let next = code.set_limits(&counts)?;
        code.sort_symbols(lengths, next);
        code.fill_root(&counts);
        Some(code)
    }

    /// Returns by length the place of its first symbol.
    fn set_limits(&mut self, counts: &[u16; LONGEST + 1]) -> Option<[usize; LONGEST + 1]> {
        let mut starts = [0; LONGEST + 1];
        let (mut start, mut limit) = (0_usize, 0_u32);
        for (length, &count) in (0_u32..).zip(counts) {
            let free_bits = 16_u32.saturating_sub(length);
            let slot = usize::try_from(length).unwrap_or_default();
            let first_code = usize::try_from(limit >> free_bits).unwrap_or_default();
            *starts.get_mut(slot)? = start;
            *self.bases.get_mut(slot)? = start.wrapping_sub(first_code);
            start = start.wrapping_add(usize::from(count));
            limit = limit.saturating_add(u32::from(count) << free_bits);
            *self.limits.get_mut(slot)? = limit;
        }
        (limit == 0 || limit == 1 << 16).then_some(starts)
    }

    fn sort_symbols(&mut self, lengths: &[u8; SYMBOLS], mut next: [usize; LONGEST + 1]) {
        for (symbol, &length) in (0_u16..).zip(lengths).filter(|&(_, &length)| length != 0) {
            let Some(place) = next.get_mut(usize::from(length)) else { return };
            if let Some(slot) = self.symbols.get_mut(*place) {
                *slot = symbol;
            }
            *place = place.wrapping_add(1);
        }
    }

    fn fill_root(&mut self, counts: &[u16; LONGEST + 1]) {
        let mut symbols = self.symbols.iter();
        let mut free = self.root.as_mut_slice();
        for (length, &count) in (0_u16..).zip(counts).take_while(|&(length, _)| u32::from(length) <= Self::ROOT_BITS) {
            let width = ROOT.wrapping_shr(u32::from(length));
            for &symbol in symbols.by_ref().take(usize::from(count)) {
                let Some((entries, rest)) = free.split_at_mut_checked(width) else { return };
                entries.fill(symbol << LENGTH_BITS | length);
                free = rest;
            }
        }
    }

    /// The next symbol; at least 16 bits must be ready. `None` when the code is empty.
    #[inline]
    pub(super) fn decode(&self, reader: &mut BitReader<'_>) -> Option<u16> {
        let entry = *self.root.get(reader.peek(Self::ROOT_BITS))?;
        if entry == 0 {
            let (symbol, length) = self.decode_long(reader.peek(16))?;
            reader.consume(length);
            return Some(symbol);
        }
        reader.consume(u32::from(entry & ((1 << LENGTH_BITS) - 1)));
        Some(entry >> LENGTH_BITS)
    }

    /// The symbol whose code word the next sixteen bits start with, and its length.
    #[cold]
    fn decode_long(&self, bits: usize) -> Option<(u16, u32)> {
        let lengths = (0_u32..).zip(&self.limits).zip(&self.bases);
        let ((length, _), base) =
            lengths.into_iter().find(|((_, limit), _)| usize::try_from(**limit).is_ok_and(|limit| bits < limit))?;
        let place = (bits >> 16_u32.saturating_sub(length)).wrapping_add(*base);
        Some((*self.symbols.get(place)?, length))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Bits as the words of a stream.
    fn stream(bits: &str) -> Vec<u8> {
        let padded = format!("{bits}{}", "0".repeat(64));
        let words = padded.as_bytes().chunks_exact(16).map(|word| std::str::from_utf8(word).unwrap());
        words.flat_map(|word| u16::from_str_radix(word, 2).unwrap().to_le_bytes()).collect()
    }

    #[test]
    fn code_words_go_by_length_and_symbol() {
        let code = PrefixCode::<5, 4>::new(&[3, 1, 0, 3, 2]).unwrap();
        let bytes = stream(concat!("0", "10", "110", "111", "0"));
        let mut reader = BitReader::new(&bytes);
        reader.refill();
        let symbols: Vec<_> = (0..5).map(|_| code.decode(&mut reader).unwrap()).collect();
        assert_eq!(symbols, [1, 4, 0, 3, 1]);
    }

    #[test]
    fn only_complete_codes_are_codes() {
        assert!(PrefixCode::<3, 4>::new(&[1, 1, 1]).is_none(), "too many");
        assert!(PrefixCode::<3, 4>::new(&[1, 2, 0]).is_none(), "too few");
        assert!(PrefixCode::<3, 4>::new(&[1, 0, 0]).is_none(), "one symbol of one bit");
        assert!(PrefixCode::<3, 4>::new(&[17, 1, 1]).is_none(), "too long");
        assert!(PrefixCode::<3, 4>::new(&[255, 1, 1]).is_none());
        let empty = PrefixCode::<3, 4>::new(&[0, 0, 0]).unwrap();
        assert_eq!(empty.decode(&mut BitReader::new(&[0; 4])), None);
    }

    /// Lengths of a complete code: code words are split in two at random.
    fn complete_lengths(splits: &[usize]) -> [u8; 64] {
        let mut words = vec![1_u8, 1];
        for &split in splits {
            let place = split % words.len();
            if words[place] < 16 && words.len() < 64 {
                words[place] += 1;
                words.insert(place, words[place]);
            }
        }
        words.resize(64, 0);
        words.rotate_right(splits.len() % 64);
        words.try_into().unwrap()
    }

    proptest! {
        #[test]
        fn decoding_agrees_with_the_definition(splits in prop::collection::vec(0_usize..4, 0..80), picks in prop::collection::vec(any::<usize>(), 1..20)) {
            let lengths = complete_lengths(&splits);
            let mut words: Vec<(u8, usize)> = lengths.iter().enumerate().filter(|(_, length)| **length > 0).map(|(symbol, length)| (*length, symbol)).collect();
            words.sort_unstable();
            let mut next = 0_u32;
            let coded: Vec<(usize, String)> = words.iter().map(|&(length, symbol)| {
                let word = format!("{next:016b}")[..usize::from(length)].to_owned();
                next += 1 << (16 - length);
                (symbol, word)
            }).collect();
            let picked: Vec<_> = picks.iter().map(|pick| &coded[pick % coded.len()]).collect();
            let bytes = stream(&picked.iter().map(|(_, word)| word.as_str()).collect::<String>());
            let code = PrefixCode::<64, 32>::new(&lengths).unwrap();
            let mut reader = BitReader::new(&bytes);
            for (symbol, _) in picked {
                reader.refill();
                prop_assert_eq!(code.decode(&mut reader).map(usize::from), Some(*symbol));
            }
        }

        #[test]
        fn any_lengths_make_a_code_or_none(lengths in any::<[u8; 32]>()) {
            if let Some(code) = PrefixCode::<32, 8>::new(&lengths.map(|length| length % 18)) {
                let mut reader = BitReader::new(&[0xFF; 8]);
                reader.refill();
                let _ = code.decode(&mut reader);
            }
        }
    }
}

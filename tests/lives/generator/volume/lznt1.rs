//! LZNT1, as simple as it can be written.

const CHUNK: usize = 4096;

/// The chunks of `data`, each compressed where that makes it smaller.
pub(crate) fn compress(data: &[u8]) -> Vec<u8> {
    data.chunks(CHUNK).flat_map(chunk).collect()
}

fn chunk(data: &[u8]) -> Vec<u8> {
    let tokens = tokens(data);
    let (is_smaller, body) = (tokens.len() < data.len(), if tokens.len() < data.len() { &tokens[..] } else { data });
    // A chunk that is not compressed has all of its bytes.
    let body = if is_smaller { body.to_vec() } else { [data, &vec![0; CHUNK - data.len()]].concat() };
    let header = 0x3000 | u16::from(is_smaller) << 15 | (body.len() - 1) as u16;
    [&header.to_le_bytes()[..], &body].concat()
}

fn tokens(data: &[u8]) -> Vec<u8> {
    let (mut out, mut at) = (Vec::new(), 0);
    let mut last = std::collections::HashMap::<[u8; 3], usize>::new();
    while at < data.len() {
        let flags_at = out.len();
        out.push(0);
        for bit in 0..8 {
            if at >= data.len() {
                break;
            }
            let key = |at: usize| data.get(at..at + 3).map(|bytes| [bytes[0], bytes[1], bytes[2]]);
            let found = key(at).and_then(|key| last.get(&key).copied());
            let place_bits = usize::BITS - at.saturating_sub(1).leading_zeros();
            let length_bits = 12 - place_bits.saturating_sub(4);
            let longest = (1_usize << length_bits) + 2;
            let length = found.map_or(0, |from| {
                data[from..].iter().zip(&data[at..]).take(longest).take_while(|(one, other)| one == other).count()
            });
            let step = match found {
                Some(from) if length >= 3 => {
                    out[flags_at] |= 1 << bit;
                    let word = ((at - from - 1) << length_bits | (length - 3)) as u16;
                    out.extend(word.to_le_bytes());
                    length
                }
                _ => {
                    out.push(data[at]);
                    1
                }
            };
            for place in at..at + step {
                if let Some(key) = key(place) {
                    last.insert(key, place);
                }
            }
            at += step;
        }
    }
    out
}

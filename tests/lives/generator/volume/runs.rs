//! Runs of clusters, and how they are written.

/// A run of clusters; a hole where `lcn` is `None`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) lcn: Option<u64>,
    pub(crate) count: u64,
}

pub(crate) fn clusters_of(runs: &[Run]) -> u64 {
    runs.iter().map(|run| run.count).sum()
}

/// Joins runs that follow each other.
pub(crate) fn push(runs: &mut Vec<Run>, run: Run) {
    if run.count == 0 {
        return;
    }
    match (runs.last_mut(), run.lcn) {
        (Some(last), Some(lcn)) if last.lcn.is_some_and(|start| start + last.count == lcn) => last.count += run.count,
        (Some(last), None) if last.lcn.is_none() => last.count += run.count,
        _ => runs.push(run),
    }
}

/// The runs of clusters `vcn .. vcn + count`.
pub(crate) fn slice(runs: &[Run], vcn: u64, count: u64) -> Vec<Run> {
    let (mut found, mut start, end) = (Vec::new(), 0, vcn + count);
    for run in runs {
        let (from, to) = (vcn.max(start), end.min(start + run.count));
        if from < to {
            push(&mut found, Run { lcn: run.lcn.map(|lcn| lcn + from - start), count: to - from });
        }
        start += run.count;
    }
    found
}

/// The mapping pairs of `runs`, with their end.
pub(crate) fn mapping_pairs(runs: &[Run]) -> Vec<u8> {
    let mut pairs = Vec::new();
    let mut before = 0_i64;
    for run in runs {
        let (count, count_length) = signed_bytes(run.count as i64);
        let (delta, delta_length) = run.lcn.map_or(([0; 8], 0), |lcn| {
            let delta = lcn as i64 - before;
            before = lcn as i64;
            signed_bytes(delta)
        });
        pairs.push((delta_length << 4 | count_length) as u8);
        pairs.extend_from_slice(&count[..count_length]);
        pairs.extend_from_slice(&delta[..delta_length]);
    }
    pairs.push(0);
    pairs
}

/// The fewest little-endian bytes that keep the sign.
fn signed_bytes(number: i64) -> ([u8; 8], usize) {
    let magnitude = if number < 0 { !number } else { number };
    let bits = 65 - magnitude.leading_zeros() as usize;
    (number.to_le_bytes(), bits.div_ceil(8))
}

/// Runs cut into pieces whose pairs take at most so many bytes each, with their first VCNs.
pub(crate) fn pieces(runs: &[Run], most: usize) -> Vec<(u64, Vec<Run>)> {
    let mut pieces = vec![(0, Vec::new())];
    let mut vcn = 0;
    for run in runs {
        let (_, piece) = pieces.last_mut().expect("there is one");
        piece.push(*run);
        if mapping_pairs(piece).len() > most && piece.len() > 1 {
            piece.pop();
            pieces.push((vcn, vec![*run]));
        }
        vcn += run.count;
    }
    pieces
}

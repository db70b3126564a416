//! The copy every codec here lives by: bytes that were already produced, once more.

/// Bytes moved at once where source and target lie far enough apart.
const BLOCK: usize = 16;

/// Repeats at `at` the `length` bytes that lie `distance` back, and returns where they end.
///
/// The two ranges may overlap: a distance of 1 repeats one byte. Bytes behind the end may be
/// overwritten, so what lies there must not matter yet.
///
/// `None`, and nothing is changed, when the distance is zero or reaches before the first byte, or
/// the copy does not fit.
#[inline]
pub(super) fn repeat(out: &mut [u8], at: usize, distance: usize, length: usize) -> Option<usize> {
    let end = at.checked_add(length).filter(|&end| end <= out.len())?;
    let start = at.checked_sub(distance).filter(|_| distance > 0)?;
    let is_apart = distance >= BLOCK.min(length);
    if !is_apart || !copy_blocks(out, start, at, end) {
        copy_overlapping(out, start, at, end);
    }
    Some(end)
}

/// Moves whole blocks, past the end by less than one; false when the output is too short for that.
#[inline]
fn copy_blocks(out: &mut [u8], mut from: usize, mut to: usize, end: usize) -> bool {
    while to < end {
        let Some(&block) = out.get(from..).and_then(<[u8]>::first_chunk::<BLOCK>) else { return false };
        let Some(target) = out.get_mut(to..).and_then(<[u8]>::first_chunk_mut::<BLOCK>) else { return false };
        *target = block;
        (from, to) = (from.wrapping_add(BLOCK), to.wrapping_add(BLOCK));
    }
    true
}

/// Copies what is there, then both copies, and so on: each step is free of overlap.
fn copy_overlapping(out: &mut [u8], from: usize, mut to: usize, end: usize) {
    let distance = to.wrapping_sub(from);
    if distance == 1 {
        let byte = out.get(from).copied().unwrap_or_default();
        out.get_mut(to..end).unwrap_or_default().fill(byte);
        return;
    }
    while to < end {
        let step = end.wrapping_sub(to).min(to.wrapping_sub(from));
        let (before, behind) = out.split_at_mut(to);
        if let (Some(target), Some(source)) = (behind.get_mut(..step), before.get(from..from.wrapping_add(step))) {
            target.copy_from_slice(source);
        }
        to = to.wrapping_add(step);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bytewise(out: &mut [u8], at: usize, distance: usize, length: usize) {
        for to in at..at + length {
            out[to] = out[to - distance];
        }
    }

    proptest! {
        #[test]
        fn repeats_are_what_a_bytewise_copy_gives(at in 1_usize..80, distance in 1_usize..80, length in 0_usize..300) {
            let mut fast: Vec<u8> = (0..=255).cycle().take(400).collect();
            let mut naive = fast.clone();
            let expected = (distance <= at).then(|| { bytewise(&mut naive, at, distance, length); at + length });
            prop_assert_eq!(repeat(&mut fast, at, distance, length), expected);
            if expected.is_some() {
                prop_assert_eq!(&fast[..at + length], &naive[..at + length]);
            } else {
                prop_assert_eq!(fast, naive);
            }
        }

        #[test]
        fn repeats_near_the_end_stay_inside(size in 1_usize..40, at in 0_usize..41, distance in 0_usize..41, length in 0_usize..41) {
            let mut fast: Vec<u8> = (0..=255).take(size).collect();
            let mut naive = fast.clone();
            let fits = distance > 0 && distance <= at && at + length <= size;
            if fits { bytewise(&mut naive, at, distance, length); }
            prop_assert_eq!(repeat(&mut fast, at, distance, length), fits.then_some(at + length));
            let end = if fits { at + length } else { size };
            prop_assert_eq!(&fast[..end], &naive[..end]);
        }
    }

    #[test]
    fn nothing_is_copied_from_before_the_start() {
        let mut out = [1, 2, 3, 4];
        assert_eq!(repeat(&mut out, 2, 3, 1), None);
        assert_eq!(repeat(&mut out, 2, 0, 1), None);
        assert_eq!(repeat(&mut out, 2, 1, usize::MAX), None);
        assert_eq!(out, [1, 2, 3, 4]);
    }
}

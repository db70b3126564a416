//! Zstandard frames, by a library.

use std::io::Read;

use ruzstd::decoding::{FrameDecoder, StreamingDecoder};

use super::piece::Loss;

/// The largest window that is allocated: four times the largest cluster of QCOW2.
const LARGEST_WINDOW: u64 = 8 << 20;

/// Decompresses the frame that `stored` starts with into `bytes`, all of it. What stands behind does no harm.
///
/// # Errors
/// When nothing of it is to be believed.
pub(super) fn decompress(stored: &[u8], bytes: &mut [u8]) -> Result<(), Loss> {
    let mut decoder = FrameDecoder::new();
    decoder.set_max_window_size(LARGEST_WINDOW);
    let mut frame = StreamingDecoder::new_with_decoder(stored, decoder).map_err(|_| Loss::Undecodable)?;
    frame.read_exact(bytes).map_err(|_| Loss::Undecodable)
}

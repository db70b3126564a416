//! Packed units to bytes.

use simd_adler32::adler32;
use zune_inflate::{DeflateDecoder, DeflateOptions};

use super::piece::{Encoding, Loss};
use crate::codec::{lz4, snappy};

/// Decodes the `stored` bytes of a unit into `bytes`, all of it. What it decodes to may be longer.
///
/// # Errors
/// The reason why nothing of it is to be believed: a decoder that stumbles has gone wrong somewhere before.
pub(super) fn decode(encoding: Encoding, stored: &[u8], bytes: &mut [u8]) -> Result<(), Loss> {
    match encoding {
        Encoding::Zlib => copy(&inflater(stored, bytes.len()).decode_zlib().map_err(|_| Loss::Undecodable)?, bytes),
        Encoding::Deflate => {
            copy(&inflater(stored, bytes.len()).decode_deflate().map_err(|_| Loss::Undecodable)?, bytes)
        }
        #[cfg(feature = "zstd")]
        Encoding::Zstd => super::zstd::decompress(stored, bytes),
        #[cfg(not(feature = "zstd"))]
        Encoding::Zstd => Err(Loss::Undecodable),
        Encoding::Lz4 => lz4::decompress(stored, bytes).map_err(|_| Loss::Undecodable),
        Encoding::Snappy => snappy::decompress(stored, bytes).map_err(|_| Loss::Undecodable),
        Encoding::Adler32 => checked(stored, bytes),
    }
}

/// How much more than the unit's length may come out of it: a last chunk can be padded to a full one.
const MORE: usize = 1 << 20;

fn inflater(stored: &[u8], length: usize) -> DeflateDecoder<'_> {
    // With a little room behind, the decoder keeps to its fast loop and need not grow.
    let options = DeflateOptions::default().set_size_hint(length.saturating_add(512));
    DeflateDecoder::new_with_options(stored, options.set_limit(length.saturating_add(MORE)))
}

fn copy(decoded: &[u8], bytes: &mut [u8]) -> Result<(), Loss> {
    bytes.copy_from_slice(decoded.get(..bytes.len()).ok_or(Loss::Undecodable)?);
    Ok(())
}

fn checked(stored: &[u8], bytes: &mut [u8]) -> Result<(), Loss> {
    let (content, checksum) = stored.split_last_chunk::<4>().ok_or(Loss::Undecodable)?;
    copy(content, bytes)?;
    if adler32(&content) == u32::from_le_bytes(*checksum) { Ok(()) } else { Err(Loss::Checksum) }
}

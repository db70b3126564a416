//! Packed units to bytes.

use simd_adler32::adler32;
use zune_inflate::errors::DecodeErrorStatus;
use zune_inflate::{DeflateDecoder, DeflateOptions};

use super::piece::{Encoding, Loss};
use crate::codec::{lz4, snappy};

/// Decodes the `stored` bytes of a unit into `bytes`, all of it. What it decodes to may be longer.
///
/// # Errors
/// The reason why nothing of it is to be believed: a decoder that stumbles has gone wrong somewhere before.
pub(super) fn decode(encoding: Encoding, stored: &[u8], bytes: &mut [u8]) -> Result<(), Loss> {
    match encoding {
        Encoding::Zlib => match inflater(stored, bytes.len()).decode_zlib() {
            Ok(decoded) => copy(&decoded, bytes),
            Err(error) => match error.error {
                DecodeErrorStatus::MismatchedAdler(..) => Err(Loss::Checksum),
                _ => copy(&stored_blocks(stored).ok_or(Loss::Undecodable)?, bytes),
            },
        },
        Encoding::Deflate => {
            let decoded = inflater(stored, bytes.len()).decode_deflate().map_err(|_| Loss::Undecodable)?;
            // Without a checksum, its length is all that tells a stream from one that starts elsewhere.
            if decoded.len() == bytes.len() { copy(&decoded, bytes) } else { Err(Loss::Undecodable) }
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

/// How many bytes a unit decodes to, where that can be told; for media whose size nobody wrote down.
pub(super) fn length_of(encoding: Encoding, stored: &[u8], limit: u32) -> Option<u64> {
    let decoded = match encoding {
        Encoding::Zlib => inflater(stored, usize::try_from(limit).ok()?).decode_zlib().ok()?,
        _ => return None,
    };
    u64::try_from(decoded.len()).ok()
}

/// A text that is packed by zlib, of a MiB at most.
pub(super) fn inflate_text(packed: &[u8]) -> Option<Vec<u8>> {
    inflater(packed, 1 << 12).decode_zlib().ok()
}

/// A zlib stream of stored blocks alone whose lengths lack their complement: the firmware of some imagers leaves
/// it zero. The stream's checksum has to be right all the same.
fn stored_blocks(stored: &[u8]) -> Option<Vec<u8>> {
    let (_, mut rest) = stored.split_first_chunk::<2>()?;
    let mut bytes = Vec::new();
    loop {
        let ([head, low, high, 0, 0], behind) = rest.split_first_chunk::<5>()? else { return None };
        let block = behind.get(..usize::from(u16::from_le_bytes([*low, *high])))?;
        bytes.extend_from_slice(block);
        rest = behind.get(block.len()..)?;
        match head {
            0 => {}
            1 => break,
            _ => return None,
        }
    }
    (adler32(&bytes.as_slice()) == u32::from_be_bytes(*rest.first_chunk()?)).then_some(bytes)
}

fn checked(stored: &[u8], bytes: &mut [u8]) -> Result<(), Loss> {
    let (content, checksum) = stored.split_last_chunk::<4>().ok_or(Loss::Undecodable)?;
    copy(content, bytes)?;
    if adler32(&content) == u32::from_le_bytes(*checksum) { Ok(()) } else { Err(Loss::Checksum) }
}

//! Decompression of one unit or chunk, slice to slice.
//!
//! Nothing here allocates by a number found in the data, and nothing trusts one: the caller says how
//! long the output is, and every codec fills it to the end or says which bytes it could not give.

mod bit_reader;
mod history;
mod huffman;
pub mod lz4;
pub mod lznt1;
pub mod lzx;
pub mod snappy;
pub mod wof;
pub mod xpress_huffman;

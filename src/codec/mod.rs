//! Decompression of one unit or chunk, slice to slice.

//! Sound and film.

pub mod flac;
pub mod matroska;
pub mod mp3;
pub mod mp4;
pub mod ogg;
pub mod riff;

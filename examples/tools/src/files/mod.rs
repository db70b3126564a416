//! What the tools say of a file: its parts, what is left of its streams, and what their content shows.

pub mod exposure;
pub mod listed_file;
pub mod namespace;
pub mod runs;
pub mod verified_content;

//! What the tools share.

pub mod accounting;
pub mod buffer;
pub mod condition;
pub mod container;
pub mod evidence;
pub mod exposure;
pub mod failure;
pub mod file;
pub mod globs;
pub mod header;
pub mod identity;
pub mod input;
pub mod input_arguments;
pub mod json;
pub mod losses;
pub mod map_file;
pub mod namespace;
pub mod number;
pub mod record_choice;
pub mod rescue_map;
pub mod runs;
pub mod scan_file;
pub mod spans;
pub mod text;
pub mod time_of_day;
pub mod verified_content;

//! Hostile inputs: the classes of malformed structures that have broken parsers of NTFS, each made
//! to order, each with the outcome it has to have. Every input also goes through the exercise, which
//! asserts what holds for all of them.

mod attribute_lists;
mod attributes;
mod codecs;
#[path = "../exercise/mod.rs"]
mod exercise;
mod forge;
mod frames;
mod indexes;
mod journals;
mod names;
mod resources;
mod run_lists;
mod volumes;

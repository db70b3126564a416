//! How numbers, names, times of this machine and JSON are written.

pub mod json;
pub mod number;
pub mod text;
pub mod time_of_day;

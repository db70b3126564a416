//! The words everything else is written in: damage, errors, times, names and references.

pub(crate) mod be;
pub mod damage;
pub mod error;
pub mod few;
pub mod guid;
pub(crate) mod le;
pub mod name;
pub mod reference;
pub mod sid;
pub mod threads;
pub mod time;
pub mod watch;

//! The words everything else is written in: damage, errors, times, names and references.

pub(crate) mod be;
pub mod damage;
#[cfg(feature = "std")]
pub mod error;
pub mod few;
pub mod guid;
pub(crate) mod le;
pub mod name;
pub mod reference;
pub mod sid;
#[cfg(feature = "serde")]
pub(crate) mod stored;
#[cfg(feature = "std")]
pub mod threads;
pub mod time;
#[cfg(feature = "std")]
pub mod watch;

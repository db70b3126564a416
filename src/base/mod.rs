//! The words everything else is written in: damage, errors, times, names and references.

pub(crate) mod be;
pub(crate) mod damage;
#[cfg(feature = "std")]
pub(crate) mod error;
pub(crate) mod few;
pub(crate) mod guid;
pub(crate) mod le;
pub(crate) mod name;
pub(crate) mod reference;
pub(crate) mod sid;
#[cfg(feature = "serde")]
pub(crate) mod stored;
#[cfg(feature = "std")]
pub(crate) mod threads;
pub(crate) mod time;
#[cfg(feature = "std")]
pub(crate) mod watch;

//! What Windows and other systems write: programs, logs, registries, databases, images.

pub mod elf;
pub mod evtx;
pub mod ewf;
pub mod lnk;
pub mod pe;
pub mod prefetch;
pub mod pst;
pub mod registry;
pub mod sqlite;
pub mod vhdx;

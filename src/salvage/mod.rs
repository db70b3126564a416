//! Volumes found without their maps.

pub mod findings;
mod recognize;
pub mod scan;

pub use findings::{Anchor, AnchorKind, Findings, HitFlags, IndexHit, RecordHit};
pub use scan::Scanner;

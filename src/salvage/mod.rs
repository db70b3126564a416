//! Volumes found without their maps.

pub mod findings;
pub mod fragments;
pub mod geometry_vote;
mod recognize;
pub mod scan;

pub use findings::{Anchor, AnchorKind, Findings, HitFlags, IndexHit, RecordHit};
pub use fragments::{Fragment, fragments};
pub use geometry_vote::{Confidence, GeometryVote, Overrides, RunnerUp, Votes};
pub use scan::Scanner;

#[doc(hidden)]
pub fn debug_vote(source: &dyn crate::source::Source, findings: &Findings) -> Vec<GeometryVote> {
    geometry_vote::vote(source, findings, &fragments(findings), &Overrides::default())
}

//! Volumes found without their maps: scanned for, told apart, put together, and opened.
//!
//! [`open()`] is the road for users: it tries what is usual first, and scans only where that leads
//! nowhere. The steps of a scan can be taken one by one: a [`Scanner`] makes [`Findings`], which group
//! into [`Fragment`]s, which [vote](GeometryVote) on where volumes lie and become volumes again.

mod accounting;
mod anchors;
mod assemble;
mod blank_content;
pub(crate) mod findings;
pub(crate) mod fragments;
pub(crate) mod geometry_vote;
mod hit_records;
pub(crate) mod layers;
mod names;
mod open;
mod opening;
mod precedence;
mod recognize;
pub(crate) mod scan;
pub(crate) mod scan_file;
mod settling;
mod unread;
mod witnesses;

pub use findings::{Anchor, AnchorKind, Findings, HitFlags, IndexHit, RecordHit};
pub use fragments::{Fragment, fragments};
pub use geometry_vote::{Confidence, GeometryVote, Overrides, RunnerUp, Votes};
pub use layers::Layer;
pub use names::scan_for_names;
pub use open::{Discovery, Opened, OpenedBy, Remains, ScanReason};
pub use opening::{Opening, open, open_with};
pub use scan::Scanner;
pub use unread::{Content, Unread};

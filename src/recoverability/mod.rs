//! What the bytes of a stream are worth: who else claims their clusters, and the verdict.

pub(crate) mod assessment;
pub(crate) mod byte_status;
pub(crate) mod claimant;
pub(crate) mod claims;
pub(crate) mod condition;
pub(crate) mod content_witness;
pub(crate) mod exposure;
#[cfg(test)]
mod header_damage;
mod record_doubts;
#[cfg(test)]
mod residue_tests;
pub(crate) mod verdict;

pub use assessment::{Assessment, RecoverabilityOptions};
pub use byte_status::ByteStatus;
pub use claimant::{Age, Claimant};
pub use claims::{Claim, Claims};
pub use condition::{Condition, Hibernation, LogState};
pub use content_witness::ContentWitness;
pub use exposure::Exposure;
pub use verdict::{AssessedRange, ByteCounts, Reasons, Recoverability, Verdict};

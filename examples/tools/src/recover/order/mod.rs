//! Content is asked for in the order of the disk, not of the records.
//!
//! Files whose records are neighbours may lie anywhere. On 100,000 files every second read in the order of records was
//! a jump of more than a MiB: minutes of seeking on a disk, wear on a failing one, and each compressed chunk of an
//! evidence file inflated again and again. So a window of tens of thousands of records is made ready first; then
//! all that it wants is read in one sweep over the disk, neighbours together; then come its lines of the manifest.
//!
//! [`visits`] plans the sweep, [`fetched`] has what was read until it is written,
//! [`waiting`] what of a scattered file was read before its rest, and [`turn`] keeps the threads from
//! reading in two places at once.

pub mod fetched;
pub mod turn;
pub mod visits;
pub mod waiting;

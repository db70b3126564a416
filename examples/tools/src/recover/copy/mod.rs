//! The second pass: streams are read, judged and written, a window of records after the other.
//!
//! [`recovery`] is what all of it needs to know, [`window`] the order of the work.

pub mod content;
pub mod inspection;
pub mod preparer;
pub mod progress;
pub mod recovery;
pub mod reporter;
pub mod window;
pub mod writer;

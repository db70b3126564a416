//! A source that is borrowed, or shared and then kept.

use std::sync::Arc;

use super::Source;

/// A source that is shared, and lives for as long as anyone has it: what handles are made of that outlive a function.
pub type SharedSource = Arc<dyn Source + Send + Sync>;

/// A source that is borrowed for `'s`, or shared.
#[derive(Clone)]
pub(crate) enum HeldSource<'s> {
    Borrowed(&'s dyn Source),
    Shared(SharedSource),
}

impl HeldSource<'_> {
    pub(crate) fn source(&self) -> &dyn Source {
        match self {
            Self::Borrowed(source) => *source,
            Self::Shared(source) => source.as_ref(),
        }
    }
}

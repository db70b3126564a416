//! A window that is kept: with it, what it looks into, where that is shared.

use std::fmt;
use std::sync::Arc;

use super::held_source::{HeldSource, SharedSource};
use super::log_pages::{LogPage, LogPages};
use super::pieces::{Part, Pieces};
use super::{Source, Window};

/// What a [`HeldWindow`] looks into.
#[derive(Clone)]
enum Held<'s> {
    Plain(HeldSource<'s>),
    /// A borrowed source with log pages in it.
    Undone(Arc<LogPages<&'s dyn Source>>),
    /// A source whose parts are put back in the places that they had.
    Realigned(Arc<Pieces<'s>>),
}

/// A part of a source, which is borrowed for `'s`, or shared and then kept (`'static`).
#[derive(Clone)]
pub(crate) struct HeldWindow<'s> {
    source: Held<'s>,
    start: u64,
    size: u64,
    lead: u64,
}

impl<'s> HeldWindow<'s> {
    /// The window, to read in.
    pub(crate) fn window(&self) -> Window<'_> {
        let source: &dyn Source = match &self.source {
            Held::Plain(source) => source.source(),
            Held::Undone(source) => source.as_ref(),
            Held::Realigned(source) => source.as_ref(),
        };
        Window::of_parts(source, self.start, self.size, self.lead)
    }

    /// The window for as long as its source is borrowed; `None` where the source is shared.
    pub(crate) fn borrowed(&self) -> Option<Window<'s>> {
        match self.source {
            Held::Plain(HeldSource::Borrowed(source)) => {
                Some(Window::of_parts(source, self.start, self.size, self.lead))
            }
            Held::Plain(HeldSource::Shared(_)) | Held::Undone(_) | Held::Realigned(_) => None,
        }
    }

    /// The same window into `source`, which has the bytes of the one it was made for.
    pub(crate) fn shared(&self, source: SharedSource) -> HeldWindow<'static> {
        let Self { source: ref held, start, size, lead } = *self;
        let source: SharedSource = match held {
            Held::Undone(undone) => Arc::new(LogPages::new(source, Arc::clone(undone.pages()))),
            Held::Realigned(pieces) => Arc::new(pieces.shared(source)),
            Held::Plain(_) => source,
        };
        HeldWindow { source: Held::Plain(HeldSource::Shared(source)), start, size, lead }
    }

    /// The same window with these log pages, which lie in its source, undone.
    pub(crate) fn undone(&self, pages: &Arc<[LogPage]>) -> Self {
        match &self.source {
            Held::Plain(HeldSource::Borrowed(source)) if !pages.is_empty() => {
                let source = Held::Undone(Arc::new(LogPages::new(*source, Arc::clone(pages))));
                Self { source, ..self.clone() }
            }
            _ => self.clone(),
        }
    }

    /// The same window, `size` bytes long, into the same source with its parts in other places. A source that is shared
    /// stays as it is.
    pub(crate) fn realigned(&self, parts: Vec<Part>, size: u64) -> Self {
        let Held::Plain(HeldSource::Borrowed(source)) = self.source else { return self.clone() };
        let pieces = Pieces::spanned(source, self.start.saturating_add(size).max(source.size()), parts);
        Self { source: Held::Realigned(Arc::new(pieces)), size, ..self.clone() }
    }
}

impl<'s> From<Window<'s>> for HeldWindow<'s> {
    fn from(window: Window<'s>) -> Self {
        let (source, start, size, lead) = window.into_parts();
        Self { source: Held::Plain(HeldSource::Borrowed(source)), start, size, lead }
    }
}

impl fmt::Debug for HeldWindow<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.window().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shared_window_outlives_what_it_was_made_for() {
        let shared = {
            let bytes: Vec<u8> = (0..100).collect();
            let held = HeldWindow::from(Window::new(&bytes, 10, 20));
            assert_eq!(held.borrowed().map(|window| window.start()), Some(10));
            held.shared(Arc::new(bytes.clone()))
        };
        let mut read = [0; 4];
        assert_eq!(shared.window().read_at(18, &mut read).unwrap(), 2);
        assert_eq!(read, [28, 29, 0, 0]);
        assert!(shared.borrowed().is_none());
    }
}

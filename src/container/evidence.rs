//! What was opened: bytes as they are, or a container of them.

use std::ops::Range;
use std::path::Path;

use super::driver::Container;
use super::files::ImageFile;
use crate::base::error::ReadError;
use crate::source::Source;

/// A file that was opened for the disk in it.
#[derive(Debug)]
pub struct Evidence {
    held: Held,
}

#[derive(Debug)]
enum Held {
    Raw(ImageFile),
    Container(Box<Container>),
}

impl Evidence {
    pub(super) fn raw(file: ImageFile) -> Self {
        Self { held: Held::Raw(file) }
    }

    pub(super) fn of(container: Container) -> Self {
        Self { held: Held::Container(Box::new(container)) }
    }

    /// The container, where it is one; `None` where the file's bytes are the disk's.
    #[must_use]
    pub fn container(&self) -> Option<&Container> {
        match &self.held {
            Held::Raw(_) => None,
            Held::Container(container) => Some(container),
        }
    }

    /// The files, in the order in which they are counted, each with its size in bytes.
    pub fn files(&self) -> Box<dyn Iterator<Item = (&Path, u64)> + '_> {
        match &self.held {
            Held::Raw(file) => Box::new(std::iter::once((file.path.as_path(), file.source.size()))),
            Held::Container(container) => Box::new(container.files()),
        }
    }

    fn source(&self) -> &dyn Source {
        match &self.held {
            Held::Raw(file) => file.source.as_ref(),
            Held::Container(container) => container.as_ref(),
        }
    }
}

impl Source for Evidence {
    fn size(&self) -> u64 {
        self.source().size()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, ReadError> {
        self.source().read_at(offset, buffer)
    }

    fn read_readable(&self, offset: u64, buffer: &mut [u8]) -> Vec<Range<u64>> {
        self.source().read_readable(offset, buffer)
    }

    fn known_missing(&self, range: Range<u64>) -> Vec<Range<u64>> {
        let losses = self.container().map(Container::known_losses).unwrap_or_default();
        let inside = losses.iter().map(|(lost, _)| lost.start.max(range.start)..lost.end.min(range.end));
        inside.filter(|part| !part.is_empty()).collect()
    }

    fn read_unit(&self) -> u64 {
        self.source().read_unit()
    }

    fn is_gone(&self) -> bool {
        self.source().is_gone()
    }

    fn is_hole(&self, range: Range<u64>) -> bool {
        self.source().is_hole(range)
    }

    fn slice(&self, offset: u64, length: usize) -> Option<&[u8]> {
        self.source().slice(offset, length)
    }
}

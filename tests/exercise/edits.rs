//! A good volume with some of its bytes changed: faults where they matter, behind a sound frame.

use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use ntfs_salvage::ReadError;
use ntfs_salvage::source::Source;

use super::{content, table};

/// An image, and the bytes that stand in place of some of its own.
struct Edited<'i> {
    image: &'i [u8],
    edits: Vec<(u64, u8)>,
    /// Where the image ends.
    size: u64,
}

impl Source for Edited<'_> {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, ReadError> {
        let left = usize::try_from(self.size.saturating_sub(offset)).unwrap_or(usize::MAX);
        let length = left.min(buffer.len());
        let count = self.image.read_at(offset, &mut buffer[..length])?;
        for (position, value) in &self.edits {
            if let Some(place) = position.checked_sub(offset).and_then(|place| usize::try_from(place).ok())
                && let Some(byte) = buffer[..count].get_mut(place)
            {
                *byte = *value;
            }
        }
        Ok(count)
    }
}

/// The smallest volume of the test data, and where its table and the table's copy start.
pub(crate) fn image() -> &'static [u8] {
    static IMAGE: OnceLock<Vec<u8>> = OnceLock::new();
    IMAGE.get_or_init(|| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/links_streams.img");
        let from_fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/links_streams.img");
        fs::read(path).or_else(|_| fs::read(from_fuzz)).expect("the test volume is there")
    })
}

/// Takes the bytes as edits: four bytes say where, the fifth is what is there from now on. The
/// highest two bits of the place choose a region: the boot sector, the table, the whole image, or, once, its end.
pub(crate) fn volume(bytes: &[u8]) {
    table::volume(&edited(bytes));
}

/// The same, and every stream is read from end to end.
pub(crate) fn recover(bytes: &[u8]) {
    content::recover(&edited(bytes));
}

/// The same without the boot sector and its backup: found by its records alone.
pub(crate) fn salvage(bytes: &[u8]) {
    let mut source = edited(bytes);
    source.edits.extend((3..11).map(|place| (place, 0)));
    source.size = source.size.min(1 << 20);
    content::salvage(&source);
}

fn edited(bytes: &[u8]) -> Edited<'static> {
    let image = image();
    let wide = |length: usize| u64::try_from(length).expect("64 bits hold a length");
    let mut source = Edited { image, edits: Vec::new(), size: wide(image.len()) };
    let table = 4 * 4096;
    for [a, b, c, region, value] in bytes.as_chunks::<5>().0.iter().take(256) {
        let place = u64::from(u32::from_le_bytes([*a, *b, *c, 0]));
        match region >> 6 {
            0 => source.edits.push((place % 512, *value)),
            1 => source.edits.push((table + place % (160 * 1024), *value)),
            2 => source.edits.push((place % wide(image.len()), *value)),
            _ => source.size = source.size.min(4096 + place),
        }
    }
    source
}

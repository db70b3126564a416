//! VDI, the virtual disks of VirtualBox: dynamic, static, and differences to others.
//!
//! Reference: VirtualBox, `VDICore.h`.

use std::fmt;

use super::claims::{Claims, Contested};
use super::files::{Files, bytes_of};
use super::image::{Format, Image, Map, ParentLink, Request};
use super::pages::Pages;
use super::piece::{Loss, Piece, Run};
use crate::base::error::Result;
use crate::base::guid::Guid;
use crate::base::le;

/// The format. All numbers are little-endian.
#[derive(Debug)]
pub(super) struct Vdi;

/// The bytes of the header that this crate reads.
const HEADER: usize = 512;

const SIGNATURE: u32 = 0xBEDA_107F;

/// The largest block that VirtualBox takes.
const LARGEST_BLOCK: u64 = 256 << 20;

impl Format for Vdi {
    fn name(&self) -> &'static str {
        "VDI"
    }

    fn recognizes(&self, request: &Request<'_>) -> bool {
        le::u32_at(&request.head, 64) == Some(SIGNATURE)
            && (request.head.starts_with(b"<<<") || le::u32_at(&request.head, 68) == Some(0x1_0001))
    }

    fn open(&self, request: &Request<'_>) -> Result<Image> {
        self.read(request).map_err(|reason| self.refuse(reason))
    }
}

impl Vdi {
    fn read(&self, request: &Request<'_>) -> Result<Image, String> {
        let header: &[u8; HEADER] = request.head.first_chunk().ok_or("its header is cut")?;
        let version = le::u32_in::<68, HEADER>(header);
        if version >> 16 != 1 {
            return Err(format!("version {}.{} is not read", version >> 16, version & 0xFFFF));
        }
        let kind = le::u32_in::<76, HEADER>(header);
        let format = match kind {
            1 => "VDI dynamic",
            2 => "VDI static",
            3 | 4 => "VDI differencing",
            _ => return Err(format!("type {kind} is none of dynamic, static, undo and differencing")),
        };
        let size = le::u64_in::<368, HEADER>(header);
        let is_difference = kind >= 3;
        let parent = Identity::at::<424, 440>(header);
        if is_difference == parent.is_none() {
            return Err(
                "it says of itself that it has a parent, or of its parent that there is none: its header is damaged"
                    .to_owned(),
            );
        }
        let mut map = Blocks::new(header, size, is_difference)?;
        let files = Files::of_one(request.file);
        let allocated = u64::from(le::u32_in::<388, HEADER>(header));
        map.check_start(allocated, files.size(0))?;
        let notes = map.cross_check(&files, allocated);
        let mut image = Image::new(format, size, files, Box::new(map));
        image.sector_size = Some(512);
        let own = Identity::at::<392, 408>(header);
        image.identities = vec![own.id.to_string(), own.to_string()];
        image.parent = is_difference.then(|| ParentLink {
            names: Vec::new(),
            identities: vec![if parent.state.is_zero() { parent.id.to_string() } else { parent.to_string() }],
            endings: &[".vdi"],
            is_raw: false,
        });
        let text = |bytes: &[u8]| {
            let bytes = bytes.split(|&byte| byte == 0).next().unwrap_or_default();
            String::from_utf8_lossy(bytes).trim().to_owned()
        };
        let comment = bytes_of(request.source(), 84, 256).map(|comment| text(&comment)).unwrap_or_default();
        let creator = text(header.get(..64).unwrap_or_default());
        let fields = [("creator", creator), ("id", own.id.to_string()), ("comment", comment)];
        let fields = fields.into_iter().filter(|(_, value)| !value.is_empty());
        image.facts.fields = fields.map(|(name, value)| (name.to_owned(), value)).collect();
        image.facts.notes = notes;
        Ok(image)
    }
}

/// What an image is known by: itself, and its state, which changes when it is written to.
struct Identity {
    id: Guid,
    state: Guid,
}

impl Identity {
    fn at<const ID: usize, const STATE: usize>(header: &[u8; HEADER]) -> Self {
        Self {
            id: Guid(le::array_in::<ID, 16, HEADER>(header)),
            state: Guid(le::array_in::<STATE, 16, HEADER>(header)),
        }
    }

    fn is_none(&self) -> bool {
        self.id.is_zero()
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in state {}", self.id, self.state)
    }
}

/// The block table, and what its entries mean.
struct Blocks {
    table: u64,
    /// Where the first block starts, with what stands before its content.
    data: u64,
    /// Bytes of a block.
    block: u64,
    /// Bytes before the content of each block.
    extra: u64,
    blocks: u64,
    is_difference: bool,
    contested: Contested,
    pages: Pages,
}

/// The block is not in this image.
const ABSENT: u32 = u32::MAX;

/// The block is zero.
const ZERO: u32 = u32::MAX - 1;

impl Blocks {
    fn new(header: &[u8; HEADER], size: u64, is_difference: bool) -> Result<Self, String> {
        let number = |word: u32| u64::from(word);
        let map = Self {
            table: number(le::u32_in::<340, HEADER>(header)),
            data: number(le::u32_in::<344, HEADER>(header)),
            block: number(le::u32_in::<376, HEADER>(header)),
            extra: number(le::u32_in::<380, HEADER>(header)),
            blocks: number(le::u32_in::<384, HEADER>(header)),
            is_difference,
            contested: Contested::default(),
            pages: Pages::new(),
        };
        let Self { table, data, block, extra, blocks, .. } = map;
        if !block.is_power_of_two() || !(512..=LARGEST_BLOCK).contains(&block) || extra > block {
            return Err(format!("blocks of {extra} and {block} bytes are not possible"));
        }
        if size == 0 || size.div_ceil(block) != blocks {
            return Err(format!(
                "a disk of {size} bytes cannot have {blocks} blocks of {block} bytes: its header is damaged"
            ));
        }
        if table < 400 || table.saturating_add(blocks.saturating_mul(4)) > data {
            return Err(format!(
                "its table of {blocks} blocks at byte {table} reaches behind byte {data}: its header is damaged"
            ));
        }
        Ok(map)
    }

    /// Content starts behind the table, at the next multiple of what its writer aligns to, and the last block ends
    /// the file. A start that fits neither is not one.
    fn check_start(&self, allocated: u64, file: u64) -> Result<(), String> {
        let table_end = self.blocks.saturating_mul(4).saturating_add(self.table);
        let is_aligned = (9..=20_u32).any(|bits| table_end.checked_next_multiple_of(1 << bits) == Some(self.data));
        let end = self.block.saturating_add(self.extra).saturating_mul(allocated).saturating_add(self.data);
        match is_aligned || end == file {
            true => Ok(()),
            false => Err(format!("its content cannot start at byte {}: its header is damaged", self.data)),
        }
    }

    /// Where a block of the file starts.
    fn place(&self, number: u32) -> u64 {
        self.block.saturating_add(self.extra).saturating_mul(u64::from(number)).saturating_add(self.data)
    }

    /// Looks all entries through for places that more than one claims; returns what is to be said about it.
    fn cross_check(&mut self, files: &Files, allocated: u64) -> Vec<String> {
        if self.blocks > Claims::MOST_ENTRIES {
            return vec![format!(
                "its table of {} blocks is too large to be looked through for contradictions",
                self.blocks
            )];
        }
        let (mut claims, mut found) = (Claims::default(), 0_u64);
        let mut reader = self.pages.reader(files, 0);
        for index in 0..self.blocks {
            match reader.u32_le(self.table, index) {
                None | Some(ABSENT | ZERO) => {}
                Some(number) => {
                    found = found.saturating_add(1);
                    claims.add(self.place(number), self.block.saturating_add(self.extra));
                }
            }
        }
        self.contested = claims.contested();
        let is_other = found != allocated;
        let count = is_other.then(|| format!("its table has {found} blocks, and its header says {allocated}"));
        count.into_iter().chain(self.contested.note()).collect()
    }

    fn piece(&self, offset: u64, files: &Files) -> Result<Piece, Loss> {
        let (index, skip) = (offset.checked_div(self.block).unwrap_or(0), offset.checked_rem(self.block).unwrap_or(0));
        let number = self.pages.reader(files, 0).u32_le(self.table, index).ok_or(Loss::Table)?;
        let place = self.place(number);
        match number {
            ABSENT if self.is_difference => Ok(Piece::Parent),
            ABSENT | ZERO => Ok(Piece::Zero),
            // A file has no more blocks than the disk.
            _ if u64::from(number) >= self.blocks => Err(Loss::Table),
            _ if self.contested.touches(place, self.block.saturating_add(self.extra)) => Err(Loss::Table),
            _ => Ok(Piece::Raw { file: 0, offset: place.saturating_add(self.extra).saturating_add(skip) }),
        }
    }
}

impl Map for Blocks {
    fn run_at(&self, offset: u64, limit: u64, files: &Files) -> Run {
        let left = self.block.saturating_sub(offset.checked_rem(self.block).unwrap_or(0));
        Run { length: left.min(limit), piece: self.piece(offset, files).unwrap_or_else(Piece::Lost) }
    }
}

impl fmt::Debug for Blocks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} blocks of {} bytes, table at {}", self.blocks, self.block, self.table)
    }
}

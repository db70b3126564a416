//! Makes realistic bare `$MFT` tables of any length, the same one for the same seed.
//!
//! The parser under test shares no code with this module, and the module needs nothing but `std`, so that a
//! mistake in one is not repeated in the other. Tables are written as a stream: ten million records (10 GB)
//! need no more memory than a thousand. What a slot is (file, directory, extension record, unused), what it
//! is called and who its parent is are functions of the seed and the slot number alone ([`tree`], [`names`],
//! [`contents`]); only cluster numbers are handed out in order ([`clusters`]), so that live files do not overlap.
//!
//! # What was measured, and where
//!
//! | | A: 13,068 records | B: 1,116 records | C: 626 records | made here |
//! |---|---|---|---|---|
//! | share deleted | 9.4 % | 0 | 25 % | 8.3 % |
//! | directories | 7.5 % | 9.6 % | 6.1 % | 7.7 % |
//! | deleted directories, of all directories | 0.2 % | 0 | 18 % | 0.8 % |
//! | long names: mean; 50/75/95 % | 14.7; 12/15/38 | 25.4; 21/36/57 | 15.6; 12/18/32 | 17.4; 13/20/45 (three of A's, one of B's) |
//! | records with a DOS name beside the long one | 42 % | 0 | 37 % | 47 % (8.3 creation off for a fifth) |
//! | the DOS name stands first | 93 % of pairs | – | 90 % | 93 % |
//! | names with other than ASCII | 0 | 0 | 5.8 % | 1 % |
//! | `$DATA` resident | 18 % | 3.4 % | 14 % | 18 % |
//! | resident sizes, 25/50/75/95 % | 111/238/368/559 | 51/257/651/668 | 65/258/464/592 | A's |
//! | non-resident sizes, 25/50/75/95 % | 3 K/10 K/45 K/375 K | 1.6 K/5 K/103 K/1.2 M | 17 K/57 K/121 K/1.1 M | A's |
//! | streams of one run; of two | 94.6 %; 3.7 % | 96 %; 2 % | 94.6 %; 3.3 % | 95.5 %; 3 %; tail to 40 |
//! | initialized size below the size | 0.17 % | 0.1 % | 0.4 % | 0.2 % |
//! | compressed streams | 0.2 % | 0 | 2.3 % | 0.2 % |
//! | used bytes of a file record, mean; 50/75/95 % | 443; 352/488/704 | 389; 368/400/448 | 439; 368/488/768 | 454; 464/496/736 |
//! | used bytes over 510 (second stride needed) | 22.5 % | 7.6 % | 21.6 % | 26 % |
//! | attributes a record, mean | 3.5 | 3.0 | 3.5 | 3.6 |
//! | children a directory, 50/75/90/95/99 % | 3/7/18/35/289 | 1/3/11/22/204 | 3/13/43/76/125 | 4/8/28/37/208 |
//! | depth of a file, mean; most | 5.2; 11 | 2.9; 6 | 3.3; 9 | 4.4; 6, at any length of the table |
//! | parent later in the table than its child | 1.3 % | 0.5 % | 6.5 % | 2.8 % |
//! | `$INDEX_ALLOCATION`, of directories | 32 % | 14 % | 45 % | 46 % |
//! | sequence numbers, 50/75/90/99 % | 1/2/3/12 | 1/1/1/4 | 2/3/(random) | A's |
//! | `$OBJECT_ID` | 0.6 % | 0 | 11 % | 1 % |
//! | named streams | 0.1 % | 0.6 % | 2.2 % | 1 % |
//! | files with an attribute list | 0.02 % | 0 | 0.2 % | 0.5 % |
//! | second hard links | 0 | 0 | 0.3 % | 1 % |
//! | zero slots; `BAAD` | 0.15 %; 0 | 12.8 % (the tail); 0 | 0; 0.3 % | 0.1 %; 0.002 % |
//! | slack after the end marker not zero | 34 % | 2 % | 19 % | 31 % |
//! | `$FILE_NAME` in the record with size 0 | 65 % | 99 % | 71 % | 68 % |
//!
//! A is the sample table of crate `mft` 0.9.1 (`samples/MFT`: a Windows XP system disk), B the fixture of crate
//! `ntfs-mft` 0.1.0 (`sparse-volume-fixture/mft.bin`: a Windows 10 installation stick without 8.3 names), C the
//! table `MFT.Test/TestFiles/xw/$MFT` of the `EricZimmerman/MFT` repository (a training image with damage).
//! Where "made here" departs from all three (attribute lists, hard links, named streams), it is to make the
//! expensive cases common enough to be felt: modern system disks have more of them than these samples.

mod clusters;
mod contents;
mod directories;
mod files;
mod metadata;
mod names;
mod random;
mod record;
mod tree;

use std::fmt;
use std::io::{self, Write};

use clusters::Clusters;
pub(crate) use names::Script;
use random::{Random, Topic};
use record::RecordBuilder;
use tree::{Kind, Tree};

/// Bytes of a record.
pub(crate) const RECORD_SIZE: usize = 1024;
/// Bytes of a cluster of the volume that the table describes.
pub(crate) const CLUSTER_SIZE: u64 = 4096;

/// Which table to make.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Table {
    /// How many records it has, at least the 27 that every volume has.
    pub(crate) records: u64,
    /// Tables of different seeds differ in every name, size and place.
    pub(crate) seed: u64,
    pub(crate) script: Script,
}

/// What a finished table holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Summary {
    metadata: u64,
    files: u64,
    directories: u64,
    extensions: u64,
    deleted: u64,
    unused: u64,
    bad: u64,
}

impl Table {
    /// Writes all records to `out`, first to last.
    ///
    /// # Errors
    ///
    /// Those of `out`, and [`io::ErrorKind::InvalidInput`] for a table too short for its own metadata files or
    /// too long for 32-bit cluster numbers.
    pub(crate) fn write_to(&self, out: &mut impl Write) -> io::Result<Summary> {
        if !(metadata::RECORDS..=1 << 25).contains(&self.records) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "a table has 27 to 33,554,432 records"));
        }
        let mut writer = TableWriter {
            tree: Tree::new(*self),
            clusters: Clusters::new(self.records),
            record: RecordBuilder::new(),
            summary: Summary::default(),
        };
        for slot in 0..self.records {
            out.write_all(writer.make(slot))?;
        }
        Ok(writer.summary)
    }
}

/// What goes along from record to record.
struct TableWriter {
    tree: Tree,
    clusters: Clusters,
    record: RecordBuilder,
    summary: Summary,
}

impl TableWriter {
    fn make(&mut self, slot: u64) -> &[u8; RECORD_SIZE] {
        let kind = self.tree.kind(slot);
        self.count(slot, kind);
        match kind {
            Kind::Metadata => metadata::make(self, slot),
            Kind::Directory => directories::make(self, slot),
            Kind::File => files::make(self, slot),
            Kind::Extension { base, piece } => files::make_extension(self, slot, base, piece),
            Kind::Unused => return self.record.unused(),
            Kind::Bad => return self.record.bad(),
        }
        let usn = Random::of(self.tree.seed(), slot, Topic::UpdateSequence).between(1, 0xFFFE);
        self.record.finish(usn as u16)
    }

    fn count(&mut self, slot: u64, kind: Kind) {
        let summary = &mut self.summary;
        *match kind {
            Kind::Metadata => &mut summary.metadata,
            Kind::Directory => &mut summary.directories,
            Kind::File => &mut summary.files,
            Kind::Extension { .. } => &mut summary.extensions,
            Kind::Unused => &mut summary.unused,
            Kind::Bad => &mut summary.bad,
        } += 1;
        let nameable = matches!(kind, Kind::Directory | Kind::File);
        summary.deleted += u64::from(nameable && self.tree.is_deleted(slot));
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { metadata, files, directories, extensions, deleted, unused, bad } = self;
        write!(f, "{metadata} metadata files, {files} files, {directories} directories ({deleted} of both deleted), ")?;
        write!(f, "{extensions} extension records, {unused} unused and {bad} bad slots")
    }
}

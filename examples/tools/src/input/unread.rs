//! What of the input was not read, said in one line each.

use ntfs_salvage::salvage::{Content, Unread};

use crate::command::failure::say;

/// What of the input was not read.
#[derive(Debug, Default)]
pub struct Accounting {
    pub unread: Vec<Unread>,
    /// Ranges of bytes outside of all partitions that were not looked at.
    pub outside: Vec<std::ops::Range<u64>>,
}

/// What lies between partitions so that they start at round numbers is not worth a word.
const ALIGNMENT: u64 = 1 << 20;

impl Accounting {
    /// Bytes outside of all partitions, where there is room for a volume among them.
    pub fn outside(&self) -> Option<u64> {
        let sizes = || self.outside.iter().map(|range| range.end - range.start);
        sizes().any(|size| size > ALIGNMENT).then(|| sizes().sum())
    }

    /// True when nothing that may hold files was left out.
    pub fn is_complete(&self) -> bool {
        self.outside().is_none() && !self.unread.iter().any(|unread| unread.content.may_hold_files())
    }

    /// Prints what was left out.
    pub fn print(&self, input: &str) {
        for unread in &self.unread {
            say(format_args!("{input}: {}", line(unread)));
        }
        if let Some(bytes) = self.outside() {
            say(format_args!(
                "{input}: {bytes} bytes outside of all partitions were not looked at: --scan looks at them"
            ));
        }
    }
}

/// Which partition, and what is in it.
pub fn line(unread: &Unread) -> String {
    let partition = &unread.partition;
    let what = match &unread.content {
        Content::Foreign(foreign) if foreign.file_system.is_encryption() => format!("was not read: it is {foreign}"),
        Content::Foreign(foreign) => format!("was not read: it holds {foreign}"),
        Content::DynamicDisk => unread.content.to_string(),
        content => format!("was not read: {content}"),
    };
    match partition.is_whole() {
        true => what,
        false => {
            let (number, start, size, kind) =
                (partition.number(), partition.start, partition.size, partition.partition_type);
            format!("partition {number} at byte {start}, {size} bytes, type {kind}: {what}")
        }
    }
}

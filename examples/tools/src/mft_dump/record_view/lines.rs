//! Lines that values of all types have: bytes, names of bits, damage.

use std::fmt::{self, Write};

use ntfs_salvage::Damage;

/// Bytes of a dump before it is cut.
const DUMPED: usize = 4096;

pub fn write_damage(out: &mut String, damage: &Damage) -> fmt::Result {
    writeln!(out, "    damage {}: {damage}", damage.kind.code())
}

/// Names of bits in a row.
pub fn names<F>(found: impl Iterator<Item = (&'static str, F)>) -> String {
    let names: Vec<_> = found.map(|(name, _)| name).collect();
    names.join("|")
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Sixteen bytes a line, with their text.
pub fn write_hex(out: &mut String, bytes: &[u8], indent: &str) -> fmt::Result {
    for (index, line) in bytes.chunks(16).take(DUMPED / 16).enumerate() {
        let digits: Vec<_> = line.iter().map(|byte| format!("{byte:02x}")).collect();
        let printable = |byte: &u8| if (0x20..0x7F).contains(byte) { char::from(*byte) } else { '.' };
        let text: String = line.iter().map(printable).collect();
        writeln!(out, "{indent}{:04x}  {:<47}  {text}", index * 16, digits.join(" "))?;
    }
    match bytes.len().checked_sub(DUMPED) {
        Some(more) if more > 0 => writeln!(out, "{indent}and {more} bytes more"),
        _ => Ok(()),
    }
}

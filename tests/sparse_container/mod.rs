//! Unpacks NTSP1, the container in which the corpus keeps its mostly empty images.
//!
//! An ASCII header, `NTSP1 <size> <ranges>` and a line a range, then an empty line and the data. A range is
//! `<offset> <length> D` for the next bytes of the data, or `<offset> <length> F <hex>` for a repeated pattern;
//! what no range covers is zero.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::Path;

pub(crate) fn unpack(packed: &Path, raw: &Path) -> io::Result<()> {
    let mut input = BufReader::new(File::open(packed)?);
    let title = line(&mut input)?;
    let fields: Vec<&str> = title.split(' ').collect();
    let ["NTSP1", size, count] = fields[..] else { return Err(malformed(&title)) };
    let ranges = (0..number(count)?).map(|_| line(&mut input)).collect::<io::Result<Vec<_>>>()?;
    if !line(&mut input)?.is_empty() {
        return Err(malformed("no empty line ends the header"));
    }
    let mut output = File::create(raw)?;
    output.set_len(number(size)?)?;
    ranges.iter().try_for_each(|range| copy_range(range, &mut input, &mut output))
}

fn copy_range(range: &str, input: &mut impl Read, output: &mut File) -> io::Result<()> {
    let fields: Vec<&str> = range.split(' ').collect();
    let (offset, length, kind) = match fields[..] {
        [offset, length, ref kind @ ..] => (number(offset)?, number(length)?, kind),
        _ => return Err(malformed(range)),
    };
    output.seek(SeekFrom::Start(offset))?;
    let copied = match *kind {
        ["D"] => io::copy(&mut input.take(length), output)?,
        ["F", pattern] => write_pattern(&hexadecimal(pattern)?, length, output)?,
        _ => return Err(malformed(range)),
    };
    if copied == length { Ok(()) } else { Err(malformed("the data ends too early")) }
}

fn write_pattern(pattern: &[u8], length: u64, output: &mut File) -> io::Result<u64> {
    let length = usize::try_from(length).map_err(io::Error::other)?;
    let bytes: Vec<u8> = pattern.iter().copied().cycle().take(length).collect();
    output.write_all(&bytes)?;
    Ok(bytes.len() as u64)
}

fn line(input: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    input.read_line(&mut line)?;
    Ok(line.trim_end_matches('\n').to_owned())
}

fn number(text: &str) -> io::Result<u64> {
    text.parse().map_err(|_| malformed(text))
}

fn hexadecimal(text: &str) -> io::Result<Vec<u8>> {
    let byte = |at| text.get(at..at + 2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
    (0..text.len()).step_by(2).map(|at| byte(at).ok_or_else(|| malformed(text))).collect()
}

fn malformed(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("not NTSP1: {what}"))
}

//! The choice of a record on the command line.

/// A record, and the sequence number it has to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordChoice {
    pub number: u64,
    pub sequence: Option<u16>,
}

impl RecordChoice {
    pub fn parse(text: &str) -> Result<Self, String> {
        let (number, sequence) = text.split_once('-').map_or((text, None), |(number, rest)| (number, Some(rest)));
        let sequence = sequence.map(|text| text.parse().map_err(|_| format!("'{text}' is no sequence number")));
        Ok(Self { number: parse_number(number)?, sequence: sequence.transpose()? })
    }
}

/// A number in decimal, or in hexadecimal behind 0x.
pub fn parse_number(text: &str) -> Result<u64, String> {
    let parsed = match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => text.parse(),
    };
    parsed.map_err(|_| format!("'{text}' is no number"))
}

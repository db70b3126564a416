//! Numbers in decimal, fast: most of a row is numbers.
//!
//! itoa was measured first: it takes 40 to 60 instructions a number and as many again to copy what
//! it wrote. Here eight digits are made at once, side by side in one integer, and appended as they are.

/// `00000000`
const ZEROS: u64 = u64::from_le_bytes(*b"00000000");

/// What has nine digits.
const EIGHT: u64 = 100_000_000;

/// Appends a number.
#[inline]
pub fn push_number(out: &mut Vec<u8>, number: impl Into<u64>) {
    match number.into() {
        number @ 0..10 => out.push(b'0' | number as u8),
        number @ 10..EIGHT => push_up_to_eight(out, number as u32),
        number => push_long(out, number),
    }
}

/// Appends a separator and a number: a row is made of little else.
#[inline]
pub fn push_next_number(out: &mut Vec<u8>, separator: u8, number: impl Into<u64>) {
    match number.into() {
        number @ 0..10 => out.extend_from_slice(&[separator, b'0' | number as u8]),
        number @ 10..EIGHT => push_next_up_to_eight(out, separator, number as u32),
        number => {
            out.push(separator);
            push_long(out, number);
        }
    }
}

/// Appends a number that may be negative.
pub fn push_signed(out: &mut Vec<u8>, number: i64) {
    if number < 0 {
        out.push(b'-');
    }
    push_number(out, number.unsigned_abs());
}

/// Appends a number, right-aligned in `width` columns.
pub fn push_number_aligned(out: &mut Vec<u8>, number: u64, width: usize) {
    let start = out.len();
    push_number(out, number);
    let spaces = width.saturating_sub(out.len() - start);
    out.resize(out.len() + spaces, b' ');
    out[start..].rotate_right(spaces);
}

#[inline(never)]
fn push_up_to_eight(out: &mut Vec<u8>, number: u32) {
    let (text, unused) = left_aligned(number);
    out.extend_from_slice(&text.to_le_bytes());
    out.truncate(out.len() - unused);
}

#[inline(never)]
fn push_next_up_to_eight(out: &mut Vec<u8>, separator: u8, number: u32) {
    let (text, unused) = left_aligned(number);
    out.extend_from_slice(&(u128::from(separator) | u128::from(text) << 8).to_le_bytes());
    out.truncate(out.len() - 7 - unused);
}

/// A number of up to eight digits, the first in the lowest byte, and how many bytes have none. All bytes are
/// appended and those too many taken off again: a copy of fixed length is one instruction, any other a call.
#[inline]
fn left_aligned(number: u32) -> (u64, usize) {
    let digits = digits(number);
    let zeros = (digits | 1 << 56).trailing_zeros() / 8;
    (digits >> (8 * zeros) | ZEROS, zeros as usize)
}

#[inline(never)]
fn push_long(out: &mut Vec<u8>, number: u64) {
    push_number(out, number / EIGHT);
    out.extend_from_slice(&eight_digits((number % EIGHT) as u32));
}

/// A number below 100,000,000 with leading zeros.
#[inline]
pub fn eight_digits(number: u32) -> [u8; 8] {
    (digits(number) | ZEROS).to_le_bytes()
}

/// A number below 10^10 with leading zeros.
#[inline]
pub fn ten_digits(number: u64) -> [u8; 10] {
    let mut text = [0; 10];
    text[..2].copy_from_slice(&two_digits((number / EIGHT) as u32));
    text[2..].copy_from_slice(&eight_digits((number % EIGHT) as u32));
    text
}

/// A number below 100 with a leading zero.
#[inline]
pub fn two_digits(number: u32) -> [u8; 2] {
    [b'0' | (number / 10) as u8, b'0' | (number % 10) as u8]
}

/// The values of the eight digits, the first in the lowest byte.
///
/// The number is halved into two of four digits, these into four of two, these into eight of one,
/// each time all at once. A division by 100 or 10 is a multiplication and a shift, exact for numbers
/// that small. Nothing overflows: wrapping says so to the compiler, which would else check.
#[inline]
fn digits(number: u32) -> u64 {
    let fours = u64::from(number / 10_000) | u64::from(number % 10_000) << 32;
    let hundreds = (fours.wrapping_mul(10_486) >> 20) & 0x7F_0000_007F;
    // The quotients below, the remainders above: hundreds + ((fours - 100 * hundreds) << 16).
    let twos = (fours << 16).wrapping_sub(hundreds.wrapping_mul((100 << 16) - 1));
    split_tens(twos, 0x000F_000F_000F_000F)
}

/// `05:06:07` of a second of the day, in the same way: three numbers of two digits at once.
#[inline]
pub fn time_of_day(second: u32) -> [u8; 8] {
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    let twos = u64::from(hour) | u64::from(minute) << 24 | u64::from(second) << 48;
    (u64::from_le_bytes(*b"00:00:00") | split_tens(twos, 0x000F_0000_0F00_000F)).to_le_bytes()
}

/// Splits numbers of two digits into their digits; `tens` has the places of the first digits.
#[inline]
fn split_tens(twos: u64, tens: u64) -> u64 {
    let tens = (twos.wrapping_mul(103) >> 10) & tens;
    (twos << 8).wrapping_sub(tens.wrapping_mul((10 << 8) - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pushed(number: u64) -> String {
        let mut out = b"x".to_vec();
        push_number(&mut out, number);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn numbers_of_every_length_are_whole() {
        let powers = std::iter::successors(Some(1_u64), |power| power.checked_mul(10));
        for number in powers.flat_map(|power| [power - 1, power, power + 1, power / 2 * 3]).chain([u64::MAX]) {
            assert_eq!(pushed(number), format!("x{number}"));
            let mut out = b"x".to_vec();
            push_next_number(&mut out, b'|', number);
            assert_eq!(out, format!("x|{number}").as_bytes());
        }
    }

    #[test]
    fn every_half_of_eight_digits_is_right() {
        for half in 0..10_000 {
            for number in [half, half * 10_000, half * 10_000 + half, half * 10_000 + 9_999] {
                assert_eq!(eight_digits(number), *format!("{number:08}").as_bytes());
                assert_eq!(pushed(number.into()), format!("x{number}"));
            }
        }
        assert_eq!(ten_digits(1_234_567_890), *b"1234567890");
        assert_eq!(ten_digits(9_000_000_001), *b"9000000001");
    }

    #[test]
    fn every_second_of_a_day_is_right() {
        for second in 0..86_400 {
            let text = format!("{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60);
            assert_eq!(time_of_day(second), *text.as_bytes());
        }
    }

    #[test]
    fn signs_and_columns() {
        let mut out = Vec::new();
        push_signed(&mut out, i64::MIN);
        assert_eq!(out, i64::MIN.to_string().as_bytes());
        push_number_aligned(&mut out, 42, 5);
        push_number_aligned(&mut out, 123_456, 5);
        assert!(out.ends_with(b"   42123456"));
    }
}

//! Windows programs: headers, and sections that lie in the file. The checksum where one is set: sixteen bits that do not
//! depend on order, so a program is never more than plausible.

use crate::judge::tape::{Fault, Stop, Tape, ensure};
use crate::judge::{Proof, Walk};

pub async fn walk(Walk { tape, size }: Walk) -> Result<Proof, Stop> {
    let mut sum = Sum::default();
    let dos = sum.bytes(&tape, 64).await?;
    let header = u64::from(u32::from_le_bytes([dos[60], dos[61], dos[62], dos[63]]));
    if header == 0 || header >= size.min(1 << 20) {
        return Err(Stop::Unknown("a program for DOS".into()));
    }
    ensure(header >= 4, "the header of a program lies in front of its start")?;
    if header < 64 {
        return Err(Stop::Unknown("a program whose headers overlap".into()));
    }
    sum.pass(&tape, header - 64).await?;
    let coff = sum.bytes(&tape, 24).await?;
    if !coff.starts_with(b"PE\0\0") {
        return match coff.starts_with(b"NE") || coff.starts_with(b"LE") || coff.starts_with(b"LX") {
            true => Err(Stop::Unknown("a program for an old Windows".into())),
            false => Err(Stop::Contradiction("no header of a program where it says".into(), Fault::Here)),
        };
    }
    let (count, optional) = (u16::from_le_bytes([coff[6], coff[7]]), u16::from_le_bytes([coff[20], coff[21]]));
    ensure((68..=4096).contains(&optional) && count <= 96 + 32, "the header of a program that is none")?;
    let at = sum.position;
    let optional = sum.bytes(&tape, optional.into()).await?;
    let is_long = optional.starts_with(&[0x0b, 2]);
    ensure(is_long || optional.starts_with(&[0x0b, 1]), "the header of a program that is none")?;
    let stored = u32::from_le_bytes([optional[64], optional[65], optional[66], optional[67]]);
    sum.leave_out(at + 64, &optional[64..68]);
    for section in sum.bytes(&tape, usize::from(count) * 40).await?.as_chunks::<40>().0 {
        let [length, place] = [16, 20]
            .map(|at| u64::from(u32::from_le_bytes([section[at], section[at + 1], section[at + 2], section[at + 3]])));
        ensure(length == 0 || place + length <= size, "a section of the program lies behind the end of the file")?;
    }
    tape.prove();
    sum.pass(&tape, size - tape.position()).await?;
    if stored == 0 {
        return Ok(Proof::Plausible("the headers fit the length; no checksum is set"));
    }
    if sum.value(size) == stored {
        return Ok(Proof::Plausible("the headers fit the length, and the checksum holds"));
    }
    // Many programs were changed after they were linked, and their checksum was left: nobody checks it but for drivers.
    Ok(Proof::Plausible("the headers fit the length; the checksum does not hold, which for many programs it never did"))
}

/// The sum of all words.
#[derive(Default)]
struct Sum {
    position: u64,
    sum: u64,
}

impl Sum {
    fn add(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.sum += u64::from(byte) << (8 * (self.position & 1));
            self.position += 1;
        }
    }

    fn leave_out(&mut self, mut position: u64, bytes: &[u8]) {
        for &byte in bytes {
            self.sum -= u64::from(byte) << (8 * (position & 1));
            position += 1;
        }
    }

    async fn bytes(&mut self, tape: &Tape, count: usize) -> Result<Vec<u8>, Stop> {
        let bytes = tape.bytes(count).await?;
        self.add(&bytes);
        Ok(bytes)
    }

    async fn pass(&mut self, tape: &Tape, count: u64) -> Result<(), Stop> {
        tape.pass(count, |bytes| self.add(bytes)).await
    }

    fn value(&self, size: u64) -> u32 {
        let mut sum = self.sum;
        while sum > 0xffff {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        (sum as u32).wrapping_add(size as u32)
    }
}

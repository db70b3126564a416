//! BMP: a header whose lengths fit the file. Nothing in it is summed.

use crate::judge::tape::{Stop, ensure};
use crate::judge::{Proof, Walk};

pub async fn walk(Walk { tape, size }: Walk) -> Result<Proof, Stop> {
    tape.skip(2).await?;
    let length = u64::from(tape.u32_le().await?);
    tape.skip(4).await?;
    let pixels = u64::from(tape.u32_le().await?);
    let header = u64::from(tape.u32_le().await?);
    ensure(pixels >= 14 + header && (12..=256).contains(&header), "the header of a BMP does not fit")?;
    ensure(length <= size || length == 0, "the BMP is longer than the file")?;
    if header < 40 {
        return Err(Stop::Unknown("an old kind of BMP".into()));
    }
    let [width, height] = [tape.u32_le().await? as i32, tape.u32_le().await? as i32];
    let (planes, bits) = (tape.u16_le().await?, tape.u16_le().await?);
    let compression = tape.u32_le().await?;
    let is_depth = matches!(bits, 0 | 1 | 2 | 4 | 8 | 16 | 24 | 32 | 64);
    ensure(planes == 1 && is_depth && width > 0 && height != 0, "the header of a BMP does not fit")?;
    let line = (u64::from(width.unsigned_abs()) * u64::from(bits)).div_ceil(32) * 4;
    let image = line.saturating_mul(u64::from(height.unsigned_abs()));
    let needed = if matches!(compression, 0 | 3 | 6) { pixels.saturating_add(image) } else { pixels };
    ensure(needed <= size, "the picture of the BMP is longer than the file")?;
    tape.skip(needed.max(length).saturating_sub(tape.position())).await?;
    Ok(Proof::Plausible("the header fits the length"))
}

//! JPEG: segments, scans and their restart markers up to the end of the image. Baseline scans are decoded as far as
//! their codes go: a code that no table has, or more or fewer units than the picture has, cannot be.

use crate::judge::tape::{Stop, Tape, ensure, wrong};
use crate::judge::{Proof, Walk};

mod scan;

pub async fn walk(Walk { tape, .. }: Walk) -> Result<Proof, Stop> {
    tape.skip(2).await?;
    let mut picture = scan::Picture::default();
    let mut scans = 0u64;
    loop {
        ensure(tape.u8().await? == 0xff, "no marker where a JPEG has one")?;
        let mut marker = tape.u8().await?;
        while marker == 0xff {
            marker = tape.u8().await?;
        }
        match marker {
            0xd9 if scans > 0 => break,
            0x01 | 0xd0..=0xd7 => {}
            0xc0..=0xcf | 0xda..=0xef | 0xfe => {
                let length = usize::from(tape.u16_be().await?);
                ensure(length >= 2, "a segment of a JPEG without its length")?;
                let body = tape.bytes(length - 2).await?;
                segment(marker, &body, &mut picture)?;
                tape.prove();
                if marker == 0xda {
                    ensure(picture.has_frame(), "a scan of a JPEG before its frame")?;
                    picture.scan(&tape, &body).await?;
                    scans += 1;
                }
            }
            _ => return wrong("a marker that no JPEG has"),
        }
    }
    trailer(&tape).await;
    Ok(Proof::Plausible("all segments and scans follow each other up to the end of the image"))
}

/// What cameras put behind the end of the image is theirs: further pictures, films.
async fn trailer(tape: &Tape) {
    if tape.peek::<2>().await.is_ok() {
        let _ = tape.skip(u64::MAX >> 1).await;
    }
}

fn segment(marker: u8, body: &[u8], picture: &mut scan::Picture) -> Result<(), Stop> {
    match marker {
        0xc4 => picture.tables(body),
        0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf => picture.frame(marker, body),
        0xdb => quantization(body),
        0xdd => picture.restart(body),
        _ => Ok(()),
    }
}

fn quantization(mut body: &[u8]) -> Result<(), Stop> {
    while let [first, rest @ ..] = body {
        let length = 64 << (first >> 4).min(2);
        ensure(
            first >> 4 <= 1 && first & 15 <= 3 && rest.len() >= length,
            "a quantization table of a JPEG that is none",
        )?;
        body = &rest[length..];
    }
    Ok(())
}

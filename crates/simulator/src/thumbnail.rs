//! Thumbnails for the G-code files: a solid in the filament's colour, with a shape that depends on the file name.

use std::io::Write as _;

use flate2::{Compression, write::ZlibEncoder};

/// Red, green, blue.
pub(crate) type Colour = [u8; 3];

/// A PNG for a thumbnail path, in the size at the end of its name (`…-300x300.png`), otherwise 32 by 32.
pub(crate) fn png(path: &str) -> Vec<u8> {
    let size = path
        .trim_end_matches(".png")
        .rsplit_once('-')
        .and_then(|(_, size)| size.split_once('x')?.0.parse::<u16>().ok())
        .filter(|size| (1..=600).contains(size))
        .unwrap_or(32);
    let model = path
        .rsplit('/')
        .next()
        .and_then(|name| name.rsplit_once('-'))
        .map_or(path, |(model, _)| model);
    let [red, green, blue, ..] = hash(model).to_le_bytes();
    picture(model, [red, green, blue], size)
}

/// A PNG of the solid for a name, on a transparent background.
pub(crate) fn picture(name: &str, colour: Colour, side: u16) -> Vec<u8> {
    let shape = hash(name) % 5;
    let scale = f64::from(side);
    let mut rows = Vec::new();
    for y in 0..side {
        rows.push(0);
        for x in 0..side {
            let across = (f64::from(x) + 0.5) / scale * 2.0 - 1.0;
            let down = (f64::from(y) + 0.5) / scale;
            rows.extend(pixel(shape, colour, across, down));
        }
    }
    let side = u32::from(side).to_be_bytes();
    let header = [side.as_slice(), &side, &[8, 6, 0, 0, 0]].concat();
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    for (kind, data) in [
        (b"IHDR", header),
        (b"IDAT", compressed(&rows)),
        (b"IEND", Vec::new()),
    ] {
        png.extend(u32::try_from(data.len()).unwrap_or(u32::MAX).to_be_bytes());
        let start = png.len();
        png.extend(kind);
        png.extend(data);
        png.extend(crc32(&png[start..]).to_be_bytes());
    }
    png
}

/// Top and bottom of the solid, as a share of the picture's height.
const BODY: std::ops::Range<f64> = 0.17..0.84;
/// Foreshortening of the top circle, as seen from the side.
const TILT: f64 = 0.13;

/// Red, green, blue and opacity of a pixel. `across` runs from -1 to 1, `down` from 0 to 1.
fn pixel(shape: u64, colour: Colour, across: f64, down: f64) -> [u8; 4] {
    let height = BODY.end - BODY.start;
    let place = |down: f64| (down - BODY.start) / height;
    let around = radius(shape, place(down).clamp(0.0, 1.0));
    let share = across / around;
    let top = radius(shape, 0.0);
    let is_on_top = (across / top).powi(2) + ((down - BODY.start) / (TILT * top)).powi(2) < 1.0;
    let light = if is_on_top {
        1.0
    } else if share.abs() < 1.0 {
        let place = place(down - TILT * around * (1.0 - share * share).sqrt());
        if !(0.0..1.0).contains(&place) {
            return [0; 4];
        }
        // Solids with edges have four faces; every layer casts a small shadow.
        let turned = if shape == 1 {
            (share * 2.0).floor() / 2.0 + 0.25
        } else {
            share
        };
        let layer = if (place * 45.0).fract() < 0.5 { 1.0 } else { 0.93 };
        layer * (0.4 + 0.53 * (1.0 - ((turned + 0.3) / 1.35).powi(2)).max(0.0).sqrt())
    } else {
        return [0; 4];
    };
    let [red, green, blue] = colour.map(|part| {
        // Brightened, because pure black would hide the shape.
        let part = 28.0 + f64::from(part) * (227.0 / 255.0);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "clamped to a byte"
        )]
        let part = (part * light).clamp(0.0, 255.0) as u8;
        part
    });
    [red, green, blue, 255]
}

/// Half the width of the solid, from top (0) to bottom (1).
fn radius(shape: u64, place: f64) -> f64 {
    match shape {
        0 => 0.36 + 0.2 * (place * 4.6 + 0.9).sin(),
        1 => 0.62,
        2 => 0.18 + 0.5 * place,
        3 => 0.24 + 0.15 * (place * 4.0).floor().min(3.0),
        _ => 0.3 + 0.36 * (place * std::f64::consts::PI).sin(),
    }
}

/// FNV-1a hash.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
    })
}

fn compressed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder
        .write_all(bytes)
        .and_then(|()| encoder.finish())
        .unwrap_or_default()
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0_u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0xEDB8_8320 & (!(crc & 1)).wrapping_add(1))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_png_of_the_size_in_their_name() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
        let picture = png(".thumbs/a-48x48.png");
        assert!(picture.starts_with(b"\x89PNG"));
        assert_eq!(picture[16..20], 48_u32.to_be_bytes());
    }

    #[test]
    fn bodies_stand_in_the_middle_and_leave_the_corners_free() {
        for shape in 0..5 {
            assert_eq!(pixel(shape, [255, 128, 0], 0.0, 0.5)[3], 255, "{shape}");
            assert_eq!(pixel(shape, [255, 128, 0], -0.98, 0.02)[3], 0, "{shape}");
        }
    }
}

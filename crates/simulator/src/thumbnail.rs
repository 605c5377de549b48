//! Small pictures for the gcode files, each name with its own colour.

/// A PNG for a thumbnail's path, in the size that its name ends with (`…-300x300.png`), else 32 by 32.
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
    let hash = model.bytes().fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
    });
    let [red, green, blue, ..] = hash.to_le_bytes();
    // A disc of that colour, on a transparent ground.
    let mut rows = Vec::new();
    let radius = i32::from(size) / 2;
    for y in 0..i32::from(size) {
        rows.push(0);
        for x in 0..i32::from(size) {
            let inside = (x - radius).pow(2) + (y - radius).pow(2) < radius.pow(2);
            rows.extend([red, green, blue, if inside { 255 } else { 0 }]);
        }
    }
    let side = u32::from(size).to_be_bytes();
    let header = [side.as_slice(), &side, &[8, 6, 0, 0, 0]].concat();
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    for (kind, data) in [
        (b"IHDR", header),
        (b"IDAT", zlib_stored(&rows)),
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

/// A zlib stream that stores instead of compressing (RFC 1950, RFC 1951 section 3.2.4).
fn zlib_stored(bytes: &[u8]) -> Vec<u8> {
    let mut stream = vec![0x78, 0x01];
    let blocks = bytes.chunks(65_535).count();
    for (place, block) in bytes.chunks(65_535).enumerate() {
        let length = u16::try_from(block.len()).unwrap_or(u16::MAX);
        stream.push(u8::from(place + 1 == blocks));
        stream.extend(length.to_le_bytes());
        stream.extend((!length).to_le_bytes());
        stream.extend(block);
    }
    let (a, b) = bytes.iter().fold((1_u32, 0_u32), |(a, b), byte| {
        let a = (a + u32::from(*byte)) % 65_521;
        (a, (b + a) % 65_521)
    });
    stream.extend((b << 16 | a).to_be_bytes());
    stream
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
    fn checksums_are_those_of_the_standards() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
        assert!(zlib_stored(b"Wikipedia").ends_with(&0x11E6_0398_u32.to_be_bytes()));
        assert!(png(".thumbs/a-48x48.png").starts_with(b"\x89PNG"));
        assert_eq!(png(".thumbs/a-48x48.png")[16..20], 48_u32.to_be_bytes());
    }
}

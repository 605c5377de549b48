//! Images of the print: format by magic bytes, size, and data.

use serde::ser::{Serialize, SerializeStruct, Serializer};

/// An image of the print, decoded from base64 or extracted from the container.
#[derive(Debug, Clone, PartialEq)]
pub struct Thumbnail {
    /// Format by magic bytes, whatever the file declares.
    pub format: ImageFormat,
    /// Width in pixels: as declared, else read from the image.
    pub width: u32,
    /// Height in pixels: as declared, else read from the image.
    pub height: u32,
    /// The image file.
    pub data: Vec<u8>,
    /// Byte offset of its block in a text file; in a container, the offset in the member.
    pub offset: u64,
    /// Name of the member of a `.3mf` or `.ufp` that holds this image.
    pub member: Option<String>,
}

/// Format of a [`Thumbnail`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum ImageFormat {
    /// Portable Network Graphics.
    Png,
    /// JPEG.
    Jpg,
    /// Quite OK Image.
    Qoi,
    /// Windows bitmap, in `.gx` files.
    Bmp,
}

impl ImageFormat {
    /// Detects the format from the first bytes of a file.
    pub fn of(data: &[u8]) -> Option<Self> {
        match data {
            [0x89, b'P', b'N', b'G', ..] => Some(Self::Png),
            [0xFF, 0xD8, 0xFF, ..] => Some(Self::Jpg),
            [b'q', b'o', b'i', b'f', ..] => Some(Self::Qoi),
            [b'B', b'M', ..] => Some(Self::Bmp),
            _ => None,
        }
    }

    /// Media type for an HTTP answer.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpg => "image/jpeg",
            Self::Qoi => "image/qoi",
            Self::Bmp => "image/bmp",
        }
    }
}

impl Serialize for Thumbnail {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("Thumbnail", 5)?;
        object.serialize_field("format", &self.format)?;
        object.serialize_field("width", &self.width)?;
        object.serialize_field("height", &self.height)?;
        object.serialize_field("bytes", &self.data.len())?;
        object.serialize_field("member", &self.member)?;
        object.end()
    }
}

impl Thumbnail {
    /// Creates a thumbnail from an image file. `None` if the format is unknown or the file is too large.
    pub(crate) fn from_image(data: Vec<u8>, declared: (u32, u32)) -> Option<Self> {
        if data.len() > MAX_IMAGE {
            return None;
        }
        let format = ImageFormat::of(&data)?;
        let (width, height) = match declared {
            (0, _) | (_, 0) => pixel_size(format, &data)?,
            declared => declared,
        };
        Some(Self {
            format,
            width,
            height,
            data,
            offset: 0,
            member: None,
        })
    }
}

/// Images larger than this are not kept; the largest seen has 140 KB.
pub(crate) const MAX_IMAGE: usize = 4 << 20;
/// More images than any slicer writes.
pub(crate) const MAX_IMAGES: usize = 32;

/// Width and height in the header of an image; for JPEG in the first frame header.
fn pixel_size(format: ImageFormat, data: &[u8]) -> Option<(u32, u32)> {
    let be32 = |at: usize| data.get(at..at + 4)?.try_into().ok().map(u32::from_be_bytes);
    let le32 = |at: usize| data.get(at..at + 4)?.try_into().ok().map(i32::from_le_bytes);
    match format {
        ImageFormat::Png => Some((be32(16)?, be32(20)?)),
        ImageFormat::Qoi => Some((be32(4)?, be32(8)?)),
        ImageFormat::Bmp => Some((le32(18)?.unsigned_abs(), le32(22)?.unsigned_abs())),
        ImageFormat::Jpg => {
            let mut at = 2;
            loop {
                let [0xFF, marker, high, low] = *data.get(at..at + 4)?.first_chunk::<4>()? else {
                    return None;
                };
                if matches!(marker, 0xC0..=0xC3) {
                    let be16 = |at: usize| {
                        data.get(at..at + 2)
                            .map(|b| u32::from(b[0]) << 8 | u32::from(b[1]))
                    };
                    return Some((be16(at + 7)?, be16(at + 5)?));
                }
                at += 2 + usize::from(u16::from_be_bytes([high, low])).max(2);
            }
        }
    }
}

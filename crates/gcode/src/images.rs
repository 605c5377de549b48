//! Converts thumbnails that browsers cannot show. The size is bounded: thumbnails are small.

use std::io::Cursor;

use image::{ImageFormat as Codec, ImageReader, Limits};

use crate::{ImageFormat, Thumbnail};

/// Why a thumbnail could not be converted to PNG.
#[derive(Debug, thiserror::Error)]
pub enum ConvertError {
    /// The format has no decoder here.
    #[error("converting a {0:?} thumbnail to PNG is not supported")]
    Unsupported(ImageFormat),
    /// The image is damaged or larger than the limit.
    #[error("could not convert a {format:?} thumbnail to PNG")]
    Image {
        /// Format by magic bytes.
        format: ImageFormat,
        /// Error of the decoder or encoder.
        #[source]
        source: image::ImageError,
    },
}

/// An image with longer sides is not a thumbnail.
const MAX_SIDE: u32 = 4096;
const MAX_MEMORY: u64 = 64 << 20;

impl Thumbnail {
    /// Converts the image to PNG. A PNG is returned unchanged.
    ///
    /// # Errors
    /// If the image is damaged, too large, or a bitmap.
    pub fn to_png(&self) -> Result<Vec<u8>, ConvertError> {
        let codec = match self.format {
            ImageFormat::Png => return Ok(self.data.clone()),
            ImageFormat::Jpg => Codec::Jpeg,
            ImageFormat::Qoi => Codec::Qoi,
            ImageFormat::Bmp => return Err(ConvertError::Unsupported(self.format)),
        };
        let failed = |source| ConvertError::Image {
            format: self.format,
            source,
        };
        let mut reader = ImageReader::with_format(Cursor::new(&self.data), codec);
        let mut limits = Limits::default();
        limits.max_image_width = Some(MAX_SIDE);
        limits.max_image_height = Some(MAX_SIDE);
        limits.max_alloc = Some(MAX_MEMORY);
        reader.limits(limits);
        let image = reader.decode().map_err(failed)?;
        let mut png = Cursor::new(Vec::new());
        image.write_to(&mut png, Codec::Png).map_err(failed)?;
        Ok(png.into_inner())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn thumbnail(data: &[u8]) -> Thumbnail {
        Thumbnail::from_image(data.to_vec(), (0, 0)).unwrap()
    }

    /// One red pixel: header, `QOI_OP_RGB`, end mark.
    const QOI: &[u8] = b"qoif\0\0\0\x01\0\0\0\x01\x03\0\xFE\xFF\0\0\0\0\0\0\0\0\0\x01";

    #[test]
    fn qoi_becomes_png() {
        let png = thumbnail(QOI).to_png().unwrap();
        assert_eq!(ImageFormat::of(&png), Some(ImageFormat::Png));
        let image = image::load_from_memory(&png).unwrap().to_rgb8();
        assert_eq!(
            (image.dimensions(), image.get_pixel(0, 0).0),
            ((1, 1), [255, 0, 0])
        );
    }

    #[test]
    fn damaged_and_huge_images_are_errors() {
        let mut huge = QOI.to_vec();
        huge[4..12].fill(0x0F);
        for data in [&QOI[..16], &huge] {
            let error = thumbnail(data).to_png().unwrap_err();
            assert_eq!(error.to_string(), "could not convert a Qoi thumbnail to PNG");
        }
        let bitmap = Thumbnail {
            format: ImageFormat::Bmp,
            ..thumbnail(QOI)
        };
        assert!(matches!(
            bitmap.to_png(),
            Err(ConvertError::Unsupported(ImageFormat::Bmp))
        ));
    }
}

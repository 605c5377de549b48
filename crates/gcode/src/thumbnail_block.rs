//! Thumbnails in the text of a file: `; thumbnail begin` … `; thumbnail end` and its variants.

use std::ops::Range;

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use crate::Warning;
use crate::scan::decode as decode_text;
use crate::thumbnail::{MAX_IMAGE, MAX_IMAGES, Thumbnail};

/// A thumbnail as it is in the text, not decoded.
#[derive(Debug, Clone)]
pub(crate) struct ThumbnailBlock<'a> {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) offset: u64,
    pub(crate) body: Body<'a>,
    /// `false` if the available bytes end inside the block.
    pub(crate) complete: bool,
}

#[derive(Debug, Clone)]
pub(crate) enum Body<'a> {
    /// Comment lines of base64.
    Base64(&'a [u8]),
    /// WEEDO: the parameters of `W220` lines.
    Hex(Vec<&'a [u8]>),
}

impl ThumbnailBlock<'_> {
    /// Decodes the image. An error is the warning to report.
    pub(crate) fn decode(&self) -> Result<Thumbnail, Warning> {
        let (width, height) = (self.width, self.height);
        if !self.complete {
            return Err(Warning::ThumbnailCut { width, height });
        }
        let data = match &self.body {
            Body::Base64(lines) => decode_base64(lines),
            Body::Hex(lines) => decode_hex(lines),
        };
        data.and_then(|data| Thumbnail::from_image(data, (width, height)))
            .map(|image| Thumbnail {
                offset: self.offset,
                ..image
            })
            .ok_or(Warning::ThumbnailUnreadable { width, height })
    }
}

/// Decodes all blocks; a block that occurs twice in the file counts once.
pub(crate) fn decode_all(blocks: &[ThumbnailBlock<'_>], warn: &mut impl FnMut(Warning)) -> Vec<Thumbnail> {
    let mut images: Vec<Thumbnail> = Vec::new();
    for block in blocks.iter().take(MAX_IMAGES) {
        match block.decode() {
            Ok(image) if images.iter().any(|known| known.data == image.data) => {}
            Ok(image) => images.push(image),
            Err(warning) => warn(warning),
        }
    }
    images
}

/// Slicers write padding, some scripts do not.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

fn decode_base64(lines: &[u8]) -> Option<Vec<u8>> {
    if lines.len() > MAX_IMAGE * 3 / 2 {
        return None;
    }
    let mut characters = Vec::with_capacity(lines.len());
    for line in lines.split(|b| matches!(b, b'\n' | b'\r')) {
        characters.extend_from_slice(line.strip_prefix(b";").unwrap_or(line).trim_ascii());
    }
    LENIENT.decode(&characters).ok().or_else(|| {
        // The block also contains other characters.
        characters.retain(is_base64);
        LENIENT.decode(characters).ok()
    })
}

fn is_base64(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')
}

fn decode_hex(lines: &[&[u8]]) -> Option<Vec<u8>> {
    let mut data = Vec::new();
    for pair in lines.iter().flat_map(|line| line.chunks(2)) {
        let text = std::str::from_utf8(pair).ok()?;
        data.push(u8::from_str_radix(text, 16).ok()?);
    }
    Some(data)
}

/// Tracks `; thumbnail begin` … `; thumbnail end` and its variants through the lines of a file.
#[derive(Debug, Default)]
pub(crate) struct BlockScanner {
    open: Option<OpenBlock>,
    /// Index of the open `W220` image.
    hex: Option<usize>,
}

#[derive(Debug)]
struct OpenBlock {
    tag: &'static str,
    width: u32,
    height: u32,
    offset: u64,
    /// First byte after the `begin` line, within the segment.
    body_start: usize,
}

const TAGS: [&str; 7] = [
    "thumbnail_JPG",
    "thumbnail_QOI",
    "thumbnail_PNG",
    "thumbnail",
    "png",
    "jpg",
    "qoi",
];

impl BlockScanner {
    /// Processes a comment line; `true` if it belongs to a thumbnail.
    pub(crate) fn comment<'a>(
        &mut self,
        text: &'a [u8],
        bytes: &'a [u8],
        line: Range<usize>,
        offset: u64,
        found: &mut Vec<ThumbnailBlock<'a>>,
    ) -> bool {
        if let Some(open) = &self.open {
            if looks_like_base64(text) {
                return true;
            }
            let ended = text
                .strip_prefix(open.tag.as_bytes())
                .is_some_and(|rest| rest.ends_with(b"end"));
            let doubled = line.start.saturating_sub(open.body_start) <= 2;
            if ended || !doubled {
                self.close(bytes, line.start, true, found);
            }
            self.open = None;
            if ended {
                return true;
            }
        }
        if let Some(open) = begin(text, line.end + 1, offset + line.start as u64) {
            self.open = Some(open);
            return true;
        }
        if is_foreign_image(text) {
            return true;
        }
        // Luban: one line with a data URL.
        let url = text
            .strip_prefix(b"thumbnail: data:image/")
            .or_else(|| text.strip_prefix(b"thumbnail:data:image/"));
        let data = url.and_then(|url| url.splitn(2, |b| *b == b',').nth(1));
        if let Some(data) = data {
            let offset = offset + line.start as u64;
            let body = Body::Base64(data);
            push(
                found,
                ThumbnailBlock {
                    width: 0,
                    height: 0,
                    offset,
                    body,
                    complete: true,
                },
            );
        }
        data.is_some()
    }

    /// Processes a line of a WEEDO image: a JPEG written as hex after `W220`. `true` if the line belongs to one.
    pub(crate) fn hex_line<'a>(
        &mut self,
        line: &'a [u8],
        offset: u64,
        found: &mut Vec<ThumbnailBlock<'a>>,
    ) -> bool {
        let Some(hex) = line.strip_prefix(b"W220 ") else {
            self.hex = None;
            return false;
        };
        match self.hex.and_then(|at| found.get_mut(at)) {
            Some(ThumbnailBlock {
                body: Body::Hex(lines),
                ..
            }) => lines.push(hex),
            _ => {
                self.hex = Some(found.len());
                let body = Body::Hex(vec![hex]);
                push(
                    found,
                    ThumbnailBlock {
                        width: 0,
                        height: 0,
                        offset,
                        body,
                        complete: true,
                    },
                );
            }
        }
        true
    }

    /// Whether no image is open.
    pub(crate) fn is_idle(&self) -> bool {
        self.open.is_none() && self.hex.is_none()
    }

    /// Processes a command, which ends a block whose `end` line is missing.
    pub(crate) fn command<'a>(&mut self, bytes: &'a [u8], at: usize, found: &mut Vec<ThumbnailBlock<'a>>) {
        if self.open.is_some() {
            self.close(bytes, at, true, found);
        }
    }

    /// Ends a segment. A block that is still open is cut, unless the file ends there too.
    pub(crate) fn end_of_segment<'a>(
        &mut self,
        bytes: &'a [u8],
        found: &mut Vec<ThumbnailBlock<'a>>,
        cut: bool,
    ) {
        self.close(bytes, bytes.len(), !cut, found);
        self.hex = None;
    }

    fn close<'a>(
        &mut self,
        bytes: &'a [u8],
        end: usize,
        complete: bool,
        found: &mut Vec<ThumbnailBlock<'a>>,
    ) {
        let Some(open) = self.open.take() else { return };
        let body = bytes.get(open.body_start..end).unwrap_or_default();
        let OpenBlock {
            width,
            height,
            offset,
            ..
        } = open;
        push(
            found,
            ThumbnailBlock {
                width,
                height,
                offset,
                body: Body::Base64(body),
                complete,
            },
        );
    }
}

fn push<'a>(found: &mut Vec<ThumbnailBlock<'a>>, block: ThumbnailBlock<'a>) {
    if found.len() < 2 * MAX_IMAGES {
        found.push(block);
    }
}

/// `thumbnail begin 300x300 5420`, `thumbnail_QOI begin 16x16 440`, `thumbnail begin 32 32 1120`,
/// `png begin 96*96 3073 0 95 50`.
fn begin(text: &[u8], body_start: usize, offset: u64) -> Option<OpenBlock> {
    let tag = TAGS.into_iter().find(|tag| {
        text.strip_prefix(tag.as_bytes())
            .is_some_and(|rest| rest.trim_ascii_start().starts_with(b"begin"))
    })?;
    let text = decode_text(text);
    let arguments = text.split_once("begin")?.1;
    let mut numbers = arguments
        .split(|c: char| !c.is_ascii_digit())
        .filter(|digits| !digits.is_empty());
    let mut next = || numbers.next().and_then(|digits| digits.parse::<u32>().ok());
    let (width, height) = (next()?, next()?);
    Some(OpenBlock {
        tag,
        width,
        height,
        offset,
        body_start,
    })
}

/// Whether the ends of a line are base64; an empty line is skipped as well. No other comment looks like this.
fn looks_like_base64(text: &[u8]) -> bool {
    !text.contains(&b' ') && text.iter().take(4).all(is_base64) && text.iter().rev().take(4).all(is_base64)
}

/// MKS previews: 16-bit pixels in their own text encoding, not base64. They are skipped.
fn is_foreign_image(text: &[u8]) -> bool {
    let text = text.strip_prefix(b";").unwrap_or(text);
    text.starts_with(b"gimage:") || text.starts_with(b"simage:")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ImageFormat;
    use crate::scan::Scan;
    use crate::segments::Segments;

    /// A PNG of one pixel.
    const PIXEL: &str =
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

    fn images(text: &str) -> (Vec<Thumbnail>, Vec<Warning>) {
        let segments = Segments::head_and_tail(text.as_bytes(), b"", None);
        let mut warnings = Vec::new();
        let images = decode_all(&Scan::of(&segments, 0).thumbnails, &mut |warning| {
            warnings.push(warning);
        });
        (images, warnings)
    }

    #[test]
    fn every_spelling_of_a_block_is_read() {
        for begin in [
            "thumbnail begin 1x1 92",
            "thumbnail begin 1 1 92",
            "thumbnail_PNG begin 1x1 92",
            "png begin 1*1 69 0 1 2",
        ] {
            let tag = begin.split(' ').next().unwrap();
            let (first, second) = PIXEL.split_at(78);
            let (found, warnings) = images(&format!(
                "; {begin}\r\n; {first}\r\n; {second}\r\n; {tag} end\r\nG28\r\n"
            ));
            assert_eq!(warnings, [], "{begin}");
            assert_eq!(
                (found[0].format, found[0].width, found[0].data.len()),
                (ImageFormat::Png, 1, 70),
                "{begin}"
            );
        }
    }

    #[test]
    fn doubled_begin_is_one_image() {
        let (found, warnings) = images(&format!(
            "; thumbnail begin 1x1 92\n; thumbnail begin 1x1 92\n; {PIXEL}\n; thumbnail end\n"
        ));
        assert_eq!((found.len(), warnings.len()), (1, 0));
    }

    #[test]
    fn data_url_takes_its_size_from_the_image() {
        let (found, _) = images(&format!(";thumbnail: data:image/png;base64,{PIXEL}\nG1\n"));
        assert_eq!((found[0].width, found[0].height), (1, 1));
    }

    #[test]
    fn hex_lines_are_a_jpeg() {
        let (found, _) = images("W221\nW220 ffd8ffc0000b0800\nW220 0200030101110000\nW222\n");
        assert_eq!(
            (found[0].format, found[0].width, found[0].height),
            (ImageFormat::Jpg, 3, 2)
        );
    }

    #[test]
    fn cut_and_broken_blocks_are_warnings() {
        let head = format!("; thumbnail begin 1x1 92\n; {}\n", &PIXEL[..40]);
        let segments = Segments::head_and_tail(head.as_bytes(), b"", Some(1000));
        let scan = Scan::of(&segments, 0);
        assert_eq!(
            scan.thumbnails[0].decode(),
            Err(Warning::ThumbnailCut { width: 1, height: 1 })
        );
        let (found, warnings) = images("; thumbnail begin 9x9 4\n; AAAA\n; thumbnail end\n");
        assert_eq!(
            (found.len(), warnings),
            (0, vec![Warning::ThumbnailUnreadable { width: 9, height: 9 }])
        );
    }
}

//! Converts a parsed file into the form that is stored: metadata as JSON, images in a format that browsers support.

use gcode::{GcodeMetadata, ImageFormat, Parsed, Thumbnail};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use store::{DetailsSource, NewGcodeFile, NewThumbnail};

use crate::details::{
    fetch::Fetched,
    file_identity::{hexadecimal, sha256},
};

/// Length for which the weight is computed. Weight is proportional to length.
const METRE: f64 = 1000.0;

/// Parses a fetched file.
pub(super) fn read(fetched: &Fetched) -> NewGcodeFile {
    let parsed = fetched.reader.finish();
    let mut hash = Sha256::new();
    for (_, bytes) in fetched.reader.chunks() {
        hash.update(bytes);
    }
    let content_hash = hexadecimal(&hash.finalize());
    let thumbnails = parsed.metadata.thumbnails.iter().filter_map(image).collect();
    NewGcodeFile {
        // Without a modification time, files are distinguished by their content.
        file_key: fetched
            .identity
            .key()
            .unwrap_or_else(|| format!("content:{content_hash}")),
        content_hash: Some(content_hash),
        source: DetailsSource::File,
        metadata: as_metadata(&parsed),
        raw: serde_json::to_value(&parsed.metadata.raw).ok(),
        thumbnails,
    }
}

/// The metadata as it is stored and as the API returns it.
pub(crate) fn as_metadata(parsed: &Parsed) -> Value {
    let mut metadata = json!({
        "details": parsed.metadata,
        "tools": parsed.metadata.tools,
        "warnings": parsed.warnings,
    });
    add_weight(&mut metadata, &parsed.metadata);
    metadata
}

/// Adds `grams_per_mm` and `weight_source`, from which the actual weight of a print that ended early is computed.
pub(super) fn add_weight(metadata: &mut Value, of: &GcodeMetadata) {
    if let Some(weight) = of.grams(METRE) {
        metadata["grams_per_mm"] = (weight.grams / METRE).into();
        metadata["weight_source"] = json!(weight.source);
    }
}

/// Converts QOI, which no browser supports. All browsers support the other formats.
fn image(thumbnail: &Thumbnail) -> Option<NewThumbnail> {
    let (media_type, data) = match thumbnail.format {
        ImageFormat::Qoi => ("image/png", thumbnail.to_png().ok()?),
        format => (format.media_type(), thumbnail.data.clone()),
    };
    Some(NewThumbnail {
        hash: sha256(&data),
        media_type,
        width: thumbnail.width,
        height: thumbnail.height,
        data,
    })
}

//! What was read of a file, as it is stored: metadata as JSON, images as browsers show them.

use gcode::{GcodeMetadata, ImageFormat, Parsed, Thumbnail};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use store::{DetailsSource, NewGcodeFile, NewThumbnail};

use super::{
    fetch::Fetched,
    file_identity::{hexadecimal, sha256},
};

/// Length for which the weight of a mm is computed: amounts are proportional.
const METRE: f64 = 1000.0;

/// Parses what was fetched.
pub(super) fn read(fetched: &Fetched) -> NewGcodeFile {
    let parsed = fetched.reader.finish();
    let mut hash = Sha256::new();
    for (_, bytes) in fetched.reader.chunks() {
        hash.update(bytes);
    }
    let content_hash = hexadecimal(&hash.finalize());
    let thumbnails = parsed.metadata.thumbnails.iter().filter_map(image).collect();
    NewGcodeFile {
        // Without a date the content tells files apart.
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

/// The object that is stored, and that the API gives.
pub(crate) fn as_metadata(parsed: &Parsed) -> Value {
    let mut metadata = json!({
        "details": parsed.metadata,
        "tools": parsed.metadata.tools,
        "warnings": parsed.warnings,
    });
    add_weight(&mut metadata, &parsed.metadata);
    metadata
}

/// `grams_per_mm` and `weight_source`, for what a print that ended early really used.
pub(super) fn add_weight(metadata: &mut Value, of: &GcodeMetadata) {
    if let Some(weight) = of.grams(METRE) {
        metadata["grams_per_mm"] = (weight.grams / METRE).into();
        metadata["weight_source"] = json!(weight.source);
    }
}

/// QOI is shown by no browser; the others are by all.
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

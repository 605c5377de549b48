//! Converts a parsed file into the form that is stored: metadata as JSON, images in a format that browsers support.

use data_encoding::HEXLOWER;
use gcode::{ImageFormat, StoredMetadata, Thumbnail};
use serde_json::{Value, json};
use serde_path_to_error::{Path, Segment};
use sha2::{Digest as _, Sha256};
use store::{DetailsSource, NewGcodeFile, NewThumbnail};

use crate::details::{fetch::Fetched, file_identity::sha256};

/// Parses a fetched file.
pub(super) fn read(fetched: &Fetched) -> NewGcodeFile {
    let mut parsed = fetched.reader.finish();
    let mut hash = Sha256::new();
    for (_, bytes) in fetched.reader.chunks() {
        hash.update(bytes);
    }
    let content_hash = HEXLOWER.encode(&hash.finalize());
    let thumbnails = parsed.metadata.thumbnails.iter().filter_map(image).collect();
    let raw = std::mem::take(&mut parsed.metadata.raw);
    NewGcodeFile {
        // Without a modification time, files are distinguished by their content.
        file_key: fetched
            .identity
            .key()
            .unwrap_or_else(|| format!("content:{content_hash}")),
        content_hash: Some(content_hash),
        source: DetailsSource::File,
        metadata: json!(StoredMetadata::new(parsed)),
        raw: Some(json!(raw)),
        thumbnails,
    }
}

/// Reads the stored metadata of a file. Values of another type, which an import may contain, are left out.
pub(crate) fn stored_metadata(mut metadata: Value) -> StoredMetadata {
    loop {
        let error: serde_path_to_error::Error<serde_json::Error> =
            match serde_path_to_error::deserialize(&metadata) {
                Ok(read) => return read,
                Err(error) => error,
            };
        if !remove(&mut metadata, error.path()) {
            return StoredMetadata::default();
        }
    }
}

/// Removes the value at a path. Returns `false` if there is none.
fn remove(metadata: &mut Value, path: &Path) -> bool {
    let mut segments: Vec<&Segment> = path.iter().collect();
    let Some(last) = segments.pop() else {
        return false;
    };
    let parent = segments
        .into_iter()
        .try_fold(metadata, |value, segment| match segment {
            Segment::Map { key } => value.get_mut(key),
            Segment::Seq { index } => value.get_mut(index),
            Segment::Enum { .. } | Segment::Unknown => None,
        });
    match (parent, last) {
        (Some(Value::Object(fields)), Segment::Map { key }) => fields.remove(key).is_some(),
        (Some(Value::Array(items)), Segment::Seq { index }) if *index < items.len() => {
            items.remove(*index);
            true
        }
        _ => false,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_another_type_are_left_out() {
        let read = stored_metadata(json!({
            "details": {"slicer": "Cura", "layer_count": -5, "layer_height": "thin", "objects": null, "speeds": 3},
            "tools": [{"index": 0, "used_g": 1.5}, 7, {"index": 1, "used_g": []}],
            "warnings": {}, "grams_per_mm": 0.003, "weight_source": "a guess",
        }));
        let details = read.details;
        assert_eq!(details.slicer.as_deref(), Some("Cura"));
        assert_eq!((details.layer_count, details.layer_height), (None, None));
        assert_eq!((details.objects, details.speeds.infill), (Vec::new(), None));
        let weights: Vec<_> = read.tools.iter().map(|tool| (tool.index, tool.used_g)).collect();
        assert_eq!(weights, [(0, Some(1.5)), (1, None)]);
        assert_eq!((read.grams_per_mm, read.weight_source), (Some(0.003), None));
        for nothing in [json!(null), json!([]), json!("text"), json!({})] {
            assert_eq!(stored_metadata(nothing), StoredMetadata::default());
        }
    }
}

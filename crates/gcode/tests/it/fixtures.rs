//! The project's own files, one or more for each slicer: the complete result as a snapshot.

use std::fs;
use std::path::{Path, PathBuf};

use gcode::StoredMetadata;

/// All files of `test_data`, with their names relative to it, in order.
pub(crate) fn all() -> Vec<(String, Vec<u8>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("test_data");
    let mut files = Vec::new();
    collect(&root, &mut files);
    files.sort();
    let name = |path: &Path| {
        path.strip_prefix(&root)
            .expect("below test_data")
            .display()
            .to_string()
    };
    files
        .iter()
        .map(|path| (name(path), fs::read(path).expect("a fixture")))
        .collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("test_data") {
        let path = entry.expect("an entry of test_data").path();
        if path.is_dir() {
            collect(&path, files);
        } else {
            files.push(path);
        }
    }
}

#[test]
fn every_fixture_reads_as_recorded() {
    for (name, bytes) in all() {
        let parsed = gcode::parse(&bytes, b"", None);
        insta::assert_json_snapshot!(name.replace('/', "__"), parsed);
    }
}

#[test]
fn stored_metadata_is_read_as_it_was_written() {
    for (name, bytes) in all() {
        let stored = StoredMetadata::new(gcode::parse(&bytes, &[], None));
        let text = serde_json::to_string(&stored).unwrap();
        let read: StoredMetadata = serde_json::from_str(&text).unwrap();
        assert_eq!(read, stored, "{name}");
    }
    // Rows of earlier versions have fewer fields, and those of later versions more.
    let read: StoredMetadata =
        serde_json::from_str(r#"{"details": {"slicer": "Cura", "later": 1}, "later": {}}"#).unwrap();
    assert_eq!(read.details.slicer.as_deref(), Some("Cura"));
    assert_eq!((read.tools, read.grams_per_mm), (Vec::new(), None));
}

#[test]
fn crlf_bom_and_nuls_change_nothing() {
    for (name, bytes) in all() {
        let plain = gcode::parse(&bytes, b"", None);
        let mut dressed = b"\xEF\xBB\xBF".to_vec();
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            dressed.extend_from_slice(line.strip_suffix(b"\n").unwrap_or(line));
            if line.ends_with(b"\n") {
                dressed.extend_from_slice(b"\r\n");
            }
        }
        dressed.extend_from_slice(&[0; 100]);
        let dressed = gcode::parse(&dressed, b"", None);
        assert_eq!(
            serde_json::to_value(&plain).unwrap(),
            serde_json::to_value(&dressed).unwrap(),
            "{name}"
        );
        assert_eq!(plain.metadata.raw, dressed.metadata.raw, "{name}");
    }
}

#[test]
fn raw_keeps_values_untouched() {
    let (_, bytes) = all()
        .into_iter()
        .find(|(name, _)| name == "orca/klipper_two_materials.gcode")
        .unwrap();
    let raw = gcode::parse(&bytes, b"", None).metadata.raw;
    assert_eq!(raw["filament_vendor"], r#"(Undefined);"Bambu Lab""#);
    assert_eq!(
        raw["filament_notes"],
        r#""layer_height = 0.5\n; a note; with = and :""#
    );
    assert_eq!(raw["layer_height"], "0.2");
    assert_eq!(raw["filament used [g]"], "8.95, 12.22");
}

//! `.bgcode`, `.gcode.3mf` and `.ufp`, generated here: whole, through the reader, and broken.

use std::io::{Cursor, Write};

use flate2::Compression;
use flate2::write::ZlibEncoder;
use gcode::{BUDGET, Parsed, Reader, Warning};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::fixtures;

const PIXEL: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x02\0\0\0\x03\x08\x06\0\0\0";

fn fixture(name: &str) -> Vec<u8> {
    fixtures::all()
        .into_iter()
        .find(|(known, _)| known == name)
        .map(|(_, bytes)| bytes)
        .unwrap()
}

fn fetched(file: &[u8]) -> (Parsed, u64) {
    let mut reader = Reader::new(file.len() as u64);
    while let Some(range) = reader.next_range() {
        reader.push(range.start, &file[range.start as usize..range.end as usize]);
    }
    (reader.finish(), reader.requested())
}

fn block(kind: u16, data: &[u8], parameters: &[u8], deflate: bool) -> Vec<u8> {
    let mut block = kind.to_le_bytes().to_vec();
    block.extend(u16::from(deflate).to_le_bytes());
    block.extend((data.len() as u32).to_le_bytes());
    let mut payload = data.to_vec();
    if deflate {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(data).unwrap();
        payload = encoder.finish().unwrap();
        block.extend((payload.len() as u32).to_le_bytes());
    }
    block.extend(parameters);
    block.extend(payload);
    block.extend([0; 4]);
    block
}

fn bgcode(thumbnail: &[u8]) -> Vec<u8> {
    let mut file = b"GCDE\x01\0\0\0\x01\0".to_vec();
    file.extend(block(
        0,
        b"Producer=PrusaSlicer 2.9.2\nProduced on=2025-05-03\n",
        &[0; 2],
        false,
    ));
    file.extend(block(
        3,
        b"printer_model=XL5IS\nmax_layer_z=0.20\nobjects_info={\"objects\":[{\"name\":\"Box\"}]}\n",
        &[0; 2],
        false,
    ));
    file.extend(block(5, thumbnail, &[0, 0, 2, 0, 3, 0], false));
    let statistics = "filament used [mm]=65.73, 0.00\nfilament used [g]=0.20, 0.00\ntotal filament used [g]=0.20\nestimated printing time (normal mode)=57s\n";
    file.extend(block(4, statistics.as_bytes(), &[0; 2], true));
    let settings = "layer_height=0.2\nfirst_layer_height=0.25\nfilament_type=PETG;PLA\ntemperature=230,220\nfill_density=15%\nexternal_perimeter_speed=45\nnotes=a = b\n";
    file.extend(block(2, settings.as_bytes(), &[0; 2], true));
    file.extend(block(1, &vec![b'x'; 900_000], &[0; 2], false));
    file
}

#[test]
fn bgcode_is_read_up_to_the_moves() {
    let file = bgcode(PIXEL);
    let whole = gcode::parse(&file, b"", None);
    insta::assert_json_snapshot!("made__bgcode", whole);
    let (parsed, requested) = fetched(&file);
    assert_eq!(parsed, whole);
    assert!(requested < 70_000, "{requested}");
}

#[test]
fn bgcode_with_a_thumbnail_beyond_the_budget_keeps_its_settings() {
    let (parsed, requested) = fetched(&bgcode(&vec![0; 600_000]));
    assert!(requested <= BUDGET);
    assert_eq!(parsed.metadata.layer_height, Some(0.2));
    assert_eq!(parsed.warnings, [Warning::ThumbnailCut { width: 2, height: 3 }]);
}

fn archive(members: &[(&str, &[u8])], method: CompressionMethod) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, data) in members {
        writer
            .start_file(*name, SimpleFileOptions::default().compression_method(method))
            .unwrap();
        writer.write_all(data).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// Moves that do not compress well, so the compressed file is long too.
fn long_moves(lines: u64) -> String {
    let mut state = 1_u64;
    let line = |_| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        format!(
            "G1 X{} Y{} E.{}\n",
            state >> 50,
            (state >> 36) & 0x3FFF,
            (state >> 20) & 0xFFFF
        )
    };
    (0..lines).map(line).collect()
}

#[test]
fn long_3mf_with_settings_behind_the_moves_uses_what_lies_beside() {
    let text = String::from_utf8(fixture("orca/klipper_two_materials.gcode")).unwrap();
    let (head, tail) = text.split_at(text.find(";LAYER_CHANGE\n;Z:14").unwrap());
    let gcode = format!("{head}{}{tail}", long_moves(200_000));
    let project = br##"{"curr_bed_type":"Textured PEI Plate","layer_height":"0.2","initial_layer_print_height":"0.25",
        "filament_type":["PLA","PETG"],"filament_vendor":["(Undefined)","Bambu Lab"],"filament_colour":["#FFFFFF","#1A2B3C80"],
        "nozzle_temperature":["220","240"],"textured_plate_temp":["65","75"],"outer_wall_speed":"120"}"##;
    let info = br##"<config><plate><metadata key="index" value="1"/><metadata key="prediction" value="6034"/>
        <metadata key="weight" value="21.17"/><filament id="1" type="PLA" color="#FFFFFF" used_m="3.00" used_g="8.95"/>
        <filament id="2" type="PETG" color="#1A2B3C" used_m="4.00" used_g="12.22"/></plate></config>"##;
    let file = archive(
        &[
            ("Metadata/plate_1.png", PIXEL),
            ("Metadata/plate_1.gcode", gcode.as_bytes()),
            ("Metadata/plate_1.gcode.md5", b"x"),
            ("Metadata/project_settings.config", project),
            ("Metadata/slice_info.config", info),
        ],
        CompressionMethod::Deflated,
    );
    assert!(file.len() as u64 > BUDGET, "{}", file.len());
    let whole = gcode::parse(&file, b"", None).metadata;
    assert_eq!(
        (whole.estimated_time, whole.filament_cost),
        (Some(6034), Some(0.49))
    );
    let (parsed, requested) = fetched(&file);
    assert!(requested <= BUDGET, "{requested}");
    let metadata = parsed.metadata;
    assert_eq!(
        parsed.warnings,
        [Warning::ContainerCut("Metadata/plate_1.gcode".into())]
    );
    assert_eq!(metadata.slicer.as_deref(), Some("OrcaSlicer"));
    assert_eq!(metadata.estimated_time, Some(6034));
    assert_eq!(metadata.estimated_filament, Some(21.17));
    assert_eq!(metadata.filament_type.as_deref(), Some("PETG"));
    assert_eq!(metadata.filament_brand.as_deref(), Some("Bambu Lab"));
    assert_eq!(
        (metadata.nozzle_temp, metadata.bed_temp),
        (Some(240.0), Some(75.0))
    );
    assert_eq!(metadata.layer_count, Some(70));
    assert_eq!(
        metadata
            .thumbnails
            .iter()
            .filter(|image| image.member.is_some())
            .count(),
        1
    );
}

#[test]
fn the_first_of_several_plates_is_read() {
    let second = fixture("orca/bambu_printer_slot_3_of_3.gcode");
    let tenth = fixture("bambu/two_of_four_slots.gcode");
    for method in [CompressionMethod::Stored, CompressionMethod::Deflated] {
        let file = archive(
            &[
                ("Metadata/plate_10.gcode", &tenth),
                ("Metadata/plate_2.gcode", &second),
            ],
            method,
        );
        let parsed = gcode::parse(&file, b"", None);
        assert_eq!(parsed.metadata.filament_type.as_deref(), Some("TPU"));
        assert!(
            parsed
                .warnings
                .contains(&Warning::SeveralPlates { chosen: 2, plates: 2 })
        );
        assert_eq!(fetched(&file).0, parsed);
    }
}

#[test]
fn ufp_is_cura_and_a_picture() {
    let file = archive(
        &[
            ("/3D/model.gcode", &fixture("cura/griffin.gcode")),
            ("/Metadata/thumbnail.png", PIXEL),
        ],
        CompressionMethod::Deflated,
    );
    let metadata = gcode::parse(&file, b"", None).metadata;
    assert_eq!(metadata.printer_model.as_deref(), Some("Ultimaker S5"));
    assert_eq!(
        (metadata.thumbnails[0].width, metadata.thumbnails[0].height),
        (2, 3)
    );
}

#[test]
fn damaged_containers_are_warnings() {
    let zip = archive(
        &[("Metadata/plate_1.gcode", b"G28\n".as_slice())],
        CompressionMethod::Stored,
    );
    for (file, code) in [
        (&zip[..zip.len() / 2], "container_damaged"),
        (
            b"GCDE\x01\0\0\0\x01\0\0\0\0\0\xFF\xFF\xFF\xFF\0\0".as_slice(),
            "container_damaged",
        ),
        (b"GCDE".as_slice(), "container_damaged"),
        (b"".as_slice(), "empty"),
    ] {
        let parsed = gcode::parse(file, b"", None);
        assert_eq!(parsed.warnings.first().map(Warning::code), Some(code), "{file:?}");
    }
    let cut = gcode::parse(&zip[..20], b"", Some(100_000));
    assert_eq!(cut.warnings.first().map(Warning::code), Some("container_cut"));
}

/// Small containers of every kind, for the fuzzer.
pub(crate) fn samples() -> Vec<Vec<u8>> {
    let gcode = fixture("orca/klipper_two_materials.gcode");
    let info = br#"<config><plate><metadata key="index" value="1"/><filament id="1" used_m="3.00" used_g="8.95"/></plate></config>"#;
    let members: [(&str, &[u8]); 4] = [
        ("Metadata/plate_1.png", PIXEL),
        ("Metadata/plate_1.gcode", &gcode),
        (
            "Metadata/project_settings.config",
            br#"{"layer_height":"0.2","filament_type":["PLA","PETG"]}"#,
        ),
        ("Metadata/slice_info.config", info),
    ];
    let mut bgcode = bgcode(PIXEL);
    bgcode.truncate(2000);
    vec![
        archive(&members, CompressionMethod::Stored),
        archive(&members, CompressionMethod::Deflated),
        bgcode,
    ]
}

//! Plausible G-code files: typical objects with the metadata their slicers would write.

use serde_json::{Value, json};

use crate::{klippy::PrintPlan, random::Random};

const MODELS: [&str; 36] = [
    "3DBenchy",
    "Gridfinity_bin_2x3",
    "Gridfinity_baseplate_5x5",
    "cable_chain_link",
    "spool_holder_arm",
    "Voron_Design_Cube_v7",
    "fan_duct_left",
    "fan_duct_right",
    "skirt_front",
    "z_belt_cover",
    "camera_mount_v3",
    "psu_cover",
    "dragon_articulated",
    "planter_low_poly",
    "bracket_shelf_90",
    "hook_wall",
    "knob_M8",
    "gear_24T",
    "pulley_cover",
    "bottle_opener",
    "headphone_stand",
    "raspberry_pi_case_top",
    "raspberry_pi_case_bottom",
    "drawer_handle",
    "phone_stand",
    "temperature_tower",
    "cookie_cutter_star",
    "filament_clip",
    "lithophane_moon",
    "vase_spiral",
    "chess_knight",
    "dice_tower",
    "tool_rack_hex",
    "door_stop",
    "lamp_shade",
    "drill_guide",
];
const FOLDERS: [&str; 6] = ["", "", "", "Kunden Müller/", "functional parts/", "gifts/2026/"];

/// Type, brand, first layer nozzle and bed in °C, density in g/cm³, colour.
const MATERIALS: [(&str, &str, f64, f64, f64, &str); 20] = [
    ("PLA", "Prusament PLA Galaxy Black", 215.0, 60.0, 1.24, "#1A1A1E"),
    ("PLA", "eSUN PLA+", 220.0, 55.0, 1.23, "#F5F5F0"),
    ("PLA", "Polymaker PolyTerra", 210.0, 55.0, 1.31, "#7A9E5B"),
    ("PLA", "Bambu PLA Basic", 220.0, 55.0, 1.26, "#E63946"),
    ("PETG", "Prusament PETG", 240.0, 80.0, 1.27, "#F27322"),
    ("PETG", "Overture PETG", 240.0, 75.0, 1.25, "#2B6CB0"),
    ("PETG", "Extrudr PETG", 235.0, 75.0, 1.29, "#FFFFFF"),
    ("ABS", "KVP ABS", 250.0, 105.0, 1.04, "#B3121D"),
    ("ABS", "eSUN ABS+", 250.0, 100.0, 1.06, "#111111"),
    ("ASA", "Polymaker ASA", 255.0, 105.0, 1.07, "#3C3F45"),
    ("ASA", "Prusament ASA", 260.0, 105.0, 1.07, "#D9A441"),
    ("TPU", "NinjaTek NinjaFlex", 230.0, 50.0, 1.19, "#222222"),
    ("PC", "Polymaker PC-Max", 270.0, 110.0, 1.19, "#E8E8E8"),
    ("PA", "Taulman Nylon 645", 255.0, 90.0, 1.13, "#EFEBDD"),
    ("PA-CF", "Polymaker PA6-CF", 290.0, 50.0, 1.17, "#2A2A2A"),
    ("PLA-CF", "ColorFabb XT-CF20", 240.0, 60.0, 1.3, "#333333"),
    ("PCTG", "Fiberlogy PCTG", 260.0, 90.0, 1.23, "#8EC5E8"),
    ("HIPS", "Fillamentum HIPS", 230.0, 100.0, 1.03, "#F0E9E1"),
    ("PVA", "Verbatim PVA", 200.0, 60.0, 1.23, "#F7F3E8"),
    ("PP", "Verbatim PP", 220.0, 85.0, 0.89, "#DDE6ED"),
];
const SLICERS: [(&str, &str); 4] = [
    ("OrcaSlicer", "2.3.1"),
    ("PrusaSlicer", "2.8.1"),
    ("SuperSlicer", "2.5.60"),
    ("Cura", "5.9.1"),
];

/// A plausible sliced file.
#[derive(Debug, Clone, PartialEq)]
pub struct SlicedFile {
    /// Path relative to the gcodes root, with folders.
    pub name: String,
    /// Metadata as in `server.files.metadata`, without the fields that Moonraker adds when the file is printed.
    pub metadata: Value,
    /// Plan of a print of this file, as estimated by the slicer.
    pub plan: PrintPlan,
}

/// Generates a file that takes about `seconds` to print. `modified` is in Unix seconds.
#[must_use]
pub fn sliced_file(random: &mut Random, seconds: f64, modified: f64) -> SlicedFile {
    let (material, product, nozzle, bed, density, colour) = *random.pick(&MATERIALS);
    let (slicer, slicer_version) = *random.pick(&SLICERS);
    let model = random.pick(&MODELS);
    let layer_height = *random.pick(&[0.12, 0.16, 0.2, 0.2, 0.2, 0.28]);
    let name = format!(
        "{}{model}_{material}_{}.gcode",
        random.pick(&FOLDERS),
        readable(seconds)
    );
    // 3 to 7 mm of filament per second, typical of a 0.4 mm nozzle.
    let filament = tenths(seconds * random.between(3.0..7.0));
    let weight = (filament * 2.405 * density / 10.0).round() / 100.0;
    let height = (seconds.sqrt() * random.between(0.3..0.9) / layer_height)
        .ceil()
        .max(1.0)
        * layer_height;
    let layers = (height / layer_height).round();
    let size = (20_000.0 + seconds * 450.0).round();
    let stem = name
        .rsplit('/')
        .next()
        .unwrap_or(&name)
        .trim_end_matches(".gcode")
        .to_owned();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "small and positive"
    )]
    let (size, layers, estimated) = (size as u64, layers as u32, seconds.round() as u64);
    let metadata = json!({
        "size": size,
        "modified": modified,
        "uuid": uuid(random),
        "file_processors": [],
        "slicer": slicer,
        "slicer_version": slicer_version,
        "gcode_start_byte": 19_000,
        "gcode_end_byte": size.saturating_sub(8_000),
        "layer_count": layers,
        "object_height": tenths(height),
        "estimated_time": estimated,
        "nozzle_diameter": 0.4,
        "layer_height": layer_height,
        "first_layer_height": 0.2,
        "first_layer_extr_temp": nozzle,
        "first_layer_bed_temp": bed,
        "filament_name": product,
        "filament_type": material,
        "filament_colors": [colour],
        "extruder_colors": [],
        "filament_temps": [nozzle],
        "referenced_tools": [],
        "filament_total": filament,
        "filament_weight_total": weight,
        "filament_weights": [weight],
        "thumbnails": [
            { "width": 32, "height": 32, "size": 1198, "relative_path": format!(".thumbs/{stem}-32x32.png") },
            { "width": 300, "height": 300, "size": 9144, "relative_path": format!(".thumbs/{stem}-300x300.png") },
        ],
    });
    let warmup = (seconds * 0.05).clamp(1.0_f64.min(seconds * 0.2), 240.0);
    let plan = PrintPlan {
        warmup,
        printing: seconds - warmup,
        filament,
        layers: Some(layers),
        error: None,
    };
    SlicedFile { name, metadata, plan }
}

fn readable(seconds: f64) -> String {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "small and positive"
    )]
    let seconds = seconds.max(0.0) as u64;
    match (seconds / 3600, seconds / 60 % 60) {
        (0, 0) => format!("{seconds}s"),
        (0, minutes) => format!("{minutes}m{}s", seconds % 60),
        (hours, minutes) => format!("{hours}h{minutes}m"),
    }
}

fn tenths(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}

fn uuid(random: &mut Random) -> String {
    let (high, low) = (random.bits(), random.bits());
    format!(
        "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
        high >> 32,
        high >> 16 & 0xFFFF,
        high & 0xFFF,
        low >> 52,
        low & 0xFFFF_FFFF_FFFF
    )
}

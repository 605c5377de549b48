//! Values in unusual places: after commands, in commands, without their settings.

use serde_json::{Value, json};

use crate::blocks::{assert_fields, details};
use crate::{corpus, fixtures};

/// Text that post-processors add before and after a file.
const HEADS: [&str; 3] = [
    "; Postprocessed by [ArcWelder](https://example.org)\n; resolution=0.05mm\n; path_tolerance=5.0%\n\n",
    "SET_PRINT_STATS_INFO TOTAL_LAYER=9999\nM118 processed\n",
    ";===========\n; banner\n;===========\nG90\nM82\n",
];
const TAILS: [&str; 3] = [
    "; Processed by klipper_estimator v3.7.3\n",
    "M84\nG4 P1\n; end of the post-processor\n",
    "\nM107\n;done\nTIMELAPSE_TAKE_FRAME\n\n",
];

#[test]
fn lines_of_post_processors_change_no_value() {
    for (name, bytes) in fixtures::all() {
        let text = String::from_utf8_lossy(&bytes);
        let plain = details(&text);
        for head in HEADS.iter().chain(&[""]) {
            for tail in TAILS.iter().chain(&[""]) {
                let processed = details(&format!("{head}{text}\n{tail}"));
                for (field, value) in &plain {
                    assert_eq!(
                        &processed[field], value,
                        "{field} of {name} between {head:?} and {tail:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn a_file_twice_is_no_other_file() {
    for (name, bytes) in fixtures::all() {
        let text = String::from_utf8_lossy(&bytes);
        let (once, twice) = (details(&text), details(&format!("{text}\n{text}")));
        for (field, value) in once {
            let other = &twice[&field];
            assert!(
                other == &value || other.is_null(),
                "{field} of {name}: {other}, once {value}"
            );
        }
    }
}

#[test]
fn a_file_without_its_head_or_tail_states_nothing_else() {
    let mut misses = Vec::new();
    for (name, bytes) in fixtures::all() {
        let text = String::from_utf8_lossy(&bytes);
        let whole = details(&text);
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        let is_command = |line: &&str| line.starts_with(|c: char| c.is_ascii_uppercase());
        let Some(first) = lines.iter().position(is_command) else {
            continue;
        };
        let last = lines.iter().rposition(is_command).unwrap_or(first);
        for part in [
            &lines[first..],
            &lines[..first],
            &lines[..=last],
            &lines[last..],
            &lines[first..=last],
        ] {
            let parsed = gcode::parse(part.concat().as_bytes(), b"", None);
            // Without amounts the main material is the first one in use.
            let tools = &parsed.metadata.tools;
            let amounts = tools.iter().any(|tool| tool.used_g.or(tool.used_mm).is_some());
            for (field, value) in corpus::details(&parsed) {
                let of_material = ["filament_", "nozzle_", "bed_"]
                    .iter()
                    .any(|start| field.starts_with(start));
                let of_main = of_material && tools.len() > 1 && !amounts;
                // Commands set the first layer's temperatures; the later ones are in the lost settings.
                let by_command =
                    field.contains("_temp") && (!parsed.warnings.is_empty() || name.starts_with("cura/"));
                let other = value != whole[&field] && !value.is_null();
                if other
                    && !of_main
                    && !by_command
                    && !["slicer", "speeds", "objects"].contains(&field.as_str())
                {
                    misses.push(format!("{field} of {name}: {value}, whole {}", whole[&field]));
                }
            }
        }
    }
    assert!(misses.is_empty(), "{}", misses.join("\n"));
}

/// Keys whose value also occurs in another form: another layer or tool, the sum of the tools, the profile.
const STATED_TWICE: [&str; 9] = [
    ";Z:",
    "filament:",
    "SETTING_3",
    "EXTRUDER_TRAIN",
    "HEIGHT:",
    "nozzle_dia_1",
    "END_LAYER_OBJECT",
    "total filament used",
    "temperatureHeatedBed",
];

#[test]
fn a_value_that_cannot_be_read_makes_no_other() {
    let mut misses = Vec::new();
    // The whole files contain the same keys as the others, and take long.
    let files = fixtures::all()
        .into_iter()
        .filter(|(_, bytes)| bytes.len() < 8 << 10);
    for (name, bytes) in files {
        let text = String::from_utf8_lossy(&bytes);
        let plain = details(&text);
        let lines: Vec<&str> = text.lines().collect();
        for (index, line) in lines.iter().enumerate() {
            let digits = |rest: &str| rest.contains(|c: char| c.is_ascii_digit());
            let at = line.find(['=', ':', ',']).filter(|at| digits(&line[at + 1..]));
            let Some(at) = at.filter(|_| line.starts_with(';') && !line.contains("enerated")) else {
                continue;
            };
            if STATED_TWICE.iter().any(|key| line.contains(key)) {
                continue;
            }
            let old = line[at + 1..].trim();
            for garbage in [
                "0x10".to_owned(),
                "-3".to_owned(),
                format!("~{old}"),
                format!("{old} or so"),
            ] {
                let garbled = format!("{} {garbage}", &line[..=at]);
                let mut lines = lines.clone();
                lines[index] = &garbled;
                let other = details(&(lines.join("\n") + "\n"));
                for (field, value) in plain
                    .iter()
                    .filter(|(_, value)| value.is_number() || value.is_null())
                {
                    if other[field] != *value && !other[field].is_null() {
                        misses.push(format!(
                            "{field} of {name}: {value}, with {garbled:?} {}",
                            other[field]
                        ));
                    }
                }
            }
        }
    }
    assert!(misses.is_empty(), "{}", misses.join("\n"));
}

#[test]
fn slic3r_states_temperatures_in_commands_only() {
    let file = |commands: &str| {
        format!(
            "; generated by Slic3r 0.9.9 on 2013-03-07 at 20:00:00\n\n; layer_height = 0.3\n; perimeters = 3\n\
             ; fill_density = 0.4\n; nozzle_diameter = 0.5\n; filament_diameter = 2.9\n\n{commands}\
             ; filament used = 787.1mm (5.2cm3)\n"
        )
    };
    let fields = |first: f64, later: f64, bed: Value| {
        json!({
            "slicer": "Slic3r", "slicer_version": "0.9.9", "layer_height": 0.3, "wall_count": 3, "infill_percentage": 40.0,
            "nozzle_temp_first_layer": first, "nozzle_temp": later, "bed_temp": bed, "filament_used_mm": 787.1,
            "filament_used_cm3": 5.2,
        })
    };
    let commands = "M104 S200 ; set temperature\nG28\nM109 S200 ; wait for temperature to be reached\nG1 Z0.3\nM104 S0\n";
    assert_fields(&file(commands), &fields(200.0, 200.0, Value::Null));
    let commands = "M190 S60\nM104 S205\nM109 S205\nG1 Z0.3\nM104 S200 ; set temperature\nM140 S0\nM104 S0\n";
    assert_fields(&file(commands), &fields(205.0, 200.0, json!(60.0)));
    let commands = "M104 S150 ; preheat\nM190 S60\nM109 S205\nM104 S0\n";
    assert_fields(&file(commands), &fields(205.0, 205.0, json!(60.0)));
    let details = details(&file("G28\nG1 Z0.3\n"));
    assert_eq!(
        (&details["nozzle_temp"], &details["bed_temp"]),
        (&Value::Null, &Value::Null)
    );
}

#[test]
fn a_stated_temperature_outranks_the_commands() {
    let text = "; generated by PrusaSlicer 2.7.4 on 2026-01-02\nM104 S170\nG28\n; prusaslicer_config = begin\n; layer_height = 0.2\n; filament_type = PLA\n; temperature = 210\n; first_layer_temperature = 215\n; prusaslicer_config = end\n";
    assert_fields(
        text,
        &json!({"nozzle_temp": 210.0, "nozzle_temp_first_layer": 215.0}),
    );
}

#[test]
fn cura_15_states_its_values_behind_the_first_commands() {
    let text = "M190 S70.000000\nM109 S210.000000\n;Sliced at: Wed 02-04-2014 21:42:30\n\
        ;Basic settings: Layer height: 0.2 Walls: 0.8 Fill: 20\n;Print time: 1 hour 23 minutes\n\
        ;Filament used: 3.579m 11.0g\n;Filament cost: 0.33\n;M190 S60 ;Uncomment to add your own bed temperature line\n\
        G21        ;metric values\nG28 X0 Y0\n;LAYER:0\nG1 X1 E1\n;CURA_PROFILE_STRING:eNrtWttu20\n";
    let fields = json!({
        "slicer": "Cura", "layer_height": 0.2, "infill_percentage": 20.0, "estimated_time": 4980,
        "filament_used_mm": 3579.0, "estimated_filament": 11.0, "filament_cost": 0.33,
        "nozzle_temp_first_layer": 210.0, "bed_temp_first_layer": 70.0,
    });
    assert_fields(text, &fields);
    let unknown = text
        .replace("Filament cost: 0.33", "Filament cost: None")
        .replace("1 hour 23 minutes", "a while");
    assert_fields(
        &unknown,
        &json!({"filament_cost": null, "estimated_time": null, "filament_used_mm": 3579.0}),
    );
    let commas = text
        .replace("3.579m", "3,579m")
        .replace("11.0g", "11,0g")
        .replace("height: 0.2", "height: 0,2");
    assert_fields(&commas, &fields);
    let named = format!("{text};Generated with Cura_SteamEngine 15.04.6\n");
    assert_fields(
        &named,
        &json!({"slicer": "Cura", "slicer_version": "15.04.6", "estimated_time": 4980}),
    );
}

#[test]
fn cura_5_behind_a_command_is_read_too() {
    let text = "M117 start\n;FLAVOR:Marlin\n;TIME:1234\n;Filament used: 1.2m, 0.5m\n;Layer height: 0.2\n;MINZ:0.3\n;MAXZ:9.9\n;Generated with Cura_SteamEngine 5.9.1\nM104 S200\n;LAYER_COUNT:50\nG1 X1\n";
    let fields = json!({
        "slicer": "Cura", "slicer_version": "5.9.1", "estimated_time": 1234, "filament_used_mm": 1700.0,
        "layer_height": 0.2, "first_layer_height": 0.3, "object_height": 9.9, "layer_count": 50,
    });
    assert_fields(text, &fields);
}

#[test]
fn ultigcode_states_volumes() {
    let text = ";FLAVOR:UltiGCode\n;TIME:1234\n;MATERIAL:2500\n;MATERIAL2:0\n;NOZZLE_DIAMETER:0.4\n;Generated with Cura_SteamEngine 15.04\nG28\n";
    let fields = json!({
        "estimated_time": 1234, "filament_used_cm3": 2.5, "filament_used_mm": null, "nozzle_diameter": 0.4,
    });
    assert_fields(text, &fields);
}

#[test]
fn kisslicer_and_ideamaker_are_read_behind_the_commands_of_post_processors() {
    let kiss = "; KISSlicer - FREE\n; version 1.6.3 Release Win64\n; bed_C = 60\n; temperature_C = 210\nG28\n; Estimated Build Time:   7.94 minutes\n; Estimated Build Cost:   $0.03\n;    Ext 1 =   298.83 mm  (0.719 cm^3)\n";
    let fields = json!({
        "slicer": "KISSlicer", "estimated_time": 476, "filament_used_mm": 298.83, "filament_used_cm3": 0.719,
        "filament_cost": 0.03, "currency": "$", "nozzle_temp": 210.0,
    });
    let commas = kiss
        .replace("7.94", "7,94")
        .replace("298.83", "298,83")
        .replace("0.719", "0,719")
        .replace("0.03", "0,03");
    let ideamaker = ";Sliced by ideaMaker 5.1.4.8480, 2026-01-01\n;Filament Diameter #1: 1.75\n;Filament Density #1: 1240.0\n;Filament Type #1: PLA\nM104 S210\nG28\n;Print Time: 1004\n;Material#1 Used: 239.3\n;Material#1 Cost: 0.02\n";
    let idea_fields = json!({
        "slicer": "ideaMaker", "estimated_time": 1004, "filament_used_mm": 239.3, "filament_cost": 0.02,
        "filament_type": "PLA", "estimated_filament": 0.714,
    });
    for head in HEADS {
        for tail in TAILS {
            assert_fields(&format!("{head}{kiss}{tail}"), &fields);
            assert_fields(&format!("{head}{commas}{tail}"), &fields);
            assert_fields(&format!("{head}{ideamaker}{tail}"), &idea_fields);
        }
    }
}

#[test]
fn amounts_show_the_tools_where_the_settings_have_no_list() {
    let orca = |statistics: &str| {
        format!(
            "; HEADER_BLOCK_START\n; generated by OrcaSlicer 2.3.1 on 2026-01-02 at 03:04:05\n; total layer number: 44\n\
             ; HEADER_BLOCK_END\nT0\nG28\nG1 X20 E1\n{statistics}; CONFIG_BLOCK_START\n; thumbnails = 96x96/PNG\n; CONFIG_BLOCK_END\n"
        )
    };
    let used = |text: &str| -> Vec<_> {
        let tools = gcode::parse(text.as_bytes(), b"", None).metadata.tools;
        tools
            .iter()
            .map(|tool| (tool.used, tool.used_mm, tool.used_g))
            .collect()
    };
    let yes = |mm: f64, g: f64| (Some(true), Some(mm), Some(g));
    let no = (Some(false), Some(0.0), Some(0.0));
    let three = "; filament used [mm] = 210.00, 0.00, 90.00\n; filament used [g] = 0.63, 0.00, 0.27\n";
    assert_eq!(used(&orca(three)), [yes(210.0, 0.63), no, yes(90.0, 0.27)]);
    assert_fields(
        &orca(three),
        &json!({"filament_used_mm": 300.0, "estimated_filament": 0.9}),
    );
    let one = "; filament used [mm] = 210.00\n; filament used [g] = 0.63\n";
    assert_eq!(used(&orca(one)), [yes(210.0, 0.63)]);
    // Bambu lists only the filaments in use.
    let bambu = "; total filament length [mm] : 210.00,90.00\n; total filament weight [g] : 0.63,0.27\n; filament: 1,3\n";
    assert_eq!(used(&orca(bambu)), [yes(210.0, 0.63), no, yes(90.0, 0.27)]);
    let prusa = format!("; generated by PrusaSlicer 2.8.0 on 2026-01-02\nG28\n{three}");
    assert_eq!(used(&prusa), [yes(210.0, 0.63), no, yes(90.0, 0.27)]);
    assert!(used(&orca("")).is_empty());
}

//! One module per family of slicers, and the choice between them.
//!
//! A family parses what its slicers print. What several families share (statistics of Slic3r's descendants, heater
//! commands, thumbnails) is read once by the scanner and the settings.

mod bambu;
mod cura;
mod cxengine;
mod flashprint;
mod icesl;
mod ideamaker;
mod kirimoto;
mod kisslicer;
mod luban;
mod orca;
mod prusa;
mod simplify3d;
mod slic3r_statistics;
mod unknown;

use crate::heaters::Targets;
use crate::scan::{Scan, decode};
use crate::settings::{self, Settings};
use crate::{GcodeMetadata, Parsed, Tool, Warning, raw};

/// The input of a family's parser.
pub(crate) struct Source<'s, 'a> {
    pub(crate) scan: &'s Scan<'a>,
    /// Settings stored next to the G-code, in containers.
    pub(crate) container_settings: Option<Settings<'a>>,
}

/// Name and version as the slicer wrote them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct SlicerId {
    pub(crate) name: String,
    pub(crate) version: Option<String>,
}

/// Reads the metadata of a text file into `parsed`.
pub(crate) fn read(source: &Source<'_, '_>, parsed: &mut Parsed) {
    let scan = source.scan;
    let family = Family::of(scan);
    if let Some(id) = family.id(scan) {
        parsed.metadata.slicer = Some(id.name);
        parsed.metadata.slicer_version = id.version;
    }
    match family {
        Family::Slic3r(id) => {
            if id.is_none() {
                parsed.warn(Warning::UnknownSlicer);
            }
            slic3r_descendant(source, parsed);
        }
        Family::Cura => cura::read(scan, parsed),
        Family::CxEngine(_) => cxengine::read(scan, parsed),
        Family::Simplify3d(_) => simplify3d::read(scan, parsed),
        Family::IdeaMaker(_) => ideamaker::read(scan, parsed),
        Family::KissSlicer(_) => kisslicer::read(scan, parsed),
        Family::KiriMoto(_) => kirimoto::read(scan, parsed),
        Family::IceSl => icesl::read(scan, parsed),
        Family::FlashPrint(_) => flashprint::read(scan, parsed),
        Family::Luban => luban::read(scan, parsed),
        Family::Unknown => {
            parsed.warn(Warning::UnknownSlicer);
            unknown::read(scan, parsed);
        }
    }
    if begins_in_the_middle(scan) {
        parsed.warn(Warning::Resumed);
    }
    if parsed.metadata.objects.is_empty() {
        parsed.metadata.objects.clone_from(&scan.objects);
    }
}

/// Whether the beginning of the print is missing. Slicers with a marked block of settings also print a head with their
/// name.
fn begins_in_the_middle(scan: &Scan<'_>) -> bool {
    let has_name = || {
        scan.comments
            .iter()
            .any(|comment| Family::of_line(comment.text).is_some())
    };
    scan.beginning.resumes()
        || (scan.beginning.has_no_head() && settings::marked_block(scan).is_some() && !has_name())
}

/// Whether the slicer prints values among its first layers, and the head does not contain them yet.
pub(crate) fn head_is_short(scan: &Scan<'_>) -> bool {
    matches!(Family::of(scan), Family::IdeaMaker(_)) && ideamaker::head_is_short(scan)
}

/// Reads the keys and values of a `.bgcode`, which has no text around them.
pub(crate) fn read_prusa_settings(config: &Settings<'_>, statistics: &Settings<'_>, parsed: &mut Parsed) {
    prusa::read(config, statistics, None, parsed);
}

/// Splits `PrusaSlicer 2.8.0+win64` at the first word that is a version.
pub(crate) fn name_and_version(text: &str) -> Option<SlicerId> {
    let mut name = String::new();
    for word in text.split_whitespace() {
        let digits = word.strip_prefix(['v', 'V']).unwrap_or(word);
        if !name.is_empty() && (digits.starts_with(|c: char| c.is_ascii_digit()) || word == "master") {
            return Some(SlicerId {
                name,
                version: Some(word.to_owned()),
            });
        }
        if word == "on" || word == "at" {
            break;
        }
        if !name.is_empty() {
            name.push(' ');
        }
        name.push_str(word);
    }
    (!name.is_empty() && name.len() <= 60).then_some(SlicerId { name, version: None })
}

/// Orca and Prusa families print the same kinds of lines; the keys show which family it is.
fn slic3r_descendant(source: &Source<'_, '_>, parsed: &mut Parsed) {
    let scan = source.scan;
    let mut statistics = settings::statistics(scan);
    let mut config = settings::config_block(scan);
    if config.is_empty() || config.cut {
        for (key, value) in source.container_settings.iter().flat_map(Settings::iter) {
            config.insert(key.to_owned().into(), value.to_owned().into());
        }
        config.cut &= source.container_settings.is_none();
    }
    if config.is_empty() {
        parsed.warn(Warning::NoSettings);
        let named_slicer = |name: &String| name.ends_with("Slicer") || name.starts_with("Slic3r");
        if statistics.is_empty() && !parsed.metadata.slicer.as_ref().is_some_and(named_slicer) {
            return unknown::read(scan, parsed);
        }
    } else if config.cut {
        parsed.warn(Warning::SettingsCut);
    }
    // Commands that a post-processor appends put the settings among the moves.
    let is_collected = |(key, _)| parsed.metadata.raw.contains_key(key);
    if !config.iter().next().is_none_or(is_collected) {
        for (key, value) in config.iter() {
            raw::insert(parsed, key, value);
        }
    }
    by_keys(&mut config, &mut statistics, scan, parsed);
    // Slic3r 0.9 prints its settings without temperatures.
    if config.has("layer_height") && !config.cut {
        temperatures_of_commands(scan, &mut parsed.metadata);
    }
}

/// Reads settings and statistics by the rules of the family whose keys they contain.
fn by_keys(config: &mut Settings<'_>, statistics: &mut Settings<'_>, scan: &Scan<'_>, parsed: &mut Parsed) {
    settings::settle_commas(config, statistics);
    let orca_like = ORCA_KEYS.iter().any(|key| config.has(key))
        || ["max_z_height", "total layer number"]
            .iter()
            .any(|key| statistics.has(key))
        || scan
            .comments
            .iter()
            .any(|comment| comment.text == b"HEADER_BLOCK_START");
    if orca_like {
        orca::read(config, statistics, scan, parsed);
    } else {
        prusa::read(config, statistics, Some(scan), parsed);
    }
}

/// For files that have no temperature in their settings.
fn temperatures_of_commands(scan: &Scan<'_>, metadata: &mut GcodeMetadata) {
    let targets = Targets::of(scan);
    let tools = &mut metadata.tools;
    let none = |temp: fn(&Tool) -> Option<f64>, tools: &[Tool]| tools.iter().all(|tool| temp(tool).is_none());
    if none(|tool| tool.nozzle_temp.or(tool.nozzle_temp_first_layer), tools) {
        metadata.nozzle_temp_first_layer = targets.nozzle;
        metadata.nozzle_temp = targets.nozzle_later.or(targets.nozzle);
        if let [tool] = tools.as_mut_slice() {
            tool.nozzle_temp_first_layer = metadata.nozzle_temp_first_layer;
            tool.nozzle_temp = metadata.nozzle_temp;
        }
    }
    if none(|tool| tool.bed_temp.or(tool.bed_temp_first_layer), tools) {
        metadata.bed_temp_first_layer = targets.bed;
        metadata.bed_temp = targets.bed_later.or(targets.bed);
        for tool in tools {
            tool.bed_temp_first_layer = metadata.bed_temp_first_layer;
            tool.bed_temp = metadata.bed_temp;
        }
    }
}

/// Settings of the Orca family that Prusa-like slicers do not have.
const ORCA_KEYS: [&str; 4] = [
    "initial_layer_print_height",
    "outer_wall_speed",
    "sparse_infill_density",
    "nozzle_temperature",
];

/// All settings blocks of Slic3r's descendants contain one of these.
const SLIC3R_KEYS: [&str; 4] = ["layer_height", "nozzle_diameter", "filament_type", "temperature"];

/// The family of a file, with the text that names the slicer, if any.
enum Family {
    /// `None` if the settings are those of the family and no line names the slicer.
    Slic3r(Option<SlicerId>),
    Cura,
    CxEngine(SlicerId),
    Simplify3d(SlicerId),
    IdeaMaker(SlicerId),
    KissSlicer(SlicerId),
    KiriMoto(SlicerId),
    IceSl,
    FlashPrint(SlicerId),
    Luban,
    Unknown,
}

impl Family {
    /// A marked block of settings has priority over the head: Orca's profiles write Cura's head for firmwares that
    /// expect it.
    fn of(scan: &Scan<'_>) -> Self {
        let head = Self::of_head(scan);
        if matches!(head, Self::Slic3r(_)) {
            return head;
        }
        let Some(block) = settings::marked_block(scan) else {
            return head;
        };
        if !SLIC3R_KEYS.iter().chain(&ORCA_KEYS).any(|key| block.has(key)) {
            return head;
        }
        let by_line = scan
            .comments
            .iter()
            .find_map(|comment| match Self::of_line(comment.text) {
                Some(Self::Slic3r(id)) => id,
                _ => None,
            });
        let by_head = match head {
            Self::CxEngine(id) => Some(id),
            _ => None,
        };
        Self::Slic3r(by_line.or_else(|| by_mark(scan)).or(by_head))
    }

    /// The first line that names a slicer decides; a second one is a disguise for post-processors.
    fn of_head(scan: &Scan<'_>) -> Self {
        let mut cura = false;
        for comment in &scan.comments {
            let text = comment.text;
            if text.starts_with(b"Generated with Cura") || text.starts_with(b"GENERATOR.NAME:Cura") {
                cura = true;
                break;
            }
            // Cura 15 prints its name only after the moves.
            if text.starts_with(b"FLAVOR:") || text.starts_with(b"Basic settings: Layer height:") {
                cura = true;
            } else if text.starts_with(b"KISSlicer") {
                return Self::KissSlicer(kisslicer::id(scan));
            } else if text.starts_with(b"Creality Print") || text.starts_with(b"Creality Slicer") {
                return Self::CxEngine(cxengine::id(scan));
            } else if let Some(family) = Self::of_line(text) {
                return family;
            }
        }
        let has = |beginning: &[u8]| {
            scan.comments
                .iter()
                .any(|comment| comment.text.starts_with(beginning))
        };
        match cura {
            _ if luban::is_header(scan) => Self::Luban,
            true => Self::Cura,
            // FlashPrint for the Adventurer 3 does not print its name.
            false if has(b"machine_type:") && has(b"right_extruder_temperature:") => {
                Self::FlashPrint(SlicerId {
                    name: "FlashPrint".into(),
                    version: None,
                })
            }
            false => Self::Unknown,
        }
    }

    /// The family that a line names, for slicers with name and version on one line.
    fn of_line(text: &[u8]) -> Option<Self> {
        match text.first().map(u8::to_ascii_lowercase)? {
            b'g' if starts_with_ignore_case(text, b"g-code generated by simplify3d") => {
                Some(Self::Simplify3d(simplify3d::id(&decode(text))))
            }
            b'g' if starts_with_ignore_case(text, b"generated by ") => {
                Self::generated_by(&decode(text[b"generated by ".len()..].trim_ascii()))
            }
            b'b' | b'q' => bambu::id(text).map(|id| Self::Slic3r(Some(id))),
            b's' if text.starts_with(b"Sliced by ideaMaker") => {
                Some(Self::IdeaMaker(ideamaker::id(&decode(text))))
            }
            b's' if text.starts_with(b"Sliced by ") => {
                Self::generated_by(&decode(text[b"Sliced by ".len()..].trim_ascii()))
            }
            b'<' if text.starts_with(b"<IceSL") => Some(Self::IceSl),
            _ => None,
        }
    }

    fn generated_by(name: &str) -> Option<Self> {
        let id = name_and_version(name)?;
        Some(match id.name.as_str() {
            "Kiri:Moto" => Self::KiriMoto(id),
            "ffslicer" | "FlashPrint" => Self::FlashPrint(id),
            "Luban" | "Snapmaker Luban" => Self::Luban,
            "IceSL" => Self::IceSl,
            name if name.starts_with("Cura") => Self::Cura,
            // Unknown names are accepted only in the forms `NAME VERSION` and `NAME on DATE`.
            _ if id.version.is_some() || name.split_whitespace().any(|word| word == "on") => {
                Self::Slic3r(Some(id))
            }
            _ => return None,
        })
    }

    fn id(&self, scan: &Scan<'_>) -> Option<SlicerId> {
        match self {
            Self::Slic3r(id) => id.clone(),
            Self::CxEngine(id)
            | Self::Simplify3d(id)
            | Self::IdeaMaker(id)
            | Self::KissSlicer(id)
            | Self::KiriMoto(id)
            | Self::FlashPrint(id) => Some(id.clone()),
            Self::Cura => Some(cura::id(scan)),
            Self::IceSl => Some(SlicerId {
                name: "IceSL".into(),
                version: None,
            }),
            Self::Luban => Some(luban::id(scan)),
            Self::Unknown => None,
        }
    }
}

/// The slicer that `prusaslicer_config = begin` names. Orca's `CONFIG_BLOCK` names none.
fn by_mark(scan: &Scan<'_>) -> Option<SlicerId> {
    let name = settings::mark_name(scan)?;
    let known = [
        "PrusaSlicer",
        "SuperSlicer",
        "Slic3r",
        "OrcaSlicer",
        "BambuStudio",
        "QIDISlicer",
        "QIDIStudio",
    ];
    let spelled = known.into_iter().find(|known| known.eq_ignore_ascii_case(&name));
    Some(SlicerId {
        name: spelled.map_or_else(|| name.into_owned(), str::to_owned),
        version: None,
    })
}

fn starts_with_ignore_case(text: &[u8], beginning: &[u8]) -> bool {
    text.get(..beginning.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(beginning))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str) -> (String, String) {
        let id = name_and_version(text).unwrap();
        (id.name, id.version.unwrap_or_default())
    }

    #[test]
    fn names_may_have_blanks_and_versions_letters() {
        for (text, name, version) in [
            (
                "OrcaSlicer 2.3.1-dev on 2025-01-01 at 10:00:00",
                "OrcaSlicer",
                "2.3.1-dev",
            ),
            ("Flash Studio 1.7.6", "Flash Studio", "1.7.6"),
            ("Creality_Print V5.1.4.10249 on", "Creality_Print", "V5.1.4.10249"),
            (
                "Slic3r Prusa Edition 1.33.3-prusa3d on",
                "Slic3r Prusa Edition",
                "1.33.3-prusa3d",
            ),
            ("PrusaSlicer on 2024", "PrusaSlicer", ""),
        ] {
            assert_eq!(split(text), (name.to_owned(), version.to_owned()), "{text}");
        }
        assert_eq!(name_and_version(""), None);
    }

    #[test]
    fn a_name_of_noise_and_odd_blanks_is_no_slicer() {
        // Found by the fuzzer: the name with its double blanks removed is shorter than the text.
        for text in [
            "Slic3rb\u{af}  ~\u{fa}*\u{c5}",
            "a\u{a0}\u{a0}\u{c5}",
            "\u{c5}  \u{c5} on 2024",
        ] {
            let file = format!("; generated by {text}\nG28\n");
            let parsed = crate::parse(file.as_bytes(), b"", None);
            assert_eq!(parsed.metadata.slicer_version, None, "{text}");
        }
    }
}

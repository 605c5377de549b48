//! Recognises a file that begins in the middle of a print.
//!
//! After a power loss, scripts for Klipper (`plr.sh`) and some firmwares copy the rest of the file behind a few commands
//! that heat up and state the position. The settings and estimates at the end still describe the whole print.

use crate::value::decimal;

/// Upper limit for the height of a first layer in mm, including one on a raft.
const HIGHEST_FIRST_LAYER: f64 = 5.0;
/// Maximum number of layers that a slicer skips if an object begins above the bed. Cura 5.4 began with layer 2.
const SKIPPED_LAYERS: f64 = 10.0;

/// What the commands and comments at the beginning of a file show. Complete after the first move that prints and the
/// first layer mark.
#[derive(Debug, Default)]
pub(crate) struct Beginning {
    /// The Z axis was homed, or a macro was called that may home it.
    homed: bool,
    /// The Z position was stated as above 0, and the axis not homed afterwards.
    z_is_stated: bool,
    extruded: bool,
    layer_seen: bool,
    resumes: bool,
    comments_seen: bool,
}

impl Beginning {
    /// Whether the file states its position instead of homing, or its first layer mark is not that of a first layer.
    pub(crate) fn resumes(&self) -> bool {
        self.resumes
    }

    /// Whether the file begins with commands, or with comments that accompany moves.
    pub(crate) fn has_no_head(&self) -> bool {
        !self.comments_seen
    }

    /// Whether nothing more can be learned. Also to be called at a gap in the known bytes.
    pub(crate) fn is_complete(&self) -> bool {
        self.extruded && self.layer_seen
    }

    pub(crate) fn end(&mut self) {
        self.extruded = true;
        self.layer_seen = true;
    }

    /// A comment; `before_commands` if no command precedes it.
    pub(crate) fn comment(&mut self, text: &[u8], before_commands: bool) {
        const OF_MOVES: [&[u8]; 6] = [b"TYPE:", b"WIDTH:", b"HEIGHT:", b"LAYER", b"Z:", b"MESH:"];
        let is_of_moves = OF_MOVES.iter().any(|beginning| text.starts_with(beginning));
        self.comments_seen |= before_commands && !text.is_empty() && !is_of_moves;
        if self.layer_seen {
            return;
        }
        let number = |beginning: &str| {
            let rest = text.strip_prefix(beginning.as_bytes())?;
            let number = std::str::from_utf8(rest).ok()?.split('/').next()?;
            decimal(number.trim())
        };
        // Slicers count layers from 0 or 1, rafts below 0.
        let layer = number("LAYER:").or_else(|| number("layer num/total_layer_count:"));
        let late = layer.map(|layer| layer > SKIPPED_LAYERS);
        if let Some(late) = late.or_else(|| number("Z:").map(|z| z > HIGHEST_FIRST_LAYER)) {
            self.layer_seen = true;
            self.resumes |= late;
        }
    }

    /// A command without its comment.
    pub(crate) fn command(&mut self, line: &[u8]) {
        if self.extruded {
            return;
        }
        let Ok(line) = std::str::from_utf8(line) else {
            return;
        };
        let line = line.split(';').next().unwrap_or_default().to_ascii_uppercase();
        let mut words = line.split_ascii_whitespace();
        let Some(name) = words.next() else { return };
        let value = |axis: char| {
            let mut words = words.clone();
            words.find_map(|word| {
                word.strip_prefix(axis)?
                    .trim_start_matches('=')
                    .parse::<f64>()
                    .ok()
            })
        };
        let names = |axis: char| words.clone().any(|word| word.starts_with(axis));
        let raises = value('Z').is_some_and(|z| z > 0.0);
        match name {
            "G28" if names('Z') || !(names('X') || names('Y')) => {
                self.homed = true;
                self.z_is_stated = false;
            }
            // Sailfish homes with these.
            "G161" | "G162" => self.homed |= names('Z'),
            "SET_KINEMATIC_POSITION" => self.z_is_stated |= raises,
            "G92" => self.z_is_stated |= raises && !self.homed,
            "G0" | "G1" | "G2" | "G3" => {
                let prints = value('E').is_some_and(|e| e > 0.0) && (names('X') || names('Y'));
                self.extruded = prints;
                self.resumes |= prints && self.z_is_stated;
            }
            "M98" => self.homed = true,
            // Any other name than that of a plain command is a macro.
            name => {
                let is_command =
                    name.starts_with(['G', 'M', 'T']) && name[1..].starts_with(|c: char| c.is_ascii_digit());
                self.homed |= !is_command;
            }
        }
    }
}

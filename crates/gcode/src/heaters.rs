//! Temperatures from heater commands, for slicers that do not print them as settings.

use crate::Quantity;
use crate::scan::Scan;

/// `M104`, `M109`, `M140`, `M190`, `M141` or `M191` with its target.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct HeaterCommand {
    pub(crate) heater: Heater,
    /// `T` parameter of a nozzle command.
    pub(crate) tool: Option<u32>,
    /// °C.
    pub(crate) target: f64,
    /// Whether the print waits for it.
    pub(crate) waits: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Heater {
    Nozzle,
    Bed,
    Chamber,
}

impl Heater {
    fn quantity(self) -> Quantity {
        match self {
            Self::Nozzle => Quantity::NozzleTemp,
            Self::Bed => Quantity::BedTemp,
            Self::Chamber => Quantity::ChamberTemp,
        }
    }
}

/// First targets that are not "off". They are taken from the parameters of a start macro, else from the commands that
/// wait (earlier ones may only preheat), else from the other commands.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Targets {
    pub(crate) nozzle: Option<f64>,
    pub(crate) bed: Option<f64>,
    pub(crate) chamber: Option<f64>,
    /// The next different target of a file with one tool, which is the one of the layers after the first.
    pub(crate) nozzle_later: Option<f64>,
    /// The same for the bed.
    pub(crate) bed_later: Option<f64>,
}

/// Reads a heater command. `None` for all other `M` commands and for targets that are not numbers.
pub(crate) fn command(line: &[u8]) -> Option<HeaterCommand> {
    let heater = match line.get(..4)? {
        b"M104" | b"M109" => Heater::Nozzle,
        b"M140" | b"M190" => Heater::Bed,
        b"M141" | b"M191" => Heater::Chamber,
        _ => return None,
    };
    if line.get(4).is_some_and(u8::is_ascii_digit) {
        return None;
    }
    let code = line.split(|b| *b == b';').next()?;
    let mut target = None;
    let mut tool = None;
    for word in std::str::from_utf8(code).ok()?.split_ascii_whitespace().skip(1) {
        match word.as_bytes().first() {
            // `R` is Marlin's "wait also for cooling".
            Some(b'S' | b's' | b'R' | b'r') => {
                target = target.or_else(|| heater.quantity().read(&word[1..]));
            }
            Some(b'T' | b't') => tool = word[1..].parse().ok(),
            _ => {}
        }
    }
    Some(HeaterCommand {
        heater,
        tool,
        target: target?,
        waits: matches!(&line[..4], b"M109" | b"M190" | b"M191"),
    })
}

impl Targets {
    pub(crate) fn of(scan: &Scan<'_>) -> Self {
        let mut targets = Self::default();
        for call in &scan.macros {
            targets.macro_call(call);
        }
        let on = |heater| {
            let commands = scan.heaters.iter();
            commands.filter(move |command| command.heater == heater && command.target > 0.0)
        };
        let first = |heater| {
            let waiting = on(heater).find(|command| command.waits);
            waiting
                .or_else(|| on(heater).next())
                .map(|command| command.target)
        };
        // The commands after the first one that waits.
        let later = |heater| {
            let mut behind = on(heater).skip_while(|command| !command.waits);
            let target = behind.next()?.target;
            behind.map(|command| command.target).find(|next| *next != target)
        };
        if targets.nozzle.is_none() && scan.tool_changes.count_ones() <= 1 {
            targets.nozzle_later = later(Heater::Nozzle);
        }
        if targets.bed.is_none() {
            targets.bed_later = later(Heater::Bed);
        }
        targets.nozzle = targets.nozzle.or_else(|| first(Heater::Nozzle));
        targets.bed = targets.bed.or_else(|| first(Heater::Bed));
        targets.chamber = targets.chamber.or_else(|| first(Heater::Chamber));
        targets
    }

    /// `START_PRINT EXTRUDER_TEMP=200 BED_TEMP=60`, `PRINT_START BED=110 EXTRUDER=235 CHAMBER=40`.
    fn macro_call(&mut self, call: &str) {
        let call = call.split(';').next().unwrap_or_default();
        let mut words = call.split_ascii_whitespace();
        let name = words.next().unwrap_or_default().to_ascii_uppercase();
        if !(name.contains("START") || name.contains("PRINT")) || name.starts_with("SET_") {
            return;
        }
        for word in words {
            let Some((key, text)) = word.split_once('=') else {
                continue;
            };
            let Some(heater) = heater_of_parameter(key) else {
                continue;
            };
            let slot = match heater {
                Heater::Nozzle => &mut self.nozzle,
                Heater::Bed => &mut self.bed,
                Heater::Chamber => &mut self.chamber,
            };
            let target = heater.quantity().read(text).filter(|target| *target >= 1.0);
            *slot = slot.or(target);
        }
    }
}

fn heater_of_parameter(key: &str) -> Option<Heater> {
    let mut key = key.to_ascii_uppercase().replace('_', "");
    for filler in ["TEMPERATURE", "TEMP", "INITIAL", "FIRSTLAYER", "LAYER", "PRINT"] {
        key = key.replace(filler, "");
    }
    match key.trim_end_matches('0') {
        "EXTRUDER" | "HOTEND" | "NOZZLE" | "TOOL" | "E" | "T" | "EXT" => Some(Heater::Nozzle),
        "BED" | "HEATBED" | "HEATERBED" => Some(Heater::Bed),
        "CHAMBER" | "ENCLOSURE" => Some(Heater::Chamber),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::segments::Segments;

    fn targets(text: &str) -> Targets {
        Targets::of(&Scan::of(&Segments::head_and_tail(text.as_bytes(), b"", None), 0))
    }

    #[test]
    fn macro_parameters_come_before_commands_that_switch_off() {
        let found = targets("M140 S0\nM104 S0\nSTART_PRINT EXTRUDER_TEMP=200 BED_TEMP=60\n");
        assert_eq!(
            found,
            Targets {
                nozzle: Some(200.0),
                bed: Some(60.0),
                ..Targets::default()
            }
        );
        let found = targets("PRINT_START BED=110 EXTRUDER=235 CHAMBER=40\n");
        assert_eq!(
            found,
            Targets {
                nozzle: Some(235.0),
                bed: Some(110.0),
                chamber: Some(40.0),
                ..Targets::default()
            }
        );
    }

    #[test]
    fn commands_are_read_with_their_tool() {
        assert_eq!(
            command(b"M109 T1 S100.5 ; wait"),
            Some(HeaterCommand {
                heater: Heater::Nozzle,
                tool: Some(1),
                target: 100.5,
                waits: true
            })
        );
        assert_eq!(command(b"M104 S{first_layer_temperature}"), None);
        for impossible in [
            "M104 S9999",
            "M104 S-20",
            "M140 S1e5",
            "M190 S0x10",
            "M109 S1e999",
            "M104 S20,5",
        ] {
            assert_eq!(command(impossible.as_bytes()), None, "{impossible}");
        }
        assert_eq!(command(b"M1040 S1"), None);
        assert_eq!(command(b"M117 S200"), None);
    }

    #[test]
    fn what_the_print_waits_for_comes_before_preheating() {
        let found =
            targets("M104 S150\nM190 S60\nG28\nM104 S215\nM109 S215\nG1 X1\nM104 S210\nM140 S55\nM104 S0\n");
        assert_eq!(found.nozzle, Some(215.0));
        assert_eq!(found.nozzle_later, Some(210.0));
        assert_eq!((found.bed, found.bed_later), (Some(60.0), Some(55.0)));
        assert_eq!(targets("M104 S150\nT0\nT1\n").nozzle_later, None);
    }

    #[test]
    fn other_macros_are_not_heaters() {
        assert_eq!(
            targets("SET_VELOCITY_LIMIT ACCEL=500\nSET_PRINT_STATS_INFO TOTAL_LAYER=5\n"),
            Targets::default()
        );
    }
}

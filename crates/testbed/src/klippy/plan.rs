//! The print plan of a file, parsed from the comment that [`crate::GcodeFile`] writes into it.

/// Duration and filament of a print.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Plan {
    /// Seconds before the first extrusion.
    pub(crate) heating: f64,
    /// Seconds of extrusion.
    pub(crate) seconds: f64,
    /// Filament used, in mm.
    pub(crate) filament: f64,
    /// Number of layers reported with `SET_PRINT_STATS_INFO`; `None` if the file does not report it.
    pub(crate) layers: Option<u32>,
    /// Byte offset at which the moves begin.
    pub(crate) body_start: u64,
}

const MARK: &str = "; testbed:";
const BODY: &[u8] = b";LAYER_CHANGE";

impl Plan {
    /// Parses `; testbed: seconds=3 heating=1 filament=120 layers=5`. Every key is optional, and so is the comment.
    ///
    /// # Errors
    /// The words that could not be parsed.
    pub(crate) fn parse(gcode: &[u8]) -> Result<Self, String> {
        let mut plan = Self {
            heating: 0.0,
            seconds: 2.0,
            filament: 100.0,
            layers: None,
            body_start: 0,
        };
        let text = String::from_utf8_lossy(gcode);
        let words = text
            .lines()
            .find_map(|line| line.strip_prefix(MARK))
            .unwrap_or_default();
        for word in words.split_whitespace() {
            let wrong = || format!("`{word}` in the testbed comment is not understood");
            let (key, value) = word.split_once('=').ok_or_else(wrong)?;
            let number: f64 = value.parse().map_err(|_| wrong())?;
            match key {
                "heating" => plan.heating = number,
                "seconds" => plan.seconds = number,
                "filament" => plan.filament = number,
                "layers" => plan.layers = Some(value.parse().map_err(|_| wrong())?),
                _ => return Err(wrong()),
            }
        }
        let body = gcode.windows(BODY.len()).position(|window| window == BODY);
        plan.body_start = body.unwrap_or(0) as u64;
        Ok(plan)
    }

    /// Seconds from start to end, without pauses.
    pub(crate) fn total(&self) -> f64 {
        self.heating + self.seconds
    }

    /// Share of the moves completed after `done` seconds of printing, from 0 to 1.
    pub(crate) fn fraction(&self, done: f64) -> f64 {
        if done >= self.total() {
            1.0
        } else {
            ((done - self.heating) / self.seconds).clamp(0.0, 1.0)
        }
    }

    /// The layer being printed after `done` seconds; `None` before the first layer and if the file reports no layers.
    pub(crate) fn layer(&self, done: f64) -> Option<u32> {
        let layers = self.layers?;
        let begun = (self.fraction(done) * f64::from(layers)) as u32 + 1;
        (done >= self.heating).then(|| begun.min(layers))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heating_comes_before_the_moves() {
        let plan = Plan::parse(b"; x\n; testbed: seconds=4 heating=1 filament=50 layers=2\n;LAYER_CHANGE\n")
            .unwrap();
        assert_eq!(plan.body_start, 56);
        let at = |done| (plan.fraction(done), plan.layer(done));
        assert_eq!(at(0.5), (0.0, None));
        assert_eq!(at(1.0), (0.0, Some(1)));
        assert_eq!(at(3.0), (0.5, Some(2)));
        assert_eq!(at(9.0), (1.0, Some(2)));
    }

    #[test]
    fn misspelt_key_is_an_error() {
        assert!(
            Plan::parse(b"; testbed: second=4\n")
                .unwrap_err()
                .contains("second=4")
        );
    }
}

//! Texts as the columns want them, the same on every engine.

use crate::{Error, Result};

/// Characters that fit a `VARCHAR` of ours.
pub(crate) const SHORT: usize = 255;

/// `text` without its case. Character by character, so that a part of a text folds as it does in the whole.
pub(crate) fn fold_case(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).collect()
}

/// What makes a name unique.
pub(crate) fn name_key(name: &str) -> String {
    fold_case(name.trim())
}

/// Refuses a text that would not fit.
pub(crate) fn check_short(what: &'static str, text: &str) -> Result<()> {
    if text.chars().count() > SHORT {
        return Err(Error::TooLong { what, limit: SHORT });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_folds_as_in_the_whole() {
        // `str::to_lowercase` writes a sigma at the end of a word another way.
        assert!(fold_case("ΟΔΟΣ_ΑΒ.gcode").contains(&fold_case("ΟΔΟΣ")));
        assert!(fold_case("ΟΔΟΣΑ").contains(&fold_case("ΟΔΟΣ")));
    }

    #[test]
    fn names_differ_by_more_than_case_and_blanks() {
        assert_eq!(name_key(" Vörön 2.4\u{a0}"), name_key("VÖRÖN 2.4"));
        assert_ne!(name_key("Voron"), name_key("Vörön"));
    }
}

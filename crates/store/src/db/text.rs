//! Folding and length limits of texts, the same on every engine.

use std::borrow::Cow;

use analytics::SEPARATOR;
use icu_casemap::CaseMapper;
use icu_normalizer::{ComposingNormalizerBorrowed, DecomposingNormalizerBorrowed};

use crate::{Error, Result};

/// Maximum number of characters of a `VARCHAR` column.
pub(crate) const SHORT: usize = 255;

/// Folds `text` for comparison: without case, and in one Unicode form (NFC), so that names from macOS, which are
/// decomposed, equal those from elsewhere.
///
/// Unicode's canonical caseless match (chapter 3.13, D145), composed. Folded texts are only compared; they never
/// replace the original.
pub(crate) fn fold(text: &str) -> Cow<'_, str> {
    // Nearly all names, and much faster.
    if text.is_ascii() {
        return match text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            true => text.to_ascii_lowercase().into(),
            false => text.into(),
        };
    }
    let decomposed = DecomposingNormalizerBorrowed::new_nfd().normalize(text);
    let folded = CaseMapper::new().fold_string(&decomposed);
    let composed = ComposingNormalizerBorrowed::new_nfc().normalize(&folded);
    composed.into_owned().into()
}

/// Key by which a name is unique.
#[must_use]
pub fn name_key(name: &str) -> String {
    fold(name.trim()).into_owned()
}

/// Fails if a string is too long for its column.
pub(crate) fn check_short(what: &'static str, text: &str) -> Result<()> {
    if text.chars().count() > SHORT {
        return Err(Error::TooLong { what, limit: SHORT });
    }
    Ok(())
}

/// Folds a text for the search.
pub(crate) fn folded(text: &str) -> String {
    // The index of texts uses it between two texts.
    fold(text).replace(SEPARATOR, "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_part_folds_as_in_the_whole() {
        // `str::to_lowercase` has a different sigma at the end of a word.
        assert!(fold("ΟΔΟΣ_ΑΒ.gcode").contains(&*fold("ΟΔΟΣ")));
        assert!(fold("ΟΔΟΣΑ").contains(&*fold("ΟΔΟΣ")));
    }

    #[test]
    fn composed_and_decomposed_names_are_equal() {
        for (one, other) in [
            ("Küche", "Ku\u{308}che"),
            ("KÜCHE", "ku\u{308}che"),
            ("Ångström", "A\u{30a}ngstro\u{308}m"),
            ("\u{212b}", "å"),
            ("각", "\u{1100}\u{1161}\u{11a8}"),
            ("ệ", "e\u{302}\u{323}"),
            ("Straße", "STRASSE"),
            ("ﬁlament", "FILAMENT"),
            ("Σίσυφος", "ΣΊΣΥΦΟΣ"),
            ("がぎ", "か\u{3099}き\u{3099}"),
        ] {
            assert_eq!(fold(one), fold(other), "{one} {other}");
        }
        assert_ne!(fold("Kuche"), fold("Küche"));
    }

    #[test]
    fn names_differ_by_more_than_case_and_blanks() {
        assert_eq!(name_key(" Vörön 2.4\u{a0}"), name_key("VO\u{308}RÖN 2.4"));
        assert_ne!(name_key("Voron"), name_key("Vörön"));
    }

    proptest! {
        #[test]
        fn every_form_of_a_text_folds_alike(text in "\\PC{0,20}") {
            let folded = fold(&text);
            prop_assert_eq!(&fold(&folded), &folded);
            let decomposed = DecomposingNormalizerBorrowed::new_nfd().normalize(&text);
            prop_assert_eq!(fold(&decomposed), folded.clone());
            let composed = ComposingNormalizerBorrowed::new_nfc().normalize(&text);
            prop_assert_eq!(fold(&composed), folded.clone());
            // Texts that earlier versions folded still fold to the same, so an upgrade does not need the originals.
            let lower: String = text.chars().flat_map(char::to_lowercase).collect();
            prop_assert_eq!(&fold(&lower), &folded);
        }

        #[test]
        fn a_part_between_characters_folds_as_in_the_whole(
            start in "\\PC{0,8}", part in "[a-zA-Zäöüßéñ가-힣Α-Ω]{1,8}", end in "[ a-zA-Z0-9_.-]{0,8}",
        ) {
            let whole = format!("{start} {part}{end}");
            prop_assert!(fold(&whole).contains(&*fold(&part)));
        }
    }
}

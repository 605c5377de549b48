//! Texts that are safe in a spreadsheet.

use std::borrow::Cow;

/// A spreadsheet takes a text that begins so for a formula, and runs it: an apostrophe goes before it. One also goes
/// before an apostrophe, and stands for an empty text, so that [`as_it_was`] knows.
pub(crate) fn harmless(text: &str) -> Cow<'_, str> {
    match text.chars().next() {
        None | Some('=' | '+' | '-' | '@' | '\t' | '\r' | '\n' | '\'') => format!("'{text}").into(),
        Some(_) => text.into(),
    }
}

/// The text of a cell as it was before it was made harmless.
pub(crate) fn as_it_was(cell: &str) -> &str {
    cell.strip_prefix('\'').unwrap_or(cell)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_become_texts_and_come_back() {
        for formula in [
            "=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "'=1", "'", "",
        ] {
            assert_eq!(harmless(formula), format!("'{formula}"));
            assert_eq!(as_it_was(&harmless(formula)), formula);
        }
        assert_eq!(harmless("cube.gcode"), "cube.gcode");
        assert_eq!(as_it_was("cube's.gcode"), "cube's.gcode");
    }
}

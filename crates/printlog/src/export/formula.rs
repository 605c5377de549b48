//! Escapes texts for use in a spreadsheet.

use std::borrow::Cow;

/// A spreadsheet treats a cell with such a beginning as a formula and runs it. East Asian ones also accept the
/// fullwidth forms.
const FORMULA: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];

/// A spreadsheet that expects another delimiter, as in a country with decimal commas, begins a new cell after these.
const SEPARATORS: [char; 4] = [';', '\t', '\r', '\n'];

/// Inserts an apostrophe wherever a spreadsheet would see a formula: at the beginning of the text and after a
/// possible delimiter. An apostrophe there is escaped, too, and an empty text becomes a single apostrophe, so that
/// [`unescape_formula`] can recognise those that were added.
pub(crate) fn escape_formula(text: &str) -> Cow<'_, str> {
    if text.is_empty() {
        return "'".into();
    }
    if !beginnings(text).any(|at| is_dangerous(&text[at..])) {
        return text.into();
    }
    let mut escaped = String::with_capacity(text.len() + 8);
    let mut copied = 0;
    for at in beginnings(text).filter(|at| is_dangerous(&text[*at..])) {
        escaped.push_str(&text[copied..at]);
        escaped.push('\'');
        copied = at;
    }
    escaped.push_str(&text[copied..]);
    escaped.into()
}

/// Reverses [`escape_formula`]: the original text of a cell.
pub(crate) fn unescape_formula(cell: &str) -> Cow<'_, str> {
    if cell == "'" {
        return "".into();
    }
    let is_added = |at: &usize| cell[*at..].strip_prefix('\'').is_some_and(is_dangerous);
    if !beginnings(cell).any(|at| is_added(&at)) {
        return cell.into();
    }
    let mut text = String::with_capacity(cell.len());
    let mut copied = 0;
    for at in beginnings(cell).filter(is_added) {
        text.push_str(&cell[copied..at]);
        copied = at + 1;
    }
    text.push_str(&cell[copied..]);
    text.into()
}

/// The positions at which a cell may begin.
fn beginnings(text: &str) -> impl Iterator<Item = usize> {
    let behind = text
        .match_indices(SEPARATORS)
        .map(|(at, separator)| at + separator.len());
    std::iter::once(0).chain(behind)
}

fn is_dangerous(text: &str) -> bool {
    // CSV doubles a quote inside quotes. A program that ignores the outer quotes reads the two as an empty cell's
    // quotes and drops them, so leading quotes do not protect.
    text.starts_with('\'') || text.trim_start_matches('"').starts_with(FORMULA)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn formulas_become_texts_and_come_back() {
        for formula in [
            "=1+1",
            "+1",
            "-1",
            "@SUM(A1)",
            "\t=1",
            "\r=1",
            "\n=1",
            "'=1",
            "'",
            "＝1+1",
            "＋1",
            "－1",
            "＠SUM(A1)",
        ] {
            let escaped = escape_formula(formula);
            assert!(escaped.starts_with('\''), "{formula:?} {escaped:?}");
            assert_eq!(unescape_formula(&escaped), formula);
        }
        assert_eq!(escape_formula(""), "'");
        assert_eq!(escape_formula("cube.gcode"), "cube.gcode");
        assert_eq!(escape_formula("two; words-and=signs"), "two; words-and=signs");
    }

    #[test]
    fn formulas_behind_another_delimiter_become_texts() {
        for (text, escaped) in [
            ("a;=1+1", "a;'=1+1"),
            ("a;;@b;-c", "a;;'@b;'-c"),
            ("a;＝HYPERLINK(1)", "a;'＝HYPERLINK(1)"),
            ("a\n=1", "a\n'=1"),
            ("a;\"=1", "a;'\"=1"),
            ("a;'=1", "a;''=1"),
            ("=a;=b", "'=a;'=b"),
        ] {
            assert_eq!(escape_formula(text), escaped);
            assert_eq!(unescape_formula(escaped), text);
        }
    }

    #[test]
    fn apostrophes_of_the_original_text_stay() {
        for cell in ["cube's.gcode", "'quoted'", "a;'b'", "it's; 'that'"] {
            assert_eq!(unescape_formula(cell), cell);
        }
    }

    proptest! {
        #[test]
        fn every_text_comes_back(text in "[=+@;\t\r\n'\"＝＠a,-]{0,12}") {
            let escaped = escape_formula(&text);
            prop_assert_eq!(unescape_formula(&escaped), text.as_str());
            for cell in escaped.split(SEPARATORS) {
                prop_assert!(!cell.trim_start_matches('"').starts_with(FORMULA), "{escaped:?}");
            }
        }
    }
}

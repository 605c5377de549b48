//! Keys and values in comments: the slicer's block of settings, and its statistics.
//!
//! Only the block counts as settings. Notes, macros and start code may contain the same words.

use std::borrow::Cow;

use foldhash::fast::RandomState;
use indexmap::IndexMap;
use memchr::memchr2;

use crate::Quantity;
use crate::comma::{self, Ambiguous, Comma};
use crate::scan::{Comment, Scan, Zone, decode};
use crate::value::{self, Measure};

/// Keys and values of one block; the first of equal keys is kept.
#[derive(Debug, Clone, Default)]
pub(crate) struct Settings<'a> {
    map: IndexMap<Cow<'a, str>, Cow<'a, str>, RandomState>,
    /// The block begins before the available bytes, or ends after them.
    pub(crate) cut: bool,
    /// The meaning of a comma in a number.
    comma: Comma,
}

impl<'a> Settings<'a> {
    pub(crate) fn insert(&mut self, key: Cow<'a, str>, value: Cow<'a, str>) {
        self.map.entry(key).or_insert(value);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.map.is_empty()
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.map.contains_key(key)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.map.iter().map(|(key, value)| (&**key, &**value))
    }

    /// The value, unless it is empty.
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.map
            .get(key)
            .map(|value| &**value)
            .filter(|value| !value.is_empty())
    }

    /// The first of several keys that has a value.
    pub(crate) fn first(&self, keys: &[&str]) -> Option<&str> {
        keys.iter().find_map(|key| self.get(key))
    }

    /// Reads a number, or the first member of a list.
    pub(crate) fn number(&self, key: &str) -> Option<f64> {
        self.comma_of(key).number(self.get(key)?)
    }

    /// The members of a list of decimals. Empty if its commas are ambiguous.
    pub(crate) fn numbers(&self, key: &str) -> Vec<Option<f64>> {
        self.get(key)
            .map(|text| self.comma.numbers(text))
            .unwrap_or_default()
    }

    /// Decides the meaning of commas from the numbers.
    pub(crate) fn settle_comma(&mut self) {
        self.comma = self.evident_comma().unwrap_or_default();
    }

    /// The members of a list of one quantity. Without a decimal point the commas may be decimal, as in `1,75`; all
    /// members must then be possible values.
    pub(crate) fn quantities(&self, key: &str, quantity: Quantity) -> Vec<Option<f64>> {
        let members = self.numbers(key);
        let possible = |member: &f64| *member == 0.0 || quantity.accept(*member).is_some();
        let plain = self.get(key).is_some_and(|text| text.contains('.'));
        if plain || members.iter().flatten().all(possible) {
            members
        } else {
            Vec::new()
        }
    }

    /// The members of a list of whole numbers, which have no decimals in any locale.
    pub(crate) fn integers(&self, key: &str) -> Vec<Option<f64>> {
        self.get(key).map(value::numbers).unwrap_or_default()
    }

    /// Amounts, one for each tool.
    pub(crate) fn amounts(&self, key: &str, unit: &str) -> Result<Vec<Option<f64>>, Ambiguous> {
        self.get(key)
            .map_or(Ok(Vec::new()), |text| comma::amounts(text, unit, self.comma))
    }

    fn comma_of(&self, key: &str) -> Comma {
        if SCALARS.contains(&key) {
            Comma::Decimal
        } else {
            self.comma
        }
    }

    /// The meaning of a comma, if numbers that are never lists show it.
    fn evident_comma(&self) -> Option<Comma> {
        let is_written_with = |mark: char| {
            let mut texts = SCALARS.iter().filter_map(|key| self.get(key));
            texts.any(|text| text.contains(mark) && value::decimal(text).is_some())
        };
        match (is_written_with(','), is_written_with('.')) {
            (true, false) => Some(Comma::Decimal),
            (false, true) => Some(Comma::List),
            _ => None,
        }
    }

    pub(crate) fn strings(&self, key: &str) -> Vec<String> {
        self.get(key).map(value::strings).unwrap_or_default()
    }

    pub(crate) fn word(&self, key: &str) -> Option<String> {
        self.get(key).and_then(value::word)
    }

    /// Reads a flag, or the first member of a list.
    pub(crate) fn flag(&self, key: &str) -> Option<bool> {
        let text = self.get(key)?;
        value::flag(text.split(',').next().unwrap_or(text))
    }

    pub(crate) fn count(&self, key: &str) -> Option<u32> {
        count(self.number(key)?)
    }

    /// Reads a number or a percentage, or the first member of a list.
    pub(crate) fn measure(&self, key: &str) -> Option<Measure> {
        self.comma_of(key).measure(self.get(key)?)
    }

    pub(crate) fn duration(&self, key: &str) -> Option<u64> {
        value::duration(self.get(key)?).and_then(whole_seconds)
    }
}

/// A whole number, such as layers or walls.
pub(crate) fn count(number: f64) -> Option<u32> {
    let whole = number.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&number);
    whole.then_some(number as u32)
}

/// Numbers with decimals that are not a list in any version of any slicer.
const SCALARS: [&str; 10] = [
    "layerHeight",
    "layer_height",
    "first_layer_height",
    "initial_layer_print_height",
    "initial_layer_height",
    "max_layer_z",
    "max_z_height",
    "total filament used [g]",
    "total filament cost",
    "total_filament_cost",
];

/// Decides the meaning of commas in settings and statistics. Slicers print both in one locale, but the statistics may
/// come from a post-processor.
pub(crate) fn settle_commas(config: &mut Settings<'_>, statistics: &mut Settings<'_>) {
    let (own, other) = (config.evident_comma(), statistics.evident_comma());
    config.comma = match own.or(other).unwrap_or_default() {
        Comma::Decimal => Comma::Either,
        comma => comma,
    };
    statistics.comma = other.or(own).unwrap_or_default();
}

/// Full seconds, rounded.
pub(crate) fn whole_seconds(seconds: f64) -> Option<u64> {
    // A hundred years: a first-layer time of 1e33 s has been seen.
    (0.0..3.2e9).contains(&seconds).then_some(seconds.round() as u64)
}

/// Splits at the first `=` or `:`; values may contain both.
pub(crate) fn key_value(text: &[u8]) -> Option<(Cow<'_, str>, Cow<'_, str>)> {
    let letter = text.first().is_some_and(u8::is_ascii_alphabetic);
    let at = memchr2(b'=', b':', text).filter(|_| letter)?;
    let key = text[..at].trim_ascii_end();
    // Longer "keys" are sentences; others are pixels of a preview, or decoration.
    if key.len() > 80 || key.iter().any(|byte| NOT_IN_KEYS[usize::from(*byte)]) {
        return None;
    }
    Some((decode(key), decode(text[at + 1..].trim_ascii())))
}

const NOT_IN_KEYS: [bool; 256] = {
    let mut table = [false; 256];
    let characters = b"<>?@~{}|\\;\"`";
    let mut at = 0;
    while at < characters.len() {
        table[characters[at] as usize] = true;
        at += 1;
    }
    table
};

/// `key = value` with a key of letters, digits and `_`, as all descendants of Slic3r print settings.
fn setting(text: &[u8]) -> Option<(Cow<'_, str>, Cow<'_, str>)> {
    let at = memchr::memchr(b'=', text)?;
    let key = text[..at].trim_ascii_end();
    let plain = !key.is_empty() && key.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'_');
    plain.then(|| (decode(key), decode(text[at + 1..].trim_ascii())))
}

/// The settings of a descendant of Slic3r: a marked block, else the longest run of `key = value` lines outside of the
/// moves.
pub(crate) fn config_block<'a>(scan: &Scan<'a>) -> Settings<'a> {
    marked_block(scan).unwrap_or_else(|| longest_run(scan))
}

const CONFIG_BEGIN: &[u8] = b"_config = begin";
const CONFIG_END: &[u8] = b"_config = end";

fn is_begin(text: &[u8]) -> bool {
    text == b"CONFIG_BLOCK_START" || text.ends_with(CONFIG_BEGIN)
}

fn is_end(text: &[u8]) -> bool {
    text == b"CONFIG_BLOCK_END" || text.ends_with(CONFIG_END)
}

/// At which end a marked block is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// It has an end mark but no begin mark.
    Start,
    /// It has a begin mark but no end mark.
    End,
}

/// Whether a marked block of settings is cut. `None` if it is complete or there is none.
pub(crate) fn is_cut(scan: &Scan<'_>) -> Option<Cut> {
    let begin = scan.comments.iter().any(|comment| is_begin(comment.text));
    let end = scan.comments.iter().any(|comment| is_end(comment.text));
    match (begin, end) {
        (true, false) => Some(Cut::End),
        (false, true) => Some(Cut::Start),
        _ => None,
    }
}

/// Whether the text contains a complete marked block of settings.
pub(crate) fn has_whole_block(scan: &Scan<'_>) -> bool {
    is_cut(scan).is_none() && scan.comments.iter().any(|comment| is_begin(comment.text))
}

/// The name in `NAME_config = begin`, unchanged.
pub(crate) fn mark_name<'a>(scan: &Scan<'a>) -> Option<Cow<'a, str>> {
    let name = scan.comments.iter().find_map(|comment| {
        let text = comment.text;
        text.strip_suffix(CONFIG_BEGIN)
            .or_else(|| text.strip_suffix(CONFIG_END))
    })?;
    let plain = !name.is_empty()
        && name.len() <= 40
        && name
            .iter()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
    plain.then(|| decode(name))
}

/// The settings between the marks of a block. `None` if there is no mark.
///
/// If there are several blocks, the first one with settings of a print is used.
pub(crate) fn marked_block<'a>(scan: &Scan<'a>) -> Option<Settings<'a>> {
    let comments = scan.comments.iter().enumerate();
    let begins = comments.filter(|(_, comment)| is_begin(comment.text));
    let mut blocks = begins.map(|(begin, _)| block_from(scan, begin));
    let Some(first) = blocks.next() else {
        return block_without_begin(scan);
    };
    if first.has("layer_height") {
        return Some(first);
    }
    Some(blocks.find(|block| block.has("layer_height")).unwrap_or(first))
}

/// The block after a begin mark. Without an end mark it extends beyond the available bytes.
fn block_from<'a>(scan: &Scan<'a>, begin: usize) -> Settings<'a> {
    let rest = &scan.comments[begin + 1..];
    let end = rest.iter().position(|comment| is_end(comment.text));
    let run = scan.comments[begin].run;
    let run_end = || rest.iter().position(|comment| comment.run != run);
    let mut settings = collect(&rest[..end.or_else(run_end).unwrap_or(rest.len())]);
    settings.cut = end.is_none();
    settings
}

/// The block before an end mark whose begin mark precedes the available bytes.
fn block_without_begin<'a>(scan: &Scan<'a>) -> Option<Settings<'a>> {
    let comments = &scan.comments;
    let end = comments.iter().position(|comment| is_end(comment.text))?;
    let run = comments[end].run;
    let before = comments[..end].iter().rposition(|comment| comment.run != run);
    let mut settings = collect(&comments[before.map_or(0, |before| before + 1)..end]);
    settings.cut = true;
    Some(settings)
}

fn longest_run<'a>(scan: &Scan<'a>) -> Settings<'a> {
    let outer = collect_run(scan, |zone| zone != Zone::Body);
    if outer.has("layer_height") {
        return outer;
    }
    // Commands that a post-processor appends put the settings among the moves.
    let body = collect_run(scan, |zone| zone == Zone::Body);
    let is_block = body.map.len() >= FEW && body.has("layer_height");
    if is_block { body } else { outer }
}

/// Fewer settings may be a note.
const FEW: usize = 5;

fn collect_run<'a>(scan: &Scan<'a>, is_searched: impl Fn(Zone) -> bool) -> Settings<'a> {
    let mut best = 0..0;
    let mut current = 0..0;
    let mut run = None;
    for (index, comment) in scan.comments.iter().enumerate() {
        if !is_searched(scan.zone(index)) || setting(comment.text).is_none() {
            run = None;
            continue;
        }
        if run != Some(comment.run) {
            run = Some(comment.run);
            current = index..index;
        }
        current.end = index + 1;
        // `>=`: the last of equal runs wins.
        if current.len() >= best.len() {
            best = current.clone();
        }
    }
    collect(&scan.comments[best])
}

fn collect<'a>(comments: &[Comment<'a>]) -> Settings<'a> {
    let mut settings = Settings::default();
    settings.map.reserve(comments.len());
    for comment in comments {
        if let Some((key, value)) = setting(comment.text) {
            settings.insert(key, value);
        }
    }
    settings
}

/// Statistics of Slic3r's descendants: `filament used [g] = …`, `estimated printing time … = …`,
/// `total layer number: …`, `max_z_height: …`. Two statements on one line are two entries.
pub(crate) fn statistics<'a>(scan: &Scan<'a>) -> Settings<'a> {
    let mut statistics = Settings::default();
    for comment in scan.outer_first().filter(|comment| is_statistic(comment.text)) {
        for statement in comment.text.split(|b| *b == b';') {
            if let Some((key, value)) = key_value(statement.trim_ascii_start()) {
                statistics.insert(key, value);
            }
        }
    }
    statistics
}

/// All comments of the form `key = value` or `key: value`; those outside of the moves come first.
///
/// Post-processors and start code can add commands before or after such comments, which then lie among the moves.
pub(crate) fn pairs<'a>(scan: &Scan<'a>) -> Settings<'a> {
    let mut pairs = Settings {
        comma: Comma::Decimal,
        ..Settings::default()
    };
    for (key, value) in scan.outer_first().filter_map(|comment| key_value(comment.text)) {
        pairs.insert(key, value);
    }
    pairs
}

/// The pairs outside of the moves, in file order, including repeated keys.
pub(crate) fn each_outer_pair<'a>(scan: &Scan<'a>) -> impl Iterator<Item = (Cow<'a, str>, Cow<'a, str>)> {
    let outer = scan.comments.iter().enumerate();
    outer
        .filter(|(index, _)| scan.zone(*index) != Zone::Body)
        .filter_map(|(_, comment)| key_value(comment.text))
}

fn is_statistic(text: &[u8]) -> bool {
    const BEGINNINGS: [&[u8]; 13] = [
        b"filament used",
        b"filament cost",
        b"filament mass",
        b"filament_length",
        b"filament:",
        b"total ",
        b"total_",
        b"estimated ",
        b"model printing time",
        b"max_z_height",
        b"max_layer_z",
        b"print_time",
        b"objects_info",
    ];
    BEGINNINGS.iter().any(|beginning| text.starts_with(beginning))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::segments::Segments;

    fn block(text: &str) -> Vec<(String, String)> {
        let segments = Segments::head_and_tail(text.as_bytes(), b"", None);
        let scan = Scan::of(&segments, 0);
        let settings = config_block(&scan);
        settings
            .iter()
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect()
    }

    #[test]
    fn values_keep_every_separator() {
        let found =
            block("G1\n; CONFIG_BLOCK_START\n; post_process = a = b; c: d\n; notes = \n; CONFIG_BLOCK_END\n");
        assert_eq!(
            found,
            [
                ("post_process".into(), "a = b; c: d".into()),
                ("notes".into(), String::new())
            ]
        );
    }

    #[test]
    fn without_marks_the_longest_run_behind_the_moves_is_the_block() {
        let found = block(
            "; fake = 1\nG1 X1\n; layer_height = 9\n; b = 2\n; c = 3\nG1\n; end note = no\n\n; a = 1\n; b = 2\n",
        );
        assert_eq!(found, [("a".into(), "1".into()), ("b".into(), "2".into())]);
    }

    #[test]
    fn a_block_without_its_beginning_or_end_is_cut() {
        for text in ["; a = 1\n; CONFIG_BLOCK_END\n", "; CONFIG_BLOCK_START\n; a = 1\n"] {
            let segments = Segments::head_and_tail(text.as_bytes(), b"", None);
            let scan = Scan::of(&segments, 0);
            let settings = config_block(&scan);
            assert!(settings.cut, "{text}");
            assert_eq!(settings.get("a"), Some("1"));
        }
    }

    #[test]
    fn one_line_may_carry_two_statistics() {
        let text = "; filament cost = 0.24; total filament used [g] = 12.16\n; model printing time: 7m 34s; total estimated time: 15m 1s\n";
        let segments = Segments::head_and_tail(text.as_bytes(), b"", None);
        let scan = Scan::of(&segments, 0);
        let statistics = statistics(&scan);
        assert_eq!(statistics.number("total filament used [g]"), Some(12.16));
        assert_eq!(statistics.duration("total estimated time"), Some(901));
        assert_eq!(statistics.number("filament cost"), Some(0.24));
    }
}

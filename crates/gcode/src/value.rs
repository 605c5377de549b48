//! Values as slicers print them: numbers, percentages, durations, colours and lists.

/// Parses a text that is a finite number, apart from white space and quotes.
pub(crate) fn number(text: &str) -> Option<f64> {
    let text = text.trim().trim_matches('"');
    let parsed = text.parse::<f64>().ok()?;
    // `f64::from_str` also reads `inf` and `nan`, and rounds `1e999` and `1e-999`.
    let mantissa = text.split(['e', 'E']).next().unwrap_or(text);
    let has = |digits: std::ops::RangeInclusive<u8>| mantissa.bytes().any(|b| digits.contains(&b));
    let vanished = parsed == 0.0 && has(b'1'..=b'9');
    (parsed.is_finite() && has(b'0'..=b'9') && !vanished).then_some(parsed)
}

/// Parses a number that may have a decimal comma (`0,2`), if the text is not a list.
pub(crate) fn decimal(text: &str) -> Option<f64> {
    number(text).or_else(|| {
        let comma = text.matches(',').count() == 1 && !text.contains('.');
        if comma {
            number(&text.replace(',', "."))
        } else {
            None
        }
    })
}

/// Parses a number that may be followed by its unit and a remark in brackets: `375.3 mm (0.38 m)`.
pub(crate) fn measured(text: &str, unit: &str) -> Option<f64> {
    let text = text.split('(').next().unwrap_or(text).trim();
    decimal(text.strip_suffix(unit).unwrap_or(text))
}

/// A number or a percentage.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Measure {
    /// `0.2`
    Absolute(f64),
    /// `66%`
    Percent(f64),
}

impl Measure {
    /// Reads `0.2` or `66%`.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let text = text.trim().trim_matches('"');
        match text.strip_suffix('%') {
            Some(percent) => number(percent).map(Self::Percent),
            None => number(text).map(Self::Absolute),
        }
    }

    /// The absolute value; a percentage refers to `whole`.
    pub(crate) fn of(self, whole: Option<f64>) -> Option<f64> {
        match self {
            Self::Absolute(value) => Some(value),
            Self::Percent(percent) => whole.map(|whole| crate::tool::round6(whole * percent / 100.0)),
        }
    }
}

/// Seconds of `1d 2h 3m 4s`, `0 hours 20 minutes`, `7.94 minutes`, `806s`, `1:02:03` or a plain number.
pub(crate) fn duration(text: &str) -> Option<f64> {
    let text = text.trim();
    if let Some(seconds) = number(text) {
        return (seconds >= 0.0).then_some(seconds);
    }
    if text.contains(':') {
        return clock(text);
    }
    let mut seconds = 0.0;
    let mut last_scale = f64::INFINITY;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | ',')))?;
        let amount = decimal(&rest[..digits])?;
        rest = rest[digits..].trim_start();
        let end = rest
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(rest.len());
        let scale = unit_of_time(&rest[..end]).filter(|scale| *scale < last_scale)?;
        last_scale = scale;
        seconds += amount * scale;
        rest = rest[end..].trim_start_matches([' ', ',']);
    }
    (last_scale < f64::INFINITY).then_some(seconds)
}

fn unit_of_time(word: &str) -> Option<f64> {
    Some(match word.to_ascii_lowercase().as_str() {
        "d" | "day" | "days" => 86_400.0,
        "h" | "hr" | "hrs" | "hour" | "hours" => 3_600.0,
        "m" | "min" | "mins" | "minute" | "minutes" => 60.0,
        "s" | "sec" | "secs" | "second" | "seconds" => 1.0,
        _ => return None,
    })
}

fn clock(text: &str) -> Option<f64> {
    let mut seconds = 0.0;
    let mut parts = 0;
    for part in text.split(':') {
        let most = if parts == 0 { f64::INFINITY } else { 60.0 };
        let plain = !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        seconds = seconds * 60.0 + number(part).filter(|part| plain && *part < most)?;
        parts += 1;
    }
    (2..=3).contains(&parts).then_some(seconds)
}

/// `0`/`1`, `true`/`false`, `yes`/`no` in any case.
pub(crate) fn flag(text: &str) -> Option<bool> {
    match text.trim().trim_matches('"').to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Some(true),
        "0" | "false" | "no" | "off" => Some(false),
        _ => None,
    }
}

/// `#RGB`, `#RRGGBB` or `#RRGGBBAA` as written. `None` for any other text.
pub(crate) fn color(text: &str) -> Option<String> {
    let digits = text.trim().strip_prefix('#')?;
    let plain = matches!(digits.len(), 3 | 6 | 8) && digits.bytes().all(|b| b.is_ascii_hexdigit());
    plain.then(|| format!("#{digits}"))
}

/// A text worth storing. `None` for white space, empty quotes and placeholders for "no value".
pub(crate) fn word(text: &str) -> Option<String> {
    let text = unquote(text);
    // `(Undefined)`, `(Unknown)` and their translations.
    let placeholder = text.starts_with('(') && text.ends_with(')');
    let empty = text.is_empty()
        || placeholder
        || ["undefined", "unknown", "nil", "null", "none"]
            .iter()
            .any(|placeholder| text.eq_ignore_ascii_case(placeholder));
    (!empty).then_some(text)
}

/// Members of a numeric list such as `220,230`; a member that is not a number is `None`.
pub(crate) fn numbers(text: &str) -> Vec<Option<f64>> {
    let separator = if text.contains(',') { ',' } else { ';' };
    // `0,08` and `1,04` are decimals: no member of a list begins with a superfluous zero.
    let idle_zero =
        |rest: &str| rest.len() > 1 && rest.bytes().all(|b| b.is_ascii_digit()) && rest.starts_with('0');
    if text.split_once(',').is_some_and(|(_, rest)| idle_zero(rest)) && !text.contains('.') {
        return vec![None];
    }
    text.split(separator).take(MAX_MEMBERS).map(number).collect()
}

/// Members of a text list such as `PLA;"Bambu Lab"`, unquoted. Empty members keep their position.
pub(crate) fn strings(text: &str) -> Vec<String> {
    let mut members = Vec::new();
    let mut start = 0;
    let mut quoted = false;
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b';' if !quoted => {
                members.push(unquote(&text[start..at]));
                start = at + 1;
            }
            _ => {}
        }
        if members.len() >= MAX_MEMBERS {
            return members;
        }
    }
    members.push(unquote(&text[start..]));
    members
}

/// More filament slots than any machine has; lists are cut here.
pub(crate) const MAX_MEMBERS: usize = 256;

/// Removes one pair of quotes and the `\"` and `\\` escapes inside.
pub(crate) fn unquote(text: &str) -> String {
    let text = text.trim();
    match text.strip_prefix('"').and_then(|inner| inner.strip_suffix('"')) {
        Some(inner) if inner.contains('\\') => inner.replace("\\\"", "\"").replace("\\\\", "\\"),
        Some(inner) => inner.trim().to_owned(),
        None => text.to_owned(),
    }
}

/// Member `index` of a list. Slicers omit repeated members, so a short list returns its first member.
pub(crate) fn member<T>(list: &[T], index: usize) -> Option<&T> {
    list.get(index).or_else(|| list.first())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_finite() {
        assert_eq!(number(" 0.20 "), Some(0.2));
        assert_eq!(number("30,30"), None);
        assert_eq!(decimal("0,2"), Some(0.2));
        assert_eq!(decimal("1,2,3"), None);
        assert_eq!(number("1e999"), None);
        assert_eq!(number("inf"), None);
        assert_eq!(number("nan"), None);
        assert_eq!(number(""), None);
        assert_eq!(measured("375.3 mm (0.38 m)", "mm"), Some(375.3));
        for text in [
            "$0.03",
            "0x10",
            "1e999",
            "1e-999",
            "5mm or so",
            "5 m",
            "5.0.1",
            "--5",
            "5-",
        ] {
            assert_eq!(measured(text, "mm"), None, "{text}");
        }
    }

    #[test]
    fn durations_of_every_slicer() {
        for (text, seconds) in [
            ("1d 2h 3m 4s", 93_784.0),
            ("40m 34s", 2_434.0),
            ("0.815957s", 0.815957),
            ("0 hours 20 minutes", 1_200.0),
            ("7.94 minutes", 476.4),
            ("806s", 806.0),
            ("9602.18", 9_602.18),
            ("1:02:03", 3_723.0),
            ("2d", 172_800.0),
            ("1 hour, 2 minutes", 3_720.0),
        ] {
            let read = duration(text).unwrap();
            assert!((read - seconds).abs() < 1e-6, "{text}: {read}");
        }
        for text in [
            "soon", "-5", "1:2:3:4", "-5m 3s", "1e3s", "5m or so", "3s 5m", "5m 3m", "m", "5", "1:99",
            "1:-2", "0x10s", "",
        ] {
            assert_eq!(duration(text).filter(|_| text != "5"), None, "{text}");
        }
    }

    #[test]
    fn lists_know_quotes() {
        assert_eq!(strings(r#""Bambu Lab";Polymaker"#), ["Bambu Lab", "Polymaker"]);
        assert_eq!(strings(r#""a;b";"c \"d\"";"#), ["a;b", "c \"d\"", ""]);
        assert_eq!(strings(""), [""]);
        assert_eq!(numbers("220,x,230"), [Some(220.0), None, Some(230.0)]);
    }

    #[test]
    fn percentages_are_of_something() {
        assert_eq!(Measure::read("66%").and_then(|m| m.of(Some(0.2))), Some(0.132));
        assert_eq!(Measure::read("0.35").and_then(|m| m.of(None)), Some(0.35));
        assert_eq!(Measure::read("50%").and_then(|m| m.of(None)), None);
    }

    #[test]
    fn placeholders_are_no_words() {
        for text in ["", "\"\"", "(Undefined)", "(Unbekannt)", " nil "] {
            assert_eq!(word(text), None, "{text}");
        }
        assert_eq!(word("\"Bambu Lab\"").as_deref(), Some("Bambu Lab"));
        assert_eq!(color("#ffffff").as_deref(), Some("#ffffff"));
        assert_eq!(color("red"), None);
    }
}

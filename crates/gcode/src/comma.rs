//! The meaning of commas in numbers: they separate lists for most slicers, and decimals in some locales.

use crate::value::{self, MAX_MEMBERS, Measure};

/// The meaning of a comma in the numbers of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Comma {
    /// It separates the members of a list.
    #[default]
    List,
    /// It separates the decimals, and there are no lists.
    Decimal,
    /// It can do both, as in settings of Slic3r's descendants in a locale with decimal commas.
    Either,
}

/// `812,25` may be one number or two, and the file does not show which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ambiguous;

impl Comma {
    /// Reads a number, or the first member of a list.
    pub(crate) fn number(self, text: &str) -> Option<f64> {
        match self {
            Self::List => value::number(text).or_else(|| first_member(text, value::number)),
            Self::Decimal => value::decimal(text),
            Self::Either => self.numbers(text).first().copied().flatten(),
        }
    }

    /// Reads a number or a percentage, or the first member of a list.
    pub(crate) fn measure(self, text: &str) -> Option<Measure> {
        if self.is_decimal(text) {
            return Measure::read(&text.replace(',', "."));
        }
        Measure::read(text).or_else(|| match self {
            Self::List => first_member(text, Measure::read),
            _ => self.number(text).map(Measure::Absolute),
        })
    }

    /// The members of a list. Empty if its commas are ambiguous.
    pub(crate) fn numbers(self, text: &str) -> Vec<Option<f64>> {
        if self == Self::List || text.contains(['.', ';']) {
            return value::numbers(text);
        }
        if self.is_decimal(text) {
            return vec![value::decimal(text)];
        }
        let members: Vec<&str> = text.split(',').take(2 * MAX_MEMBERS).collect();
        match members.as_slice() {
            [_] | [_, _] => value::numbers(text),
            _ if is_repeated(&members, 1) => value::numbers(text),
            // `0,4,0,4` is one number for each tool.
            [whole, decimals, ..] if is_repeated(&members, 2) => {
                vec![value::number(&format!("{whole}.{decimals}")); members.len() / 2]
            }
            _ => Vec::new(),
        }
    }

    /// Whether the only comma of a text is a decimal comma.
    fn is_decimal(self, text: &str) -> bool {
        let Some((whole, decimals)) = text.trim().split_once(',') else {
            return false;
        };
        let one = !decimals.contains(',') && !text.contains('.');
        one && match self {
            Self::List => false,
            Self::Decimal => true,
            // Settings have no zero at the end of their decimals: `60,60` is a list.
            Self::Either => !decimals.ends_with('0') && decimals != whole,
        }
    }
}

/// Reads a list of amounts: `1482.1mm, 34.4mm (3.6cm3)` has two. A member that is not a number is `None`; a text
/// without any number has no members.
pub(crate) fn amounts(text: &str, unit: &str, comma: Comma) -> Result<Vec<Option<f64>>, Ambiguous> {
    let text = text.split('(').next().unwrap_or(text).trim();
    let parts: Vec<&str> = text.split(',').take(2 * MAX_MEMBERS).collect();
    let units = if unit.is_empty() {
        0
    } else {
        text.matches(unit).count()
    };
    // Two decimals each, as amounts are printed: `3506,69,3516,30`.
    let two_decimals = |pair: &[&str]| matches!(pair, [_, decimals] if decimals.len() == 2);
    let plain = units == 0 && !text.contains([' ', '.']);
    if comma != Comma::List && plain && parts.chunks(2).all(two_decimals) {
        return Ok(parts
            .chunks(2)
            .map(|pair| value::number(&pair.join(".")))
            .collect());
    }
    let separator = match parts.len() {
        _ if text.contains(", ") => ", ",
        1 => ", ",
        members if text.contains('.') || units == members => ",",
        2 if comma != Comma::List || units == 1 => ", ",
        _ => return Err(Ambiguous),
    };
    let members: Vec<_> = text
        .split(separator)
        .take(MAX_MEMBERS)
        .map(|member| value::measured(member, unit))
        .collect();
    let nothing = members.iter().all(Option::is_none);
    Ok(if nothing { Vec::new() } else { members })
}

/// Whether a list repeats its first `period` members.
fn is_repeated(members: &[&str], period: usize) -> bool {
    let first = members.get(..period).unwrap_or_default();
    members.chunks(period).all(|chunk| chunk == first)
}

/// The first member of a list, if the other members are valid too.
fn first_member<T>(text: &str, read: impl Fn(&str) -> Option<T>) -> Option<T> {
    let mut members = text.split([',', ';']);
    let first = read(members.next()?)?;
    let listed = members.all(|member| read(member).is_some() || matches!(member.trim(), "" | "nil"));
    listed.then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comma_is_a_list_only_where_that_is_evident() {
        use Comma::{Decimal, Either, List};
        let some = |numbers: &[f64]| Ok(numbers.iter().copied().map(Some).collect::<Vec<_>>());
        for comma in [List, Decimal, Either] {
            assert_eq!(amounts("8.95, 12.22", "", comma), some(&[8.95, 12.22]));
            assert_eq!(amounts("8.95,12.22", "", comma), some(&[8.95, 12.22]));
            assert_eq!(amounts("8,95, 12,22", "", comma), some(&[8.95, 12.22]));
            assert_eq!(amounts("210, 90", "", comma), some(&[210.0, 90.0]));
            assert_eq!(
                amounts("1482.1mm, 34.4mm (3.6cm3)", "mm", comma),
                some(&[1482.1, 34.4])
            );
            assert_eq!(amounts("1,2m", "m", comma), some(&[1.2]));
            assert_eq!(amounts("1m,2m", "m", comma), some(&[1.0, 2.0]));
            assert_eq!(amounts("1,2,3,4", "", comma), Err(Ambiguous));
            assert_eq!(amounts("1,25,3,4,", "", comma), Err(Ambiguous));
            assert_eq!(amounts("5mm or so", "mm", comma), some(&[]));
            assert_eq!(amounts("5.0, x", "mm", comma), Ok(vec![Some(5.0), None]));
        }
        assert_eq!(amounts("812,25", "", List), Err(Ambiguous));
        assert_eq!(amounts("812,25", "", Decimal), some(&[812.25]));
        assert_eq!(amounts("3506,69,3516,30", "", Decimal), some(&[3506.69, 3516.3]));
        assert_eq!(amounts("3506,69,3516,30", "", List), Err(Ambiguous));
        assert_eq!(value::numbers("1,04"), [None]);
        for comma in [Decimal, Either] {
            assert_eq!(comma.number("0,28"), Some(0.28));
            assert_eq!(comma.measure("12,5%"), Some(Measure::Percent(12.5)));
            assert_eq!(comma.numbers("0,4,0,4"), [Some(0.4), Some(0.4)]);
            assert_eq!(comma.numbers("1.75,1.75"), [Some(1.75), Some(1.75)]);
        }
        // Settings have no zero at the end of their decimals.
        assert_eq!(
            (Either.number("60,60"), Either.number("45,60")),
            (Some(60.0), Some(45.0))
        );
        assert_eq!(
            (Decimal.number("0,20"), Either.number("1,2,3")),
            (Some(0.2), None)
        );
        assert_eq!(Either.measure("60,60"), Some(Measure::Absolute(60.0)));
    }
}

//! Bambu Studio and QIDI Studio: the id line. Settings and statistics are those of [`super::orca`].

use super::SlicerId;
use crate::scan::decode;

/// `BambuStudio 02.04.00.70`: the two words are the whole line.
pub(super) fn id(text: &[u8]) -> Option<SlicerId> {
    let name = ["BambuStudio", "QIDIStudio", "Bambu Studio"]
        .into_iter()
        .find(|name| {
            text.strip_prefix(name.as_bytes())
                .is_some_and(|rest| rest.starts_with(b" "))
        })?;
    let version = decode(text[name.len()..].trim_ascii());
    let plain = version.starts_with(|c: char| c.is_ascii_digit()) && !version.contains(' ');
    plain.then(|| SlicerId {
        name: name.to_owned(),
        version: Some(version.into_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_line_has_no_other_words() {
        assert_eq!(
            id(b"BambuStudio 02.04.00.70").unwrap().version.as_deref(),
            Some("02.04.00.70")
        );
        assert_eq!(id(b"BambuStudio wrote this"), None);
        assert_eq!(id(b"BambuStudio 02.04 was here"), None);
    }
}

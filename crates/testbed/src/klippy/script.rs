//! Parses G-code scripts, as far as the commands relevant to a print log require.

/// One line of a script: its command in upper case and its `KEY=value` parameters.
#[derive(Debug, PartialEq)]
pub(crate) struct Line {
    pub(crate) command: String,
    parameters: Vec<(String, String)>,
}

impl Line {
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }
}

/// Splits `script` into lines, without comments and empty lines.
pub(crate) fn lines(script: &str) -> Vec<Line> {
    script.lines().filter_map(line).collect()
}

fn line(text: &str) -> Option<Line> {
    let mut words = words(text).into_iter();
    let command = words.next().filter(|word| !word.starts_with(';'))?.to_uppercase();
    let parameters = words
        .filter_map(|word| {
            word.split_once('=')
                .map(|(key, value)| (key.to_uppercase(), value.to_owned()))
        })
        .collect();
    Some(Line { command, parameters })
}

/// Splits at spaces outside double quotes. A backslash escapes the next character.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = None::<String>;
    let mut quoted = false;
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '"' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            '\\' => word.get_or_insert_default().extend(characters.next()),
            space if space.is_whitespace() && !quoted => words.extend(word.take()),
            other => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_keep_spaces_and_quotes() {
        let parsed =
            lines("CLEAR_PAUSE\n\nsdcard_print_file FILENAME=\"Kunden Müller/5\\\" #1 = x.gcode\"\n");
        assert_eq!(parsed[0].command, "CLEAR_PAUSE");
        assert_eq!(parsed[1].command, "SDCARD_PRINT_FILE");
        assert_eq!(
            parsed[1].parameter("FILENAME"),
            Some("Kunden Müller/5\" #1 = x.gcode")
        );
        assert_eq!(parsed.len(), 2);
    }
}

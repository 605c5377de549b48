//! Writes a workbook in one pass without a temporary file, which libraries for workbooks do not support.
//!
//! Source: ECMA-376, Office Open XML. Strings are inline, so that no program interprets them as formulas.

use std::{
    borrow::Cow,
    io::{self, Write},
};

use jiff::{Timestamp, civil::date, tz::TimeZone};
use zip::{
    ZipWriter,
    write::{SimpleFileOptions, StreamWriter},
};

use crate::export::{columns::Cell, language::Language};

/// Maximum rows of a sheet, including its header.
const ROWS: usize = 1_048_576;
/// Maximum characters of a cell.
const CHARACTERS: usize = 32_767;

/// A workbook being written, sheet by sheet and row by row.
pub(crate) struct Workbook<W: Write> {
    zip: ZipWriter<StreamWriter<W>>,
    language: Language,
    /// Names of the sheets so far.
    sheets: Vec<String>,
    /// Rows and columns of the current sheet.
    rows: usize,
    columns: usize,
    has_filter: bool,
    text: String,
}

/// A column of a sheet.
#[derive(Debug, Clone)]
pub(crate) struct SheetColumn {
    pub(crate) title: Cow<'static, str>,
    /// In characters. `None`: the default.
    pub(crate) width: Option<u8>,
    pub(crate) style: Style,
}

/// How a cell is shown: the place of its format in the part `styles.xml`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// Texts, truth values and numbers as they are.
    Plain,
    /// Days since 1900 as a time with seconds.
    Instant,
    Heading,
    /// Days since 1900 as a time without seconds, as the language writes it.
    LocalTime,
    /// Days as hours, minutes and seconds.
    Duration,
    Whole,
    OneDecimal,
    TwoDecimals,
    Percent,
}

const NAMESPACE: &str = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
const RELATIONSHIPS: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
const PACKAGE: &str = "http://schemas.openxmlformats.org/package/2006";
const TYPE: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml";
const HEAD: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n";

impl<W: Write> Workbook<W> {
    /// Begins a workbook whose times are written as in `language`.
    pub(crate) fn begin(out: W, language: Language) -> io::Result<Self> {
        let mut workbook = Self {
            zip: ZipWriter::new_stream(out),
            language,
            sheets: Vec::new(),
            rows: 0,
            columns: 0,
            has_filter: false,
            text: String::new(),
        };
        let relations = format!(
            "<Relationships xmlns=\"{PACKAGE}/relationships\">\
             <Relationship Id=\"rId1\" Target=\"xl/workbook.xml\" Type=\"{RELATIONSHIPS}/officeDocument\"/>\
             </Relationships>"
        );
        workbook.part("_rels/.rels", &relations)?;
        let styles = workbook.styles();
        workbook.part("xl/styles.xml", &styles)?;
        Ok(workbook)
    }

    /// Ends the current sheet and begins another with a frozen header row; with `has_filter`, each column can be filtered.
    /// The name has at most 31 characters.
    pub(crate) fn begin_sheet(
        &mut self,
        name: &str,
        columns: &[SheetColumn],
        has_filter: bool,
    ) -> io::Result<()> {
        self.end_sheet()?;
        self.sheets.push(name.to_owned());
        self.rows = 0;
        self.columns = columns.len();
        self.has_filter = has_filter;
        let widths: String = columns
            .iter()
            .zip(1..)
            .filter_map(|(column, n)| {
                let width = column.width?;
                Some(format!(
                    "<col min=\"{n}\" max=\"{n}\" width=\"{width}\" customWidth=\"1\"/>"
                ))
            })
            .collect();
        let widths = match widths.is_empty() {
            true => widths,
            false => format!("<cols>{widths}</cols>"),
        };
        let head = format!(
            "<worksheet xmlns=\"{NAMESPACE}\"><sheetViews><sheetView workbookViewId=\"0\">\
             <pane ySplit=\"1\" topLeftCell=\"A2\" activePane=\"bottomLeft\" state=\"frozen\"/></sheetView></sheetViews>\
             {widths}<sheetData>"
        );
        self.part(&format!("xl/worksheets/sheet{}.xml", self.sheets.len()), &head)?;
        let titles = columns
            .iter()
            .map(|column| (Cell::Text(Cow::Borrowed(&*column.title)), Style::Heading));
        self.row(titles)
    }

    /// Whether the current sheet has no place for another row.
    pub(crate) fn is_full(&self) -> bool {
        self.rows == ROWS
    }

    /// Adds a row to the current sheet.
    pub(crate) fn row<'a>(&mut self, cells: impl Iterator<Item = (Cell<'a>, Style)>) -> io::Result<()> {
        self.rows += 1;
        self.text.clear();
        self.text.push_str("<row>");
        for (cell, style) in cells {
            push_cell(&mut self.text, cell, style).map_err(io::Error::other)?;
        }
        self.text.push_str("</row>");
        self.zip.write_all(self.text.as_bytes())
    }

    pub(crate) fn end(mut self) -> io::Result<W> {
        self.end_sheet()?;
        let each = |line: &dyn Fn(usize, &str) -> String| -> String {
            let sheets = self.sheets.iter().zip(1..);
            sheets.map(|(name, n)| line(n, name)).collect()
        };
        let sheets = each(&|n, name| format!("<sheet name=\"{name}\" sheetId=\"{n}\" r:id=\"rId{n}\"/>"));
        let relations = each(&|n, _| {
            format!(
                "<Relationship Id=\"rId{n}\" Target=\"worksheets/sheet{n}.xml\" Type=\"{RELATIONSHIPS}/worksheet\"/>"
            )
        });
        let types = each(&|n, _| {
            format!(
                "<Override PartName=\"/xl/worksheets/sheet{n}.xml\" ContentType=\"{TYPE}.worksheet+xml\"/>"
            )
        });
        let workbook = format!(
            "<workbook xmlns=\"{NAMESPACE}\" xmlns:r=\"{RELATIONSHIPS}\"><sheets>{sheets}</sheets></workbook>"
        );
        self.part("xl/workbook.xml", &workbook)?;
        let relations = format!(
            "<Relationships xmlns=\"{PACKAGE}/relationships\">{relations}\
             <Relationship Id=\"rIdStyles\" Target=\"styles.xml\" Type=\"{RELATIONSHIPS}/styles\"/></Relationships>"
        );
        self.part("xl/_rels/workbook.xml.rels", &relations)?;
        let types = format!(
            "<Types xmlns=\"{PACKAGE}/content-types\">\
             <Default Extension=\"rels\" ContentType=\"application/vnd.openxmlformats-package.relationships+xml\"/>\
             <Override PartName=\"/xl/workbook.xml\" ContentType=\"{TYPE}.sheet.main+xml\"/>\
             <Override PartName=\"/xl/styles.xml\" ContentType=\"{TYPE}.styles+xml\"/>{types}</Types>"
        );
        self.part("[Content_Types].xml", &types)?;
        Ok(self.zip.finish()?.into_inner())
    }

    /// The formats in the order of [`Style`].
    fn styles(&self) -> String {
        let time = self.language.time_format();
        format!(
            "<styleSheet xmlns=\"{NAMESPACE}\">\
             <numFmts count=\"4\"><numFmt numFmtId=\"164\" formatCode=\"yyyy\\-mm\\-dd\\ hh:mm:ss\"/>\
             <numFmt numFmtId=\"165\" formatCode=\"{time}\"/><numFmt numFmtId=\"166\" formatCode=\"#,##0.0\"/>\
             <numFmt numFmtId=\"167\" formatCode=\"0.0%\"/></numFmts>\
             <fonts count=\"2\"><font/><font><b/></font></fonts>\
             <fills count=\"2\"><fill><patternFill patternType=\"none\"/></fill>\
             <fill><patternFill patternType=\"gray125\"/></fill></fills>\
             <borders count=\"1\"><border/></borders><cellStyleXfs count=\"1\"><xf/></cellStyleXfs>\
             <cellXfs count=\"9\"><xf/><xf numFmtId=\"164\" applyNumberFormat=\"1\"/>\
             <xf fontId=\"1\" applyFont=\"1\"/><xf numFmtId=\"165\" applyNumberFormat=\"1\"/>\
             <xf numFmtId=\"46\" applyNumberFormat=\"1\"/><xf numFmtId=\"3\" applyNumberFormat=\"1\"/>\
             <xf numFmtId=\"166\" applyNumberFormat=\"1\"/><xf numFmtId=\"4\" applyNumberFormat=\"1\"/>\
             <xf numFmtId=\"167\" applyNumberFormat=\"1\"/></cellXfs></styleSheet>"
        )
    }

    fn part(&mut self, name: &str, content: &str) -> io::Result<()> {
        self.zip.start_file(name, options())?;
        self.zip.write_all(HEAD.as_bytes())?;
        self.zip.write_all(content.as_bytes())
    }

    fn end_sheet(&mut self) -> io::Result<()> {
        if self.sheets.is_empty() {
            return Ok(());
        }
        self.zip.write_all(b"</sheetData>")?;
        if self.has_filter {
            let last = format!("{}{}", letters(self.columns), self.rows);
            write!(self.zip, "<autoFilter ref=\"A1:{last}\"/>")?;
        }
        self.zip.write_all(b"</worksheet>")
    }
}

fn push_cell(text: &mut String, cell: Cell<'_>, style: Style) -> std::fmt::Result {
    use std::fmt::Write as _;
    let cell = match cell {
        Cell::Texts([]) => Cell::Nothing,
        Cell::Texts(texts) => Cell::Text(texts.join(",").into()),
        cell => cell,
    };
    let style = match style {
        Style::Plain => String::new(),
        style => format!(" s=\"{}\"", style as u8),
    };
    match cell {
        Cell::Nothing | Cell::Texts(_) => write!(text, "<c/>"),
        Cell::Text(content) => {
            write!(text, "<c{style} t=\"inlineStr\"><is><t xml:space=\"preserve\">")?;
            push_escaped(text, &content);
            write!(text, "</t></is></c>")
        }
        Cell::Whole(number) => write!(text, "<c{style}><v>{number}</v></c>"),
        Cell::Number(number) => write!(text, "<c{style}><v>{number}</v></c>"),
        Cell::Truth(truth) => write!(text, "<c{style} t=\"b\"><v>{}</v></c>", u8::from(truth)),
        Cell::Instant(instant) => write!(text, "<c{style}><v>{}</v></c>", days(instant, &TimeZone::UTC)),
    }
}

/// Name of a column: A to Z, then AA and so on.
fn letters(mut column: usize) -> String {
    let mut letters = Vec::new();
    while column > 0 {
        column -= 1;
        letters.push(char::from(b'A' + (column % 26) as u8));
        column /= 26;
    }
    letters.into_iter().rev().collect()
}

fn options() -> SimpleFileOptions {
    // The fastest level: requests to the server must not wait. A sheet can have more than 4 GB.
    SimpleFileOptions::default()
        .compression_level(Some(1))
        .large_file(true)
}

/// Days since the end of 1899 on the clock of a zone, as spreadsheets count.
pub(crate) fn days(instant: Timestamp, zone: &TimeZone) -> f64 {
    let epoch = date(1899, 12, 30).at(0, 0, 0, 0);
    let local = zone.to_datetime(instant);
    local.duration_since(epoch).as_secs_f64() / SECONDS_PER_DAY
}

/// A duration in days, as spreadsheets count.
pub(crate) fn duration(seconds: f64) -> f64 {
    seconds / SECONDS_PER_DAY
}

const SECONDS_PER_DAY: f64 = 86_400.0;

/// Escapes text for XML; characters that XML does not allow become a replacement character.
fn push_escaped(out: &mut String, text: &str) {
    for letter in text.chars().take(CHARACTERS) {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\t' | '\n' => out.push(letter),
            '\r' => out.push_str("&#13;"),
            '\0'..' ' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            _ => out.push(letter),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_days() {
        let noon: Timestamp = "2026-01-31T12:00:00Z".parse().unwrap();
        assert_eq!(days(noon, &TimeZone::UTC), 46_053.5);
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        assert_eq!(days(noon, &berlin), 46_053.5 + 1.0 / 24.0);
        assert_eq!(duration(43_200.0), 0.5);
    }

    #[test]
    fn columns_are_named_by_letters() {
        assert_eq!(
            [1, 26, 27, 52, 53, 703].map(letters),
            ["A", "Z", "AA", "AZ", "BA", "AAA"]
        );
    }

    #[test]
    fn texts_are_escaped() {
        let mut out = String::new();
        push_escaped(&mut out, "=<a & b>\u{1}\r\u{ffff}ü");
        assert_eq!(out, "=&lt;a &amp; b&gt;\u{fffd}&#13;\u{fffd}ü");
    }
}

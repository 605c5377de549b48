//! Writes a workbook in one pass without a temporary file, which libraries for workbooks do not support.
//!
//! Source: ECMA-376, Office Open XML. Strings are inline, so that no program interprets them as formulas.

use std::io::{self, Write};

use jiff::{Timestamp, civil::date, tz::TimeZone};
use store::ExportedJob;
use zip::{
    ZipWriter,
    write::{SimpleFileOptions, StreamWriter},
};

use crate::export::columns::{COLUMNS, Cell};

/// Maximum rows of a sheet, including its header.
const ROWS: usize = 1_048_576;
/// Maximum characters of a cell.
const CHARACTERS: usize = 32_767;

/// A workbook with as many sheets as the jobs need.
pub(super) struct Workbook<W: Write> {
    zip: ZipWriter<StreamWriter<W>>,
    sheets: usize,
    /// Rows in the current sheet.
    rows: usize,
    text: String,
}

const NAMESPACE: &str = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
const HEAD: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n";

impl<W: Write> Workbook<W> {
    pub(super) fn begin(out: W) -> io::Result<Self> {
        let mut workbook = Self {
            zip: ZipWriter::new_stream(out),
            sheets: 0,
            rows: 0,
            text: String::new(),
        };
        workbook.part(
            "_rels/.rels",
            "<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\">\
             <Relationship Id=\"rId1\" Target=\"xl/workbook.xml\" \
             Type=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument\"/>\
             </Relationships>",
        )?;
        // Style 1 is for times, style 2 for headings.
        let styles = format!(
            "<styleSheet xmlns=\"{NAMESPACE}\">\
             <numFmts count=\"1\"><numFmt numFmtId=\"164\" formatCode=\"yyyy\\-mm\\-dd\\ hh:mm:ss\"/></numFmts>\
             <fonts count=\"2\"><font/><font><b/></font></fonts>\
             <fills count=\"2\"><fill><patternFill patternType=\"none\"/></fill>\
             <fill><patternFill patternType=\"gray125\"/></fill></fills>\
             <borders count=\"1\"><border/></borders><cellStyleXfs count=\"1\"><xf/></cellStyleXfs>\
             <cellXfs count=\"3\"><xf/><xf numFmtId=\"164\" applyNumberFormat=\"1\"/>\
             <xf fontId=\"1\" applyFont=\"1\"/></cellXfs></styleSheet>"
        );
        workbook.part("xl/styles.xml", &styles)?;
        workbook.begin_sheet()?;
        Ok(workbook)
    }

    pub(super) fn add(&mut self, jobs: &[ExportedJob]) -> io::Result<()> {
        for job in jobs {
            if self.rows == ROWS {
                self.end_sheet()?;
                self.begin_sheet()?;
            }
            self.row(COLUMNS.iter().map(|column| (column.cell)(job)), "")?;
        }
        Ok(())
    }

    pub(super) fn end(mut self) -> io::Result<()> {
        self.end_sheet()?;
        let each = |line: &dyn Fn(usize) -> String| (1..=self.sheets).map(line).collect::<String>();
        let sheets = each(&|n| format!("<sheet name=\"Jobs {n}\" sheetId=\"{n}\" r:id=\"rId{n}\"/>"));
        let relations = each(&|n| {
            format!(
                "<Relationship Id=\"rId{n}\" Target=\"worksheets/sheet{n}.xml\" \
                 Type=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet\"/>"
            )
        });
        let types = each(&|n| {
            format!(
                "<Override PartName=\"/xl/worksheets/sheet{n}.xml\" \
                 ContentType=\"application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml\"/>"
            )
        });
        let workbook = format!(
            "<workbook xmlns=\"{NAMESPACE}\" \
             xmlns:r=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships\">\
             <sheets>{sheets}</sheets></workbook>"
        );
        self.part("xl/workbook.xml", &workbook)?;
        let relations = format!(
            "<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\">{relations}\
             <Relationship Id=\"rIdStyles\" Target=\"styles.xml\" \
             Type=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships/styles\"/></Relationships>"
        );
        self.part("xl/_rels/workbook.xml.rels", &relations)?;
        let types = format!(
            "<Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\">\
             <Default Extension=\"rels\" ContentType=\"application/vnd.openxmlformats-package.relationships+xml\"/>\
             <Override PartName=\"/xl/workbook.xml\" \
             ContentType=\"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml\"/>\
             <Override PartName=\"/xl/styles.xml\" \
             ContentType=\"application/vnd.openxmlformats-officedocument.spreadsheetml.styles+xml\"/>{types}</Types>"
        );
        self.part("[Content_Types].xml", &types)?;
        self.zip.finish()?;
        Ok(())
    }

    fn part(&mut self, name: &str, content: &str) -> io::Result<()> {
        self.zip.start_file(name, options())?;
        self.zip.write_all(HEAD.as_bytes())?;
        self.zip.write_all(content.as_bytes())
    }

    fn begin_sheet(&mut self) -> io::Result<()> {
        self.sheets += 1;
        self.rows = 0;
        // Freeze the first row.
        let head = format!(
            "<worksheet xmlns=\"{NAMESPACE}\"><sheetViews><sheetView workbookViewId=\"0\">\
             <pane ySplit=\"1\" topLeftCell=\"A2\" state=\"frozen\"/></sheetView></sheetViews><sheetData>"
        );
        let name = format!("xl/worksheets/sheet{}.xml", self.sheets);
        self.part(&name, &head)?;
        let names = COLUMNS.iter().map(|column| Cell::Text(column.name.into()));
        self.row(names, " s=\"2\"")
    }

    fn end_sheet(&mut self) -> io::Result<()> {
        self.zip.write_all(b"</sheetData></worksheet>")
    }

    fn row<'a>(&mut self, cells: impl Iterator<Item = Cell<'a>>, style: &str) -> io::Result<()> {
        use std::fmt::Write as _;
        self.rows += 1;
        self.text.clear();
        self.text.push_str("<row>");
        for cell in cells {
            let text = &mut self.text;
            let cell = match cell {
                Cell::Texts([]) => Cell::Nothing,
                Cell::Texts(texts) => Cell::Text(texts.join(",").into()),
                cell => cell,
            };
            let written = match cell {
                Cell::Nothing | Cell::Texts(_) => write!(text, "<c/>"),
                Cell::Text(content) => {
                    let written = write!(text, "<c{style} t=\"inlineStr\"><is><t xml:space=\"preserve\">");
                    push_escaped(text, &content);
                    text.push_str("</t></is></c>");
                    written
                }
                Cell::Whole(number) => write!(text, "<c><v>{number}</v></c>"),
                Cell::Number(number) => write!(text, "<c><v>{number}</v></c>"),
                Cell::Truth(truth) => write!(text, "<c t=\"b\"><v>{}</v></c>", u8::from(truth)),
                Cell::Instant(instant) => write!(text, "<c s=\"1\"><v>{}</v></c>", days(instant)),
            };
            written.map_err(io::Error::other)?;
        }
        self.text.push_str("</row>");
        self.zip.write_all(self.text.as_bytes())
    }
}

fn options() -> SimpleFileOptions {
    // The fastest level: requests to the server must not wait. A sheet can have more than 4 GB.
    SimpleFileOptions::default()
        .compression_level(Some(1))
        .large_file(true)
}

/// Days since the end of 1899, in UTC, as spreadsheets count.
fn days(instant: Timestamp) -> f64 {
    let epoch = date(1899, 12, 30)
        .to_zoned(TimeZone::UTC)
        .map_or(Timestamp::UNIX_EPOCH, |zoned| zoned.timestamp());
    instant.duration_since(epoch).as_secs_f64() / 86_400.0
}

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
        assert_eq!(days(noon), 46_053.5);
    }

    #[test]
    fn texts_are_escaped() {
        let mut out = String::new();
        push_escaped(&mut out, "=<a & b>\u{1}\r\u{ffff}ü");
        assert_eq!(out, "=&lt;a &amp; b&gt;\u{fffd}&#13;\u{fffd}ü");
    }
}

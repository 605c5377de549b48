//! Jobs as a workbook: with the columns of all formats, or with those for people.

use std::io::{self, Write};

use store::ExportedJob;

use crate::export::{
    columns::{COLUMNS, Kind},
    language::{Language, Word},
    people::{self, People},
    workbook::{SheetColumn, Style, Workbook},
};

/// What the sheets of a workbook contain.
#[derive(Debug, Clone)]
pub(crate) enum Layout {
    /// The columns of all formats, with units of the API and times in UTC.
    Raw,
    /// Translated columns, local times and formatted numbers.
    People(People),
}

/// A workbook with as many sheets as the jobs need.
pub(super) struct JobSheets<W: Write> {
    workbook: Workbook<W>,
    layout: Layout,
    columns: Vec<SheetColumn>,
    sheets: usize,
}

impl<W: Write> JobSheets<W> {
    pub(super) fn begin(out: W, layout: Layout) -> io::Result<Self> {
        let (language, columns) = match &layout {
            Layout::Raw => (Language::default(), raw_columns()),
            Layout::People(people) => (people.language, people::columns(people.language)),
        };
        let mut sheets = Self {
            workbook: Workbook::begin(out, language)?,
            layout,
            columns,
            sheets: 0,
        };
        sheets.begin_sheet()?;
        Ok(sheets)
    }

    pub(super) fn add(&mut self, jobs: &[ExportedJob]) -> io::Result<()> {
        for job in jobs {
            if self.workbook.is_full() {
                self.begin_sheet()?;
            }
            let styles = self.columns.iter().map(|column| column.style);
            match &self.layout {
                Layout::Raw => {
                    let cells = COLUMNS.iter().map(|column| (column.cell)(job));
                    self.workbook.row(cells.zip(styles))?;
                }
                Layout::People(people) => self.workbook.row(people.cells(job).zip(styles))?,
            }
        }
        Ok(())
    }

    pub(super) fn end(self) -> io::Result<()> {
        self.workbook.end().map(drop)
    }

    fn begin_sheet(&mut self) -> io::Result<()> {
        self.sheets += 1;
        let (name, has_filter) = match (&self.layout, self.sheets) {
            (Layout::Raw, n) => (format!("Jobs {n}"), false),
            (Layout::People(people), 1) => (Word::Jobs.of(people.language).to_owned(), true),
            (Layout::People(people), n) => (format!("{} {n}", Word::Jobs.of(people.language)), true),
        };
        self.workbook.begin_sheet(&name, &self.columns, has_filter)
    }
}

fn raw_columns() -> Vec<SheetColumn> {
    let columns = COLUMNS.iter().map(|column| SheetColumn {
        title: column.name.into(),
        width: None,
        style: match column.kind {
            Kind::Instant => Style::Instant,
            Kind::Text | Kind::Texts | Kind::Whole | Kind::Number | Kind::Truth => Style::Plain,
        },
    });
    columns.collect()
}

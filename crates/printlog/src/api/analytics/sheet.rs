//! A sheet of the workbook of analytics: translated columns, and rows of figures with their formats.

use std::{borrow::Cow, io};

use crate::{
    api::analytics::figures::FiguresBody,
    export::{Cell, Language, SheetColumn, Style, Word, Workbook, spreadsheet_duration},
};

/// A sheet in a language.
pub(super) struct Sheet {
    name: Word,
    language: Language,
    columns: Vec<SheetColumn>,
    rows: Vec<Vec<(Cell<'static>, Style)>>,
}

impl Sheet {
    /// A sheet with these columns: title, width in characters, and format.
    pub(super) fn new(name: Word, language: Language, columns: &[(Word, u8, Style)]) -> Self {
        let mut sheet = Self {
            name,
            language,
            columns: Vec::new(),
            rows: Vec::new(),
        };
        for (title, width, style) in columns {
            sheet.add_column(title.of(language), *width, *style);
        }
        sheet
    }

    pub(super) fn add_column(&mut self, title: impl Into<Cow<'static, str>>, width: u8, style: Style) {
        self.columns.push(SheetColumn {
            title: title.into(),
            width: Some(width),
            style,
        });
    }

    /// Adds the columns of [`figures`](Self::figures), with one cost for each currency.
    pub(super) fn add_figure_columns(&mut self, currencies: &[Option<String>]) {
        for (title, width, style) in [
            (Word::Jobs, 9, Style::Whole),
            (Word::Completed, 14, Style::Whole),
            (Word::Failed, 12, Style::Whole),
            (Word::Cancelled, 13, Style::Whole),
            (Word::SuccessRate, 13, Style::Percent),
            (Word::PrintTime, 12, Style::Duration),
            (Word::TotalTime, 12, Style::Duration),
            (Word::FilamentMetres, 13, Style::OneDecimal),
            (Word::FilamentGrams, 13, Style::OneDecimal),
            (Word::WithoutGrams, 18, Style::Whole),
        ] {
            self.add_column(title.of(self.language), width, style);
        }
        for currency in currencies {
            self.add_column(
                cost_title(self.language, currency.as_deref()),
                13,
                Style::TwoDecimals,
            );
        }
        self.add_column(Word::WithoutCost.of(self.language), 18, Style::Whole);
    }

    /// The cells of the columns of [`add_figure_columns`](Self::add_figure_columns).
    pub(super) fn figures(figures: &FiguresBody, currencies: &[Option<String>]) -> Vec<Cell<'static>> {
        let mut cells = vec![
            count(figures.jobs),
            count(figures.by_status.completed),
            count(figures.by_status.failed()),
            count(figures.by_status.cancelled),
            number(figures.success_rate),
            duration(figures.print_time),
            duration(figures.total_time),
            number(figures.filament_mm.map(|mm| mm / 1000.0)),
            number(figures.filament_g),
            count(figures.jobs_without_filament_g),
        ];
        cells.extend(currencies.iter().map(|currency| cost(figures, currency)));
        cells.push(count(figures.jobs_without_cost));
        cells
    }

    /// Adds a row whose cells have the formats of their columns.
    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = Cell<'static>>) {
        let styles = self.columns.iter().map(|column| column.style);
        let row = cells.into_iter().zip(styles).collect();
        self.rows.push(row);
    }

    /// Adds a row whose cells have their own formats.
    pub(super) fn styled_row(&mut self, cells: impl IntoIterator<Item = (Cell<'static>, Style)>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// Adds the sheet to a workbook.
    pub(super) fn write<W: io::Write>(self, workbook: &mut Workbook<W>) -> io::Result<()> {
        workbook.begin_sheet(self.name.of(self.language), &self.columns, true)?;
        for row in self.rows {
            workbook.row(row.into_iter())?;
        }
        Ok(())
    }
}

/// The currencies of figures, each once; without one last.
pub(super) fn currencies<'a>(figures: impl IntoIterator<Item = &'a FiguresBody>) -> Vec<Option<String>> {
    let costs = figures.into_iter().flat_map(|figures| &figures.cost);
    let mut currencies: Vec<_> = costs.map(|cost| cost.currency.clone()).collect();
    currencies.sort_by_key(|currency| (currency.is_none(), currency.clone()));
    currencies.dedup();
    currencies
}

/// `Cost (EUR)`.
pub(super) fn cost_title(language: Language, currency: Option<&str>) -> String {
    let cost = Word::Cost.of(language);
    currency.map_or_else(|| cost.to_owned(), |currency| format!("{cost} ({currency})"))
}

pub(super) fn cost(figures: &FiguresBody, currency: &Option<String>) -> Cell<'static> {
    let cost = figures.cost.iter().find(|cost| cost.currency == *currency);
    number(cost.map(|cost| cost.amount))
}

pub(super) fn word(word: Word, language: Language) -> Cell<'static> {
    Cell::Text(word.of(language).into())
}

/// A name, or the word for an unknown one.
pub(super) fn name(name: Option<&str>, otherwise: Word, language: Language) -> Cell<'static> {
    match name {
        Some(name) => Cell::Text(name.to_owned().into()),
        None => word(otherwise, language),
    }
}

pub(super) fn count(count: u64) -> Cell<'static> {
    Cell::Whole(i64::try_from(count).unwrap_or(i64::MAX))
}

pub(super) fn number(number: Option<f64>) -> Cell<'static> {
    number.map_or(Cell::Nothing, Cell::Number)
}

/// A duration in s.
pub(super) fn duration(seconds: Option<f64>) -> Cell<'static> {
    number(seconds.map(spreadsheet_duration))
}

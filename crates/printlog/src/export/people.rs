//! The columns of a sheet of jobs for people: translated, with local times, durations as times of a spreadsheet, grams and
//! costs.

use std::{borrow::Cow, sync::Arc};

use domain::Cause;
use jiff::{Timestamp, tz::TimeZone};
use store::{ExportedJob, ListedDetails};

use crate::export::{
    columns::Cell,
    language::{Language, Word},
    workbook::{self, SheetColumn, Style},
};

/// For whom a sheet is written.
#[derive(Debug, Clone)]
pub(crate) struct People {
    pub(crate) language: Language,
    /// Zone of the times.
    pub(crate) zone: TimeZone,
    /// Currency of costs whose file names none.
    pub(crate) currency: Option<Arc<str>>,
}

/// A job with what several cells are computed from.
struct Shown<'a> {
    job: &'a ExportedJob,
    details: Option<ListedDetails>,
    people: &'a People,
}

struct Column {
    title: Word,
    width: u8,
    style: Style,
    cell: for<'a> fn(&Shown<'a>) -> Cell<'a>,
}

const fn column(title: Word, width: u8, style: Style, cell: for<'a> fn(&Shown<'a>) -> Cell<'a>) -> Column {
    Column {
        title,
        width,
        style,
        cell,
    }
}

const COLUMNS: [Column; 27] = [
    column(Word::Started, 17, Style::LocalTime, |shown| {
        shown.time(shown.job.stored.job.start_time)
    }),
    column(Word::Ended, 17, Style::LocalTime, |shown| {
        shown.time(shown.job.stored.job.end_time)
    }),
    column(Word::Printer, 18, Style::Plain, |shown| {
        text(Some(&shown.job.stored.printer_name))
    }),
    column(Word::Title, 26, Style::Plain, |shown| {
        text(shown.job.notes.title.as_deref())
    }),
    column(Word::File, 40, Style::Plain, |shown| {
        text(shown.job.stored.job.filename.as_deref())
    }),
    column(Word::Status, 15, Style::Plain, |shown| {
        shown.word(Word::status(shown.job.stored.job.status))
    }),
    column(Word::Cause, 22, Style::Plain, |shown| {
        let cause = shown.job.stored.job.cause.as_ref();
        shown.translated(cause.map(Cause::as_str), cause.and_then(Word::cause))
    }),
    column(Word::PrintTime, 11, Style::Duration, |shown| {
        duration(shown.job.stored.job.figures.print_duration)
    }),
    column(Word::TotalTime, 11, Style::Duration, |shown| {
        duration(shown.job.stored.job.figures.total_duration)
    }),
    column(Word::EstimatedTime, 14, Style::Duration, |shown| {
        duration(
            shown
                .job
                .details
                .as_ref()
                .and_then(|details| details.estimated_time),
        )
    }),
    column(Word::FilamentGrams, 12, Style::OneDecimal, |shown| {
        number(shown.grams().map(|(grams, _)| grams))
    }),
    column(Word::WeightIsEstimated, 17, Style::Plain, |shown| {
        shown.grams().map_or(Cell::Nothing, |(_, is_estimated)| {
            shown.word(if is_estimated { Word::Yes } else { Word::No })
        })
    }),
    column(Word::FilamentMetres, 12, Style::TwoDecimals, |shown| {
        number(shown.job.stored.job.figures.filament_used.map(|mm| mm / 1000.0))
    }),
    column(Word::Material, 12, Style::Plain, |shown| {
        shown.detail(|details| details.filament_type.as_deref())
    }),
    column(Word::Brand, 16, Style::Plain, |shown| {
        shown.detail(|details| details.filament_brand.as_deref())
    }),
    column(Word::Colour, 12, Style::Plain, |shown| {
        shown.detail(|details| details.filament_color.as_deref())
    }),
    column(Word::Cost, 10, Style::TwoDecimals, |shown| number(shown.cost())),
    column(Word::Currency, 10, Style::Plain, |shown| shown.currency()),
    column(Word::Rating, 12, Style::Plain, |shown| {
        let verdict = shown.job.notes.verdict;
        verdict.map_or(Cell::Nothing, |verdict| shown.word(Word::rating(verdict)))
    }),
    column(Word::Reason, 22, Style::Plain, |shown| {
        let reason = shown.job.notes.verdict_reason.as_deref();
        shown.translated(reason, reason.and_then(Word::reason))
    }),
    column(Word::Tags, 22, Style::Plain, |shown| {
        match &*shown.job.notes.tags {
            [] => Cell::Nothing,
            tags => Cell::Text(tags.join(", ").into()),
        }
    }),
    column(Word::Notes, 40, Style::Plain, |shown| {
        text(shown.job.notes.notes.as_deref())
    }),
    column(Word::Message, 30, Style::Plain, |shown| {
        text(shown.job.stored.job.message.as_deref())
    }),
    column(Word::LayerHeight, 18, Style::TwoDecimals, |shown| {
        number(
            shown
                .job
                .details
                .as_ref()
                .and_then(|details| details.layer_height),
        )
    }),
    column(Word::Slicer, 16, Style::Plain, |shown| {
        text(shown.job.file.as_ref().and_then(|file| file.slicer.as_deref()))
    }),
    column(Word::User, 16, Style::Plain, |shown| {
        text(shown.job.stored.job.user.as_deref())
    }),
    column(Word::Id, 9, Style::Plain, |shown| {
        Cell::Whole(shown.job.stored.id.0)
    }),
];

/// The columns of a sheet.
pub(super) fn columns(language: Language) -> Vec<SheetColumn> {
    let columns = COLUMNS.iter().map(|column| SheetColumn {
        title: column.title.of(language).into(),
        width: Some(column.width),
        style: column.style,
    });
    columns.collect()
}

impl People {
    /// The cells of a job, in the order of the columns.
    pub(super) fn cells<'a>(&'a self, job: &'a ExportedJob) -> impl Iterator<Item = Cell<'a>> {
        let shown = Shown {
            job,
            details: job.details.as_ref().map(ListedDetails::from),
            people: self,
        };
        COLUMNS.iter().map(move |column| (column.cell)(&shown))
    }
}

impl<'a> Shown<'a> {
    fn time(&self, instant: Option<Timestamp>) -> Cell<'a> {
        instant.map_or(Cell::Nothing, |instant| {
            Cell::Number(workbook::days(instant, &self.people.zone))
        })
    }

    fn word(&self, word: Word) -> Cell<'a> {
        Cell::Text(word.of(self.people.language).into())
    }

    /// A text that has a word in each language, or else as it is.
    fn translated(&self, own: Option<&'a str>, word: Option<Word>) -> Cell<'a> {
        word.map_or_else(|| text(own), |word| self.word(word))
    }

    fn detail(&self, detail: fn(&store::JobDetails) -> Option<&str>) -> Cell<'a> {
        text(self.job.details.as_ref().and_then(detail))
    }

    fn grams(&self) -> Option<(f64, bool)> {
        let used = self.job.stored.job.figures.filament_used;
        self.details.as_ref()?.used_grams(used)
    }

    fn cost(&self) -> Option<f64> {
        let used = self.job.stored.job.figures.filament_used;
        self.details.as_ref()?.used_cost(used)
    }

    /// Of the cost. Empty without one.
    fn currency(&self) -> Cell<'a> {
        let own = self
            .job
            .details
            .as_ref()
            .and_then(|details| details.currency.as_deref());
        match (self.cost(), own) {
            (None, _) => Cell::Nothing,
            (Some(_), Some(own)) => text(Some(own)),
            (Some(_), None) => {
                let currency = self.people.currency.as_deref();
                currency.map_or(Cell::Nothing, |currency| {
                    Cell::Text(Cow::Owned(currency.to_owned()))
                })
            }
        }
    }
}

fn text(text: Option<&str>) -> Cell<'_> {
    text.map_or(Cell::Nothing, |text| Cell::Text(Cow::Borrowed(text)))
}

fn number(number: Option<f64>) -> Cell<'static> {
    number.map_or(Cell::Nothing, Cell::Number)
}

fn duration(seconds: Option<f64>) -> Cell<'static> {
    number(seconds.map(workbook::duration))
}

//! The words of workbooks for people, in the languages of the dashboard.

use domain::{BuiltInReason, Cause, JobStatus, UnknownName, Verdict};
use strum_macros::{EnumString, IntoStaticStr, VariantArray};

/// Language of a workbook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, VariantArray, IntoStaticStr, EnumString)]
#[strum(parse_err_ty = UnknownName, parse_err_fn = UnknownName::of::<Self>)]
pub(crate) enum Language {
    #[default]
    #[strum(serialize = "en")]
    English,
    #[strum(serialize = "de")]
    German,
}

impl Language {
    /// The first known language of a list in the order of preference, such as `de-AT, en;q=0.8`. Browsers send them in
    /// this order.
    pub(crate) fn accepted(list: &str) -> Option<Self> {
        list.split(',').find_map(|preference| {
            let tag = preference.split(';').next()?.trim();
            let primary = tag.split('-').next()?.to_ascii_lowercase();
            primary.parse().ok()
        })
    }

    /// Format of local times, as spreadsheets write it.
    pub(crate) fn time_format(self) -> &'static str {
        match self {
            Self::English => "yyyy\\-mm\\-dd\\ hh:mm",
            Self::German => "dd\\.mm\\.yyyy\\ hh:mm",
        }
    }
}

macro_rules! words {
    ($($name:ident: $english:literal, $german:literal;)*) => {
        /// A word or phrase.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Word {
            $($name),*
        }

        impl Word {
            /// The word in a language.
            pub(crate) fn of(self, language: Language) -> &'static str {
                match (self, language) {
                    $(
                        (Self::$name, Language::English) => $english,
                        (Self::$name, Language::German) => $german,
                    )*
                }
            }
        }
    };
}

words! {
    Jobs: "Jobs", "Aufträge";
    Started: "Started", "Begonnen";
    Ended: "Ended", "Beendet";
    Printer: "Printer", "Drucker";
    Title: "Title", "Titel";
    File: "File", "Datei";
    Status: "Status", "Status";
    Cause: "Cause", "Ursache";
    Message: "Message", "Meldung";
    PrintTime: "Print time", "Druckzeit";
    TotalTime: "Total time", "Gesamtzeit";
    EstimatedTime: "Estimated time", "Geschätzte Zeit";
    FilamentGrams: "Filament (g)", "Filament (g)";
    FilamentMetres: "Filament (m)", "Filament (m)";
    WeightIsEstimated: "Weight estimated", "Gewicht geschätzt";
    Material: "Material", "Material";
    Brand: "Brand", "Marke";
    Colour: "Colour", "Farbe";
    Cost: "Cost", "Kosten";
    Currency: "Currency", "Währung";
    Rating: "Rating", "Bewertung";
    Reason: "Reason", "Grund";
    Tags: "Tags", "Schlagwörter";
    Notes: "Notes", "Notizen";
    LayerHeight: "Layer height (mm)", "Schichthöhe (mm)";
    Slicer: "Slicer", "Slicer";
    User: "User", "Benutzer";
    Id: "ID", "ID";
    Yes: "yes", "ja";
    No: "no", "nein";

    Printing: "Printing", "Druckt";
    Paused: "Paused", "Pausiert";
    Completed: "Completed", "Abgeschlossen";
    Error: "Error", "Fehler";
    Cancelled: "Cancelled", "Abgebrochen";
    Interrupted: "Interrupted", "Ende unbekannt";

    KlippyShutdown: "Klipper shut down", "Klipper gestoppt";
    KlippyDisconnect: "Klipper disconnected", "Klipper getrennt";
    ServerExit: "Moonraker stopped", "Moonraker beendet";
    KlipperError: "Klipper error", "Klipper-Fehler";
    EndUnknown: "End unknown", "Ende unbekannt";
    CancelledByUser: "Cancelled by a user", "Von einem Benutzer abgebrochen";
    Replaced: "Started again", "Neu gestartet";

    NotRated: "Not rated", "Nicht bewertet";
    Good: "Good", "Gut";
    Usable: "Usable", "Brauchbar";
    Scrap: "Scrap", "Ausschuss";

    OffTheBed: "Came off the bed", "Vom Bett gelöst";
    Warped: "Warped", "Verzogen";
    LayerShift: "Layer shift", "Schichtversatz";
    Stringing: "Stringing", "Fäden";
    UnderExtrusion: "Under-extrusion", "Unterextrusion";
    PoorSurface: "Poor surface", "Schlechte Oberfläche";
    WrongSize: "Wrong size or fit", "Falsche Größe oder Passung";
    WrongMaterial: "Wrong material", "Falsches Material";

    Summary: "Summary", "Überblick";
    Timeline: "Over time", "Zeitverlauf";
    Printers: "Printers", "Drucker";
    FilamentUsed: "Filament used", "Filamentverbrauch";
    Estimates: "Actual vs estimated time", "Schätzung und Wirklichkeit";
    Files: "Files", "Dateien";
    Failures: "Failures", "Fehlschläge";
    Ratings: "Ratings", "Bewertungen";
    HoursOfWeek: "Hours of the week", "Stunden der Woche";

    Figure: "Figure", "Kennzahl";
    ThisPeriod: "This period", "Dieser Zeitraum";
    PreviousPeriod: "Previous period", "Zeitraum davor";
    Missing: "Jobs without a value", "Aufträge ohne Wert";
    Since: "From", "Von";
    Until: "To (exclusive)", "Bis (ausschließlich)";
    TimeZone: "Time zone", "Zeitzone";
    Failed: "Failed", "Gescheitert";
    SuccessRate: "Success rate", "Erfolgsquote";
    LongestJob: "Longest job", "Längster Auftrag";
    Utilisation: "Utilisation", "Auslastung";
    BusyTime: "Time in jobs", "Zeit in Aufträgen";
    TimeBetweenFailures: "Time between failures", "Zeit zwischen Fehlern";
    GroupedBy: "Grouped by", "Gruppiert nach";
    Group: "Group", "Gruppe";
    WithoutGrams: "Jobs without grams", "Aufträge ohne Gramm";
    WithoutCost: "Jobs without a cost", "Aufträge ohne Kosten";
    All: "All", "Alle";
    Unknown: "Unknown", "Unbekannt";
    Others: "Others", "Andere";
    JobsCompared: "Jobs compared", "Verglichene Aufträge";
    LowerQuartile: "Lower quartile", "Unteres Quartil";
    Median: "Median", "Median";
    UpperQuartile: "Upper quartile", "Oberes Quartil";
    FilamentLostGrams: "Filament lost (g)", "Verlorenes Filament (g)";
    CompletedOrFailed: "Completed or failed", "Abgeschlossen oder gescheitert";
    Share: "Share", "Anteil";
    HourOfPrint: "Hour of the print", "Stunde des Drucks";
    NoReason: "No reason given", "Ohne Grund";
    GoodShare: "Good (share)", "Gut (Anteil)";
    ScrapTime: "Print time lost", "Verlorene Druckzeit";
    Time: "Time", "Zeit";
    Weekday: "Weekday", "Wochentag";
    Total: "Total", "Summe";
    Monday: "Monday", "Montag";
    Tuesday: "Tuesday", "Dienstag";
    Wednesday: "Wednesday", "Mittwoch";
    Thursday: "Thursday", "Donnerstag";
    Friday: "Friday", "Freitag";
    Saturday: "Saturday", "Samstag";
    Sunday: "Sunday", "Sonntag";
}

impl Word {
    /// Days of the week, Monday first.
    pub(crate) const WEEKDAYS: [Self; 7] = [
        Self::Monday,
        Self::Tuesday,
        Self::Wednesday,
        Self::Thursday,
        Self::Friday,
        Self::Saturday,
        Self::Sunday,
    ];

    pub(crate) fn status(status: JobStatus) -> Self {
        match status {
            JobStatus::Printing => Self::Printing,
            JobStatus::Paused => Self::Paused,
            JobStatus::Completed => Self::Completed,
            JobStatus::Error => Self::Error,
            JobStatus::Cancelled => Self::Cancelled,
            JobStatus::Interrupted => Self::Interrupted,
        }
    }

    /// `None` for a cause that only the printer's firmware knows.
    pub(crate) fn cause(cause: &Cause) -> Option<Self> {
        Some(match cause {
            Cause::Completed => Self::Completed,
            Cause::KlippyShutdown => Self::KlippyShutdown,
            Cause::KlippyDisconnect => Self::KlippyDisconnect,
            Cause::ServerExit => Self::ServerExit,
            Cause::Error => Self::KlipperError,
            Cause::Interrupted | Cause::InProgress => Self::EndUnknown,
            Cause::Cancelled => Self::CancelledByUser,
            Cause::Replaced => Self::Replaced,
            Cause::Other(_) => return None,
        })
    }

    pub(crate) fn rating(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Good => Self::Good,
            Verdict::PartlyGood => Self::Usable,
            Verdict::Scrap => Self::Scrap,
        }
    }

    /// `None` for a user's own reason.
    pub(crate) fn reason(name: &str) -> Option<Self> {
        Some(match BuiltInReason::with_text(name)? {
            BuiltInReason::OffTheBed => Self::OffTheBed,
            BuiltInReason::Warped => Self::Warped,
            BuiltInReason::LayerShift => Self::LayerShift,
            BuiltInReason::Stringing => Self::Stringing,
            BuiltInReason::UnderExtrusion => Self::UnderExtrusion,
            BuiltInReason::PoorSurface => Self::PoorSurface,
            BuiltInReason::WrongSize => Self::WrongSize,
            BuiltInReason::WrongMaterial => Self::WrongMaterial,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn the_first_known_language_is_taken() {
        for (list, language) in [
            ("de", Some(Language::German)),
            ("de-AT,de;q=0.9,en;q=0.8", Some(Language::German)),
            ("fr-CA, EN-gb;q=0.7, de;q=0.3", Some(Language::English)),
            ("fr", None),
            ("*", None),
            ("", None),
        ] {
            assert_eq!(Language::accepted(list), language, "{list}");
        }
    }

    #[test]
    fn words_are_those_of_the_dashboard() {
        for (language, catalogue) in [
            (
                Language::English,
                include_str!("../../../../ui/src/locales/en.json"),
            ),
            (
                Language::German,
                include_str!("../../../../ui/src/locales/de.json"),
            ),
        ] {
            let catalogue: Value = serde_json::from_str(catalogue).unwrap();
            for status in JobStatus::ALL {
                assert_eq!(
                    catalogue["status"][status.as_str()],
                    Word::status(status).of(language)
                );
            }
            for verdict in Verdict::ALL {
                assert_eq!(
                    catalogue["verdict"][verdict.as_str()],
                    Word::rating(verdict).of(language)
                );
            }
            for (cause, text) in catalogue["failure"].as_object().unwrap() {
                let word = Word::cause(&Cause::from(cause.as_str())).unwrap_or_else(|| panic!("{cause}"));
                assert_eq!(text, word.of(language));
            }
            for reason in BuiltInReason::ALL {
                let word = Word::reason(reason.text()).unwrap();
                assert_eq!(
                    catalogue["reasons"]["builtIn"][reason.as_str()],
                    word.of(language)
                );
            }
        }
    }
}

//! Why the details of a job are incomplete: a sentence, and a stable name, so that clients can translate it.

use strum::VariantArray;
use strum_macros::{IntoStaticStr, VariantArray};

/// Why the details of a job are incomplete. The database has the sentence; other reasons are sentences, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, VariantArray, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub(crate) enum DetailsReason {
    FileNotYetKnown,
    FileUnknown,
    FileMissing,
    FileOverwritten,
    FileChanged,
    FileTooSlow,
    PrinterDeleted,
    PrinterDisabled,
    PrinterOff,
    KeyNeeded,
}

impl DetailsReason {
    /// The sentence, or its beginning if a variable part follows.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::FileNotYetKnown => "the file of the job is not known yet",
            Self::FileUnknown => "the file of the job is not known",
            Self::FileMissing => "the printer has no file",
            Self::FileOverwritten => "the file was overwritten since the print",
            Self::FileChanged => "the file changed while it was read",
            Self::FileTooSlow => "the printer did not deliver the file within",
            Self::PrinterDeleted => "the printer was deleted",
            Self::PrinterDisabled => "the printer is switched off in printlog",
            Self::PrinterOff => "the printer is off",
            Self::KeyNeeded => "the printer requires an API key, or a different one",
        }
    }

    /// The reason that a stored sentence gives. `None` for any other sentence.
    pub(crate) fn of(sentence: &str) -> Option<Self> {
        let mut all = Self::VARIANTS.iter().copied();
        all.find(|reason| sentence.starts_with(reason.text()))
    }

    /// The name in the API.
    pub(crate) fn as_str(self) -> &'static str {
        self.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_sentence_has_its_own_reason() {
        for reason in DetailsReason::VARIANTS {
            assert_eq!(DetailsReason::of(reason.text()), Some(*reason));
        }
        assert_eq!(
            DetailsReason::of("the printer has no file `a.gcode`"),
            Some(DetailsReason::FileMissing)
        );
        assert_eq!(DetailsReason::of("cannot read the file"), None);
    }
}

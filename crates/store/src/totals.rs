//! The table `job_totals`: sums over each printer's jobs, changed in the transaction that changes a job.

use domain::{JobTotals, PrinterId};

use crate::{Result, Store};

/// A printer whose totals are not what its jobs say.
#[derive(Debug, Clone, PartialEq)]
pub struct TotalsMismatch {
    /// The printer.
    pub printer_id: PrinterId,
    /// What is stored. `None` if nothing is.
    pub stored: Option<JobTotals>,
    /// What its jobs say.
    pub computed: JobTotals,
}

impl Store {
    /// The totals of a printer. `None` if there is no such printer.
    pub async fn totals(&self, printer_id: PrinterId) -> Result<Option<JobTotals>> {
        todo!()
    }

    /// The totals of all printers.
    pub async fn all_totals(&self) -> Result<Vec<(PrinterId, JobTotals)>> {
        todo!()
    }

    /// Compares the totals with the jobs. Empty if all is well.
    pub async fn check_totals(&self) -> Result<Vec<TotalsMismatch>> {
        todo!()
    }

    /// Computes all totals anew.
    pub async fn rebuild_totals(&self) -> Result<()> {
        todo!()
    }
}

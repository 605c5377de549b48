//! Job metrics from the database.

use std::collections::HashMap;

use domain::{JobTotals, PrinterId};
use prometheus_client::registry::Registry;
use store::{DetailsCounts, EndedCount, Store};

use crate::api::system::{
    COUNTED,
    metrics::{Counters, Gauges, Labels, and, of_printer},
};

/// Database values for one scrape.
pub(crate) struct Stored {
    /// Printer names by id.
    pub(crate) printers: HashMap<PrinterId, String>,
    totals: Vec<(PrinterId, JobTotals)>,
    ended: Vec<EndedCount>,
    details: DetailsCounts,
    unreadable_keys: usize,
}

impl Stored {
    pub(crate) async fn read(store: &Store) -> store::Result<Self> {
        let printers = store.printers().await?;
        Ok(Self {
            unreadable_keys: printers
                .iter()
                .filter(|printer| printer.key_is_unreadable)
                .count(),
            printers: printers
                .into_iter()
                .map(|printer| (printer.id, printer.config.name))
                .collect(),
            totals: store.all_totals().await?,
            ended: store.ended_counts().await?,
            details: store.details_counts_up_to(COUNTED).await?,
        })
    }

    pub(crate) fn register(&self, registry: &mut Registry) {
        let jobs = Counters::default();
        for count in &self.ended {
            if let Some(labels) = self.labels(count.printer_id) {
                let labels = and(labels, "status", count.status.as_str());
                jobs.get_or_create(&labels).inc_by(count.jobs);
            }
        }
        registry.register(
            "jobs",
            "Finished jobs, including those deleted or corrected since",
            jobs,
        );

        let total = |name, help, value: fn(&JobTotals) -> f64, registry: &mut Registry| {
            let gauges = Gauges::default();
            for (id, totals) in &self.totals {
                if let Some(labels) = self.labels(*id) {
                    gauges.get_or_create(&labels).set(value(totals));
                }
            }
            registry.register(name, help, gauges);
        };
        total(
            "stored_jobs",
            "Jobs in the database, including running ones",
            |totals| totals.total_jobs as f64,
            registry,
        );
        total(
            "stored_total_time_seconds",
            "Total duration of the jobs in the database, with pauses",
            |totals| totals.total_time,
            registry,
        );
        total(
            "stored_print_time_seconds",
            "Print duration of the jobs in the database, without pauses",
            |totals| totals.total_print_time,
            registry,
        );
        total(
            "stored_filament_millimeters",
            "Filament used by the jobs in the database",
            |totals| totals.total_filament_used,
            registry,
        );

        let queue = Gauges::default();
        for (status, jobs) in [
            ("pending", self.details.pending),
            ("partial", self.details.partial),
            ("failed", self.details.failed),
        ] {
            let labels = vec![("status", status.to_owned())];
            queue.get_or_create(&labels).set(jobs as f64);
        }
        registry.register(
            "details_queue_jobs",
            "Jobs without complete details, each status counted up to 100000",
            queue,
        );

        let keys = Gauges::default();
        keys.get_or_create(&Labels::new())
            .set(self.unreadable_keys as f64);
        registry.register(
            "unreadable_printer_keys",
            "Printers whose stored API key cannot be decrypted",
            keys,
        );
    }

    /// Labels of a printer. `None` if it was added or deleted between two queries of this scrape.
    fn labels(&self, id: PrinterId) -> Option<Labels> {
        Some(of_printer(id, self.printers.get(&id)?))
    }
}

//! Many printers in one process.

use std::{io, sync::Arc};

use tokio::task::JoinSet;

use crate::{PrinterConfig, Schedule, SimPrinter, Traffic, random::Random};

/// A fleet of simulated printers. Ends when it is dropped.
pub struct Simulator {
    printers: Vec<Arc<SimPrinter>>,
    schedules: JoinSet<()>,
}

impl Simulator {
    /// Starts `count` printers like `config`, each with a different seed. They use consecutive ports from
    /// `base_port`, or any free ports.
    ///
    /// # Errors
    /// If a port is not available.
    pub async fn start(count: usize, config: &PrinterConfig, base_port: Option<u16>) -> io::Result<Self> {
        let mut printers = Vec::with_capacity(count);
        for place in 0..count {
            let seed = Random::of(config.seed, place as u64).bits();
            let port = base_port.map_or(Some(0), |base| base.checked_add(u16::try_from(place).ok()?));
            let port = port.ok_or_else(|| io::Error::other("there are no ports for so many printers"))?;
            let config = PrinterConfig {
                seed,
                ..config.clone()
            };
            printers.push(Arc::new(SimPrinter::start(config, port).await?));
        }
        Ok(Self {
            printers,
            schedules: JoinSet::new(),
        })
    }

    /// The printers, in port order.
    #[must_use]
    pub fn printers(&self) -> &[Arc<SimPrinter>] {
        &self.printers
    }

    /// Runs a schedule on some printers, in parallel with other schedules.
    pub fn run(&mut self, printers: impl IntoIterator<Item = usize>, seed: u64, schedule: &Schedule) {
        for place in printers {
            let Some(printer) = self.printers.get(place).map(Arc::clone) else {
                continue;
            };
            let schedule = schedule.clone();
            self.schedules.spawn(async move {
                let seed = Random::of(seed, place as u64).bits();
                printer.run_schedule(seed, &schedule).await;
            });
        }
    }

    /// Total traffic of all printers.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        self.printers
            .iter()
            .map(|printer| printer.traffic())
            .fold(Traffic::default(), |sum, one| Traffic {
                sockets_open: sum.sockets_open + one.sockets_open,
                sockets_ever: sum.sockets_ever + one.sockets_ever,
                requests: sum.requests + one.requests,
                frames: sum.frames + one.frames,
                file_reads: sum.file_reads + one.file_reads,
                file_bytes: sum.file_bytes + one.file_bytes,
            })
    }
}

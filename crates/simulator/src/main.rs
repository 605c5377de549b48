//! Runs simulated printers on local ports until the process is stopped.

use std::{io::Write, ops::Range, sync::Arc};

use anyhow::{Context, ensure};
use clap::{Parser, ValueEnum};
use simulator::{
    Faults, PastPrints, PrinterConfig, Random, Schedule, SimPrinter, Simulator, Version, printer_name,
    sliced_file,
};

/// Simulates printers with Moonraker.
///
/// Prints one line of JSON per printer when all are ready, then runs until it is stopped.
#[derive(Debug, Parser)]
#[command(name = "simulator", version)]
struct Options {
    /// Number of printers.
    #[arg(long, default_value_t = 6)]
    printers: usize,
    /// Port of the first printer; the others use the following ports. Default: any free ports.
    #[arg(long)]
    base_port: Option<u16>,
    /// Seed of the random numbers.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Number of printers that start a print of several hours at once.
    #[arg(long, default_value_t = 0)]
    printing: usize,
    /// Number of past prints in the history of each printer.
    #[arg(long, default_value_t = 0)]
    history: u64,
    /// Number of newest past prints whose file still exists.
    #[arg(long, default_value_t = 0)]
    files: usize,
    /// Number of days over which the past prints are spread.
    #[arg(long, default_value_t = 180.0)]
    history_days: f64,
    /// Status updates per second.
    #[arg(long, default_value_t = 4.0)]
    updates_per_second: f64,
    /// Simulated seconds per real second.
    #[arg(long, default_value_t = 1.0)]
    time_scale: f64,
    /// Events that happen to the printers.
    #[arg(long, value_enum, default_value = "none")]
    schedule: ScheduleName,
    /// Shortest and longest print of the schedule, in simulated seconds.
    #[arg(long, num_args = 2, default_values_t = [90.0, 900.0])]
    print_seconds: Vec<f64>,
    /// API key that the printers require. Default: none.
    #[arg(long)]
    api_key: Option<String>,
    /// Version of Moonraker.
    #[arg(long, value_enum, default_value = "0.11")]
    moonraker: VersionName,
    /// Number of history pages that each printer sends to an import. The line `import-pages 2` on stdin allows two
    /// more, `import-pages all` all.
    #[arg(long)]
    import_pages: Option<u64>,
    /// Probability of late, duplicated and reordered frames.
    #[arg(long, default_value_t = 0.0)]
    disorder: f64,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ScheduleName {
    /// Only what clients request over the API.
    None,
    /// Prints start and end continuously; most succeed.
    Demo,
    /// All kinds of faults.
    Rough,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum VersionName {
    #[value(name = "0.8")]
    V0_8,
    #[value(name = "0.9")]
    V0_9,
    #[value(name = "0.10")]
    V0_10,
    #[value(name = "0.11")]
    V0_11,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let print = print_seconds(&options)?;
    let version = match options.moonraker {
        VersionName::V0_8 => Version::V0_8,
        VersionName::V0_9 => Version::V0_9,
        VersionName::V0_10 => Version::V0_10,
        VersionName::V0_11 => Version::V0_11,
    };
    let config = PrinterConfig {
        version,
        trusted: options.api_key.is_none(),
        api_key: options.api_key.clone(),
        past: PastPrints {
            count: options.history,
            days: options.history_days,
        },
        past_files: options.files,
        time_scale: options.time_scale,
        updates_per_second: options.updates_per_second,
        faults: Faults {
            late_history: options.disorder,
            history_twice: options.disorder,
            twice: options.disorder,
            overtaken: options.disorder,
        },
        seed: options.seed,
        ..PrinterConfig::default()
    };
    let mut simulator = Simulator::start(options.printers, &config, options.base_port)
        .await
        .context("cannot start the printers")?;
    for printer in simulator.printers() {
        printer.allow_import_pages(options.import_pages);
    }
    for (place, printer) in simulator.printers().iter().take(options.printing).enumerate() {
        let seconds = 3_600.0 * (2.0 + (place % 7) as f64);
        let mut random = Random::new(options.seed.wrapping_add(place as u64));
        let file = sliced_file(&mut random, seconds, printer.wall_clock() - 60.0);
        let name = file.name.clone();
        printer.add_file(file, None);
        printer.print_file(&name).context("cannot start a print")?;
    }
    let schedule = match options.schedule {
        ScheduleName::None => None,
        ScheduleName::Demo => Some(Schedule::busy(print)),
        ScheduleName::Rough => Some(Schedule {
            steps: None,
            ..Schedule::rough(print, 0)
        }),
    };
    if let Some(schedule) = schedule {
        simulator.run(options.printing..options.printers, options.seed, &schedule);
    }
    let mut output = std::io::stdout().lock();
    for (place, printer) in simulator.printers().iter().enumerate() {
        let name = printer_name(place, options.printers);
        let line = serde_json::json!({ "name": name, "url": printer.url(), "api_key": options.api_key });
        writeln!(output, "{line}")?;
    }
    output.flush()?;
    drop(output);
    let printers = simulator.printers().to_vec();
    // A dedicated thread, because a blocking read of stdin would delay the shutdown of the runtime.
    std::thread::spawn(move || read_commands(&printers));
    tokio::signal::ctrl_c().await.context("cannot wait for the end")?;
    Ok(())
}

/// Executes commands from stdin, one per line, until it closes.
fn read_commands(printers: &[Arc<SimPrinter>]) {
    for line in std::io::stdin().lines().map_while(Result::ok) {
        let pages = match line.strip_prefix("import-pages ") {
            Some("all") => Some(None),
            Some(pages) => pages.parse().ok().map(Some),
            None => None,
        };
        match pages {
            Some(pages) => printers
                .iter()
                .for_each(|printer| printer.allow_import_pages(pages)),
            None => eprintln!("unknown command `{line}`; known is `import-pages`, with a number or `all`"),
        }
    }
}

fn print_seconds(options: &Options) -> anyhow::Result<Range<f64>> {
    let (Some(shortest), Some(longest)) = (options.print_seconds.first(), options.print_seconds.get(1))
    else {
        anyhow::bail!("--print-seconds takes two numbers");
    };
    ensure!(
        0.0 < *shortest && shortest <= longest,
        "--print-seconds takes a shortest and a longest print"
    );
    ensure!(
        options.time_scale > 0.0 && options.updates_per_second > 0.0,
        "rates must be above 0"
    );
    Ok(*shortest..*longest)
}

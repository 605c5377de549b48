//! Tests of the tracker, as tables of events.

mod bench_printer;
mod filament;
mod garbled;
mod history;
mod live;
mod schedules;
mod sync;
mod tolerances;

//! Tests of the store on every engine: SQLite always, MySQL and MariaDB if their URLs are given.

#![expect(clippy::unwrap_used, reason = "a test may end by panicking")]

mod analytics;
mod backups;
mod bulk;
mod connections;
mod database;
mod deletions;
mod fixtures;
mod gcode_files;
mod identity;
mod instances;
mod keys;
mod lists;
mod locks;
mod migrations;
mod notes;
mod outbox;
mod pauses;
mod printers;
mod records;
mod search;
mod sessions;
mod settings;
mod totals;
mod upgrades;
mod values;
mod views;

//! printlog from the outside: its API over real HTTP, its command line as a process, its files.

mod config;
mod config_docs;

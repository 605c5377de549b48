//! The job tracker.

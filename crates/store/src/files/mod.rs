//! G-code files, their thumbnails, the details of jobs, and the queue of jobs whose details are still to be read.

pub(crate) mod details_queue;
pub(crate) mod gcode_files;
pub(crate) mod job_details;
pub(crate) mod listed_details;
pub(crate) mod retention;
pub(crate) mod thumbnails;

//! Tests of the public interface, on the project's own files and on the slicer corpus.

#![expect(clippy::unwrap_used, reason = "a test fails where an assumption does")]

mod accuracy;
mod blocks;
mod containers;
mod corpus;
mod encodings;
mod fetching;
mod fixtures;
mod fuzzing;
mod materials_and_images;
mod numbers;
mod places;
mod resumed;

//! Tests of the public interface, on the project's own files and on the slicer corpus.

mod accuracy;
mod corpus;
mod fetching;
mod materials_and_images;

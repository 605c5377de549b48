//! Tests of the public interface, on the project's own files and on the slicer corpus.

mod accuracy;
mod corpus;

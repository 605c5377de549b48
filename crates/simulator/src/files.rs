//! The G-code files of a printer: their metadata and their content.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::Value;

use crate::{catalog::SlicedFile, gcode_text, klippy::PrintPlan};

/// Upper bound on the size of the header before the moves, in bytes.
const HEAD: u64 = 64 << 10;
const MOVE: &[u8] = b"G1 X110.25 Y95.75 E0.04321\n";

/// A file in the gcodes root.
#[derive(Debug, Clone)]
pub(crate) struct File {
    pub(crate) name: String,
    pub(crate) size: u64,
    pub(crate) modified: f64,
    /// Metadata as in `server.files.metadata`.
    pub(crate) metadata: Arc<Value>,
    pub(crate) plan: PrintPlan,
    /// The content. `None` if it is generated on demand.
    pub(crate) content: Option<Arc<[u8]>>,
    /// Start time and id of its last print.
    pub(crate) last_print: Option<(f64, String)>,
}

#[derive(Debug, Default)]
pub(crate) struct Files(BTreeMap<String, File>);

impl Files {
    pub(crate) fn insert(&mut self, file: SlicedFile, content: Option<Arc<[u8]>>) {
        let size = content.as_ref().map_or_else(
            || file.metadata["size"].as_u64().unwrap_or(0),
            |content| content.len() as u64,
        );
        let modified = file.metadata["modified"].as_f64().unwrap_or(0.0);
        let metadata = Arc::new(file.metadata);
        self.0.insert(
            file.name.clone(),
            File {
                name: file.name,
                size,
                modified,
                metadata,
                plan: file.plan,
                content,
                last_print: None,
            },
        );
    }

    pub(crate) fn remove(&mut self, name: &str) -> bool {
        self.0.remove(name).is_some()
    }

    pub(crate) fn get(&self, name: &str) -> Option<&File> {
        self.0.get(name)
    }

    pub(crate) fn get_mut(&mut self, name: &str) -> Option<&mut File> {
        self.0.get_mut(name)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&String, &File)> {
        self.0.iter()
    }

    /// Whether the file of a job still exists unchanged.
    pub(crate) fn has(&self, name: &str, modified: Option<f64>) -> bool {
        self.0
            .get(name)
            .is_some_and(|file| modified.is_none_or(|modified| modified == file.modified))
    }
}

impl File {
    /// The bytes from `from` (inclusive) to `to` (exclusive).
    pub(crate) fn bytes(&self, from: u64, to: u64) -> Vec<u8> {
        let range = |bytes: &[u8]| {
            let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len());
            bytes[place(from)..place(to)].to_vec()
        };
        match &self.content {
            Some(content) => range(content),
            None => self.generated_content(from, to),
        }
    }

    /// Generates a range of a file that has a slicer header, moves and a settings block at the end, without building
    /// the whole file.
    fn generated_content(&self, from: u64, to: u64) -> Vec<u8> {
        let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
        // The header is generated only if the range touches it.
        let head = if from < HEAD {
            gcode_text::head(&self.name, &self.metadata)
        } else {
            String::new()
        };
        let tail = gcode_text::tail(&self.name, &self.metadata);
        let (head, tail) = (head.as_bytes(), tail.as_bytes());
        let tail_from = self.size.saturating_sub(tail.len() as u64);
        let byte = |at: u64| {
            if at >= tail_from {
                return tail[place(at - tail_from) % tail.len()];
            }
            head.get(place(at))
                .copied()
                .unwrap_or_else(|| MOVE[place(at % MOVE.len() as u64)])
        };
        (from..to.min(self.size)).map(byte).collect()
    }
}

//! File names in memory, folded and in compressed blocks. A search reads all of them in milliseconds, on any database
//! engine. Names beyond the budget are not indexed; a search must read them from the database.

use memchr::{memchr, memchr_iter, memmem};
use snap::raw::{Decoder, Encoder, decompress_len};

/// Separates texts in a block. A text must not contain it.
pub const SEPARATOR: char = '\u{1f}';

/// [`SEPARATOR`] is one byte that is not part of any other character.
const END: u8 = SEPARATOR as u8;

/// Error for a compressed block that cannot be read.
pub type Damaged = snap::Error;

/// Texts by their numbers. Texts never change, and none is removed.
#[derive(Debug)]
pub struct TextIndex {
    blocks: Vec<Block>,
    /// The latest texts, until they fill a block. [`SEPARATOR`] follows each.
    last: String,
    last_runs: Vec<Run>,
    known: IdSet,
    capacity: usize,
    /// Total size of the blocks in bytes.
    used: usize,
    not_indexed_from: Option<u32>,
}

#[derive(Debug)]
struct Block {
    /// Compressed texts.
    text: Box<[u8]>,
    runs: Box<[Run]>,
}

/// Consecutive texts with consecutive numbers: the first number, and how many there are.
type Run = (u32, u32);

/// Size of a block in bytes before compression.
const BLOCK: usize = 64 * 1024;

/// A set of numbers that contains most numbers up to its largest.
#[derive(Debug, Clone, Default)]
pub struct IdSet(Vec<u64>);

impl TextIndex {
    /// Creates an index of about this many bytes.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self {
            blocks: Vec::new(),
            last: String::new(),
            last_runs: Vec::new(),
            known: IdSet::default(),
            capacity,
            used: 0,
            not_indexed_from: None,
        }
    }

    /// Adds a folded text, unless the index is full.
    ///
    /// # Errors
    /// If the text cannot be compressed.
    pub fn add(&mut self, number: u32, text: &str) -> Result<(), Damaged> {
        if self.knows(number) {
            return Ok(());
        }
        if self.used + self.known.bytes() >= self.capacity {
            let first = self.not_indexed_from.map_or(number, |first| first.min(number));
            self.not_indexed_from = Some(first);
            return Ok(());
        }
        self.known.insert(number);
        self.last.push_str(text);
        self.last.push(SEPARATOR);
        match self.last_runs.last_mut() {
            Some((first, count)) if first.checked_add(*count) == Some(number) => *count += 1,
            _ => self.last_runs.push((number, 1)),
        }
        if self.last.len() >= BLOCK {
            let block = Block {
                text: Encoder::new().compress_vec(self.last.as_bytes())?.into(),
                runs: std::mem::take(&mut self.last_runs).into(),
            };
            self.used += block.text.len() + size_of_val(&*block.runs);
            self.blocks.push(block);
            self.last.clear();
        }
        Ok(())
    }

    /// Whether the text with this number was added, even if the index was full.
    #[must_use]
    pub fn knows(&self, number: u32) -> bool {
        self.known.contains(number) || self.not_indexed_from.is_some_and(|first| first <= number)
    }

    /// Texts with this number or a higher one may be missing from the index. `None` if the index is complete.
    #[must_use]
    pub fn not_indexed_from(&self) -> Option<u32> {
        self.not_indexed_from
    }

    /// The numbers of the indexed texts that contain `part`, which must be folded.
    ///
    /// # Errors
    /// If a block cannot be decompressed.
    pub fn containing(&self, part: &str) -> Result<IdSet, Damaged> {
        let mut found = IdSet::default();
        let part = memmem::Finder::new(part);
        let mut text = vec![0; 2 * BLOCK];
        for block in &self.blocks {
            text.resize(text.len().max(decompress_len(&block.text)?), 0);
            let length = Decoder::new().decompress(&block.text, &mut text)?;
            search(&text[..length], &block.runs, &part, &mut found);
        }
        search(self.last.as_bytes(), &self.last_runs, &part, &mut found);
        Ok(found)
    }
}

/// Adds the numbers of the texts in a block that contain `part`.
fn search(text: &[u8], runs: &[Run], part: &memmem::Finder<'_>, found: &mut IdSet) {
    let (mut from, mut place) = (0, 0);
    let (mut runs, mut run, mut before) = (runs.iter(), (0, 0), 0);
    while let Some(at) = part.find(&text[from..]) {
        place += memchr_iter(END, &text[from..from + at]).count();
        while before + run.1 as usize <= place {
            before += run.1 as usize;
            match runs.next() {
                Some(next) => run = *next,
                None => return,
            }
        }
        // `before` texts precede the run, and `place` is in it.
        found.insert(run.0 + u32::try_from(place - before).unwrap_or(0));
        // One match in each text is sufficient.
        let Some(end) = memchr(END, &text[from + at..]) else {
            return;
        };
        from += at + end + 1;
        place += 1;
    }
}

impl IdSet {
    /// Adds a number.
    pub fn insert(&mut self, number: u32) {
        let (word, bit) = Self::place(number);
        if word >= self.0.len() {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= bit;
    }

    /// Whether no number was ever inserted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the number is in the set.
    #[inline]
    #[must_use]
    pub fn contains(&self, number: u32) -> bool {
        let (word, bit) = Self::place(number);
        self.0.get(word).is_some_and(|bits| bits & bit != 0)
    }

    /// The numbers, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u32> {
        let words = (0..).zip(&self.0).filter(|(_, bits)| **bits != 0);
        words.flat_map(|(word, bits)| {
            (0..64)
                .filter(move |bit| bits >> bit & 1 == 1)
                .map(move |bit| word * 64 + bit)
        })
    }

    fn bytes(&self) -> usize {
        size_of_val(self.0.as_slice())
    }

    fn place(number: u32) -> (usize, u64) {
        (number as usize / 64, 1 << (number % 64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_finds_the_names_that_contain_the_text() {
        let mut names = TextIndex::new(1 << 20);
        for (number, name) in [
            (3, "Bench_benchy.gcode"),
            (70, "ÄRGER.gcode"),
            (1, "x"),
            (9, "be"),
            (200, ""),
        ] {
            names.add(number, &name.to_lowercase()).unwrap();
        }
        // Adding a text twice has no further effect.
        names.add(1, "benchy").unwrap();
        let found = |part: &str| {
            let found = names.containing(part).unwrap();
            (0..300)
                .filter(|number| found.contains(*number))
                .collect::<Vec<_>>()
        };
        assert_eq!(found("bench"), [3]);
        assert_eq!(found("be"), [3, 9]);
        assert_eq!(found("är"), [70]);
        assert_eq!(found("x"), [1]);
        assert_eq!(found("gcode"), [3, 70]);
        assert_eq!(found("gcodeä"), [0; 0]);
        assert!(names.knows(200) && !names.knows(2));
        let all = names.containing("").unwrap();
        assert_eq!(all.iter().collect::<Vec<_>>(), [1, 3, 9, 70, 200]);
    }

    #[test]
    fn texts_in_full_blocks_are_found() {
        let mut names = TextIndex::new(1 << 20);
        let number = |place: u32| {
            if place % 1000 == 7 {
                1_000_000 + place
            } else {
                place
            }
        };
        for place in 0..40_000 {
            names.add(number(place), &format!("teil_{place}.gcode")).unwrap();
        }
        assert!(names.blocks.len() > 5);
        for part in ["_7.", "99.", "1007.g", "_39999", "teil", "nothing"] {
            let found = names.containing(part).unwrap();
            for place in 0..40_000 {
                let is_there = format!("teil_{place}.gcode").contains(part);
                assert_eq!(found.contains(number(place)), is_there, "{part} {place}");
            }
        }
    }

    #[test]
    fn a_full_index_reports_which_texts_it_lacks() {
        let mut names = TextIndex::new(30_000);
        let text = |number: u32| format!("part_{number}_{}.gcode", number.wrapping_mul(2_654_435_761));
        for number in 0..40_000 {
            names.add(number, &text(number)).unwrap();
        }
        let first = names.not_indexed_from().unwrap();
        assert!((1_000..39_000).contains(&first), "{first}");
        let found = names.containing("part_").unwrap();
        assert_eq!(found.iter().collect::<Vec<_>>(), (0..first).collect::<Vec<_>>());
        assert!(names.knows(39_999));
    }
}

//! File names in memory, folded, in compressed blocks: to read all of them takes some milliseconds, on every engine.

use memchr::{memchr, memchr_iter, memmem};
use snap::raw::{Decoder, Encoder, decompress_len};

/// Separates texts in a block. A text must not contain it.
pub const SEPARATOR: char = '\u{1f}';

/// A compressed block that cannot be read.
pub type Damaged = snap::Error;

/// The texts that facts have the numbers of. They never change, and more come.
#[derive(Debug, Default)]
pub struct TextIndex {
    blocks: Vec<Block>,
    /// The last ones, until they are many enough for a block. Each is followed by [`SEPARATOR`], which is in none.
    last: String,
    last_runs: Vec<Run>,
    known: IdSet,
}

#[derive(Debug)]
struct Block {
    /// Compressed.
    text: Box<[u8]>,
    runs: Box<[Run]>,
}

/// TextIndex that follow each other, with numbers that do: the first, and how many they are.
type Run = (u32, u32);

/// Bytes of a block before it is compressed.
const BLOCK: usize = 64 * 1024;

/// A set of numbers.
#[derive(Debug, Clone, Default)]
pub struct IdSet(Vec<u64>);

impl TextIndex {
    /// Adds a folded text.
    pub fn add(&mut self, number: u32, name: &str) -> Result<(), snap::Error> {
        if self.known.contains(number) {
            return Ok(());
        }
        self.known.insert(number);
        self.last.push_str(name);
        self.last.push(SEPARATOR);
        match self.last_runs.last_mut() {
            Some((first, count)) if first.checked_add(*count) == Some(number) => *count += 1,
            _ => self.last_runs.push((number, 1)),
        }
        if self.last.len() >= BLOCK {
            self.blocks.push(Block {
                text: Encoder::new().compress_vec(self.last.as_bytes())?.into(),
                runs: std::mem::take(&mut self.last_runs).into(),
            });
            self.last.clear();
        }
        Ok(())
    }

    /// Whether the text with this number was added.
    pub fn knows(&self, number: u32) -> bool {
        self.known.contains(number)
    }

    /// The numbers of the names that contain `part`, which is folded.
    pub fn containing(&self, part: &str) -> Result<IdSet, snap::Error> {
        let mut found = IdSet::default();
        let part = memmem::Finder::new(part);
        let mut text = vec![0; 2 * BLOCK];
        for block in &self.blocks {
            text.resize(text.len().max(decompress_len(&block.text)?), 0);
            let length = Decoder::new().decompress(&block.text, &mut text)?;
            look_through(&text[..length], &block.runs, &part, &mut found);
        }
        look_through(self.last.as_bytes(), &self.last_runs, &part, &mut found);
        Ok(found)
    }
}

fn look_through(text: &[u8], runs: &[Run], part: &memmem::Finder<'_>, found: &mut IdSet) {
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
        // What comes before the run is less than the place.
        found.insert(run.0 + u32::try_from(place - before).unwrap_or(0));
        // One in each name is enough.
        let Some(end) = memchr(END, &text[from + at..]) else {
            return;
        };
        from += at + end + 1;
        place += 1;
    }
}

/// [`SEPARATOR`] is one byte, which is no part of another character.
const END: u8 = SEPARATOR as u8;

impl IdSet {
    fn insert(&mut self, number: u32) {
        let (word, bit) = Self::place(number);
        if word >= self.0.len() {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= bit;
    }

    /// Whether no number was ever inserted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the number is in the set.
    #[inline]
    pub fn contains(&self, number: u32) -> bool {
        let (word, bit) = Self::place(number);
        self.0.get(word).is_some_and(|bits| bits & bit != 0)
    }

    fn place(number: u32) -> (usize, u64) {
        (number as usize / 64, 1 << (number % 64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_found_in_the_names_that_have_them() {
        let mut names = TextIndex::default();
        for (number, name) in [
            (3, "Bench_benchy.gcode"),
            (70, "ÄRGER.gcode"),
            (1, "x"),
            (9, "be"),
            (200, ""),
        ] {
            names.add(number, &name.to_lowercase()).unwrap();
        }
        // Said twice is said once.
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
    }

    #[test]
    fn those_in_full_blocks_are_found_too() {
        let mut names = TextIndex::default();
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
}

//! The memories: the latest ones to search, all of them in a file.

use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::embedding::Embedding;
use crate::log;

/// How many memories are searched: the latest ones. Chosen so that a search costs a few hundred
/// microseconds in a release build, as much as one in the real Engram.
pub const CAPACITY: usize = 1_000;

const FILE_NAME: &str = "memories.jsonl";

/// One remembered thing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Memory {
    /// Number of the memory, counted from 1 in the order of storing.
    pub id: u64,
    /// What is remembered.
    pub content: String,
    /// How sure it is, 0 to 1.
    pub confidence: f32,
    /// Where it lies among the others.
    pub embedding: Embedding,
}

/// A memory found, and how near it is.
pub struct Match<'a> {
    /// The memory.
    pub memory: &'a Memory,
    /// Cosine similarity to what was asked for, -1 to 1.
    pub similarity: f32,
}

/// The memories of one data directory.
pub struct Store {
    latest: VecDeque<Memory>,
    next_id: u64,
    file: File,
}

impl Store {
    /// Opens a data directory, which is made if need be, and replays what earlier servers left there.
    ///
    /// # Errors
    /// The directory or its file cannot be made, read or written.
    pub fn open(directory: &Path) -> io::Result<Self> {
        fs::create_dir_all(directory)?;
        let path = directory.join(FILE_NAME);
        let mut file = OpenOptions::new().create(true).read(true).append(true).open(path)?;
        let mut lines: VecDeque<Vec<u8>> = VecDeque::with_capacity(CAPACITY + 1);
        for line in BufReader::new(&file).split(b'\n') {
            lines.push_back(line?);
            if lines.len() > CAPACITY {
                lines.pop_front();
            }
        }
        let latest: VecDeque<Memory> = lines.iter().filter_map(|line| replay(line)).collect();
        // A server that was killed may have left half a line: what follows must start on its own.
        if latest.len() < lines.len() {
            writeln!(file)?;
        }
        let next_id = latest.back().map_or(1, |memory| memory.id + 1);
        Ok(Self { latest, next_id, file })
    }

    /// How many memories are searched at present.
    #[must_use]
    pub fn len(&self) -> usize {
        self.latest.len()
    }

    /// Whether there is nothing to search.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.latest.is_empty()
    }

    /// Remembers something, in the file too, and returns its number.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn insert(
        &mut self,
        content: String,
        confidence: f32,
        embedding: Embedding,
    ) -> io::Result<u64> {
        let memory = Memory { id: self.next_id, content, confidence, embedding };
        let mut line = serde_json::to_vec(&memory)?;
        line.push(b'\n');
        self.file.write_all(&line)?;
        self.next_id += 1;
        if self.latest.len() == CAPACITY {
            self.latest.pop_front();
        }
        let id = memory.id;
        self.latest.push_back(memory);
        Ok(id)
    }

    /// At most `limit` memories whose similarity is at least `threshold`, nearest first.
    #[must_use]
    pub fn nearest(
        &self,
        similarity: impl Fn(&Embedding) -> f32,
        threshold: f32,
        limit: usize,
    ) -> Vec<Match<'_>> {
        let mut matches: Vec<Match> = self
            .latest
            .iter()
            .map(|memory| Match { memory, similarity: similarity(&memory.embedding) })
            .filter(|found| found.similarity >= threshold)
            .collect();
        matches.sort_by(|a, b| b.similarity.total_cmp(&a.similarity));
        matches.truncate(limit);
        matches
    }
}

fn replay(line: &[u8]) -> Option<Memory> {
    serde_json::from_slice(line)
        .inspect_err(|error| {
            if !line.is_empty() {
                log::error(format_args!("WARN a line of {FILE_NAME} is left out: {error}"));
            }
        })
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remember(store: &mut Store, content: &str) -> u64 {
        store.insert(content.to_owned(), 0.9, Embedding::of_text(content)).unwrap()
    }

    fn contents(store: &Store) -> Vec<&str> {
        store.latest.iter().map(|memory| memory.content.as_str()).collect()
    }

    #[test]
    fn a_store_opened_again_has_what_was_stored_before() {
        let directory = tempfile::tempdir().unwrap();
        let mut store = Store::open(directory.path()).unwrap();
        remember(&mut store, "one");
        remember(&mut store, "two");
        let again = Store::open(directory.path()).unwrap();
        assert_eq!(contents(&again), ["one", "two"]);
    }

    #[test]
    fn numbering_goes_on_after_a_replay() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(remember(&mut Store::open(directory.path()).unwrap(), "one"), 1);
        assert_eq!(remember(&mut Store::open(directory.path()).unwrap(), "two"), 2);
    }

    #[test]
    fn a_torn_line_costs_only_itself() {
        let directory = tempfile::tempdir().unwrap();
        remember(&mut Store::open(directory.path()).unwrap(), "one");
        let path = directory.path().join(FILE_NAME);
        let mut file = OpenOptions::new().append(true).open(path).unwrap();
        file.write_all(br#"{"id":2,"cont"#).unwrap();
        remember(&mut Store::open(directory.path()).unwrap(), "two");
        assert_eq!(contents(&Store::open(directory.path()).unwrap()), ["one", "two"]);
    }

    #[test]
    fn only_the_latest_memories_are_searched() {
        let directory = tempfile::tempdir().unwrap();
        let mut store = Store::open(directory.path()).unwrap();
        for number in 0..=CAPACITY {
            remember(&mut store, &format!("memory {number}"));
        }
        assert_eq!((store.len(), contents(&store)[0]), (CAPACITY, "memory 1"));
    }

    #[test]
    fn the_nearest_come_first_and_the_far_are_left_out() {
        let directory = tempfile::tempdir().unwrap();
        let mut store = Store::open(directory.path()).unwrap();
        for content in ["something else", "fan effect priming", "fan effect spreading"] {
            remember(&mut store, content);
        }
        let cue = Embedding::of_text("fan effect spreading");
        let found = store.nearest(|embedding| embedding.cosine(&cue), 0.5, 10);
        let found: Vec<&str> = found.iter().map(|found| found.memory.content.as_str()).collect();
        assert_eq!(found, ["fan effect spreading", "fan effect priming"]);
    }
}

//! Reading of recorded runs: the list of all, and the newest group of a side.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::{Error, Fault, Result};
use crate::model::load_result::LoadResult;
use crate::model::names::{Mode, Part, Phase, RunName, TaskId, Timestamp};
use crate::model::provenance::Provenance;
use crate::model::recorded::{Group, Recorded};
use crate::store::results::Results;

/// The names of all recorded results, unsorted. There may be very many: only those that are asked for are read and
/// sorted.
pub struct Listing(Vec<String>);

impl Listing {
    /// Lists the results. A folder that does not exist has none.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn read(results: &Results) -> Result<Self> {
        let failed = |error| Error::at("cannot read", results.folder())(error);
        // Not walkdir: for one flat folder of very many files the standard library alone is several times faster.
        let entries = match fs::read_dir(results.folder()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self(Vec::new())),
            other => other.map_err(failed)?,
        };
        let suffix = Part::Result.suffix();
        let mut stems = Vec::new();
        for entry in entries {
            let file = entry.map_err(failed)?.file_name();
            // Three of the four files of a run are no result: they take no more time than this.
            if !file.as_encoded_bytes().ends_with(suffix.as_bytes()) {
                continue;
            }
            // This tool writes no name that is not UTF-8.
            if let Ok(mut stem) = file.into_string() {
                stem.truncate(stem.len() - suffix.len());
                stems.push(stem);
            }
        }
        Ok(Self(stems))
    }

    /// The runs of one task, oldest first.
    pub(crate) fn of_task(&self, task: &TaskId) -> Vec<RunName> {
        let prefixes = Mode::ALL.map(|mode| format!("{}{task}_", mode.prefix()));
        let is_its = |stem: &&str| prefixes.iter().any(|prefix| stem.starts_with(prefix));
        let mut names = sorted(self.0.iter().map(String::as_str).filter(is_its));
        names.retain(|name| name.task == *task);
        names
    }

    /// All runs, oldest first.
    pub fn all(&self) -> Vec<RunName> {
        sorted(self.0.iter().map(String::as_str))
    }

    /// The newest runs of a mode, at most so many, oldest first.
    pub(crate) fn newest(&self, mode: Mode, most: usize) -> Vec<RunName> {
        let mut stems: Vec<(&str, &str)> = self
            .0
            .iter()
            .filter(|stem| Mode::of_file_name(stem) == mode)
            .filter_map(|stem| Some((time_of(stem)?, stem.as_str())))
            .collect();
        if stems.len() > most {
            stems.select_nth_unstable_by(most, |a, b| b.cmp(a));
            stems.truncate(most);
        }
        sorted(stems.into_iter().map(|(_, stem)| stem))
    }
}

/// The timestamp at the end of a name, which sorts as text does.
fn time_of(stem: &str) -> Option<&str> {
    let time = stem.get(stem.len().checked_sub(Timestamp::LENGTH)?..)?;
    let is_time = |byte: u8| byte.is_ascii_digit() || byte == b'_';
    time.bytes().all(is_time).then_some(time)
}

fn sorted<'a>(stems: impl Iterator<Item = &'a str>) -> Vec<RunName> {
    let mut names: Vec<RunName> = stems.filter_map(RunName::parse).collect();
    names.sort_unstable();
    names
}

/// The newest group among `names`, which are sorted, of one mode and phase. Runs of a paired session are none.
///
/// A group is known by its name, which is that of its first run: other runs may lie between its own.
pub(crate) fn newest_group(
    results: &Results,
    names: &[RunName],
    mode: Mode,
    phase: Phase,
) -> Option<Group> {
    let mut newest_first = names
        .iter()
        .rev()
        .filter(|name| name.mode == mode && name.phase == phase)
        .skip_while(|name| is_of_session(results, name))
        .map(|name| (name, read(&results.path(name, Part::Result))))
        .skip_while(|(_, run)| place(run).is_some_and(|provenance| provenance.session.is_some()));
    let (name, newest) = newest_first.next()?;
    let Some(run) = place(&newest).map(|provenance| provenance.run.clone()) else {
        return Some(alone(newest));
    };
    let planned = usize::try_from(run.of).unwrap_or(usize::MAX);
    let began = RunName::parse(&run.group).map_or(name.timestamp, |first| first.timestamp);
    let others = newest_first.take_while(|(name, _)| name.timestamp >= began);
    let mut indices = vec![run.index];
    let (mut runs, mut unreadable) = (vec![newest], Vec::new());
    for (_, other) in others {
        match place(&other).map(|provenance| &provenance.run) {
            Some(place) if place.group == run.group && !indices.contains(&place.index) => {
                indices.push(place.index);
                runs.push(other);
            }
            _ if other.is_err() => unreadable.push(other),
            _ => {}
        }
        if indices.len() >= planned {
            break;
        }
    }
    // Where one is missing, an unreadable one may be it, and is not ignored.
    if indices.len() < planned {
        runs.extend(unreadable);
    }
    runs.reverse();
    Some(Group { runs, planned: run.of })
}

/// `true` where the text of a run's provenance has a session. To parse thousands of them would be slow.
fn is_of_session(results: &Results, name: &RunName) -> bool {
    read_file(&results.path(name, Part::Diagnosis))
        .is_ok_and(|text| text.split(|&byte| byte == b'\n').any(|line| line == b"[session]"))
}

fn place(run: &Result<Recorded, Fault>) -> Option<&Provenance> {
    run.as_ref().ok()?.provenance.as_ref()
}

/// The group of the one run at `path`.
pub(crate) fn lone(path: &Path) -> Group {
    alone(read(path))
}

fn alone(run: Result<Recorded, Fault>) -> Group {
    let (runs, planned) = (vec![run], 1);
    Group { runs, planned }
}

/// Reads one result file, and the provenance beside it.
///
/// # Errors
/// Names the defect of the result or its provenance.
pub fn read(path: &Path) -> Result<Recorded, Fault> {
    let bytes = read_file(path).map_err(|error| unreadable(path, error))?;
    let result = LoadResult::parse(&bytes).map_err(|why| Fault::new(why).in_file(path))?;
    let provenance = match diagnosis_beside(path) {
        None => None,
        Some(beside) => match read_file(&beside) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(unreadable(&beside, error)),
            Ok(text) => Provenance::parse(&String::from_utf8_lossy(&text))
                .map_err(|fault| fault.in_file(beside))?,
        },
    };
    Ok(Recorded { path: path.to_owned(), result, provenance, bytes })
}

fn unreadable(path: &Path, error: io::Error) -> Fault {
    Fault::new(error.to_string()).in_file(path)
}

/// Reads a regular file; refuses FIFOs, which would block.
fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    match fs::metadata(path)?.is_file() {
        true => fs::read(path),
        false => Err(io::Error::other("not a regular file")),
    }
}

/// The path of the diagnosis of a result, whatever the name of the result.
fn diagnosis_beside(path: &Path) -> Option<PathBuf> {
    let stem = path.file_stem()?.to_str()?;
    Some(path.with_file_name(format!("{stem}_diag.txt")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(stems: &[&str]) -> Listing {
        Listing(stems.iter().map(|stem| (*stem).to_owned()).collect())
    }

    fn shown(names: &[RunName]) -> Vec<String> {
        names.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_newest_runs_of_a_mode_are_those_with_the_latest_timestamps() {
        let listing = listing(&[
            "a_after_20251108_140003",
            "zzz_before_20251108_140001",
            "competitive_a_after_20251108_150000",
            "b_before_20251108_140002",
            "notes",
        ]);
        assert_eq!(
            shown(&listing.newest(Mode::Internal, 2)),
            ["b_before_20251108_140002", "a_after_20251108_140003"]
        );
        assert_eq!(listing.newest(Mode::Internal, 9).len(), 3);
        assert_eq!(listing.newest(Mode::Competitive, 9).len(), 1);
    }

    #[test]
    fn the_runs_of_a_task_are_its_own_in_order_of_time() {
        let listing = listing(&[
            "a_after_20251108_140003",
            "a_b_after_20251108_140001",
            "competitive_a_before_20251108_140001",
            "a_before_20251108_140002",
        ]);
        assert_eq!(
            shown(&listing.of_task(&TaskId::parse("a").unwrap())),
            [
                "competitive_a_before_20251108_140001",
                "a_before_20251108_140002",
                "a_after_20251108_140003"
            ]
        );
    }
}

//! Reading of recorded runs: the list of all, and the newest group of a side.

use std::io;
use std::num::NonZero;
use std::panic::resume_unwind;
use std::path::Path;
use std::thread;

use time::Duration;

use crate::error::{Fault, Result};
use crate::files;
use crate::model::load_result::LoadResult;
use crate::model::names::{Mode, Part, Phase, RunName, TaskId, Timestamp};
use crate::model::provenance::Provenance;
use crate::model::recorded::{Group, Recorded, Start};
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
        let suffix = Part::Result.suffix();
        let mut stems = files::names(results.folder())?;
        stems.retain(|name| name.ends_with(suffix));
        stems.iter_mut().for_each(|name| name.truncate(name.len() - suffix.len()));
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

    /// The recorded task that is the same number with other zeros before it: 007 for 7.
    pub(crate) fn namesake(&self, task: &TaskId) -> Option<TaskId> {
        let number = |task: &TaskId| task.as_str().trim_start_matches('0').to_owned();
        let mut others = self.0.iter().filter_map(|stem| Some(RunName::parse(stem)?.task));
        others.find(|other| other != task && number(other) == number(task))
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

/// The groups among `names`, which are sorted, in order of time: the name of the newest run, and the runs newest first. All
/// runs of one side of a session are one group.
pub(crate) fn groups(results: &Results, names: &[RunName]) -> Vec<(RunName, Vec<Run>)> {
    let mut groups: Vec<(String, RunName, Vec<Run>)> = Vec::new();
    for (name, run) in names.iter().zip(read_all(results, names)).rev() {
        let key = group_key(name, &run);
        match groups.iter_mut().rev().take(LOOK_BACK).find(|(known, ..)| *known == key) {
            Some((_, _, runs)) => runs.push(run),
            None => groups.push((key, name.clone(), vec![run])),
        }
    }
    groups.into_iter().rev().map(|(_, name, runs)| (name, runs)).collect()
}

/// Reads runs on all processors: there may be very many.
fn read_all(results: &Results, names: &[RunName]) -> Vec<Run> {
    let read = |name| read(&results.path(name, Part::Result));
    let processors = thread::available_parallelism().map_or(1, NonZero::get);
    let part = names.len().div_ceil(processors).max(1);
    thread::scope(|scope| {
        let parts = names
            .chunks(part)
            .map(|names| scope.spawn(move || names.iter().map(read).collect::<Vec<Run>>()));
        let parts: Vec<_> = parts.collect();
        let parts =
            parts.into_iter().map(|part| part.join().unwrap_or_else(|it| resume_unwind(it)));
        parts.flatten().collect()
    })
}

/// A run, read or refused.
pub(crate) type Run = Result<Recorded, Fault>;

/// Runs of one group lie near each other in time: this many groups back at most.
const LOOK_BACK: usize = 8;

fn group_key(name: &RunName, run: &Run) -> String {
    match place(run) {
        Some(provenance) => match &provenance.session {
            Some(session) => format!("{} {}", session.id, name.phase),
            None => provenance.run.group.clone(),
        },
        None => name.to_string(),
    }
}

/// The newest group among `names`, which are sorted, of one mode and phase. Runs of a paired session are none.
pub(crate) fn newest_group(
    results: &Results,
    names: &[RunName],
    mode: Mode,
    phase: Phase,
) -> Option<Group> {
    let (runs, planned) = newest_members(results, names, mode, phase)?;
    Some(Group { runs: runs.into_iter().map(|(_, run)| run).collect(), planned })
}

/// The members of that group, in the order of their names, and the number that it was to have.
///
/// A group is known by its name, which is that of its first run: other runs may lie between its own.
pub(crate) fn newest_members<'a>(
    results: &Results,
    names: &'a [RunName],
    mode: Mode,
    phase: Phase,
) -> Option<(Vec<(&'a RunName, Run)>, u32)> {
    let is_of_side = |name: &&RunName| name.mode == mode && name.phase == phase;
    let by_name = || names.iter().rev().filter(is_of_side);
    let read = |name| (name, read(&results.path(name, Part::Result)));
    let (name, newest) = read(newest(results, by_name())?);
    let Some(run) = place(&newest).map(|provenance| provenance.run.clone()) else {
        return Some((vec![(name, newest)], 1));
    };
    let began = RunName::parse(&run.group).map_or(name.timestamp, |first| first.timestamp);
    let others = by_name().filter(|other| *other != name);
    let others = others.take_while(|other| other.timestamp >= began).map(read);
    let planned = usize::try_from(run.of).unwrap_or(usize::MAX);
    let mut indices = vec![run.index];
    let (mut runs, mut unreadable) = (vec![(name, newest)], Vec::new());
    for (name, other) in others {
        if indices.len() >= planned {
            break;
        }
        match place(&other).map(|provenance| &provenance.run) {
            Some(place) if place.group == run.group && !indices.contains(&place.index) => {
                indices.push(place.index);
                runs.push((name, other));
            }
            _ if other.is_err() => unreadable.push((name, other)),
            _ => {}
        }
    }
    // Where one is missing, an unreadable one may be it, and is not ignored.
    if indices.len() < planned {
        runs.extend(unreadable);
    }
    runs.sort_by_key(|(name, _)| *name);
    Some((runs, run.of))
}

/// The newest of these names, newest first, that is no run of a paired session. Names are in local time: the newest by
/// the moments in the provenance lies within the names of a day, more or less.
fn newest<'a>(
    results: &Results,
    by_name: impl Iterator<Item = &'a RunName>,
) -> Option<&'a RunName> {
    let singles = by_name.filter_map(|name| Some((name, single_start(results, name)?)));
    let mut singles = singles.peekable();
    let latest = singles.peek()?.0.timestamp.moment();
    singles
        .take_while(|(name, _)| latest - name.timestamp.moment() <= FARTHEST_CLOCKS)
        .reduce(|newest, other| if other.1.is_after(newest.1) { other } else { newest })
        .map(|(name, _)| name)
}

/// From the time zone farthest behind to the one farthest ahead.
const FARTHEST_CLOCKS: Duration = Duration::hours(26);

/// When a run was started; `None` for one of a paired session.
fn single_start(results: &Results, name: &RunName) -> Option<Start> {
    let text = files::read(&results.path(name, Part::Diagnosis)).unwrap_or_default();
    // To parse thousands of them would be slow.
    if Provenance::is_of_session(&text) {
        return None;
    }
    let own = Provenance::parse(&String::from_utf8_lossy(&text)).ok().flatten();
    let is_single = own.as_ref().is_none_or(|own| own.session.is_none());
    is_single.then(|| Start::of(&name.to_string(), own.as_ref()))
}

/// A run of a mode after the change that was measured on `content`, the newest by its name.
pub(crate) fn after_on<'a>(
    results: &Results,
    names: &'a [RunName],
    mode: Mode,
    content: &str,
) -> Option<&'a RunName> {
    let is_after = |name: &&RunName| name.mode == mode && name.phase == Phase::After;
    let has_content = |name: &&RunName| {
        let run = read(&results.path(name, Part::Result));
        place(&run).is_some_and(|own| own.build.content.as_deref() == Some(content))
    };
    names.iter().rev().filter(is_after).find(has_content)
}

fn place(run: &Run) -> Option<&Provenance> {
    run.as_ref().ok()?.provenance.as_ref()
}

/// The group of the one run at `path`.
pub(crate) fn lone(path: &Path) -> Group {
    Group { runs: vec![read(path)], planned: 1 }
}

/// Reads one result file, and the provenance beside it.
///
/// # Errors
/// Names the defect of the result or its provenance.
pub fn read(path: &Path) -> Result<Recorded, Fault> {
    let bytes = files::read(path).map_err(|error| unreadable(path, error))?;
    let result = LoadResult::parse(&bytes).map_err(|why| Fault::new(why).in_file(path))?;
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let beside = path.with_file_name(format!("{stem}{}", Part::Diagnosis.suffix()));
    let provenance = match files::read(&beside) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(unreadable(&beside, error)),
        Ok(text) => Provenance::parse(&String::from_utf8_lossy(&text))
            .map_err(|fault| fault.in_file(beside))?,
    };
    Ok(Recorded { path: path.to_owned(), result, provenance, bytes })
}

fn unreadable(path: &Path, error: io::Error) -> Fault {
    Fault::new(error.to_string()).in_file(path)
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

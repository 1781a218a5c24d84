//! The names of recorded runs: `[competitive_]<task>_<before|after>_<YYYYMMDD_HHMMSS>` and a suffix for each file.

use std::fmt;
use std::sync::LazyLock;

use time::PrimitiveDateTime;
use time::format_description::{self, BorrowedFormatItem};

/// Declares an enum of words: each is its variant in file names, in files and in messages.
macro_rules! words {
    ($($(#[$of_enum:meta])* pub enum $name:ident {
        $($(#[$of_variant:meta])* $variant:ident = $word:literal,)+
    })+) => {
        $($(#[$of_enum])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$of_variant])* $variant,)+
        }

        impl $name {
            /// All, in the order in which they are shown.
            pub const ALL: [Self; [$($word),+].len()] = [$(Self::$variant),+];

            pub(crate) fn parse(word: &str) -> Option<Self> {
                Self::ALL.into_iter().find(|known| known.name() == word)
            }

            pub(crate) fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.name())
            }
        })+
    };
}

words! {
    /// The comparison that a run is for, which its file name shows.
    pub enum Mode {
        /// Before against after, on the internal scenario.
        Internal = "internal",
        /// The same on the competitive scenario, and the position against the competitor.
        Competitive = "competitive",
    }

    /// The measured side of the change.
    pub enum Phase {
        /// Without the change.
        Before = "before",
        /// With it.
        After = "after",
    }

    /// The way in which the two runs of a pair are measured. The two kinds are never mixed in one record.
    pub enum How {
        /// Both at the same time.
        Duet = "duet",
        /// One after the other.
        Alternating = "alternating",
    }
}

impl Mode {
    /// The mode in a file name, whatever the rest of the name is.
    pub(crate) fn of_file_name(name: &str) -> Self {
        match name.starts_with(COMPETITIVE_PREFIX) {
            true => Self::Competitive,
            false => Self::Internal,
        }
    }

    /// The file name prefix that marks the mode.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Internal => "",
            Self::Competitive => COMPETITIVE_PREFIX,
        }
    }
}

const COMPETITIVE_PREFIX: &str = "competitive_";

/// A task's id: letters, digits, `.`, `_` and `-`, starting with a letter or digit, at most
/// [`TaskId::MAX_LENGTH`] long, and never one that would make a file name ambiguous.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskId(String);

impl TaskId {
    /// Longest id, in bytes: the longest file name still fits in the 255 bytes that file systems allow.
    pub(crate) const MAX_LENGTH: usize = 128;

    /// Reads an id.
    ///
    /// # Errors
    /// The rule that `text` breaks.
    pub fn parse(text: &str) -> Result<Self, String> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if !text.starts_with(|c: char| c.is_ascii_alphanumeric()) {
            return Err("it must start with a letter or digit".into());
        }
        if let Some(bad) = text.chars().find(|&c| !allowed(c)) {
            return Err(format!("{bad:?} is not allowed; use letters, digits, `.`, `_` and `-`"));
        }
        if text.len() > Self::MAX_LENGTH {
            return Err(format!("it is longer than {} bytes", Self::MAX_LENGTH));
        }
        // This runs for every name in a folder of very many: nothing is allocated.
        let start = text.get(..COMPETITIVE_PREFIX.len());
        if start.is_some_and(|start| start.eq_ignore_ascii_case(COMPETITIVE_PREFIX)) {
            return Err(format!(
                "`{COMPETITIVE_PREFIX}` marks competitive results; use --competitive"
            ));
        }
        let mut words = text.split('_').skip(1);
        if words.any(|word| Phase::parse(word).is_some()) {
            return Err("`_before` or `_after` in it would make file names ambiguous".into());
        }
        Ok(Self(text.to_owned()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A moment in local time, to the second, as file names carry it: `YYYYMMDD_HHMMSS`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(PrimitiveDateTime);

impl Timestamp {
    /// Its length as text, in bytes.
    pub(crate) const LENGTH: usize = 15;

    /// The timestamp of a moment, its fraction of a second dropped.
    pub fn of(moment: PrimitiveDateTime) -> Self {
        Self(moment.truncate_to_second())
    }

    pub fn moment(self) -> PrimitiveDateTime {
        self.0
    }

    /// Reads `YYYYMMDD_HHMMSS`; `None` where it is not a date and time.
    pub fn parse(text: &str) -> Option<Self> {
        PrimitiveDateTime::parse(text, &*FORMAT).ok().map(Self)
    }
}

#[expect(clippy::expect_used, reason = "a constant, and parsed by the tests")]
static FORMAT: LazyLock<Vec<BorrowedFormatItem<'static>>> = LazyLock::new(|| {
    format_description::parse_borrowed::<2>("[year][month][day]_[hour][minute][second]")
        .expect("a valid description")
});

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.format(&*FORMAT).map_err(|_| fmt::Error)?)
    }
}

/// One of the files that a run is recorded in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The load generator's own result; without it the other files count for nothing.
    Result,
    /// The server's memory and CPU over the load.
    System,
    /// The provenance.
    Diagnosis,
    /// The output of the load generator.
    LoadLog,
}

impl Part {
    /// Every part, in the order in which a run is saved. The one that makes it count is the last; the one that says
    /// where it belongs is the first, so that nothing is left of an interruption that does not say it.
    pub const ALL: [Self; 4] = [Self::Diagnosis, Self::System, Self::LoadLog, Self::Result];

    /// The end of the file name, after the name of the run.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Result => ".json",
            Self::System => "_sys.txt",
            Self::Diagnosis => "_diag.txt",
            Self::LoadLog => "_loadtest.log",
        }
    }
}

/// The name of a recorded run. Names are ordered by time first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunName {
    /// When the run was started.
    pub timestamp: Timestamp,
    pub mode: Mode,
    pub task: TaskId,
    pub phase: Phase,
}

impl RunName {
    /// The file name of one part.
    pub fn file(&self, part: Part) -> String {
        format!("{self}{}", part.suffix())
    }

    /// Reads the file name of a result (`….json`); `None` for any other file.
    pub fn of_result(file_name: &str) -> Option<Self> {
        Self::parse(file_name.strip_suffix(Part::Result.suffix())?)
    }

    /// Reads a name without a suffix. Read from the right, so that ids with `_` in them are safe.
    pub fn parse(stem: &str) -> Option<Self> {
        let (rest, timestamp) =
            stem.split_at_checked(stem.len().checked_sub(Timestamp::LENGTH)?)?;
        let timestamp = Timestamp::parse(timestamp)?;
        let (rest, phase) = rest.strip_suffix('_')?.rsplit_once('_')?;
        let mode = Mode::of_file_name(rest);
        let task = TaskId::parse(rest.strip_prefix(mode.prefix())?).ok()?;
        Some(Self { timestamp, mode, task, phase: Phase::parse(phase)? })
    }
}

impl fmt::Display for RunName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}_{}_{}", self.mode.prefix(), self.task, self.phase, self.timestamp)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_text_is_no_name_or_the_name_that_it_is(stem in any::<String>()) {
            if let Some(name) = RunName::parse(&stem) {
                prop_assert_eq!(name.to_string(), stem);
            }
        }

        #[test]
        fn what_is_nearly_a_name_is_none_or_the_name_that_it_is(
            stem in "(competitive_)?[0-9A-Za-z._-]{0,9}_?(before|after|befor)_?[0-9]{7,9}_?[0-9]{5,7}"
        ) {
            if let Some(name) = RunName::parse(&stem) {
                prop_assert_eq!(name.to_string(), stem);
            }
        }

        #[test]
        fn every_name_of_a_task_is_read_again(
            task in "[0-9A-Za-z][0-9A-Za-z._-]{0,20}", mode in 0..2_usize, phase in 0..2_usize
        ) {
            if let Ok(task) = TaskId::parse(&task) {
                let timestamp = Timestamp::parse("20240229_235959").unwrap();
                let name = RunName { timestamp, mode: Mode::ALL[mode], task, phase: Phase::ALL[phase] };
                prop_assert_eq!(RunName::parse(&name.to_string()), Some(name));
            }
        }
    }

    #[test]
    fn the_names_of_the_specification_are_read_and_written_alike() {
        for stem in [
            "007_before_20251108_140000",
            "competitive_007_after_20251108_144000",
            "a.b-c_d_before_20240229_235959",
        ] {
            assert_eq!(RunName::parse(stem).unwrap().to_string(), stem);
        }
    }

    #[test]
    fn a_date_that_does_not_exist_is_not_a_run() {
        for stem in [
            "007_before_20251308_140000",
            "007_before_20250229_140000",
            "007_before_20251108_240000",
        ] {
            assert_eq!(RunName::parse(stem), None, "{stem}");
        }
    }

    #[test]
    fn only_a_result_file_names_a_run() {
        let name = RunName::parse("007_before_20251108_140000").unwrap();
        assert_eq!(RunName::of_result(&name.file(Part::Result)), Some(name.clone()));
        for part in [Part::System, Part::Diagnosis, Part::LoadLog] {
            assert_eq!(RunName::of_result(&name.file(part)), None);
        }
    }

    #[test]
    fn ids_that_would_be_ambiguous_or_leave_the_folder_are_refused() {
        for id in [
            "",
            "../x",
            "a/b",
            ".hidden",
            "-flag",
            "competitive_007",
            "COMPETITIVE_7",
            "007_before",
            "007_after_2",
            "é",
            "a b",
            "a\0",
        ] {
            assert!(TaskId::parse(id).is_err(), "{id:?}");
        }
        assert!(TaskId::parse(&"x".repeat(TaskId::MAX_LENGTH + 1)).is_err());
    }

    #[test]
    fn ordinary_ids_are_taken() {
        for id in ["007", "7.1", "fan-effect", "a_b", "aftermath", "x_beforehand"] {
            assert!(TaskId::parse(id).is_ok(), "{id:?}");
        }
    }

    #[test]
    fn later_runs_sort_after_earlier_ones() {
        let earlier = RunName::parse("zzz_before_20251108_140000").unwrap();
        let later = RunName::parse("competitive_007_after_20251108_140001").unwrap();
        assert!(earlier < later);
    }
}

//! The words that are typed, read one option at a time. Knows no command: the options that it may suggest come from a
//! command's help text.

use std::ffi::OsString;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use pico_args::Arguments;

use crate::error::{Error, Result};
use crate::model::names::{Mode, TaskId};

/// The most seconds that any option takes: a day.
const MOST_SECONDS: u64 = 86_400;

/// The words that have not been read yet.
pub(crate) struct Words {
    left: Arguments,
    help: &'static str,
}

impl Words {
    pub(crate) fn new(words: Vec<OsString>) -> Self {
        Self { left: Arguments::from_vec(words), help: "" }
    }

    /// The same words, as those of the command that `help` describes.
    pub(crate) fn of(self, help: &'static str) -> Self {
        Self { help, ..self }
    }

    /// The next word, unless it is an option; `what` it is names it in an error.
    pub(crate) fn next(&mut self, what: &str) -> Result<Option<String>> {
        self.left
            .subcommand()
            .map_err(|error| Error::because(format!("the {what} cannot be read"), error))
    }

    pub(crate) fn ask_for_help(&mut self) -> bool {
        self.left.contains(["-h", "--help"])
    }

    pub(crate) fn flag(&mut self, flag: &'static str) -> bool {
        self.left.contains(flag)
    }

    pub(crate) fn mode(&mut self) -> Mode {
        if self.flag("--competitive") { Mode::Competitive } else { Mode::Internal }
    }

    /// The one mode that is asked for, if any.
    pub(crate) fn only_mode(&mut self) -> Result<Option<Mode>> {
        match (self.flag("--internal"), self.flag("--competitive")) {
            (true, true) => Err(Error::new("--internal and --competitive exclude each other")),
            (true, false) => Ok(Some(Mode::Internal)),
            (false, true) => Ok(Some(Mode::Competitive)),
            (false, false) => Ok(None),
        }
    }

    pub(crate) fn path(&mut self, flag: &'static str) -> Result<Option<PathBuf>> {
        self.left
            .opt_value_from_os_str(flag, |text| Ok::<_, String>(PathBuf::from(text)))
            .map_err(|_| Error::new(format!("{flag} needs a path")))
    }

    /// The value of `flag` as `read` understands it; an error says that it `takes` something else.
    pub(crate) fn read<T>(
        &mut self,
        flag: &'static str,
        takes: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>> {
        let refused = |not: String| Error::new(format!("{flag} takes {takes}{not}"));
        let typed: Option<String> =
            self.left.opt_value_from_str(flag).map_err(|_| refused(String::new()))?;
        typed.map(|text| read(&text).ok_or_else(|| refused(format!(", not `{text}`")))).transpose()
    }

    pub(crate) fn text(&mut self, flag: &'static str, takes: &str) -> Result<Option<String>> {
        self.read(flag, takes, |text| Some(text.to_owned()))
    }

    /// The values of a `flag` that may be given several times.
    pub(crate) fn values(&mut self, flag: &'static str, takes: &str) -> Result<Vec<String>> {
        self.left.values_from_str(flag).map_err(|_| Error::new(format!("{flag} takes {takes}")))
    }

    pub(crate) fn whole<T: FromStr + PartialOrd + Display>(
        &mut self,
        flag: &'static str,
        default: T,
        range: RangeInclusive<T>,
    ) -> Result<T> {
        let takes = format!("a whole number from {} to {}", range.start(), range.end());
        let in_range = |text: &str| text.parse().ok().filter(|number| range.contains(number));
        Ok(self.read(flag, &takes, in_range)?.unwrap_or(default))
    }

    /// Whole seconds from `least` on, also typed as `3s`, `2m` or `1h`.
    pub(crate) fn seconds(
        &mut self,
        flag: &'static str,
        default: Duration,
        least: u64,
    ) -> Result<Duration> {
        let takes = format!("a time of {least} s to a day, as 90, 90s or 2m");
        let in_range = |text: &str| {
            read_seconds(text).filter(|seconds| (least..=MOST_SECONDS).contains(seconds))
        };
        Ok(self.read(flag, &takes, in_range)?.map_or(default, Duration::from_secs))
    }

    /// The words that are left, as they are: those of another program.
    pub(crate) fn rest(self) -> Vec<OsString> {
        self.left.finish()
    }

    /// The words that are left, exactly `N`, which errors call by these names.
    pub(crate) fn positional<const N: usize>(self, names: [&str; N]) -> Result<[String; N]> {
        let left = self.at_most(N)?;
        <[String; N]>::try_from(left).map_err(|left| {
            let missing = names.get(left.len()).unwrap_or(&"a word");
            Error::new(format!("{missing} is missing"))
        })
    }

    /// The only word that is left, if any.
    pub(crate) fn optional(self) -> Result<Option<String>> {
        Ok(self.at_most(1)?.pop())
    }

    /// The words that are left, at most `most`. pico-args takes an unknown flag for one of them: flags are refused here.
    pub(crate) fn at_most(self, most: usize) -> Result<Vec<String>> {
        let left = self.left.finish().into_iter();
        let left: Vec<String> = left.map(|word| word.to_string_lossy().into_owned()).collect();
        if let Some(flag) = left.iter().find(|word| word.starts_with('-')) {
            let bare = flag.split('=').next().unwrap_or(flag);
            let known: Vec<&str> = flags(self.help).collect();
            return Err(Error::new(match known.contains(&bare) {
                true => format!("`{flag}` is one too many: given twice, or not with the others"),
                false => format!("no option `{flag}`{}", did_you_mean(bare, known)),
            }));
        }
        match left.get(most) {
            Some(extra) => Err(Error::new(format!("`{extra}` is one word too many"))),
            None => Ok(left),
        }
    }
}

fn read_seconds(text: &str) -> Option<u64> {
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let each = match unit {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return None,
    };
    text.strip_suffix(unit)?.parse::<u64>().ok()?.checked_mul(each)
}

pub(crate) fn task_id(text: &str) -> Result<TaskId> {
    TaskId::parse(text).map_err(|why| Error::new(format!("task `{text}` is no task id: {why}")))
}

/// The options that lines of a help text begin with.
pub(crate) fn flags(help: &str) -> impl Iterator<Item = &str> {
    help.lines()
        .filter_map(|line| line.strip_prefix("  "))
        .flat_map(|line| line.split_whitespace().take_while(|word| word.starts_with('-')))
        .map(|word| word.trim_end_matches(','))
}

/// `; did you mean …?` where a known word is near enough for a slip, or ends in this one: `check` for `perf-check`.
pub(crate) fn did_you_mean<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let distance = |candidate: &'a str| match candidate.rsplit('-').next() {
        Some(end) if end == word => (0, candidate),
        _ => (edit_distance(word, candidate), candidate),
    };
    known
        .into_iter()
        .map(distance)
        .min()
        // Two letters that are exchanged are two edits.
        .filter(|(distance, candidate)| *distance <= (candidate.len() / 3).max(2))
        .map_or_else(String::new, |(_, candidate)| format!("; did you mean `{candidate}`?"))
}

/// Levenshtein distance in characters.
fn edit_distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=a.chars().count()).collect();
    for (line, right) in b.chars().enumerate() {
        let mut next = vec![line + 1];
        for (left, above) in a.chars().zip(row.windows(2)) {
            let [replaced, removed] = [0, 1].map(|at| above.get(at).copied().unwrap_or_default());
            let added = next.last().copied().unwrap_or_default();
            next.push((replaced + usize::from(left != right)).min(removed.min(added) + 1));
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edit_distance_counts_single_character_edits() {
        for (a, b, distance) in
            [("", "", 0), ("a", "", 1), ("kitten", "sitting", 3), ("--run", "--runs", 1)]
        {
            assert_eq!(edit_distance(a, b), distance, "{a} {b}");
        }
    }

    #[test]
    fn the_options_of_a_help_text_are_those_that_its_lines_begin_with() {
        let help = "Usage: x --not-here\n\n  --one N    not --this\n  -C DIR     a\n  -h, --help  b\n  word --c";
        assert_eq!(flags(help).collect::<Vec<_>>(), ["--one", "-C", "-h", "--help"]);
    }
}

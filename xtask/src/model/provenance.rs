//! Where a result comes from, as TOML beside it: enough to tell whether two results can be compared.

use std::collections::BTreeMap;
use std::fmt;

use toml::{Table, Value};

/// The provenance of one run. What the system did not show is absent.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Provenance {
    /// The run's place in its group.
    pub run: Run,
    /// The pair that the run belongs to, if it was measured in pairs.
    pub session: Option<Session>,
    /// The load.
    pub load: Load,
    /// The binaries.
    pub build: BuildRecord,
    /// What git says of the checkout; absent outside a repository.
    pub git: Option<Git>,
    /// What else was seen, by section: for people, and for warnings.
    pub details: BTreeMap<String, Table>,
    /// What makes the run weaker, in words.
    pub warnings: Vec<String>,
    /// The end of the server's log.
    pub log_tail: String,
}

/// A run's place in its group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Run {
    /// The run's name, as its files carry it.
    pub name: String,
    /// When it was started, with the offset from UTC.
    pub started: String,
    /// The name of the group's first run.
    pub group: String,
    /// 1 for the first run of the group.
    pub index: u32,
    /// How many runs the group was to have.
    pub of: u32,
}

/// A run's place in a paired session.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Session {
    /// The session's record.
    pub id: String,
    /// 1 for the first pair.
    pub pair: u32,
    /// `before-first` or `after-first`.
    pub order: String,
}

/// The load that was offered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Load {
    /// The scenario file, relative to the checkout.
    pub scenario: String,
    /// Its content hash.
    pub scenario_hash: Option<String>,
    /// Seconds of load asked for.
    pub duration_seconds: u64,
    /// The load generator's seed.
    pub seed: u64,
    /// Requests offered per second, rounded.
    pub rate: u64,
}

/// The binaries that were measured.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BuildRecord {
    /// Cargo's profile.
    pub profile: String,
    /// Whether `perf-check` built them itself, in this run.
    pub by_this_run: bool,
    /// Content hash of the server.
    pub engram_hash: Option<String>,
    /// Content hash of the load generator.
    pub loadtest_hash: Option<String>,
    /// Content hash of the files that they were built from.
    pub content: Option<String>,
    /// The compiler.
    pub rustc: Option<String>,
    /// Whether it is the stand-in that answered.
    pub stand_in: bool,
}

/// The state of the checkout.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Git {
    /// The commit checked out; absent before the first.
    pub commit: Option<String>,
    /// The branch; absent with a detached HEAD.
    pub branch: Option<String>,
    /// Whether there are changes that are not committed.
    pub dirty: bool,
}

/// The first line of every file, but for the number of its format: what is not headed so was not written by this tool.
const HEADER: &str = "# perf-check provenance, format ";

/// The one format that there is.
const FORMAT: &str = "1";

/// The last line of every file: optional sections could be missing from the end of a file cut short.
const FOOTER: &str = "# end";

const CUT_OFF: &str = "it is cut off";

/// The old scripts left it so where their diagnostics failed.
const EMPTY: &str = "it is empty; if an old script left it so, delete it";

/// A file headed as provenance that is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable(pub String);

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not readable as provenance: {}", self.0)
    }
}

impl Provenance {
    /// The file's text.
    pub fn to_text(&self) -> String {
        let mut table = Table::new();
        table.insert("run".into(), Value::Table(self.run.to_table()));
        if let Some(session) = &self.session {
            table.insert("session".into(), Value::Table(session.to_table()));
        }
        table.insert("load".into(), Value::Table(self.load.to_table()));
        table.insert("build".into(), Value::Table(self.build.to_table()));
        if let Some(git) = &self.git {
            table.insert("git".into(), Value::Table(git.to_table()));
        }
        for (section, details) in &self.details {
            table.insert(section.clone(), Value::Table(details.clone()));
        }
        let warnings = self.warnings.iter().cloned().map(Value::String).collect();
        table.insert("warnings".into(), Value::Array(warnings));
        table.insert(
            "server_log_tail".into(),
            Value::String(self.log_tail.clone()),
        );
        format!("{HEADER}{FORMAT}\n\n{table}\n{FOOTER}\n")
    }

    /// Reads a file's text. `Ok(None)` for one that this tool did not write: the old scripts' had the same name.
    ///
    /// # Errors
    /// When it is headed as ours but is not whole, or of another format. An empty file may have been ours, too.
    pub fn parse(text: &str) -> Result<Option<Self>, Unreadable> {
        if text.trim().is_empty() {
            return Err(Unreadable(EMPTY.into()));
        }
        let first = text.trim_start().lines().next().unwrap_or_default();
        match first.strip_prefix(HEADER).map(str::trim_end) {
            None if !HEADER.starts_with(text.trim()) => return Ok(None),
            None | Some("") => return Err(Unreadable(CUT_OFF.into())),
            Some(FORMAT) => {}
            Some(other) => {
                return Err(Unreadable(format!(
                    "it is of format {other:?}, and this tool reads {FORMAT}"
                )));
            }
        }
        if text.lines().last().map(str::trim_end) != Some(FOOTER) {
            return Err(Unreadable(CUT_OFF.into()));
        }
        let mut table: Table = text
            .parse()
            .map_err(|error: toml::de::Error| Unreadable(error.message().to_owned()))?;
        let mut section = |name: &str| match table.remove(name) {
            Some(Value::Table(section)) => Some(section),
            _ => None,
        };
        let missing = |name: &str| Unreadable(format!("[{name}] is missing or not whole"));
        let (run, session, load) = (section("run"), section("session"), section("load"));
        let (build, git) = (section("build"), section("git"));
        Ok(Some(Self {
            run: run
                .and_then(|t| Run::from_table(&t))
                .ok_or_else(|| missing("run"))?,
            session: session
                .map(|t| Session::from_table(&t).ok_or_else(|| missing("session")))
                .transpose()?,
            load: load
                .and_then(|t| Load::from_table(&t))
                .ok_or_else(|| missing("load"))?,
            build: build
                .and_then(|t| BuildRecord::from_table(&t))
                .ok_or_else(|| missing("build"))?,
            git: git
                .map(|t| Git::from_table(&t).ok_or_else(|| missing("git")))
                .transpose()?,
            warnings: match table.remove("warnings") {
                Some(Value::Array(lines)) => lines
                    .iter()
                    .filter_map(|line| line.as_str().map(str::to_owned))
                    .collect(),
                _ => return Err(Unreadable("`warnings` is missing".into())),
            },
            log_tail: match table.remove("server_log_tail") {
                Some(Value::String(tail)) => tail,
                _ => return Err(Unreadable("`server_log_tail` is missing".into())),
            },
            details: table
                .into_iter()
                .filter_map(|(name, value)| match value {
                    Value::Table(section) => Some((name, section)),
                    _ => None,
                })
                .collect(),
        }))
    }

    /// A number among the details.
    pub fn number(&self, section: &str, key: &str) -> Option<f64> {
        let value = self.details.get(section)?.get(key)?;
        value
            .as_float()
            .or_else(|| i32::try_from(value.as_integer()?).ok().map(f64::from))
            .filter(|number| number.is_finite())
    }

    /// A word among the details.
    pub fn word(&self, section: &str, key: &str) -> Option<&str> {
        self.details.get(section)?.get(key)?.as_str()
    }
}

/// A table of the entries that are known.
pub fn known<const N: usize>(entries: [(&str, Option<Value>); N]) -> Table {
    entries
        .into_iter()
        .filter_map(|(key, value)| Some((key.to_owned(), value?)))
        .collect()
}

/// Text as a value.
pub fn text(text: impl Into<String>) -> Option<Value> {
    Some(Value::String(text.into()))
}

/// A count as a value; `None` beyond what TOML can hold.
pub fn whole(number: impl TryInto<i64>) -> Option<Value> {
    number.try_into().ok().map(Value::Integer)
}

/// A measurement as a value, to a millionth.
pub fn measured(number: f64) -> Option<Value> {
    number
        .is_finite()
        .then(|| Value::Float((number * 1e6).round() / 1e6))
}

fn word(table: &Table, key: &str) -> Option<String> {
    table.get(key)?.as_str().map(str::to_owned)
}

fn count<T: TryFrom<i64>>(table: &Table, key: &str) -> Option<T> {
    table.get(key)?.as_integer()?.try_into().ok()
}

fn flag(table: &Table, key: &str) -> Option<bool> {
    table.get(key)?.as_bool()
}

impl Run {
    fn to_table(&self) -> Table {
        known([
            ("name", text(&self.name)),
            ("started", text(&self.started)),
            ("group", text(&self.group)),
            ("index", whole(self.index)),
            ("of", whole(self.of)),
        ])
    }

    fn from_table(table: &Table) -> Option<Self> {
        Some(Self {
            name: word(table, "name")?,
            started: word(table, "started")?,
            group: word(table, "group")?,
            index: count(table, "index")?,
            of: count(table, "of")?,
        })
    }
}

impl Session {
    fn to_table(&self) -> Table {
        known([
            ("id", text(&self.id)),
            ("pair", whole(self.pair)),
            ("order", text(&self.order)),
        ])
    }

    fn from_table(table: &Table) -> Option<Self> {
        Some(Self {
            id: word(table, "id")?,
            pair: count(table, "pair")?,
            order: word(table, "order")?,
        })
    }
}

impl Load {
    fn to_table(&self) -> Table {
        known([
            ("scenario", text(&self.scenario)),
            ("scenario_hash", self.scenario_hash.clone().and_then(text)),
            ("duration_seconds", whole(self.duration_seconds)),
            ("seed", whole(self.seed)),
            ("rate", whole(self.rate)),
        ])
    }

    fn from_table(table: &Table) -> Option<Self> {
        Some(Self {
            scenario: word(table, "scenario")?,
            scenario_hash: word(table, "scenario_hash"),
            duration_seconds: count(table, "duration_seconds")?,
            seed: count(table, "seed")?,
            rate: count(table, "rate")?,
        })
    }
}

impl BuildRecord {
    fn to_table(&self) -> Table {
        known([
            ("profile", text(&self.profile)),
            ("by_this_run", Some(Value::Boolean(self.by_this_run))),
            ("engram_hash", self.engram_hash.clone().and_then(text)),
            ("loadtest_hash", self.loadtest_hash.clone().and_then(text)),
            ("content", self.content.clone().and_then(text)),
            ("rustc", self.rustc.clone().and_then(text)),
            ("stand_in", Some(Value::Boolean(self.stand_in))),
        ])
    }

    fn from_table(table: &Table) -> Option<Self> {
        Some(Self {
            profile: word(table, "profile")?,
            by_this_run: flag(table, "by_this_run")?,
            engram_hash: word(table, "engram_hash"),
            loadtest_hash: word(table, "loadtest_hash"),
            content: word(table, "content"),
            rustc: word(table, "rustc"),
            stand_in: flag(table, "stand_in")?,
        })
    }
}

impl Git {
    fn to_table(&self) -> Table {
        known([
            ("commit", self.commit.clone().and_then(text)),
            ("branch", self.branch.clone().and_then(text)),
            ("dirty", Some(Value::Boolean(self.dirty))),
        ])
    }

    fn from_table(table: &Table) -> Option<Self> {
        Some(Self {
            commit: word(table, "commit"),
            branch: word(table, "branch"),
            dirty: flag(table, "dirty")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_text_under_our_header_is_read_or_refused(text in any::<String>()) {
            let ours = [HEADER, FORMAT, "\n", &text, "\n", FOOTER, "\n"].concat();
            prop_assert!(Provenance::parse(&ours).is_err());
            prop_assert_eq!(Provenance::parse(&["x", &text].concat()), Ok(None));
        }

        #[test]
        fn any_words_are_written_and_read_again(
            words in proptest::collection::vec(any::<String>(), 6), number in any::<u32>(), dirty in any::<bool>()
        ) {
            let word = |index: usize| words[index].clone();
            let mut provenance = whole_one();
            provenance.run.name = word(0);
            provenance.run.of = number;
            provenance.load.scenario = word(1);
            provenance.build.rustc = Some(word(2));
            provenance.git = Some(Git { commit: Some(word(3)), branch: None, dirty });
            provenance.warnings = vec![word(4)];
            provenance.log_tail = word(5);
            prop_assert_eq!(Provenance::parse(&provenance.to_text()), Ok(Some(provenance)));
        }
    }

    fn whole_one() -> Provenance {
        Provenance {
            run: Run {
                name: "007_before_20251108_140000".into(),
                started: "2025-11-08T14:00:00+01:00".into(),
                group: "007_before_20251108_140000".into(),
                index: 1,
                of: 3,
            },
            session: Some(Session {
                id: "a".into(),
                pair: 2,
                order: "after-first".into(),
            }),
            load: Load {
                scenario: "scenarios/m17_baseline.toml".into(),
                scenario_hash: Some("abc".into()),
                duration_seconds: 60,
                seed: 0xDEAD_BEEF,
                rate: 1000,
            },
            build: BuildRecord {
                profile: "release".into(),
                by_this_run: true,
                engram_hash: Some("def".into()),
                ..BuildRecord::default()
            },
            git: Some(Git {
                commit: Some("c0ffee".into()),
                branch: None,
                dirty: true,
            }),
            details: BTreeMap::from([("noise".into(), known([("steal_share", measured(0.25))]))]),
            warnings: vec!["a \"quoted\" one".into()],
            log_tail: "two\nlines with '''quotes'''".into(),
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        assert_eq!(
            Provenance::parse(&whole_one().to_text()),
            Ok(Some(whole_one()))
        );
    }

    #[test]
    fn what_is_not_known_is_absent_and_not_empty() {
        let written = whole_one().to_text();
        assert!(
            !written.contains("rustc") && !written.contains("branch"),
            "{written}"
        );
    }

    #[test]
    fn the_old_scripts_diagnosis_is_no_provenance() {
        assert_eq!(
            Provenance::parse("=== Engram diagnostics ===\nok"),
            Ok(None)
        );
    }

    #[test]
    fn our_own_cut_short_is_refused() {
        let written = whole_one().to_text();
        for end in (0..written.trim_end().len()).filter(|&end| written.is_char_boundary(end)) {
            assert!(Provenance::parse(&written[..end]).is_err(), "{end}");
        }
    }

    #[test]
    fn our_own_of_another_format_is_refused() {
        for format in ["2", "11", "1.1", "one"] {
            let other = whole_one()
                .to_text()
                .replace("format 1", &format!("format {format}"));
            assert!(Provenance::parse(&other).is_err(), "{format}");
        }
    }

    #[test]
    fn blank_text_is_refused() {
        for text in ["", "\n", " \r\n\t"] {
            assert!(Provenance::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn details_are_found_by_section_and_key() {
        assert_eq!(whole_one().number("noise", "steal_share"), Some(0.25));
        assert_eq!(whole_one().number("noise", "absent"), None);
    }
}

//! Competitive reviews as values: the quarter, the competitors, what an earlier review found, and the record that an
//! interrupted one goes on from.

use std::collections::BTreeMap;
use std::fmt;

use time::Date;

use crate::model::section::section;

/// A quarter of a year, as file names carry it: `2025Q4`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Quarter {
    year: i32,
    /// 1 to 4.
    number: u8,
}

impl Quarter {
    /// The quarter that `date` lies in.
    pub fn of(date: Date) -> Self {
        Self { year: date.year(), number: (u8::from(date.month()) - 1) / 3 + 1 }
    }

    /// Reads `2025Q4`, `2025 Q4` or `Q4 2025`; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let (before, after) = text.split_once('Q')?;
        let (year, number) = match before.trim() {
            "" => after.split_once(' ').map(|(number, year)| (year.trim(), number))?,
            year => (year, after),
        };
        let is_year = year.len() == 4 && year.bytes().all(|byte| byte.is_ascii_digit());
        let number = number.parse().ok().filter(|number| (1..=4).contains(number))?;
        Some(Self { year: year.parse().ok().filter(|_| is_year)?, number })
    }

    /// `Q4 2025`, as the history in the baselines document has it.
    pub(crate) fn in_words(self) -> String {
        format!("Q{} {:04}", self.number, self.year)
    }
}

impl fmt::Display for Quarter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}Q{}", self.year, self.number)
    }
}

/// A competitor that a scenario stands for, with its published figures.
#[derive(Debug, Clone, PartialEq)]
pub struct Competitor {
    pub name: String,
    /// Its P99 in milliseconds: the ends of its range, or one value twice.
    pub p99_ms: [f64; 2],
    /// Its throughput, as the document states it.
    pub throughput: String,
    /// The line of the document, from 1, that states its P99.
    pub line: usize,
}

impl Competitor {
    /// Its P99 in milliseconds: `27.96`, `22-24`
    pub(crate) fn published(&self) -> String {
        let [low, high] = self.p99_ms;
        match low < high {
            true => format!("{low}-{high}"),
            false => low.to_string(),
        }
    }
}

/// An earlier review, as its report states it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LastReview {
    /// The name of the report's file.
    pub file: String,
    /// The lead in per cent of the competitor's P99, by scenario and competitor. A negative zero is behind.
    pub speedups: BTreeMap<(String, String), f64>,
    /// What should be alike for a comparison with it, by name: server, machine, load.
    pub circumstances: BTreeMap<String, String>,
}

section! {
    /// What a review measures, and what failed in it. Another call on the same day that measures the same continues it.
    #[derive(Eq)]
    pub struct ReviewRecord {
        /// Runs of each scenario.
        pub runs: u32 = "runs",
        /// Seconds of load a run.
        pub duration_seconds: u64 = "duration_seconds",
        /// The commit checked out; absent outside a repository.
        pub commit: Option<String> = "commit",
        /// The content hash of the server.
        pub engram_hash: String = "engram_hash",
        /// The content hash of the load generator.
        pub loadtest_hash: String = "loadtest_hash",
        /// The scenario files, each with its content hash.
        pub scenarios: BTreeMap<String, String> = "scenarios",
        /// The failed runs, in words.
        pub failures: Vec<String> = "failures",
    }
}

impl ReviewRecord {
    /// `true` if the runs of both can stand beside each other.
    pub(crate) fn measures_the_same(&self, other: &Self) -> bool {
        Self { failures: other.failures.clone(), ..self.clone() } == *other
    }

    pub(crate) fn to_text(&self) -> String {
        self.to_table().to_string()
    }

    /// `None` for a text that is not whole.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::from_table(&text.parse().ok()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> ReviewRecord {
        ReviewRecord {
            runs: 3,
            duration_seconds: 60,
            commit: None,
            engram_hash: "a".to_owned(),
            loadtest_hash: "b".to_owned(),
            scenarios: BTreeMap::from([("scenarios/x.toml".to_owned(), "c".to_owned())]),
            failures: vec!["x: it \"crashed\"".to_owned()],
        }
    }

    #[test]
    fn the_quarters_of_a_year_end_with_its_third_months() {
        let of = |text: &str| {
            let moment = crate::model::names::Timestamp::parse(text).unwrap().moment();
            Quarter::of(moment.date()).to_string()
        };
        let days = ["20250101", "20250331", "20250401", "20250930", "20251001", "20251231"];
        let quarters = days.map(|day| of(&format!("{day}_000000")));
        assert_eq!(quarters, ["2025Q1", "2025Q1", "2025Q2", "2025Q3", "2025Q4", "2025Q4"]);
    }

    #[test]
    fn a_quarter_is_read_as_it_is_written_anywhere() {
        let quarter = Quarter { year: 2025, number: 4 };
        for text in ["2025Q4", "Q4 2025", "2025 Q4", &quarter.to_string(), &quarter.in_words()] {
            assert_eq!(Quarter::parse(text), Some(quarter), "{text}");
        }
        for text in ["", "2025", "2025Q5", "25Q4", "Q4", "+025Q4", "Q4 2025 x", "2025q4"] {
            assert_eq!(Quarter::parse(text), None, "{text}");
        }
    }

    #[test]
    fn earlier_quarters_sort_first() {
        assert!(Quarter::parse("2024Q4") < Quarter::parse("2025Q1"));
    }

    #[test]
    fn what_is_written_is_read_again() {
        assert_eq!(ReviewRecord::parse(&record().to_text()), Some(record()));
        assert_eq!(ReviewRecord::parse("runs = 3"), None);
    }

    #[test]
    fn failures_make_no_other_review_and_another_number_of_runs_does() {
        let unfailed = ReviewRecord { failures: Vec::new(), ..record() };
        assert!(record().measures_the_same(&unfailed));
        assert!(!record().measures_the_same(&ReviewRecord { runs: 2, ..record() }));
    }
}

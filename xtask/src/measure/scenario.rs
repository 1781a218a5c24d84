//! The scenario file that a load run follows.

use std::fs;
use std::path::Path;

use super::content;
use crate::error::{Error, Result};
use crate::model::layout;
use crate::model::load_result::LoadResult;
use crate::model::names::Mode;

/// A scenario, read from its TOML file.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    /// The file, relative to the checkout.
    pub(crate) file: &'static str,
    /// Its content hash; `None` without git.
    pub(crate) hash: Option<String>,
    /// The name that the load generator puts into its result.
    pub(crate) name: String,
    /// Requests offered, per second.
    pub(crate) rate: f64,
    /// The load generator checks the result against them.
    pub(crate) limits: Validation,
    /// The whole file.
    text: String,
}

/// The scenario's `[validation]` limits; an absent one is not checked.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Validation {
    /// Highest P99, in milliseconds.
    pub(crate) p99_ms: Option<f64>,
    /// Lowest throughput, in operations per second.
    pub(crate) throughput: Option<f64>,
    /// Highest error rate, 0 to 1.
    pub(crate) error_rate: Option<f64>,
}

/// The load generator's seed, which makes the same requests in every run of a mode.
pub fn seed(mode: Mode) -> u64 {
    match mode {
        Mode::Internal => 3_735_928_559,
        Mode::Competitive => 2_882_400_044,
    }
}

impl Scenario {
    /// Reads the scenario of `mode` in `checkout`.
    ///
    /// # Errors
    /// When the file is missing, is not TOML, or lacks its name or rate.
    pub fn read(checkout: &Path, mode: Mode) -> Result<Self> {
        let file = layout::scenario(mode);
        let path = checkout.join(file);
        let shown = format!("the scenario {}", path.display());
        let text = fs::read_to_string(&path).map_err(|error| {
            Error::because(format!("cannot read {shown}"), error)
                .next("is this an Engram checkout? another one is named with -C DIR")
        })?;
        let (name, rate, limits) = parse(&text).map_err(|why| {
            Error::because(shown, why.trim())
                .next("fix the file, or restore it from git: git checkout -- FILE")
        })?;
        Ok(Self { file, hash: content::of_file(&path), name, rate, limits, text })
    }

    /// Checks that the file in `checkout` is still what was read: the load generator reads it again.
    ///
    /// # Errors
    /// When it is not.
    pub(crate) fn unchanged(&self, checkout: &Path) -> Result<()> {
        let path = checkout.join(self.file);
        match fs::read_to_string(&path).is_ok_and(|text| text == self.text) {
            true => Ok(()),
            false => Err(Error::new(format!(
                "the scenario {} changed while it was measured",
                path.display()
            ))
            .next("leave it alone meanwhile, and run the command again")),
        }
    }
}

fn parse(text: &str) -> Result<(String, f64, Validation), String> {
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| error.to_string())?;
    let name = table.get("name").and_then(toml::Value::as_str).ok_or("has no `name`")?;
    let rate = number(&table, "arrival", "rate")
        .filter(|rate| rate.is_finite() && *rate > 0.0)
        .ok_or("has no `rate` above 0 under [arrival]")?;
    let limits = Validation {
        p99_ms: number(&table, "validation", "expected_p99_latency_ms"),
        throughput: number(&table, "validation", "expected_throughput_ops_sec"),
        error_rate: number(&table, "validation", "max_error_rate"),
    };
    Ok((name.to_owned(), rate, limits))
}

fn number(table: &toml::Table, section: &str, key: &str) -> Option<f64> {
    let value = table.get(section)?.get(key)?;
    let whole = || i32::try_from(value.as_integer()?).ok().map(f64::from);
    value.as_float().or_else(whole)
}

impl Validation {
    /// The limits that `result` misses, in words.
    pub(crate) fn missed(&self, result: &LoadResult) -> Vec<String> {
        let p99 = self.p99_ms.filter(|limit| result.p99_ms > *limit);
        let throughput = self.throughput.filter(|limit| result.throughput < *limit);
        let errors = self.error_rate.filter(|limit| result.error_rate > *limit);
        let p99 = p99.map(|limit| format!("P99 {:.2} ms, limit {limit} ms", result.p99_ms));
        let throughput = throughput
            .map(|limit| format!("{:.0} ops/s, at least {limit} wanted", result.throughput));
        let errors = errors.map(|limit| {
            let [found, limit] = [result.error_rate, limit].map(|rate| rate * 100.0);
            format!("{found:.1} % errors, limit {limit} %")
        });
        [p99, throughput, errors].into_iter().flatten().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_load_generator_needs_is_required() {
        assert!(parse("").unwrap_err().contains("`name`"));
        assert!(parse("name = \"x\"").unwrap_err().contains("`rate`"));
        assert!(parse("name = \"x\"\n[arrival]\nrate = 0").unwrap_err().contains("`rate`"));
    }

    #[test]
    fn whole_and_broken_rates_are_read_alike() {
        for rate in ["500", "500.0"] {
            assert_eq!(parse(&format!("name = \"x\"\n[arrival]\nrate = {rate}")).unwrap().1, 500.0);
        }
    }

    #[test]
    fn broken_toml_is_refused_with_its_line() {
        assert!(parse("name = \"x\"\nname =").unwrap_err().contains("line 2"));
    }
}

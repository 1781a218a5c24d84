//! The scenario file that a load run follows.

use std::path::Path;

use super::content;
use crate::error::{Error, Result};
use crate::files;
use crate::model::layout::{self, COMPETITIVE_SCENARIOS};
use crate::model::names::Mode;

/// A scenario, read from its TOML file.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    /// The file, relative to the checkout.
    pub(crate) file: String,
    /// Its content hash.
    pub(crate) hash: String,
    /// The name that the load generator puts into its result.
    pub(crate) name: String,
    /// Requests offered, per second.
    pub(crate) rate: f64,
    /// Memories that it is about, where they are stated.
    pub(crate) nodes: Option<u64>,
    /// Numbers in an embedding, where they are stated.
    pub(crate) dimensions: Option<u64>,
    /// The whole file.
    text: String,
}

/// The load generator's seed, which makes the same requests in every run of a mode.
pub fn seed(mode: Mode) -> u64 {
    match mode {
        Mode::Internal => 3_735_928_559,
        Mode::Competitive => 2_882_400_044,
    }
}

const ANOTHER_CHECKOUT: &str = "is this an Engram checkout? another one is named with -C DIR";

impl Scenario {
    /// Reads the scenario of `mode` in `checkout`.
    ///
    /// # Errors
    /// When the file is missing, is not TOML, or lacks its name or rate; or without git.
    pub fn read(checkout: &Path, mode: Mode) -> Result<Self> {
        Self::read_file(checkout, layout::scenario(mode))
    }

    /// Reads the scenario in `file`, relative to `checkout`.
    ///
    /// # Errors
    /// When the file is missing, is not TOML, or lacks its name or rate; or without git.
    pub(crate) fn read_file(checkout: &Path, file: &str) -> Result<Self> {
        let path = checkout.join(file);
        let shown = format!("the scenario {}", path.display());
        let text = files::read_text(&path).map_err(|error| {
            Error::because(format!("cannot read {shown}"), error).next(ANOTHER_CHECKOUT)
        })?;
        let hash = content::of_file(&path)?;
        parse(file, hash, text).map_err(|why| {
            Error::because(shown, why.trim())
                .next("fix the file, or restore it from git: git checkout -- FILE")
        })
    }

    /// The scenario files that stand for competitors, relative to `checkout`, sorted.
    ///
    /// # Errors
    /// When there is none, or the folder cannot be read.
    pub(crate) fn competitive_files(checkout: &Path) -> Result<Vec<String>> {
        let folder = checkout.join(COMPETITIVE_SCENARIOS);
        let mut files = files::names(&folder)?;
        files.retain(|name| name.ends_with(".toml"));
        files.sort_unstable();
        match files.is_empty() {
            true => Err(Error::new(format!("there is no scenario in {}", folder.display()))
                .next(ANOTHER_CHECKOUT)),
            false => {
                Ok(files.iter().map(|name| format!("{COMPETITIVE_SCENARIOS}/{name}")).collect())
            }
        }
    }

    /// Checks that the file in `checkout` is still what was read: the load generator reads it again.
    ///
    /// # Errors
    /// When it is not.
    pub(crate) fn unchanged(&self, checkout: &Path) -> Result<()> {
        let path = checkout.join(&self.file);
        match files::read_text(&path).is_ok_and(|text| text == self.text) {
            true => Ok(()),
            false => Err(Error::new(format!(
                "the scenario {} changed while it was measured",
                path.display()
            ))
            .next("leave it alone meanwhile, and run the command again")),
        }
    }
}

fn parse(file: &str, hash: String, text: String) -> Result<Scenario, String> {
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| error.to_string())?;
    let name = table.get("name").and_then(toml::Value::as_str).ok_or("has no `name`")?;
    let value = |section: &str, key: &str| table.get(section)?.get(key);
    let whole = |key| u64::try_from(value("data", key)?.as_integer()?).ok();
    let rate = value("arrival", "rate")
        .and_then(|rate| rate.clone().try_into().ok())
        .filter(|rate: &f64| rate.is_finite() && *rate > 0.0)
        .ok_or("has no `rate` above 0 under [arrival]")?;
    Ok(Scenario {
        file: file.to_owned(),
        hash,
        name: name.to_owned(),
        rate,
        nodes: whole("num_nodes"),
        dimensions: whole("embedding_dim"),
        text,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Scenario, String> {
        parse("x.toml", String::new(), text.to_owned())
    }

    #[test]
    fn what_the_load_generator_needs_is_required() {
        assert!(parsed("").unwrap_err().contains("`name`"));
        assert!(parsed("name = \"x\"").unwrap_err().contains("`rate`"));
        assert!(parsed("name = \"x\"\n[arrival]\nrate = 0").unwrap_err().contains("`rate`"));
    }

    #[test]
    fn whole_and_broken_rates_are_read_alike() {
        for rate in ["500", "500.0"] {
            let text = format!("name = \"x\"\n[arrival]\nrate = {rate}");
            assert_eq!(parsed(&text).unwrap().rate, 500.0);
        }
    }

    #[test]
    fn the_data_are_read_where_they_are_stated() {
        let data = |text: &str| parsed(text).map(|it| [it.nodes, it.dimensions]).unwrap();
        let text = "name = \"x\"\n[arrival]\nrate = 1";
        assert_eq!(data(text), [None; 2]);
        let text = format!("{text}\n[data]\nnum_nodes = 10_000_000\nembedding_dim = 768");
        assert_eq!(data(&text), [Some(10_000_000), Some(768)]);
    }

    #[test]
    fn broken_toml_is_refused_with_its_line() {
        assert!(parsed("name = \"x\"\nname =").unwrap_err().contains("line 2"));
    }
}

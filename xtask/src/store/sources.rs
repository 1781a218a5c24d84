//! The lists of what measured binaries were built from: beside the results, each under its own hash.

use std::fs;
use std::path::PathBuf;

use crate::error::Result;
use crate::files;
use crate::measure::content;
use crate::model::inputs::Inputs;
use crate::model::layout::SOURCES;
use crate::store::results::Results;

/// Keeps a list; returns its hash.
///
/// # Errors
/// Names the file that could not be written.
pub fn keep(results: &Results, inputs: &Inputs) -> Result<String> {
    let text = inputs.to_text();
    let hash = content::of_text(&text)?;
    files::replace(&path(results, &hash), &text)?;
    Ok(hash)
}

/// The list with this hash; `None` where it is gone, or not what it was.
pub(crate) fn read(results: &Results, hash: &str) -> Option<Inputs> {
    let text = files::read_text(&path(results, hash)).ok()?;
    (content::of_text(&text).ok()? == hash).then(|| Inputs::parse(&text))?
}

/// Every list, by its hash.
pub(crate) fn lists(results: &Results) -> impl Iterator<Item = (String, Inputs)> {
    let files = fs::read_dir(results.folder().join(SOURCES)).into_iter().flatten();
    files.filter_map(|file| {
        let name = file.ok()?.file_name();
        let hash = name.to_str()?.strip_suffix(".txt")?;
        Some((hash.to_owned(), read(results, hash)?))
    })
}

fn path(results: &Results, hash: &str) -> PathBuf {
    results.folder().join(SOURCES).join(format!("{hash}.txt"))
}

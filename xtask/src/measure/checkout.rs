//! The checkout to measure: its root, found once, absolute from then on.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::model::layout::RESULTS;

/// The root of the checkout: `asked` (`-C`) if given, else the workspace that this tool belongs to, else the one
/// around the current directory, or the folder with recorded results.
///
/// # Errors
/// When there is no such folder, or no workspace, or its path is not UTF-8 (JSON and TOML could not carry it).
pub(crate) fn find(asked: Option<&Path>) -> Result<PathBuf> {
    let root = match asked {
        Some(folder) => fs::canonicalize(folder).map_err(|error| {
            Error::at("cannot use -C", folder)(error).next("name the root of an Engram checkout")
        })?,
        None => enclosing_workspace()?,
    };
    if !root.is_dir() {
        return Err(Error::new(format!("{} is not a folder", root.display())));
    }
    if root.to_str().is_none() {
        let what = format!("the path {} is not UTF-8", root.display());
        return Err(Error::new(what));
    }
    Ok(root)
}

/// Cargo says at run time where the tool's package is; the built binary alone has to look around.
fn enclosing_workspace() -> Result<PathBuf> {
    let start = match std::env::var_os("CARGO_MANIFEST_DIR") {
        Some(package) => PathBuf::from(package),
        None => std::env::current_dir()
            .map_err(|error| Error::because("cannot read the current directory", error))?,
    };
    start
        .ancestors()
        .find(|folder| is_workspace(folder) || folder.join(RESULTS).is_dir())
        .and_then(|folder| fs::canonicalize(folder).ok())
        .ok_or_else(|| {
            let what = format!("no cargo workspace in {} or above it", start.display());
            Error::new(what).next("name the checkout to use: -C DIR")
        })
}

fn is_workspace(folder: &Path) -> bool {
    fs::read_to_string(folder.join("Cargo.toml"))
        .ok()
        .and_then(|manifest| manifest.parse::<toml::Table>().ok())
        .is_some_and(|manifest| manifest.contains_key("workspace"))
}

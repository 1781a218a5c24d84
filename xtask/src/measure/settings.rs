//! The settings of a build that are not in its files: what two builds must share for their servers to be compared.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::path::Path;

use serde_json::Value;

use super::cargo;
use super::content;
use super::shell;

/// The settings, by name: cargo's configuration, the target, each binary's profile as cargo reports it, and the
/// variables that change a build, with those that a build script names in cargo's `messages`.
pub(crate) fn settings(
    configuration: BTreeMap<String, String>,
    target: &str,
    profiles: BTreeMap<String, Value>,
    messages: &[Value],
) -> BTreeMap<String, String> {
    let mut settings = configuration;
    settings.extend(variables(messages));
    settings.extend(
        profiles
            .into_iter()
            .map(|(binary, profile)| (format!("profile of {binary}"), described(&profile))),
    );
    settings.insert("target".to_owned(), target.to_owned());
    settings
}

/// A hash of every configuration file of cargo that is in force, by its place; `None` without git, which hashes.
pub(crate) fn configuration(checkout: &Path) -> Option<BTreeMap<String, String>> {
    let mut hashes: BTreeMap<String, String> = BTreeMap::new();
    for file in cargo::configuration_files(checkout) {
        let of_place = hashes.entry(format!("cargo configuration {}", file.place)).or_default();
        // A place may have several, and their order counts.
        of_place.push_str(if of_place.is_empty() { "" } else { " " });
        of_place.push_str(&content::of_file(&file.path)?);
    }
    Some(hashes)
}

/// `opt_level 3, …`, without what only says that no test was built.
fn described(profile: &Value) -> String {
    let settings = profile.as_object().into_iter().flatten();
    let settings: Vec<String> = settings
        .filter(|(name, _)| *name != "test")
        .map(|(name, value)| {
            format!("{name} {}", value.as_str().map_or_else(|| value.to_string(), str::to_owned))
        })
        .collect();
    settings.join(", ")
}

fn variables(messages: &[Value]) -> impl Iterator<Item = (String, String)> {
    let of_scripts: BTreeSet<String> = messages
        .iter()
        .filter_map(cargo::said_by_build_script)
        .flat_map(|said| {
            let names = cargo::instructions(&said);
            let names = names.filter_map(|line| line.strip_prefix("rerun-if-env-changed="));
            names.map(|name| name.trim().to_owned()).collect::<Vec<_>>()
        })
        .collect();
    // No build gets these.
    let leaked = shell::leaked_variables();
    env::vars_os().filter(move |(name, _)| !leaked.contains(name)).filter_map(
        move |(name, value)| {
            let counts = |name: &String| changes_a_build(name) || of_scripts.contains(name);
            let name = name.into_string().ok().filter(counts)?;
            // A separator between flags is no text.
            Some((name, value.to_string_lossy().escape_debug().to_string()))
        },
    )
}

/// True for a variable that changes what cargo, the compiler or a C compiler makes, and not only where, or how fast.
fn changes_a_build(name: &str) -> bool {
    NAMES.contains(&name)
        || (PREFIXES.iter().any(|prefix| name.starts_with(prefix)) && !HARMLESS.contains(&name))
}

const NAMES: [&str; 13] = [
    "RUSTFLAGS",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_INCREMENTAL",
    "RUSTC",
    "RUSTC_WRAPPER",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTC_BOOTSTRAP",
    "CC",
    "CXX",
    "CFLAGS",
    "CXXFLAGS",
    "LDFLAGS",
    "MACOSX_DEPLOYMENT_TARGET",
];
const PREFIXES: [&str; 10] = [
    "CARGO_BUILD_",
    "CARGO_PROFILE_RELEASE_",
    "CARGO_TARGET_",
    "CARGO_UNSTABLE_",
    "CARGO_HOST_",
    "CARGO_SOURCE_",
    "CC_",
    "CXX_",
    "CFLAGS_",
    "CXXFLAGS_",
];
/// The target is a setting of its own.
const HARMLESS: [&str; 7] = [
    "CARGO_BUILD_TARGET",
    "CARGO_BUILD_TARGET_DIR",
    "CARGO_BUILD_BUILD_DIR",
    "CARGO_BUILD_DEP_INFO_BASEDIR",
    "CARGO_BUILD_JOBS",
    "CARGO_TARGET_DIR",
    "CARGO_TARGET_TMPDIR",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_variable_that_changes_a_build_is_left_out() {
        for name in [
            "RUSTFLAGS",
            "CARGO_ENCODED_RUSTFLAGS",
            "CARGO_BUILD_RUSTFLAGS",
            "CARGO_BUILD_RUSTC_WRAPPER",
            "CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUSTFLAGS",
            "CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_LINKER",
            "CARGO_PROFILE_RELEASE_OPT_LEVEL",
            "CARGO_INCREMENTAL",
            "RUSTC_WRAPPER",
        ] {
            assert!(changes_a_build(name), "{name}");
        }
    }

    #[test]
    fn where_cargo_writes_and_what_it_tells_its_children_is_no_setting() {
        for name in [
            "CARGO_TARGET_DIR",
            "CARGO_BUILD_TARGET_DIR",
            "CARGO_BUILD_JOBS",
            "CARGO_MANIFEST_DIR",
            "CARGO_PROFILE_DEV_OPT_LEVEL",
            "CARGO_TERM_COLOR",
            "PATH",
        ] {
            assert!(!changes_a_build(name), "{name}");
        }
    }

    #[test]
    fn a_profile_is_described_by_all_that_cargo_says_of_it() {
        let profile = r#"{"opt_level":"3","debuginfo":0,"debug_assertions":false,"test":false}"#;
        let profile = serde_json::from_str(profile).unwrap();
        assert_eq!(described(&profile), "debug_assertions false, debuginfo 0, opt_level 3");
    }
}

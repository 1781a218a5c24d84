//! The settings of a build that are not in its files: what two builds must share for their servers to be compared.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::ffi::OsStr;
use std::path::Path;

use serde_json::Value;

use super::cargo::{self, Workspace};
use super::content;
use super::shell;
use crate::error::Result;
use crate::files;
use crate::model::provenance::PASSED_ON;

/// The settings, by name: cargo's configuration, the target, each binary's profile as cargo reports it, and the
/// variables that change a build, with those that what cargo's `messages` tell of reads.
pub(crate) fn settings(
    workspace: &Workspace,
    configuration: BTreeMap<String, String>,
    target: &str,
    messages: &[Value],
) -> BTreeMap<String, String> {
    let mut settings = configuration;
    settings.extend(variables(&variables_read(workspace, messages)));
    settings.extend(messages.iter().filter_map(passed_on));
    settings.extend(messages.iter().flat_map(of_profile));
    settings.insert("target".to_owned(), target.to_owned());
    settings
}

/// A hash of every configuration file of cargo that is in force, by its place.
///
/// # Errors
/// When one cannot be hashed.
pub(crate) fn configuration(checkout: &Path) -> Result<BTreeMap<String, String>> {
    let mut hashes: BTreeMap<String, String> = BTreeMap::new();
    for (place, file) in cargo::configuration_files(checkout) {
        let of_place = hashes.entry(format!("cargo configuration {place}")).or_default();
        // A place may have several, and their order counts.
        of_place.push_str(if of_place.is_empty() { "" } else { " " });
        of_place.push_str(&content::of_file(&file)?);
    }
    Ok(hashes)
}

/// The profile of a binary, without what only says that no test was built.
fn of_profile(message: &Value) -> impl Iterator<Item = (String, String)> {
    let profile = cargo::executable(message).zip(message.get("profile").and_then(Value::as_object));
    profile.into_iter().flat_map(|((binary, _), profile)| {
        profile.iter().filter(|(name, _)| *name != "test").map(move |(name, value)| {
            (format!("{name} of {binary}"), value.to_string().trim_matches('"').to_owned())
        })
    })
}

/// Those that change any build, and those that the sources or a build script read.
fn variables(read: &BTreeSet<String>) -> impl Iterator<Item = (String, String)> {
    // No build gets these, or cargo sets them anew.
    let mut others = shell::leaked_variables();
    others.push("CARGO".into());
    let own = env::vars_os().filter(move |(name, _)| !others.contains(name));
    own.filter_map(move |(name, value)| {
        let counts = |name: &String| changes_a_build(name) || read.contains(name);
        let name = name.into_string().ok().filter(counts)?;
        let value = value_of(&name, &value);
        Some((name, value))
    })
}

/// A variable's value; that of a wrapper of the compiler with the hash of that program.
fn value_of(name: &str, value: &OsStr) -> String {
    // A separator between flags is no text.
    let text = value.to_string_lossy().escape_debug().to_string();
    let is_wrapper = name.ends_with("_WRAPPER") && Path::new(value).is_file();
    let hash = is_wrapper.then(|| content::of_file(Path::new(value)).ok()).flatten();
    hash.map_or(text.clone(), |hash| format!("{text} ({hash})"))
}

/// What the build script of a package that is no other's passes on to the compiler: that may read what it does not say.
fn passed_on(message: &Value) -> Option<(String, String)> {
    let id = message.get("package_id")?.as_str()?;
    let (_, package) = id.strip_prefix("path+")?.rsplit_once('/')?;
    let (flags, variables) = (message.get("cfgs")?, message.get("env")?);
    Some((format!("{PASSED_ON}{package}"), format!("{flags} {variables}")))
}

/// The variables that build scripts say they depend on, and those that the sources of what was made read while they
/// were compiled (`env!`): rustc lists them beside each crate. Where a crate was also built in another way, earlier, its
/// variables of then count, too.
fn variables_read(workspace: &Workspace, messages: &[Value]) -> BTreeSet<String> {
    let (mut read, mut crates, mut folders) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for message in messages {
        let said = cargo::said_by_build_script(message).unwrap_or_default();
        let names = cargo::instructions(&said);
        let names = names.filter_map(|line| line.strip_prefix("rerun-if-env-changed="));
        read.extend(names.map(|name| name.trim().to_owned()));
        let made = || Path::new(message.get("filenames")?.get(0)?.as_str()?).parent();
        let name = || message.get("target")?.get("name")?.as_str();
        if let (Some(folder), Some(name)) = (made(), name()) {
            crates.insert(name.replace('-', "_"));
            // Binaries are copied from there, and the lists are not.
            let own = folder.strip_prefix(&workspace.target);
            let folder = own.map_or(folder.to_owned(), |own| workspace.building.join(own));
            folders.extend([folder.join("deps"), folder]);
        }
    }
    for folder in folders {
        for file in files::names(&folder).unwrap_or_default() {
            // `<crate>-<hash>.d`
            let of_crate = file.strip_suffix(".d").and_then(|name| name.rsplit_once('-'));
            if of_crate.is_some_and(|(name, _)| crates.contains(name)) {
                let text = files::read_text(&folder.join(file)).unwrap_or_default();
                read.extend(text.lines().filter_map(variable_of).map(str::to_owned));
            }
        }
    }
    read
}

/// The name in a line `# env-dep:NAME=VALUE`; of one that was not set, the line ends after it.
fn variable_of(line: &str) -> Option<&str> {
    line.strip_prefix("# env-dep:")?.split('=').next()
}

/// True for a variable that changes what cargo, the compiler or a C compiler makes, and not only where, or how fast.
fn changes_a_build(name: &str) -> bool {
    shell::is_any(name, CHANGING) && !shell::is_any(name, HARMLESS)
}

const CHANGING: &str = "\
    RUSTFLAGS CARGO_ENCODED_RUSTFLAGS CARGO_INCREMENTAL RUSTC RUSTC_WRAPPER RUSTC_WORKSPACE_WRAPPER RUSTC_BOOTSTRAP \
    CARGO_BUILD_* CARGO_PROFILE_RELEASE_* CARGO_TARGET_* CARGO_UNSTABLE_* CARGO_HOST_* CARGO_SOURCE_* \
    CC CXX CFLAGS CXXFLAGS LDFLAGS CC_* CXX_* CFLAGS_* CXXFLAGS_* MACOSX_DEPLOYMENT_TARGET";
/// The target is a setting of its own.
const HARMLESS: &str = "\
    CARGO_BUILD_TARGET CARGO_BUILD_TARGET_DIR CARGO_BUILD_BUILD_DIR CARGO_BUILD_DEP_INFO_BASEDIR CARGO_BUILD_JOBS \
    CARGO_TARGET_DIR CARGO_TARGET_TMPDIR";

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
    fn a_profile_is_all_that_cargo_says_of_it() {
        let message = r#"{"executable":"/engram","target":{"kind":["bin"],"name":"engram"},
            "profile":{"opt_level":"3","debuginfo":0,"debug_assertions":false,"test":false}}"#;
        let message = serde_json::from_str(message).unwrap();
        let settings: Vec<String> =
            of_profile(&message).map(|(name, value)| format!("{name} {value}")).collect();
        let all =
            ["debug_assertions of engram false", "debuginfo of engram 0", "opt_level of engram 3"];
        assert_eq!(settings, all);
    }

    #[test]
    fn a_wrapper_of_the_same_name_and_another_text_is_another_setting() {
        let folder = tempfile::tempdir().unwrap();
        let wrapper = folder.path().join("wrapper");
        let with = |text: &str| {
            std::fs::write(&wrapper, text).unwrap();
            value_of("RUSTC_WRAPPER", wrapper.as_os_str())
        };
        assert_ne!(with("one"), with("another"));
        assert_eq!(value_of("RUSTC_WRAPPER", OsStr::new("sccache")), "sccache");
    }

    #[test]
    fn a_variable_is_listed_with_or_without_a_value() {
        let lines = ["# env-dep:A=b=c", "# env-dep:D", "# checksum:blake3=1", "main.rs:"];
        assert_eq!(lines.map(variable_of), [Some("A"), Some("D"), None, None]);
    }
}

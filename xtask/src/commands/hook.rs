//! `hook`: sets up the pre-push hook, and respects one that is there already.

use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::push::{self, DECIDED, WAY_OUT};
use super::{Outcome, print};
use crate::args::{Hook, HookAction};
use crate::error::{Error, Result};
use crate::measure::{checkout, git};
use crate::record::results;
use crate::report::summary::shell_word;

/// Does what is asked.
///
/// # Errors
/// When the checkout is no git repository, or a hook is in the way that cannot be respected.
pub fn run(hook: &Hook) -> Result<Outcome> {
    let checkout = checkout::find(hook.checkout.as_deref())?;
    if let HookAction::PrePush { remote } = &hook.action {
        return push::run(&checkout, remote);
    }
    let folder = git::hooks_folder(&checkout)?;
    let place = Place {
        hook: folder.join("pre-push"),
        kept: folder.join("pre-push.kept-by-perf-gate"),
    };
    print(&match hook.action {
        HookAction::Install => install(&place, &script(&checkout)?)?,
        HookAction::Uninstall => uninstall(&place)?,
        HookAction::Status | HookAction::PrePush { .. } => status(&place)?,
    })
}

/// Where the hook is, and where another's is kept.
struct Place {
    hook: PathBuf,
    kept: PathBuf,
}

/// Who the hook in place belongs to.
enum Owner {
    Nobody,
    Us(String),
    Another,
}

/// The second line of every hook of ours.
const MARK: &str =
    "# The performance gate's pre-push hook; `cargo xtask hook uninstall` removes it.";

fn install(place: &Place, script: &str) -> Result<String> {
    let owner = owner(place)?;
    match &owner {
        Owner::Us(installed) if installed == script => {
            return Ok(format!(
                "the hook is installed already: {}\n",
                place.hook.display()
            ));
        }
        Owner::Another if exists(&place.kept) => {
            return Err(Error::new(format!(
                "{} is another's hook, and {} keeps one already",
                place.hook.display(),
                place.kept.display()
            ))
            .next("remove one of them, then install again"));
        }
        Owner::Another | Owner::Us(_) | Owner::Nobody => {}
    }
    if let Some(folder) = place.hook.parent() {
        fs::create_dir_all(folder).map_err(|error| {
            Error::because(
                format!("cannot make the folder {}", folder.display()),
                error,
            )
        })?;
    }
    // By rename: a push that happens now finds a whole hook or none. Another's gives way only to one that is written.
    let partial = place.hook.with_extension("partial");
    results::write(&partial, script)?;
    fs::set_permissions(&partial, fs::Permissions::from_mode(0o755)).map_err(|error| {
        Error::because(
            format!("cannot make {} executable", partial.display()),
            error,
        )
    })?;
    if matches!(owner, Owner::Another) {
        rename(&place.hook, &place.kept)?;
    }
    rename(&partial, &place.hook)?;
    let kept = match exists(&place.kept) {
        true => format!(
            "the hook that was there is called first: {}\n",
            place.kept.display()
        ),
        false => String::new(),
    };
    Ok(format!("installed {}\n{kept}", place.hook.display()))
}

fn uninstall(place: &Place) -> Result<String> {
    match owner(place)? {
        Owner::Nobody if !exists(&place.kept) => Ok("no pre-push hook is installed\n".to_owned()),
        Owner::Another => Err(Error::new(format!(
            "{} is not this tool's hook; it stays as it is",
            place.hook.display()
        ))),
        Owner::Nobody | Owner::Us(_) if exists(&place.kept) => {
            rename(&place.kept, &place.hook)?;
            Ok(format!(
                "removed; the hook that was there before is back: {}\n",
                place.hook.display()
            ))
        }
        Owner::Nobody | Owner::Us(_) => {
            fs::remove_file(&place.hook).map_err(|error| {
                Error::because(format!("cannot remove {}", place.hook.display()), error)
            })?;
            Ok(format!("removed {}\n", place.hook.display()))
        }
    }
}

fn status(place: &Place) -> Result<String> {
    let hook = place.hook.display();
    Ok(match owner(place)? {
        Owner::Nobody => format!("not installed: there is no {hook}\n"),
        Owner::Another => format!("not installed: {hook} is another's hook\n"),
        Owner::Us(_) if exists(&place.kept) => {
            format!("installed: {hook}\ncalls first: {}\n", place.kept.display())
        }
        Owner::Us(_) => format!("installed: {hook}\n"),
    })
}

fn owner(place: &Place) -> Result<Owner> {
    if !exists(&place.hook) {
        return Ok(Owner::Nobody);
    }
    // A hook may be any program, and a link to nowhere is a hook, too.
    let content = fs::read(&place.hook).unwrap_or_default();
    match String::from_utf8(content) {
        Ok(text) if text.lines().nth(1) == Some(MARK) => Ok(Owner::Us(text)),
        _ => Ok(Owner::Another),
    }
}

/// Whether there is anything of that name, a link to nowhere included.
fn exists(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

fn rename(from: &Path, to: &Path) -> Result<()> {
    fs::rename(from, to).map_err(|error| {
        Error::because(
            format!("cannot move {} to {}", from.display(), to.display()),
            error,
        )
    })
}

/// The hook: it calls another's first, and this tool with what git says. What the tool cannot judge passes unless
/// `perf.required` is set; so does a tool that does not run.
fn script(checkout: &Path) -> Result<String> {
    let (tool, call) = match env::var_os("CARGO_MANIFEST_DIR") {
        Some(package) => (
            PathBuf::from(package).join("Cargo.toml"),
            "(cd \"$(dirname -- \"$tool\")\" && cargo run --quiet --manifest-path \"$tool\" --",
        ),
        None => (
            env::current_exe()
                .map_err(|error| Error::because("cannot find this executable", error))?,
            "(\"$tool\"",
        ),
    };
    let tool = shell_word(&tool.to_string_lossy());
    let prefix = shell_word(&git::prefix(checkout).unwrap_or_default());
    Ok(format!(
        r#"#!/bin/sh
{MARK}
tool={tool}
prefix={prefix}
input=$(cat; printf x)
input=${{input%x}}
kept=$(dirname -- "$0")/pre-push.kept-by-perf-gate
if [ -x "$kept" ]; then
    printf %s "$input" | "$kept" "$@" || exit
fi
if [ "$CI" = true ] || [ "$PERF_SKIP" = 1 ]; then exit 0; fi
# Git's variables say which repository this is about; then they go.
required=$(git config --type=bool --get perf.required)
checkout=$(git rev-parse --show-toplevel)/$prefix
unset $(git rev-parse --local-env-vars)
answer=
if [ -e "$tool" ]; then
    answer=$(printf %s "$input" | {call} hook pre-push -C "$checkout" "$1"))
    status=$?
else
    echo "warning: the performance gate is no longer at $tool" >&2
    echo "  where it is now: cargo xtask hook install -C \"$checkout\"" >&2
    status=missing
fi
case $answer$status in
    {DECIDED}[012]) exit $status ;;
    {DECIDED}3 | missing) ;;
    *) echo "warning: the performance gate did not run (exit $status): nothing was judged" >&2 ;;
esac
if [ "$required" = true ]; then
    echo "push blocked: git config perf.required is true" >&2
    echo "{WAY_OUT}" >&2
    exit 3
fi
"#
    ))
}

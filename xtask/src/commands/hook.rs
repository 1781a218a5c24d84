//! `hook`: sets up the pre-push hook, and respects an existing one.

use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use regex::Regex;

use super::push;
use super::shared::{path_word, print, this_program};
use super::words::{Words, did_you_mean};
use crate::error::{Error, Result};
use crate::files;
use crate::judge::verdict::Outcome;
use crate::measure::{checkout, git};
use crate::store::clock::Clock;
use crate::term::text::shell_word;

pub(crate) const HELP: &str = "\
Sets up a git pre-push hook that blocks a push with a measured regression. It
reads recorded results only and measures nothing.

Usage: cargo xtask hook <install|uninstall|status> [-C DIR]

  install              set it up; an existing hook is kept and called first
  uninstall            remove it, and restore the hook that was there before
  status               say what is set up

Options
  -C DIR               the checkout (this tool's own workspace)
  -h, --help           this text

A push without evidence passes with a warning, unless
  git config perf.required true
PERF_TASK=007 git push wants a verdict on that task, too. A regression that
was accepted (cargo perf-compare 007 --accept REASON) passes.
PERF_SKIP=1 git push, or git push --no-verify, pushes in any case; the
first is noted in tmp/m17_performance/skipped_pushes.txt. With CI=true the
hook does nothing.

Exit codes
  0  done; for status: installed
  3  not done, or not installed; the message says why
";

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Options {
    action: Action,
    /// The tool's own workspace when absent.
    checkout: Option<PathBuf>,
}

#[derive(Debug, PartialEq, Eq)]
enum Action {
    Install,
    Uninstall,
    Status,
    /// Decides about a push to `remote`, its name or else its address, as the hook asks. Git's lines are on standard
    /// input.
    PrePush {
        remote: String,
    },
}

pub(crate) fn read(mut words: Words) -> Result<Options> {
    let checkout = words.path("-C")?;
    let action = words
        .next("action")?
        .ok_or_else(|| Error::new("install, uninstall or status is missing"))?;
    let action = match action.as_str() {
        "install" => Action::Install,
        "uninstall" => Action::Uninstall,
        "status" => Action::Status,
        "pre-push" => {
            let [remote] = words.positional(["<remote>"])?;
            let action = Action::PrePush { remote };
            return Ok(Options { action, checkout });
        }
        other => {
            let known = ["install", "uninstall", "status", "pre-push"];
            let nearest = did_you_mean(other, known);
            return Err(Error::new(format!("`hook {other}` is nothing this tool does{nearest}")));
        }
    };
    let [] = words.positional([])?;
    Ok(Options { action, checkout })
}

/// Installs, removes or describes the hook, or decides about a push.
///
/// # Errors
/// When the checkout is no git repository, or an existing hook cannot be kept and called.
pub(crate) fn run(options: &Options, clock: Clock) -> Result<Outcome> {
    let checkout = checkout::find(options.checkout.as_deref())?;
    match &options.action {
        Action::PrePush { remote } => push::run(&checkout, remote, clock),
        Action::Install => print(&install(&Place::of(&checkout)?, &checkout)?),
        Action::Uninstall => print(&uninstall(&Place::of(&checkout)?)?),
        Action::Status => {
            let (outcome, text) = status(&Place::of(&checkout)?, &checkout);
            print(&text).map(|_| outcome)
        }
    }
}

/// The paths of the hook and of the kept one.
struct Place {
    hook: PathBuf,
    kept: PathBuf,
}

impl Place {
    fn of(checkout: &Path) -> Result<Self> {
        let hook = git::pre_push_hook(checkout)?;
        Ok(Self { kept: hook.with_file_name("pre-push.kept-by-perf-gate"), hook })
    }
}

/// The owner of the hook in place, with its text.
enum Owner {
    Nobody,
    Us(String),
    Another(String),
}

/// The hook below its variables.
const BODY: &str = include_str!("pre-push.sh");

/// The second line of every hook that this tool wrote.
const MARK: &str =
    "# The performance gate's pre-push hook; `cargo xtask hook uninstall` removes it.";

fn install(place: &Place, checkout: &Path) -> Result<String> {
    let script = script(checkout)?;
    let hook = place.hook.display();
    let owner = owner(place);
    refuse(place, checkout, &owner, &script)?;
    // By rename: a push that happens now finds a whole hook or none. An existing one is moved only once the new one is
    // written.
    let executable = fs::Permissions::from_mode(0o755);
    let partial = files::Partial::write(&place.hook, &script, Some(executable))?;
    if matches!(owner, Owner::Another(_)) {
        rename(&place.hook, &place.kept)?;
    }
    partial.place()?;
    let kept = match exists(&place.kept) {
        true => format!("the hook that was there is called first: {}\n", place.kept.display()),
        false => String::new(),
    };
    Ok(format!("installed {hook}\n{kept}"))
}

/// Fails where the place is not one for a hook of this checkout alone, or what is there cannot be respected.
fn refuse(place: &Place, checkout: &Path, owner: &Owner, script: &str) -> Result<()> {
    let (hook, kept) = (place.hook.display(), place.kept.display());
    let (why, advice) = if let Some(why) = unfit(place, checkout) {
        (why, OWN_HOOKS.to_owned())
    } else if git::is_tracked(checkout, &place.hook) {
        (format!("{hook} is tracked by git, so it is not replaced"), by_hand(checkout)?)
    } else {
        match owner {
            Owner::Us(installed) if value(installed, "prefix=") != value(script, "prefix=") => {
                let other = value(installed, "installed_for=").unwrap_or("another checkout");
                let why = format!("{hook} guards {other} already, and a repository has one hook");
                (why, "to guard this one instead: uninstall, then install again".to_owned())
            }
            Owner::Another(_) if exists(&place.kept) => {
                let why = format!("{hook} is not this tool's hook, and {kept} is kept already");
                (why, "remove one of them, then install again".to_owned())
            }
            Owner::Another(text) if acts_by_name(place, text) => {
                let why =
                    format!("{hook} acts by its own name, so it cannot be kept under another");
                (why, by_hand(checkout)?)
            }
            Owner::Another(_) | Owner::Us(_) | Owner::Nobody => return Ok(()),
        }
    };
    Err(Error::new(why).next(advice))
}

/// Why this is no place for a hook: `core.hooksPath` is set to nothing or to what is no folder, so that git runs none,
/// or to a folder for all repositories.
fn unfit(place: &Place, checkout: &Path) -> Option<String> {
    let path = git::HooksPath::of(checkout)?;
    let (folder, scope) = (&path.folder, &path.scope);
    let parent = place.hook.parent()?;
    if folder.as_os_str().is_empty() || (exists(parent) && !parent.is_dir()) {
        let set = format!("core.hooksPath is set to {folder:?} ({scope})");
        return Some(format!("git runs no hooks here: {set}"));
    }
    let folder = folder.display();
    let why = format!("{folder} holds the hooks of all repositories (core.hooksPath, {scope})");
    path.is_of_all().then_some(why)
}

const OWN_HOOKS: &str = "give this repository hooks of its own: \
    git config core.hooksPath \"$(git rev-parse --path-format=absolute --git-common-dir)/hooks\"";

/// The value that a line of the script gives a variable.
fn value<'a>(script: &'a str, variable: &str) -> Option<&'a str> {
    script.lines().find_map(|line| line.strip_prefix(variable))
}

/// True for a hook that decides by its own name what to do, as overcommit's does. Its folder stays the same, so a hook
/// that only asks for that (`dirname "$0"`) passes. Husky's asks in a file beside it, `h`.
fn acts_by_name(place: &Place, text: &str) -> bool {
    const FOLDER: &str = r#"dirname (-- )?"?\$0|\$\{0%/\*\}"#;
    const NAME: &str = r#""\$0|\$\{0|basename[ (]+(-- )?\$0|argv\[0\]|PROGRAM_NAME"#;
    let matches = |pattern, text: &str| Regex::new(pattern).is_ok_and(|name| name.is_match(text));
    let rest =
        Regex::new(FOLDER).map_or_else(|_| text.into(), |folder| folder.replace_all(text, ""));
    exists(&place.hook.with_file_name("h")) || text.starts_with("#!") && matches(NAME, &rest)
}

/// The lines that do the same in an existing hook. They are for everybody who has the checkout: they name no place of
/// this machine, and leave the input to the rest of the hook.
fn by_hand(checkout: &Path) -> Result<String> {
    let package = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let root = git::root(checkout)?;
    let manifest = package
        .and_then(|package| Some(package.strip_prefix(&root).ok()?.join("Cargo.toml")))
        .unwrap_or_else(|| PathBuf::from("xtask/Cargo.toml"));
    let lines = LINES.replace("MANIFEST", &path_word(&manifest));
    let folder = git::prefix(checkout).filter(|prefix| !prefix.is_empty());
    let enter = folder.map_or_else(String::new, |prefix| format!("cd {} && ", shell_word(&prefix)));
    let lines = lines.replace("ENTER", &enter);
    Ok(format!(
        "call this tool from it instead (husky: from .husky/pre-push), before anything else reads its input:\n\n{lines}"
    ))
}

/// What is to stand in an existing hook.
const LINES: &str = include_str!("pre-push-by-hand.sh");

fn uninstall(place: &Place) -> Result<String> {
    let hook = place.hook.display();
    match (owner(place), exists(&place.kept)) {
        (Owner::Another(_), _) => {
            Err(Error::new(format!("{hook} is not this tool's hook; it stays as it is")))
        }
        (Owner::Nobody | Owner::Us(_), true) => {
            rename(&place.kept, &place.hook)?;
            Ok(format!("removed; the hook that was there before is back: {hook}\n"))
        }
        (Owner::Us(_), false) => {
            fs::remove_file(&place.hook).map_err(Error::at("cannot remove", &place.hook))?;
            Ok(format!("removed {hook}\n"))
        }
        (Owner::Nobody, false) => Ok("no pre-push hook is installed\n".to_owned()),
    }
}

fn status(place: &Place, checkout: &Path) -> (Outcome, String) {
    let hook = place.hook.display();
    let not = |why: String| (Outcome::CannotJudge, format!("not installed: {why}\n"));
    if let Some(why) = unfit(place, checkout) {
        return not(format!("{why}\n  {OWN_HOOKS}"));
    }
    match owner(place) {
        Owner::Nobody => not(format!("there is no {hook}")),
        Owner::Another(_) => not(format!("{hook} is not this tool's hook")),
        Owner::Us(_) if exists(&place.kept) => {
            let kept = place.kept.display();
            (Outcome::Success, format!("installed: {hook}\ncalls first: {kept}\n"))
        }
        Owner::Us(_) => (Outcome::Success, format!("installed: {hook}\n")),
    }
}

fn owner(place: &Place) -> Owner {
    if !exists(&place.hook) {
        return Owner::Nobody;
    }
    // A hook may be any program, or a dangling link.
    let content = files::read(&place.hook).unwrap_or_default();
    let text = String::from_utf8_lossy(&content).into_owned();
    match text.lines().nth(1) == Some(MARK) {
        true => Owner::Us(text),
        false => Owner::Another(text),
    }
}

/// True for anything of that name, including a dangling link.
fn exists(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

fn rename(from: &Path, to: &Path) -> Result<()> {
    let doing = format!("cannot move {} to", from.display());
    fs::rename(from, to).map_err(Error::at(&doing, to))
}

/// The hook's text. The hook calls the kept one first, then this tool with git's lines. A push that the tool cannot
/// judge passes unless `perf.required` is set, also if the tool does not run.
///
/// It calls the program as it was last built, because a push is no time to compile; `perf-check` and `perf-compare`
/// rebuild it. Only if it is gone, as after `cargo clean`, does the hook ask cargo for it.
fn script(checkout: &Path) -> Result<String> {
    let tool = path_word(&this_program()?);
    let package = env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default();
    let package = path_word(Path::new(&package));
    let installed_for = path_word(checkout);
    let prefix = shell_word(&git::prefix(checkout).unwrap_or_default());
    let head = format!(
        "#!/bin/sh\n{MARK}\ntool={tool}\npackage={package}\ninstalled_for={installed_for}\nprefix={prefix}\n"
    );
    Ok(head + BODY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hook_says_and_understands_the_words_of_the_decision() {
        assert!(BODY.contains(&format!("    {}[012])", push::DECIDED)));
        assert!(BODY.contains(&format!("echo \"{}\"", push::WAY_OUT)));
        assert!(LINES.contains(&format!("{}0)", push::DECIDED)));
    }
}

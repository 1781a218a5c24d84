//! Two repositories of a test's own: a checkout, and the remote that it pushes to.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use tempfile::TempDir;
use walkdir::WalkDir;
use xtask::measure::content;
use xtask::model::inputs::Inputs;
use xtask::model::layout::{BASELINES, RESULTS};
use xtask::model::provenance::Provenance;
use xtask::store::results::Results;
use xtask::store::sources;

use super::documents::BASELINE_DOCUMENT;
use super::recording::{Recording, hash_of};
use super::{Checkout, Finished, Packed, finish, git_command, tool};

/// A checkout on `main`, pushed, with the hook installed by the tool's binary.
pub struct Project {
    pub checkout: Checkout,
    folder: PathBuf,
    remote: TempDir,
}

/// Every file of a folder, with its mode.
pub type Files = BTreeMap<PathBuf, (u32, Vec<u8>)>;

impl Project {
    pub fn new() -> Self {
        let project = Self::without_hook();
        finish(project.tool("hook install")).succeeded();
        project
    }

    pub fn without_hook() -> Self {
        static MADE: OnceLock<(Packed, Packed, String)> = OnceLock::new();
        let (checkout, remote, remote_path) = MADE.get_or_init(|| {
            let made = Self::made();
            let [checkout, remote] = [made.folder(), made.remote()].map(Packed::of);
            (checkout, remote, made.remote().display().to_string())
        });
        let project = Self::of(Checkout::unpacked(checkout));
        remote.unpack(project.remote());
        let config = project.checkout.path(".git/config");
        let text = fs::read_to_string(&config).unwrap();
        fs::write(config, text.replace(remote_path, &project.remote().display().to_string()))
            .unwrap();
        project
    }

    fn of(checkout: Checkout) -> Self {
        let remote = tempfile::Builder::new().prefix("a remote ").tempdir().unwrap();
        Self { folder: checkout.path(""), checkout, remote }
    }

    /// One made by git, which is slow.
    fn made() -> Self {
        let project = Self::of(Checkout::without_product());
        project.checkout.write(".gitignore", "/target\n/tmp\n");
        project.checkout.write(BASELINES, BASELINE_DOCUMENT);
        project.checkout.write("src/server.rs", "fast\n");
        done(project.remote.path(), "init --quiet --bare --initial-branch=main");
        project.git("init --quiet --initial-branch=main");
        name_committer(project.folder());
        let mut add = git(project.folder(), "remote add origin");
        add.arg(project.remote.path());
        finish(add).succeeded();
        project.commit();
        project.git("push --quiet --set-upstream origin main");
        keep_inputs(project.folder());
        project
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub fn remote(&self) -> &Path {
        self.remote.path()
    }

    /// The tool in the checkout.
    pub fn tool(&self, words: &str) -> Command {
        let mut command = tool(words);
        command.current_dir(self.folder());
        command
    }

    /// Runs git in the checkout, which is to succeed.
    #[track_caller]
    pub fn git(&self, words: &str) -> String {
        done(self.folder(), words)
    }

    /// `git push --quiet WORDS`: what it prints is what the hook says, and why git fails.
    pub fn push(&self, words: &str) -> Finished {
        finish(self.push_command(words))
    }

    pub fn push_command(&self, words: &str) -> Command {
        git(self.folder(), &format!("push --quiet {words}"))
    }

    /// Commits all there is.
    pub fn commit(&self) {
        self.git("add --all");
        self.git("commit --quiet --message=all");
    }

    /// Writes the server anew and commits it; returns the content.
    pub fn change(&self, server: &str) -> String {
        self.checkout.write("src/server.rs", server);
        self.commit();
        self.content()
    }

    /// The content of the commit that is checked out.
    pub fn content(&self) -> String {
        content::of_commit(self.folder(), "HEAD", &inputs()).unwrap()
    }

    /// The content of the files as they are now.
    pub fn content_of_files(&self) -> String {
        let scratch = tempfile::tempdir().unwrap();
        let files = content::of_files(self.folder(), &scratch.path().join("scratch"));
        files.unwrap().hash(&inputs()).unwrap()
    }

    /// Records a run that was measured on `content`; `None` is unknown content.
    pub fn record(&self, recording: &Recording, content: Option<&str>) {
        let result = recording.write(&self.checkout);
        set_content(&result, content);
    }

    /// Records runs as one group.
    pub fn record_group(&self, recording: &Recording, runs: &[(f64, &str)]) {
        let known = self.checkout.results();
        let p99s_ms: Vec<f64> = runs.iter().map(|(p99_ms, _)| *p99_ms).collect();
        recording.write_group(&self.checkout, &p99s_ms, u32::try_from(runs.len()).unwrap());
        let mut new = self.checkout.results();
        new.retain(|name| !known.contains(name));
        for (name, (_, content)) in new.iter().zip(runs) {
            set_content(&self.recorded(name), Some(content));
        }
    }

    /// Makes the newest run after the change unreadable; returns its file's name.
    pub fn break_newest_after(&self) -> String {
        let mut names = self.checkout.results();
        names.retain(|name| name.contains("_after_"));
        let newest = names.pop().unwrap();
        fs::write(self.recorded(&newest), "{").unwrap();
        newest
    }

    /// A recorded file.
    pub fn recorded(&self, name: &str) -> PathBuf {
        self.checkout.path(RESULTS).join(name)
    }

    /// Changes the server, with `before` measured without the change and `after` with it; returns the content.
    pub fn measured(&self, before: &Recording, after: &Recording) -> String {
        self.record(before, Some(&self.content()));
        let tip = self.change("another\n");
        self.record(after, Some(&tip));
        tip
    }

    /// Changes the server so that it is as fast as it was.
    pub fn clean(&self) -> String {
        self.measured(&before(), &as_fast())
    }

    /// Changes the server so that it is slower.
    pub fn regressed(&self) -> String {
        self.measured(&before(), &slower())
    }

    /// Makes the hook block what it cannot judge.
    pub fn require(&self) {
        self.git("config perf.required true");
    }

    /// The commit of a branch of the remote; empty for none.
    pub fn on_remote(&self, branch: &str) -> String {
        let mut command = git(self.remote(), "rev-parse --quiet --verify");
        command.arg(format!("refs/heads/{branch}"));
        finish(command).output.trim_end().to_owned()
    }

    /// Every file of the checkout, of its repository, and of the remote.
    pub fn everything(&self) -> [Files; 2] {
        [self.folder(), self.remote()].map(files)
    }
}

/// The internal before of task 007, P99 0.458 ms.
pub fn before() -> Recording {
    Recording::new().before()
}

/// An after within the limits.
pub fn as_fast() -> Recording {
    Recording::new().after().p99(0.460)
}

/// An after beyond them.
pub fn slower() -> Recording {
    Recording::new().after().p99(0.600)
}

pub fn competitive_before() -> Recording {
    before().competitive().p99(10.2).throughput(490.0)
}

pub fn competitive_as_fast() -> Recording {
    as_fast().competitive().p99(10.3).throughput(490.0)
}

pub fn competitive_slower() -> Recording {
    slower().competitive().p99(11.5).throughput(490.0)
}

/// Git in `folder` with these words.
pub fn git(folder: &Path, words: &str) -> Command {
    let mut command = git_command(folder);
    command.args(words.split_whitespace());
    command
}

/// Runs git, which is to succeed; returns what it printed.
#[track_caller]
pub fn done(folder: &Path, words: &str) -> String {
    finish(git(folder, words)).succeeded().output.trim_end().to_owned()
}

pub fn name_committer(repository: &Path) {
    done(repository, "config user.name test");
    done(repository, "config user.email test@example.com");
}

pub fn files(folder: &Path) -> Files {
    WalkDir::new(folder)
        .into_iter()
        .map(Result::unwrap)
        .filter(|entry| !entry.file_type().is_dir())
        .map(|entry| {
            let mode = entry.metadata().unwrap().permissions().mode();
            let content = match entry.path_is_symlink() {
                true => fs::read_link(entry.path()).unwrap().into_os_string().into_encoded_bytes(),
                false => fs::read(entry.path()).unwrap(),
            };
            (entry.into_path(), (mode, content))
        })
        .collect()
}

/// What the server of a project is built from.
pub fn inputs() -> Inputs {
    let files =
        ["Cargo.lock", "Cargo.toml", "engram/src/server.rs", "src/client.rs", "src/server.rs"];
    Inputs { repository: files.map(str::to_owned).into(), ..Inputs::default() }
}

/// Leaves in a checkout what a measurement leaves there of its inputs; returns their hash.
pub fn keep_inputs(checkout: &Path) -> String {
    sources::keep(&Results::of(checkout), &inputs()).unwrap()
}

fn set_content(result: &Path, content: Option<&str>) {
    let stem = result.file_stem().unwrap().to_str().unwrap();
    let diagnosis = result.with_file_name(format!("{stem}_diag.txt"));
    // The old scripts recorded none.
    if let Ok(text) = fs::read_to_string(&diagnosis) {
        let mut provenance = Provenance::parse(&text).unwrap().unwrap();
        provenance.build.content = content.map(|content| hash_of(content.to_owned()));
        let checkout = diagnosis.ancestors().nth(3).unwrap();
        provenance.build.inputs = content.map(|_| keep_inputs(checkout));
        fs::write(&diagnosis, provenance.to_text()).unwrap();
    }
}

impl Finished {
    /// Checks that the push went through and that nobody said a word.
    #[track_caller]
    pub fn passed_silently(self) {
        let silent = self.errors.is_empty() && self.output.is_empty();
        assert!(self.code == Some(0) && silent, "{self:?}");
    }

    /// Checks that the push went through; returns what the hook said.
    #[track_caller]
    pub fn passed(self) -> String {
        self.succeeded().errors
    }

    /// Checks that the push was blocked with the way out; returns what the hook said.
    #[track_caller]
    pub fn blocked(self) -> String {
        assert_eq!(self.code, Some(1), "{self:?}");
        let way_out = self.errors.contains("PERF_SKIP=1 git push")
            && self.errors.contains("git push --no-verify");
        assert!(way_out, "{self:?}");
        self.errors
    }
}

/// Checks that `text` has every one of `parts` in it.
#[track_caller]
pub fn assert_has(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "no {part:?} in:\n{text}");
    }
}

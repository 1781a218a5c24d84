//! Programs of a test's own making, and the stand-in's.
//!
//! No file that is executed later is ever open for writing in this process: a child that another thread starts at that
//! moment would hold it open, and nobody could execute it (ETXTBSY).

use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use tempfile::TempDir;
use xtask::measure::shell::leaked_variables;

use super::TOOL;

/// Writes a program.
pub fn program(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut writer = Command::new("sh")
        .args(["-c", "cat > \"$0\" && chmod 755 \"$0\""])
        .arg(path)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = writer.stdin.take().unwrap();
    input.write_all(text.as_bytes()).unwrap();
    drop(input);
    assert!(writer.wait().unwrap().success(), "{}", path.display());
}

/// Copies a program.
pub fn copy_program(from: &Path, to: &Path) {
    fs::create_dir_all(to.parent().unwrap()).unwrap();
    let copied = Command::new("cp").arg(from).arg(to).status().unwrap();
    assert!(copied.success(), "{} -> {}", from.display(), to.display());
}

/// The files of a folder, to be made anew elsewhere.
pub struct Packed(Vec<u8>);

impl Packed {
    pub fn of(folder: &Path) -> Self {
        let packed = Command::new("tar").args(["-cf", "-", "."]).current_dir(folder).output();
        let packed = packed.unwrap();
        assert!(packed.status.success(), "{packed:?}");
        Self(packed.stdout)
    }

    pub fn unpack(&self, folder: &Path) {
        let mut unpacking = Command::new("tar")
            .args(["-xf", "-"])
            .current_dir(folder)
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        unpacking.stdin.take().unwrap().write_all(&self.0).unwrap();
        assert!(unpacking.wait().unwrap().success(), "{}", folder.display());
    }
}

/// A folder with every program of the search path but one, to be the search path.
pub fn programs_without(missing: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for place in std::env::split_paths(&std::env::var_os("PATH").unwrap()) {
        for program in fs::read_dir(place).into_iter().flatten() {
            let program = program.unwrap();
            if program.file_name() != missing {
                // The first of a name is the one that counts.
                let _ = symlink(program.path(), folder.path().join(program.file_name()));
            }
        }
    }
    folder
}

/// The folder of [`programs_without`], with a git that changes `binary` each time that it has hashed an `engram`.
pub fn replacing_after_hashing(binary: &Path) -> TempDir {
    let programs = programs_without("git");
    let path = std::env::var_os("PATH").unwrap();
    let git = programs.path().join("git");
    let script = format!(
        "#!/bin/sh\nPATH='{}' git \"$@\" || exit\n\
         case \"$*\" in *hash-object*engram) echo >> '{}' ;; esac\n",
        path.display(),
        binary.display()
    );
    program(&git, &script);
    programs
}

/// The source of a program that turns into `program`.
pub fn source_that_becomes(program: &Path) -> String {
    format!(
        "use std::os::unix::process::CommandExt;\n\nfn main() {{\n    \
         let mut command = std::process::Command::new({program:?});\n    \
         panic!(\"{{}}\", command.args(std::env::args_os().skip(1)).exec());\n}}\n"
    )
}

/// The folder of the stand-in's binaries, beside the tool.
pub fn stand_in() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = Path::new(TOOL).parent().unwrap();
        // `cargo test --workspace` has just built them. Alone they have other features of their dependencies, and cargo
        // would build all of it once more.
        if !["engram", "loadtest"].iter().all(|name| is_fresh(&folder.join(name))) {
            build_stand_in(folder);
        }
        folder.to_owned()
    })
}

/// A binary is newer than every file that cargo made it of, and than the manifests.
fn is_fresh(binary: &Path) -> bool {
    let changed = |path: &Path| fs::metadata(path).and_then(|file| file.modified()).ok();
    let (Some(built), Ok(sources)) =
        (changed(binary), fs::read_to_string(binary.with_extension("d")))
    else {
        return false;
    };
    let Some((_, sources)) = sources.split_once(": ") else {
        return false;
    };
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let manifests = ["Cargo.toml", "Cargo.lock", "xtask/stand-in/Cargo.toml"];
    // As in a makefile, a space within a path has a backslash before it.
    let sources = sources.trim_end().replace("\\ ", "\0");
    sources
        .split(' ')
        .map(|path| PathBuf::from(path.replace('\0', " ")))
        .chain(manifests.map(|path| workspace.join(path)))
        .all(|path| changed(&path).is_some_and(|changed| changed < built))
}

fn build_stand_in(folder: &Path) {
    let profile = match folder.file_name().unwrap().to_str().unwrap() {
        "debug" => "dev",
        other => other,
    };
    let mut build = Command::new(env!("CARGO"));
    for name in leaked_variables() {
        build.env_remove(name);
    }
    build
        .args(["build", "--quiet", "--package", "stand-in"])
        .args(["--profile", profile, "--target-dir"])
        .arg(folder.parent().unwrap())
        .current_dir(env!("CARGO_MANIFEST_DIR"));
    assert!(build.status().unwrap().success(), "the stand-in does not build");
}

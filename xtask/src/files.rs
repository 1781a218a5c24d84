//! The one reader and the one writer of files. What is read is a regular file of bounded size, whatever lies under its
//! name; what is written is whole or absent.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process;

use crate::error::{Error, Result};

/// The most MiB of a file that is read: far more than any result, provenance, record or document has.
const MOST_MIB: u64 = 16;

/// Opening does not wait for the other end of a FIFO, nor reading for a device. The standard library does not name the
/// flag: it is one value on Linux, on all processors that Rust's servers run on, and another on macOS and the BSDs.
const O_NONBLOCK: i32 =
    if cfg!(any(target_os = "linux", target_os = "android")) { 0o4000 } else { 0x4 };

/// Reads a whole file.
///
/// # Errors
/// When it is not there, is no regular file or is larger than 16 MiB.
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let (file, size) = open(path)?;
    let most = MOST_MIB << 20;
    // One of the kernel's own (`/proc/kmsg`) says that it is empty; to read it would wait, or take it from others.
    if (1..=most).contains(&size) {
        file.take(most + 1).read_to_end(&mut bytes)?;
    }
    let size = size.max(bytes.len() as u64);
    if size > most {
        let mib = size.div_ceil(1 << 20);
        let what = format!("too large: {mib} MiB, and at most {MOST_MIB} are read");
        return Err(io::Error::other(what));
    }
    Ok(bytes)
}

/// Reads a whole file of text, likewise.
///
/// # Errors
/// As [`read`], and when it is not UTF-8.
pub fn read_text(path: &Path) -> io::Result<String> {
    let text = String::from_utf8(read(path)?);
    text.map_err(|_| io::Error::new(ErrorKind::InvalidData, "not UTF-8 text"))
}

/// Opens a regular file to read; returns it with its size in bytes. What it is, is asked of the open file: what a name
/// stands for may change in between.
///
/// # Errors
/// When it is not there, or is no regular file.
pub(crate) fn open(path: &Path) -> io::Result<(File, u64)> {
    let file = open_at_once(path)?;
    let metadata = file.metadata()?;
    match metadata.is_file() {
        true => Ok((file, metadata.len())),
        false => Err(io::Error::other("not a regular file")),
    }
}

/// The names of what is in a folder, unsorted, but for those that are no text, which this tool does not write. A folder
/// that is not there has none.
///
/// # Errors
/// Names the folder that cannot be read.
pub(crate) fn names(folder: &Path) -> Result<Vec<String>> {
    let failed = |error| Error::at("cannot read", folder)(error);
    // Not walkdir: for one flat folder of very many files the standard library alone is several times faster.
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(failed)?,
    };
    let names = entries.map(|entry| Ok(entry.map_err(failed)?.file_name().into_string().ok()));
    names.filter_map(Result::transpose).collect()
}

/// Opens whatever is there, without waiting: a folder, to lock it.
///
/// # Errors
/// When it is not there.
pub(crate) fn open_at_once(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(O_NONBLOCK).open(path)
}

/// Writes a file that is not there yet.
///
/// # Errors
/// Names the file; a full disk is the usual reason.
pub(crate) fn write_new(path: &Path, text: &str) -> Result<()> {
    File::create_new(path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(Error::at("cannot write", path))
}

/// Replaces a file, or makes it: written beside it and renamed, so that nobody ever reads half of it.
///
/// # Errors
/// Names the file that could not be written; it is as it was then.
pub(crate) fn replace(path: &Path, text: &str) -> Result<()> {
    // The target of a link is replaced, not the link.
    let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let permissions = fs::metadata(path).ok().map(|old| old.permissions());
    Partial::write(path, text, permissions)?.place()
}

/// A file that is written and not yet in its place; dropped there, it is gone. It is made anew under a name of its own,
/// so that nothing is written through a link. A killed process leaves it to the next write.
#[derive(Debug)]
pub(crate) struct Partial {
    path: PathBuf,
    target: PathBuf,
    /// Held locked, which shows others that it is not left over.
    _file: File,
}

impl Partial {
    /// Writes `text` beside `target`, whose folder is made if need be.
    ///
    /// # Errors
    /// Names the target; a full disk is the usual reason.
    pub(crate) fn write(
        target: &Path,
        text: &str,
        permissions: Option<Permissions>,
    ) -> Result<Self> {
        if let Some(folder) = target.parent() {
            fs::create_dir_all(folder).map_err(Error::at("cannot make the folder", folder))?;
        }
        remove_leftovers(target);
        let failed = || Error::at("cannot write", target);
        let (path, mut file) = make(target).map_err(failed())?;
        let written = file
            .write_all(text.as_bytes())
            .and_then(|()| permissions.map_or(Ok(()), |own| file.set_permissions(own)))
            // The name must not become visible before the content is safe.
            .and_then(|()| file.sync_all());
        let partial = Self { path, target: target.to_owned(), _file: file };
        written.map(|()| partial).map_err(failed())
    }

    /// Renames it to its target.
    ///
    /// # Errors
    /// Names the target, which is as it was then.
    pub(crate) fn place(self) -> Result<()> {
        fs::rename(&self.path, &self.target).map_err(Error::at("cannot write", &self.target))
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        // It is not there any more where it was placed.
        let _ = fs::remove_file(&self.path);
    }
}

/// Makes a file beside `target` and locks it.
fn make(target: &Path) -> io::Result<(PathBuf, File)> {
    let name = target.file_name().unwrap_or_default().display();
    let mut number = 0_u32;
    loop {
        let path = target.with_file_name(format!("{name}.{}-{number}{PARTIAL}", process::id()));
        match File::create_new(&path) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
            // Not where another process has just taken it for left over. Where there are no locks, none does.
            Ok(file)
                if !matches!(file.try_lock(), Err(TryLockError::WouldBlock)) && path.exists() =>
            {
                return Ok((path, file));
            }
            _ => number += 1,
        }
    }
}

/// The end of the name of a [`Partial`], after that of its target, a process id and a number.
const PARTIAL: &str = ".partial";

/// Removes what killed processes left beside `target`. Best effort.
fn remove_leftovers(target: &Path) {
    let (Some(folder), Some(name)) = (target.parent(), target.file_name().and_then(OsStr::to_str))
    else {
        return;
    };
    let is_left = |left: &String| {
        let own =
            || left.strip_prefix(name)?.strip_prefix('.')?.strip_suffix(PARTIAL)?.split_once('-');
        own().is_some_and(|(process, number)| {
            [process, number].iter().all(|part| part.parse::<u32>().is_ok())
        })
    };
    for left in names(folder).unwrap_or_default().iter().filter(|left| is_left(left)) {
        let left = folder.join(left);
        // Locked until it is removed: that it is being removed must not go unnoticed.
        if let Ok((file, _)) = open(&left)
            && file.try_lock().is_ok()
        {
            let _ = fs::remove_file(left);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::process::Command;

    use super::*;

    fn refused(path: &Path) -> String {
        read(path).unwrap_err().to_string()
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn a_fifo_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let fifo = folder.path().join("fifo");
        assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
        let link = folder.path().join("link");
        symlink(&fifo, &link).unwrap();
        assert_eq!(refused(&fifo), "not a regular file");
        assert_eq!(refused(&link), "not a regular file");
    }

    #[test]
    fn a_device_and_a_folder_are_not_read() {
        for path in ["/dev/zero", "/dev"] {
            assert_eq!(refused(Path::new(path)), "not a regular file");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_messages_of_the_kernel_are_not_taken_or_waited_for() {
        // Who may not open it is refused anyway.
        assert!(
            read(Path::new("/proc/kmsg")).is_ok_and(|bytes| bytes.is_empty())
                || !refused(Path::new("/proc/kmsg")).is_empty()
        );
    }

    #[test]
    fn what_is_larger_than_the_limit_is_refused_with_its_size() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("large");
        let file = File::create(&path).unwrap();
        file.set_len(MOST_MIB << 20).unwrap();
        assert!(read(&path).is_ok());
        file.set_len((MOST_MIB << 20) + 1).unwrap();
        assert_eq!(refused(&path), "too large: 17 MiB, and at most 16 are read");
        file.set_len(1 << 30).unwrap();
        assert!(refused(&path).contains("1024 MiB"));
    }

    #[test]
    fn a_new_file_is_not_written_through_what_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let [target, link] = ["target", "link"].map(|name| folder.path().join(name));
        symlink(&target, &link).unwrap();
        assert!(write_new(&link, "text").is_err());
        assert!(!target.exists());
    }

    #[test]
    fn what_is_replaced_keeps_its_permissions_and_its_link() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let [target, link] = ["target", "link"].map(|name| folder.path().join(name));
        fs::write(&target, "old").unwrap();
        fs::set_permissions(&target, Permissions::from_mode(0o640)).unwrap();
        symlink(&target, &link).unwrap();
        replace(&link, "new").unwrap();
        assert_eq!(fs::read_to_string(&target).unwrap(), "new");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::metadata(&target).unwrap().permissions().mode() & 0o777, 0o640);
        assert_eq!(names(folder.path()), ["link", "target"]);
    }

    #[test]
    fn a_link_with_the_name_of_a_temporary_file_is_not_written_through() {
        let folder = tempfile::tempdir().unwrap();
        let victim = folder.path().join("victim");
        fs::write(&victim, "mine").unwrap();
        for name in ["log.partial", "log.md.partial"] {
            symlink(&victim, folder.path().join(name)).unwrap();
        }
        let next = format!("log.md.{}-0{PARTIAL}", process::id());
        symlink(&victim, folder.path().join(next)).unwrap();
        let target = folder.path().join("log.md");
        replace(&target, "new").unwrap();
        assert_eq!(fs::read_to_string(&victim).unwrap(), "mine");
        assert_eq!(fs::read_to_string(&target).unwrap(), "new");
    }

    #[test]
    fn a_write_that_is_given_up_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        drop(Partial::write(&folder.path().join("log"), "text", None).unwrap());
        assert_eq!(names(folder.path()), [""; 0]);
    }

    #[test]
    fn the_next_write_removes_what_a_killed_one_left_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("log");
        let foreign = ["log.partial", "log.1.partial", "log.a-0.partial", "other.1-0.partial"];
        for name in foreign.iter().chain(&["log.1-0.partial", "log.77-3.partial"]) {
            fs::write(folder.path().join(name), "").unwrap();
        }
        let other = Partial::write(&target, "of another, which lives", None).unwrap();
        assert!(names(folder.path()).len() == foreign.len() + 1);
        replace(&target, "new").unwrap();
        assert!(other.path.exists());
        other.place().unwrap();
        let mut left = [&foreign[..], &["log"]].concat();
        left.sort_unstable();
        assert_eq!(names(folder.path()), left);
    }
}

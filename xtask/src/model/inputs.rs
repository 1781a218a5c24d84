//! The inputs of a build: the files that can change the binaries it makes, and nothing else.

use std::collections::BTreeSet;

/// The inputs of a build, as paths from the root of the repository with `/` between their parts. `.` is the root.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inputs {
    /// Files, and folders with all that is in them, that a commit would hold. Some need not exist: they would be inputs
    /// if they did.
    pub repository: BTreeSet<String>,
    /// Folders of packages whose build script does not say what it reads: all in them counts.
    pub packages: BTreeSet<String>,
    /// What does not count in such a folder.
    pub except: BTreeSet<String>,
    /// Files that no commit holds, since git ignores them or since they lie outside of the repository.
    pub disk: BTreeSet<String>,
}

impl Inputs {
    /// Whatever is in the repository.
    pub(crate) fn everything() -> Self {
        Self { repository: BTreeSet::from([".".to_owned()]), ..Self::default() }
    }

    /// True for a path whose content in a commit counts. A link or submodule above an input counts, too.
    pub(crate) fn cover(&self, path: &str) -> bool {
        let is_input = is_in_any(path, &self.repository) || self.has_within(path);
        is_input || (is_in_any(path, &self.packages) && !is_in_any(path, &self.except))
    }

    /// True where an input lies in the folder `path`.
    fn has_within(&self, path: &str) -> bool {
        let folder = format!("{path}/");
        let next = self.repository.range(folder.clone()..).next();
        next.is_some_and(|input| input.starts_with(&folder))
    }

    /// The text of a list: an input a line, after the word for its kind.
    pub fn to_text(&self) -> String {
        let kinds = [
            ("repository", &self.repository),
            ("package", &self.packages),
            ("except", &self.except),
            ("disk", &self.disk),
        ];
        let lines = kinds
            .into_iter()
            .flat_map(|(kind, paths)| paths.iter().map(move |path| format!("{kind} {path}\n")));
        lines.collect()
    }

    /// Reads a list; `None` for a text that is none.
    pub fn parse(text: &str) -> Option<Self> {
        let mut inputs = Self::default();
        for line in text.lines() {
            let (kind, path) = line.split_once(' ')?;
            let paths = match kind {
                "repository" => &mut inputs.repository,
                "package" => &mut inputs.packages,
                "except" => &mut inputs.except,
                "disk" => &mut inputs.disk,
                _ => return None,
            };
            paths.insert(path.to_owned());
        }
        Some(inputs)
    }
}

/// True for a path that is one of `folders`, or in one.
fn is_in_any(path: &str, folders: &BTreeSet<String>) -> bool {
    let ends = path.match_indices('/').map(|(end, _)| end).chain([path.len()]);
    folders.contains(".")
        || ends.filter_map(|end| path.get(..end)).any(|above| folders.contains(above))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(paths: &[&str]) -> BTreeSet<String> {
        paths.iter().map(|path| (*path).to_owned()).collect()
    }

    fn some() -> Inputs {
        Inputs {
            repository: set(&["src/main.rs", "proto", "vendor/inner/src/lib.rs"]),
            packages: set(&["cli"]),
            except: set(&["cli/tests"]),
            disk: set(&[".env", "../other/src/lib.rs"]),
        }
    }

    #[test]
    fn a_list_that_is_written_is_read_again() {
        assert_eq!(Inputs::parse(&some().to_text()), Some(some()));
    }

    #[test]
    fn a_text_that_is_no_list_is_refused() {
        for text in ["src/main.rs\n", "other src/main.rs\n"] {
            assert_eq!(Inputs::parse(text), None, "{text}");
        }
    }

    #[test]
    fn files_and_what_is_in_folders_and_what_leads_to_an_input_is_covered() {
        for path in ["src/main.rs", "proto/v1/a.proto", "vendor/inner", "cli/build.rs"] {
            assert!(some().cover(path), "{path}");
        }
    }

    #[test]
    fn what_only_begins_alike_or_cannot_be_built_in_is_not_covered() {
        for path in
            ["src/main.rs.orig", "protocol", "vendor/inn", "cli/tests/a.rs", ".env", "cli2/a"]
        {
            assert!(!some().cover(path), "{path}");
        }
    }

    #[test]
    fn the_root_covers_everything() {
        let inputs = Inputs { packages: set(&["."]), except: set(&["docs"]), ..Inputs::default() };
        assert!(inputs.cover("anything") && inputs.cover("in/any/folder"));
        assert!(!inputs.cover("docs/a.md"));
    }
}

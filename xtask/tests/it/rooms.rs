//! The order of the rooms of `src/`: data goes one way, and within a room no two files use one another.
//!
//! The table in `docs/architecture.md` explains the order; this one enforces it, on paths in the code outside of tests.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use regex::Regex;
use walkdir::WalkDir;

/// Each room with the rooms that it may use beside itself.
const ROOMS: [(&str, &[&str]); 11] = [
    ("error", &[]),
    ("files", &["error"]),
    ("stats", &[]),
    ("model", &["error", "stats"]),
    ("term", &["error"]),
    ("measure", &["error", "files", "model", "term"]),
    ("store", &["error", "files", "model", "stats", "measure"]),
    ("judge", &["error", "model", "stats"]),
    ("answer", &["error", "files", "model", "stats", "store", "judge"]),
    ("report", &["error", "model", "stats", "term", "judge"]),
    (
        "commands",
        &[
            "error", "files", "stats", "model", "term", "measure", "store", "judge", "answer",
            "report",
        ],
    ),
];

/// Source files by path below `src/`.
type Sources = BTreeMap<String, String>;

#[test]
fn no_file_uses_a_room_above_its_own() {
    let wrong = upward(&sources());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Where the kernel's own files are read, or folders are opened to be locked.
const OPENED_OTHERWISE: [&str; 6] = [
    "measure/base.rs",
    "measure/build.rs",
    "measure/host.rs",
    "measure/noise.rs",
    "measure/port.rs",
    "measure/process.rs",
];

#[test]
fn no_file_is_read_past_the_one_reader() {
    let read = Regex::new(r"fs::read(_to_string)?\(|File::open\(").unwrap();
    let reading: Vec<String> = sources()
        .into_iter()
        .filter(|(_, text)| read.is_match(text.split("#[cfg(test)]").next().unwrap()))
        .map(|(path, _)| path)
        .collect();
    assert_eq!(reading, OPENED_OTHERWISE);
}

#[test]
fn no_two_files_of_a_room_use_one_another() {
    let wrong = circles(&sources());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn an_upward_use_is_found_in_every_form() {
    for code in [
        "use crate::report::human;",
        "pub(crate) use crate::report::human::Report;",
        "use crate::{\n    model::names,\n    report::{human, table::Row},\n};",
        "fn f() { crate::report::human::report(); }",
        "use super::super::report::human;",
        "type Lifetimed<'a> = &'a str; use crate::report::human;",
        "const QUOTE: char = '\"'; use crate::report::human;",
        "#[cfg(test)]\nmod tests { fn f() { let _ = \"}\"; } }\nuse crate::report::human;",
    ] {
        let wrong = upward(&made_up(&[("judge/verdict.rs", code), ("report/human.rs", "")]));
        assert_eq!(wrong, ["judge/verdict.rs uses crate::report, which judge may not"], "{code}");
    }
}

#[test]
fn what_only_looks_like_an_upward_use_is_none() {
    for code in [
        "// crate::report::human\n/* crate::report\n crate::report */",
        "/// See [`crate::report::human`].\nfn f() {}",
        "const TEXT: &str = \"use crate::report::human; \\\" crate::report\";",
        "const TEXT: &str = r#\"\" crate::report::human\"#;",
        "#[cfg(test)]\nmod tests {\n    use crate::report::human;\n    fn f() { { } }\n}",
        "use crate::model::names::report;",
        "use other_crate::report;",
    ] {
        let wrong = upward(&made_up(&[("judge/verdict.rs", code), ("report/human.rs", "")]));
        assert_eq!(wrong, [""; 0], "{code}");
    }
}

#[test]
fn a_file_of_no_room_is_found_and_so_is_its_use() {
    let wrong =
        upward(&made_up(&[("helpers.rs", ""), ("judge/verdict.rs", "use crate::helpers;")]));
    assert_eq!(
        wrong,
        ["helpers.rs is in no room", "judge/verdict.rs uses crate::helpers, which judge may not",]
    );
}

#[test]
fn a_circle_within_a_room_is_found() {
    let two = made_up(&[
        ("judge/mod.rs", "pub mod fitness;\npub mod verdict;"),
        ("judge/fitness.rs", "use super::verdict::{self, Verdict};"),
        ("judge/verdict.rs", "fn f() -> crate::judge::fitness::Fit;"),
    ]);
    assert_eq!(circles(&two), ["judge/fitness.rs -> judge/verdict.rs -> judge/fitness.rs"]);
    let parent_and_child = made_up(&[
        ("store/log.rs", "mod edit;\nuse edit::Edit;"),
        ("store/log/edit.rs", "use super::Line;"),
    ]);
    assert_eq!(circles(&parent_and_child), ["store/log.rs -> store/log/edit.rs -> store/log.rs"]);
    let one_way = made_up(&[
        ("judge/mod.rs", "pub mod fitness;\npub mod verdict;"),
        ("judge/fitness.rs", "use super::verdict::Verdict;"),
        ("judge/verdict.rs", "use super::*;"),
    ]);
    assert_eq!(circles(&one_way), [""; 0]);
}

fn sources() -> Sources {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    WalkDir::new(&folder)
        .into_iter()
        .map(|entry| entry.unwrap().into_path())
        .filter(|path| path.extension().is_some_and(|kind| kind == "rs"))
        .map(|path| {
            let name = path.strip_prefix(&folder).unwrap().to_str().unwrap();
            (name.to_owned(), fs::read_to_string(&path).unwrap())
        })
        .collect()
}

fn made_up(files: &[(&str, &str)]) -> Sources {
    files.iter().map(|&(name, text)| (name.to_owned(), text.to_owned())).collect()
}

/// Each file of no room, and each use of a room that the file's own room may not use.
fn upward(sources: &Sources) -> Vec<String> {
    let mut wrong = BTreeSet::new();
    for (file, text) in sources {
        let module = module(file);
        // The two roots: `lib.rs` declares the rooms, and `main.rs` is above all.
        let Some(room) = module.first() else { continue };
        let Some((_, allowed)) = ROOMS.iter().find(|(name, _)| name == room) else {
            wrong.insert(format!("{file} is in no room"));
            continue;
        };
        for path in paths(text, &module, sources) {
            if let Some(used) = path.first()
                && used != room
                && !allowed.contains(&used.as_str())
            {
                wrong.insert(format!("{file} uses crate::{used}, which {room} may not"));
            }
        }
    }
    wrong.into_iter().collect()
}

/// Each circle of uses between the files of one room, from the first file by name.
fn circles(sources: &Sources) -> Vec<String> {
    let files: BTreeMap<Vec<String>, &String> =
        sources.keys().map(|file| (module(file), file)).collect();
    let mut uses: BTreeMap<&String, BTreeSet<&String>> = BTreeMap::new();
    for (file, text) in sources {
        let own = module(file);
        for path in paths(text, &own, sources) {
            let used = (1..=path.len()).rev().find_map(|length| files.get(&path[..length]));
            if let Some(&used) = used
                && used != file
                && path.first() == own.first()
            {
                uses.entry(file).or_default().insert(used);
            }
        }
    }
    let mut found = Vec::new();
    for &first in uses.keys() {
        let mut way = vec![first];
        follow(&uses, &mut way, &mut found);
    }
    found
}

/// Adds the circles from the first file of `way` through its last one, but those that a file before the first is on.
fn follow<'a>(
    uses: &BTreeMap<&'a String, BTreeSet<&'a String>>,
    way: &mut Vec<&'a String>,
    found: &mut Vec<String>,
) {
    let (first, last) = (way[0], way[way.len() - 1]);
    for &next in uses.get(last).into_iter().flatten() {
        if next == first {
            let files: Vec<&str> = way.iter().chain([&first]).map(|file| file.as_str()).collect();
            found.push(files.join(" -> "));
        } else if next > first && !way.contains(&next) {
            way.push(next);
            follow(uses, way, found);
            way.pop();
        }
    }
}

/// The path of a file's module below the crate; that of the roots is empty.
fn module(file: &str) -> Vec<String> {
    let mut parts: Vec<String> =
        file.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
    let last = parts.last().unwrap();
    if last == "mod" || parts == ["lib"] || parts == ["main"] {
        parts.pop();
    }
    parts
}

/// Every path into the crate in the code of `module`, from the crate's root. A name that is imported by `*` has none.
fn paths(text: &str, module: &[String], sources: &Sources) -> Vec<Vec<String>> {
    let code = without_tests(&without_text(text));
    let children: Vec<String> = sources
        .keys()
        .map(|file| self::module(file))
        .filter(|other| other.len() == module.len() + 1 && other.starts_with(module))
        .filter_map(|other| other.last().cloned())
        .collect();
    let start = Regex::new("(?:^|[^A-Za-z0-9_:])([a-z_]+)::").unwrap();
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(hit) = start.captures_at(&code, at) {
        let word = hit.get(1).unwrap();
        at = word.end();
        let is_own = ["crate", "self", "super"].contains(&word.as_str())
            || children.iter().any(|child| child == word.as_str());
        if is_own {
            let mut rest = &code[word.start()..];
            for path in tree(&mut rest) {
                found.extend(absolute(&path, module));
            }
        }
    }
    found
}

/// The paths of a use tree at the beginning of `code`, which is left after it.
fn tree(code: &mut &str) -> Vec<Vec<String>> {
    let mut path = Vec::new();
    loop {
        *code = code.trim_start();
        let word = code.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(code.len());
        if word > 0 {
            path.push(code[..word].to_owned());
            *code = code[word..].trim_start();
        } else if let Some(group) = code.strip_prefix('{') {
            *code = group;
            let mut found = Vec::new();
            while !code.trim_start().is_empty() && !code.trim_start().starts_with('}') {
                found.extend(tree(code).into_iter().map(|end| [path.clone(), end].concat()));
                // To the next one, past `as name`, `*` and the comma.
                let end = code.find([',', '}']).unwrap_or(code.len());
                *code = &code[end..];
                *code = code.strip_prefix(',').unwrap_or(code);
            }
            *code = code.trim_start();
            *code = code.strip_prefix('}').unwrap_or(code);
            return found;
        }
        match code.strip_prefix("::") {
            Some(rest) => *code = rest,
            None => return vec![path],
        }
    }
}

/// A path of `module`'s code from the crate's root. `None` for one that leaves the crate.
fn absolute(path: &[String], module: &[String]) -> Option<Vec<String>> {
    let ups = path.iter().take_while(|part| *part == "super").count();
    let base = match path.first()?.as_str() {
        "crate" => &[][..],
        "super" => &module[..module.len().checked_sub(ups)?],
        _ => module,
    };
    let own = path.iter().filter(|part| !["crate", "self", "super"].contains(&part.as_str()));
    Some(base.iter().chain(own).cloned().collect())
}

/// `text` without comments, strings and characters.
fn without_text(text: &str) -> String {
    const NO_CODE: [&str; 5] = [
        r"//[^\n]*",
        r"/\*(?s:.*?)\*/",
        r##"r"[^"]*"|r#"(?s:.*?)"#"##,
        r#""(?:[^"\\]|\\(?s:.))*""#,
        r"'(?:[^'\\\n]|\\[^\n][^'\n]*)'",
    ];
    let no_code = Regex::new(&NO_CODE.join("|")).unwrap();
    no_code.replace_all(text, " ").into_owned()
}

/// `code` without the modules that only tests have.
fn without_tests(code: &str) -> String {
    let mut left = String::new();
    let mut rest = code;
    while let Some((before, after)) = rest.split_once("#[cfg(test)]") {
        left += before;
        let mut depth = 0_usize;
        let end = after.find(|c| {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            depth == 0 && (c == '}' || c == ';')
        });
        rest = end.map_or("", |end| &after[end + 1..]);
    }
    left + rest
}

//! What the reader of a Markdown page sees of it, line by line: without code blocks and HTML
//! comments.
//!
//! Follows `CommonMark` 0.31 (<https://spec.commonmark.org/0.31.2/>) as far as one pass over the
//! lines can. Where that is not enough to be sure, it hides rather than shows: a number that cannot
//! be found is an error, a wrong one is a wrong verdict.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

use regex::Regex;

/// A Markdown document, read.
#[derive(Debug)]
pub struct Markdown<'a> {
    /// Every line of the document, in order; their sources joined are the document again.
    pub lines: Vec<Line<'a>>,
    /// The line, from 1, that opens a code block or a comment that nothing closes: all after it is
    /// hidden.
    pub unclosed: Option<usize>,
}

/// One line of a document.
#[derive(Debug)]
pub struct Line<'a> {
    /// The line as it is written, with its line ending.
    pub source: &'a str,
    /// What is shown of it, without the line ending; `None` in a code block or in a comment of its
    /// own.
    pub visible: Option<Cow<'a, str>>,
}

/// Reads `document` and tells for each line whether it shows.
pub fn read(document: &str) -> Markdown<'_> {
    let mut region = Region::Shown;
    let mut opened_at = 0;
    let mut lines = Vec::new();
    for (index, source) in document.split_inclusive('\n').enumerate() {
        let text = source
            .trim_start_matches('\u{feff}')
            .trim_end_matches(['\r', '\n']);
        let (next, visible) = step(region, text);
        if matches!(region, Region::Shown) {
            opened_at = index + 1;
        }
        region = next;
        lines.push(Line { source, visible });
    }
    let unclosed = (!matches!(region, Region::Shown)).then_some(opened_at);
    Markdown { lines, unclosed }
}

/// The width, in columns, of the white space that `text` starts with.
pub fn indentation(text: &str) -> usize {
    text.chars()
        .take_while(|character| matches!(character, ' ' | '\t'))
        .fold(0, |column, character| match character {
            '\t' => (column / TAB_STOP + 1) * TAB_STOP,
            _ => column + 1,
        })
}

/// The level (1 to 6) and the text of a heading that starts with `#`.
pub fn heading(text: &str) -> Option<(usize, &str)> {
    if indentation(text) >= CODE_INDENTATION {
        return None;
    }
    let line = text.trim();
    let title = line.trim_start_matches('#');
    let level = line.len() - title.len();
    let ends_there = title.is_empty() || title.starts_with([' ', '\t']);
    ((1..=6).contains(&level) && ends_there).then(|| (level, title.trim()))
}

/// Whether `text` is a horizontal rule, such as `---`.
pub fn is_rule(text: &str) -> bool {
    static RULE: LazyLock<Regex> =
        LazyLock::new(|| pattern(r"^ {0,3}(?:(?:-[ \t]*){3,}|(?:\*[ \t]*){3,}|(?:_[ \t]*){3,})$"));
    RULE.is_match(text)
}

/// A pattern that is written in this program: input cannot make it fail.
#[expect(clippy::expect_used, reason = "a constant, and compiled by the tests")]
pub fn pattern(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a valid pattern")
}

/// `CommonMark`: "a tab stop of 4 characters".
const TAB_STOP: usize = 4;

/// `CommonMark`: what is indented this far is code, and opens no other block.
pub const CODE_INDENTATION: usize = 4;

const COMMENT_START: &str = "<!--";
const COMMENT_END: &str = "-->";

#[derive(Debug, Clone, Copy)]
enum Region {
    Shown,
    Comment,
    /// `<pre>` and the other elements whose content HTML takes as it is.
    Verbatim,
    Fence(Fence),
}

#[derive(Debug, Clone, Copy)]
struct Fence {
    marker: char,
    length: usize,
    column: usize,
}

/// Reads one line that starts in `region`: the region that the next line starts in, and what shows
/// of this one.
fn step(region: Region, text: &str) -> (Region, Option<Cow<'_, str>>) {
    match region {
        Region::Fence(fence) if closes(fence, text) => (Region::Shown, None),
        Region::Verbatim if ends_verbatim(text) => (Region::Shown, None),
        Region::Fence(_) | Region::Verbatim => (region, None),
        Region::Comment => match text.split_once(COMMENT_END) {
            Some((_, rest)) if without_comments(rest).is_some() => (Region::Shown, None),
            _ => (Region::Comment, None),
        },
        Region::Shown => step_shown(text),
    }
}

fn step_shown(text: &str) -> (Region, Option<Cow<'_, str>>) {
    if let Some(fence) = opened_fence(text) {
        return (Region::Fence(fence), None);
    }
    if starts_verbatim(text) {
        let next = if ends_verbatim(text) {
            Region::Shown
        } else {
            Region::Verbatim
        };
        return (next, None);
    }
    match without_comments(text) {
        // To write after such a line would be to write into its comment, so that the line is hidden
        // whole.
        None => (Region::Comment, None),
        Some(_) if text.trim_start().starts_with(COMMENT_START) => (Region::Shown, None),
        Some(visible) => (Region::Shown, Some(visible)),
    }
}

fn opened_fence(text: &str) -> Option<Fence> {
    // A fence may stand behind the marker of a list item; what is in it is indented by less than
    // code would be.
    static FENCE: LazyLock<Regex> = LazyLock::new(|| {
        pattern(r"^( {0,3}(?:(?:[-*+]|[0-9]{1,9}[.)]) {1,4})*)(?:(`{3,})[^`]*|(~{3,}).*)$")
    });
    if !text.contains("```") && !text.contains("~~~") {
        return None;
    }
    let parts = FENCE.captures(text)?;
    let column = parts.get(1).map_or(0, |before| before.len());
    let marker = parts.get(2).or(parts.get(3))?.as_str();
    Some(Fence {
        marker: marker.chars().next()?,
        length: marker.len(),
        column,
    })
}

fn closes(fence: Fence, text: &str) -> bool {
    let run = text.trim();
    run.len() >= fence.length
        && run.chars().all(|character| character == fence.marker)
        && indentation(text) < fence.column + CODE_INDENTATION
}

fn starts_verbatim(text: &str) -> bool {
    static START: LazyLock<Regex> =
        LazyLock::new(|| pattern(r"^ {0,3}<(?:pre|script|style|textarea)(?:[ \t>]|$)"));
    text.trim_start().starts_with('<') && START.is_match(&text.to_ascii_lowercase())
}

fn ends_verbatim(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    ["</pre>", "</script>", "</style>", "</textarea>"]
        .iter()
        .any(|end| text.contains(end))
}

/// `text` without the comments in it, or `None` if the last of them is still open at its end.
fn without_comments(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains(COMMENT_START) {
        return Some(Cow::Borrowed(text));
    }
    let runs = backtick_runs(text);
    let mut visible = String::new();
    let mut position = 0;
    while let Some(rest) = text.get(position..).filter(|rest| !rest.is_empty()) {
        if rest.starts_with(COMMENT_START) {
            // `<!-->` is a comment too: its end may share the dashes of its start.
            let dashes = position + "<!".len();
            let end = text.get(dashes..)?.find(COMMENT_END)?;
            position = dashes + end + COMMENT_END.len();
        } else {
            let length = literal_length(rest, position, &runs);
            visible.push_str(rest.get(..length)?);
            position += length;
        }
    }
    Some(Cow::Owned(visible))
}

/// How much of `rest`, which starts at `position`, can be passed over in one go: a code span, an
/// escaped character, or plain text.
fn literal_length(rest: &str, position: usize, runs: &HashMap<usize, Vec<usize>>) -> usize {
    let mut characters = rest.chars();
    match characters.next() {
        Some('`') => {
            let run = rest.len() - rest.trim_start_matches('`').len();
            let same: &[usize] = runs.get(&run).map_or(&[], Vec::as_slice);
            let closing = same.get(same.partition_point(|start| *start <= position));
            closing.map_or(run, |start| start + run - position)
        }
        Some('\\') => '\\'.len_utf8() + characters.next().map_or(0, char::len_utf8),
        _ => {
            let special = |(_, character): &(usize, char)| matches!(character, '`' | '\\' | '<');
            rest.char_indices()
                .skip(1)
                .find(special)
                .map_or(rest.len(), |(length, _)| length)
        }
    }
}

/// Where the runs of backticks in `text` start, by their length.
fn backtick_runs(text: &str) -> HashMap<usize, Vec<usize>> {
    let mut runs: HashMap<usize, Vec<usize>> = HashMap::new();
    let mut position = 0;
    while let Some(rest) = text.get(position..) {
        let Some(offset) = rest.find('`') else { break };
        let run = rest.get(offset..).unwrap_or_default();
        let length = run.len() - run.trim_start_matches('`').len();
        runs.entry(length).or_default().push(position + offset);
        position += offset + length;
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(document: &str) -> Vec<String> {
        let lines = read(document).lines;
        lines
            .into_iter()
            .filter_map(|line| line.visible)
            .map(Cow::into_owned)
            .collect()
    }

    #[test]
    fn a_fence_is_closed_by_its_own_marker_at_least_as_long() {
        assert_eq!(shown("a\n````rust\n```\n~~~~~\n`````  \nb"), ["a", "b"]);
        assert_eq!(shown("a\n~~~ `x`\n```\n~~~\nb"), ["a", "b"]);
    }

    #[test]
    fn backticks_with_a_backtick_after_them_are_no_fence() {
        assert_eq!(shown("```x``` y\nb"), ["```x``` y", "b"]);
    }

    #[test]
    fn a_fence_behind_a_list_marker_is_a_fence() {
        assert_eq!(shown("- ```\n  a\n  ```\nb"), ["b"]);
        assert_eq!(shown("10. ```\n    a\n    ```\nb"), ["b"]);
    }

    #[test]
    fn what_is_indented_like_code_opens_no_fence() {
        assert_eq!(shown("    ```\nb"), ["    ```", "b"]);
    }

    #[test]
    fn a_comment_of_its_own_hides_its_lines_whole() {
        assert_eq!(shown("a\n<!-- x\ny\nz --> tail\nb"), ["a", "b"]);
        assert_eq!(shown("a\n<!-- x --> tail\nb"), ["a", "b"]);
        assert_eq!(shown("a\n<!-- x --> <!-- y\nz -->\nb"), ["a", "b"]);
    }

    #[test]
    fn a_comment_within_a_line_is_cut_out_of_it() {
        assert_eq!(shown("| a <!-- | --> | b |"), ["| a  | b |"]);
    }

    #[test]
    fn a_comment_may_be_empty() {
        assert_eq!(
            shown("a <!--> b\na <!---> b\na <!----> b"),
            ["a  b", "a  b", "a  b"]
        );
    }

    #[test]
    fn a_comment_in_a_code_span_or_escaped_is_text() {
        assert_eq!(shown("write `<!--` there\nb"), ["write `<!--` there", "b"]);
        assert_eq!(
            shown("write ``a ` <!--`` there\nb"),
            ["write ``a ` <!--`` there", "b"]
        );
        assert_eq!(shown("write \\<!-- there\nb"), ["write \\<!-- there", "b"]);
    }

    #[test]
    fn a_lone_backtick_does_not_protect_a_comment() {
        assert_eq!(shown("a ` <!-- x\n` -->\nb"), ["b"]);
    }

    #[test]
    fn a_preformatted_element_is_hidden() {
        assert_eq!(
            shown("<pre>\na\n\nb\n</pre>\nc\n<PRE>d</PRE>\ne"),
            ["c", "e"]
        );
        assert_eq!(shown("<preface>"), ["<preface>"]);
    }

    #[test]
    fn what_nothing_closes_is_named_by_its_line_and_hides_the_rest() {
        for opening in ["```", "~~~", "<!--", "text <!-- more", "<pre>"] {
            let document = format!("a\n\n{opening}\nb\n\nc");
            assert_eq!(read(&document).unclosed, Some(3), "{opening}");
            assert_eq!(shown(&document), ["a", ""], "{opening}");
        }
        assert_eq!(read("```\n```\n<!-- -->\n").unclosed, None);
    }

    #[test]
    fn line_endings_and_a_byte_order_mark_are_not_shown() {
        assert_eq!(shown("\u{feff}# a\r\nb\r\n"), ["# a", "b"]);
    }

    #[test]
    fn a_heading_has_one_to_six_marks_and_a_space() {
        assert_eq!(heading("## Task 007"), Some((2, "Task 007")));
        assert_eq!(heading("   ###### x"), Some((6, "x")));
        assert_eq!(heading("#"), Some((1, "")));
        for other in ["", "x # y", "##Task", "####### x", "    # code", "\t# code"] {
            assert_eq!(heading(other), None, "{other}");
        }
    }

    #[test]
    fn a_rule_is_three_like_marks_and_nothing_else() {
        for rule in ["---", "***", "___", " - - -", "-----  "] {
            assert!(is_rule(rule), "{rule}");
        }
        for other in ["--", "--*", "--- x", "    ---", ""] {
            assert!(!is_rule(other), "{other}");
        }
    }

    #[test]
    fn a_tab_fills_up_to_its_stop() {
        assert_eq!(indentation("  x"), 2);
        assert_eq!(indentation("\tx"), 4);
        assert_eq!(indentation("  \tx"), 4);
    }

    proptest! {
        #[test]
        fn the_lines_joined_are_the_document(document in r"([`~<>!\-\\ a|#]|\r?\n|<!--|-->|```|\PC)*") {
            let joined: String = read(&document).lines.iter().map(|line| line.source).collect();
            prop_assert_eq!(joined, document);
        }
    }
}

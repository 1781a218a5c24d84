//! The lines of a Markdown page, without its code blocks and HTML comments.
//!
//! Knows the part of `CommonMark` (<https://spec.commonmark.org/0.31.2/>) that can be read line by line with certainty,
//! and refuses a page where a line may or may not be hidden: a wrong number would be a wrong verdict.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use crate::error::Fault;

/// One line of a page.
#[derive(Debug)]
pub(crate) struct Line<'a> {
    /// The line as it is written, with its line ending.
    pub(crate) source: &'a str,
    /// The line without its comments and its ending; `None` in a code block or in a comment of its own.
    pub(crate) text: Option<String>,
}

/// The lines of a page; an index is that of a line, from 0.
#[derive(Debug, Default)]
pub(crate) struct Page<'a>(pub(crate) Vec<Line<'a>>);

impl Page<'_> {
    pub(crate) fn text(&self, index: usize) -> Option<&str> {
        self.0.get(index)?.text.as_deref()
    }

    /// True for a visible line of white space, and beyond the end.
    pub(crate) fn is_blank(&self, index: usize) -> bool {
        index >= self.0.len() || self.text(index).is_some_and(|text| text.trim().is_empty())
    }

    fn is_blank_above(&self, index: usize) -> bool {
        index == 0 || self.is_blank(index - 1)
    }

    /// The end of `range` without the blank lines and the rules that separate it from what follows.
    pub(crate) fn content_end(&self, range: Range<usize>) -> usize {
        let end = range.end;
        // A row of dashes right under a text is no rule but makes a heading of the text.
        let is_rule = |at: usize| self.text(at).is_some_and(is_rule) && self.is_blank_above(at);
        end - range.rev().take_while(|at| self.is_blank(*at) || is_rule(*at)).count()
    }

    /// The page with `text` before the line `at`, and blank lines around it.
    pub(crate) fn with_separated(&self, at: usize, mut text: Vec<String>) -> String {
        if !self.is_blank_above(at) {
            text.insert(0, String::new());
        }
        if !self.is_blank(at) {
            text.push(String::new());
        }
        self.with(at..at, &text)
    }

    /// The page with `text`, of lines without their endings, in the place of the lines `replaced`.
    pub(crate) fn with(&self, replaced: Range<usize>, text: &[String]) -> String {
        let (before, rest) = self.0.split_at_checked(replaced.start).unwrap_or((&self.0, &[]));
        let mut document: String = before.iter().map(|line| line.source).collect();
        if !document.is_empty() && !document.ends_with('\n') {
            document.push('\n');
        }
        text.iter().for_each(|line| document.extend([line.as_str(), "\n"]));
        document.extend(rest.iter().skip(replaced.len()).map(|line| line.source));
        document
    }
}

/// Reads every line of `document`, in order.
///
/// # Errors
/// At a line that opens a code block or comment which nothing closes, or which may or may not hide what follows.
pub(crate) fn read(document: &str) -> Result<Page<'_>, Fault> {
    // A region ends with the fence that opened it, or with the end of a comment.
    static START: LazyLock<Regex> =
        LazyLock::new(|| pattern(r"^(?:(`{3,})[^`]*|(~{3,}).*| {0,3}<!--.*)$"));
    let mut lines = Vec::new();
    let mut open = None;
    for (number, source) in (1..).zip(document.split_inclusive('\n')) {
        let text = source.trim_start_matches('\u{feff}').trim_end_matches(['\r', '\n']);
        let mut shown = None;
        if let Some((_, end)) = open {
            open = open.filter(|_| !is_closed(text, end));
        } else if let Some(parts) = START.captures(text) {
            let fence = parts.get(1).or(parts.get(2));
            let end = fence.map_or(COMMENT_END, |fence| fence.as_str());
            let is_closed = fence.is_none() && is_closed(text, end);
            open = (!is_closed).then_some((number, end));
        } else {
            let unclear = "a code block or comment may start here: begin it in the first column of a line of its own";
            let text = without_comments(text);
            shown = Some(text.ok_or_else(|| Fault::new(unclear).at_line(number))?);
        }
        let text = shown;
        lines.push(Line { source, text });
    }
    let unclosed = "the code block or comment that starts here is never closed: close it";
    match open {
        Some((number, _)) => Err(Fault::new(unclosed).at_line(number)),
        None => Ok(Page(lines)),
    }
}

/// True for a horizontal rule, such as `---`.
pub(crate) fn is_rule(text: &str) -> bool {
    static RULE: LazyLock<Regex> =
        LazyLock::new(|| pattern(r"^ {0,3}(?:(?:-[ \t]*){3,}|(?:\*[ \t]*){3,}|(?:_[ \t]*){3,})$"));
    RULE.is_match(text)
}

/// Compiles a pattern that is written in this program: input cannot make it fail.
#[expect(clippy::expect_used, reason = "a constant, and compiled by the tests")]
pub(crate) fn pattern(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a valid pattern")
}

const COMMENT_END: &str = "-->";

/// True for the last line of the region that ends with `end`.
fn is_closed(text: &str, end: &str) -> bool {
    static FENCE: LazyLock<Regex> = LazyLock::new(|| pattern(r"^ {0,3}(`{3,}|~{3,})[ \t]*$"));
    if end == COMMENT_END {
        let rest = text.rsplit_once(COMMENT_END).map(|(_, rest)| rest);
        return rest.is_some_and(|rest| !rest.contains("<!--"));
    }
    let fence = FENCE.captures(text).and_then(|parts| parts.get(1));
    fence.is_some_and(|fence| fence.as_str().starts_with(end))
}

/// `text` without the comments in it; `None` if it may or may not start a code block, a comment, or an element whose
/// content HTML takes as it is.
fn without_comments(text: &str) -> Option<String> {
    // `<!-->` is a comment too: its end may share the dashes of its start.
    static COMMENT: LazyLock<Regex> = LazyLock::new(|| pattern("<!--(?:-?>|.*?-->)"));
    static UNCLEAR: LazyLock<Regex> = LazyLock::new(|| {
        let fence = r"^(?:[ \t]|[-*+]|[0-9]{1,9}[.)])+(?:`{3,}[^`]*|~{3,}.*)$";
        let element = r"^[ \t]*<(?:pre|script|style|textarea)(?:[ \t>]|$)";
        pattern(&format!("{fence}|(?i-u:{element})|[`\\\\].*<!--"))
    });
    let shown = COMMENT.replace_all(text, "");
    let is_unclear = shown.contains("<!--") || UNCLEAR.is_match(text);
    (!is_unclear).then(|| shown.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(document: &str) -> Vec<String> {
        let lines = read(document).expect(document).0;
        lines.into_iter().filter_map(|line| line.text).collect()
    }

    /// The line at which `document` is refused.
    fn refused(document: &str) -> usize {
        let fault = read(document).expect_err(document);
        fault.line.expect("a line")
    }

    #[test]
    fn a_fence_is_closed_by_its_own_marker_at_least_as_long() {
        assert_eq!(shown("a\n````rust\n```\n~~~~~\n`````  \nb"), ["a", "b"]);
        assert_eq!(shown("a\n~~~ `x`\n```\n~~~\nb"), ["a", "b"]);
        assert_eq!(shown("a\n```\n    ```\n``` x\n   ```\nb"), ["a", "b"]);
    }

    #[test]
    fn backticks_with_a_backtick_after_them_are_no_fence() {
        assert_eq!(shown("```x``` y\nb"), ["```x``` y", "b"]);
    }

    #[test]
    fn a_fence_that_may_end_with_a_list_item_is_refused() {
        for fence in ["- ```", "10. ```", "  ```", "    ```", "\t~~~", "- - ~~~ x"] {
            assert_eq!(refused(&format!("a\n{fence}\nb\n```\n")), 2, "{fence}");
        }
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
        assert_eq!(shown("a <!--> b\na <!---> b\na <!----> b"), ["a  b", "a  b", "a  b"]);
    }

    #[test]
    fn what_may_or_may_not_be_a_comment_is_refused() {
        for line in [
            "write `<!--` there",
            "write ``a ` <!--`` there",
            "write `<!-- x -->` there",
            "write \\<!-- there",
            "a ` <!-- x",
            "text <!-- more",
            "- <!-- more",
        ] {
            assert_eq!(refused(&format!("a\n{line}\n-->\nb")), 2, "{line}");
        }
    }

    #[test]
    fn a_preformatted_element_is_refused() {
        for line in ["<pre>", "<PRE>d</PRE>", "  <script src=x>", "<textarea"] {
            assert_eq!(refused(&format!("a\n{line}\n")), 2, "{line}");
        }
        assert_eq!(shown("<preface>"), ["<preface>"]);
    }

    #[test]
    fn what_nothing_closes_is_named_by_its_line() {
        for opening in ["```", "~~~", "<!--"] {
            assert_eq!(refused(&format!("a\n\n{opening}\nb\n\nc")), 3, "{opening}");
        }
        assert!(read("```\n```\n<!-- -->\n").is_ok());
    }

    #[test]
    fn line_endings_and_a_byte_order_mark_are_not_shown() {
        assert_eq!(shown("\u{feff}# a\r\nb\r\n"), ["# a", "b"]);
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

    proptest! {
        #[test]
        fn the_lines_joined_are_the_document(document in r"([`~<>!\-\\ a|#]|\r?\n|<!--|-->|```|\PC)*") {
            if let Ok(page) = read(&document) {
                let joined: String = page.0.iter().map(|line| line.source).collect();
                prop_assert_eq!(joined, document);
            }
        }
    }
}

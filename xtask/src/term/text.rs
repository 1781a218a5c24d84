//! Text from elsewhere (the names of files, operations, scenarios and branches, the words of logs and of other programs)
//! made harmless: for a terminal, for a shell, for Markdown.

use std::fmt::Write as _;

/// `true` for a character that controls a terminal, breaks a line, or changes the direction of the text.
pub(crate) fn is_control(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// `text` in one line, with such characters escaped.
pub(crate) fn printable(text: &str) -> String {
    let mut printable = String::with_capacity(text.len());
    for c in text.chars() {
        match is_control(c) {
            true => printable.extend(c.escape_default()),
            false => printable.push(c),
        }
    }
    printable
}

/// `text` in lines of at most `columns`: the first begins in the column `start`, the others are indented. Text that fits
/// stays as it is, and so does a word that is longer than a line.
pub(crate) fn wrapped(text: &str, [start, indent]: [usize; 2], columns: usize) -> String {
    let text = printable(text);
    if start + text.chars().count() <= columns {
        return text;
    }
    let (mut lines, mut column) = (String::new(), start);
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if !lines.is_empty() && column + 1 + length > columns {
            let _ = write!(lines, "\n{:indent$}", "");
            column = indent;
        } else if !lines.is_empty() {
            lines.push(' ');
            column += 1;
        }
        lines.push_str(word);
        column += length;
    }
    lines
}

/// `word` so that a shell takes it as one.
pub(crate) fn shell_word(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@%=,".contains(c);
    match !word.is_empty() && word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

/// `text` as the words of a Markdown page, in one line and whatever is in it: no mark-up, no HTML, no cell of a table, no
/// link, mention or reference. A platform looks for the last three after the escapes are gone: a space of no width parts
/// them.
pub(crate) fn markdown(text: &str) -> String {
    const PART: char = '\u{200b}';
    let mut escaped = String::with_capacity(text.len());
    // A list item or a heading begins with these, after white space and a number.
    let mut begins = true;
    let is_www = |before: &str| before.eq_ignore_ascii_case("www");
    let text = printable(text);
    for (at, c) in text.char_indices() {
        match c {
            '|' | '*' | '_' | '`' | '<' | '>' | '[' | ']' | '\\' | '~' | '&' | '$' => {
                escaped.extend(['\\', c]);
            }
            '-' | '+' | '=' | '.' | ')' if begins => escaped.extend(['\\', c]),
            '#' | '@' => escaped.extend([c, PART]),
            ':' if text[at..].starts_with("://") => escaped.extend([c, PART]),
            '.' if text.get(at.saturating_sub(3)..at).is_some_and(is_www) => {
                escaped.extend([PART, c])
            }
            _ => escaped.push(c),
        }
        begins &= c.is_whitespace() || c.is_ascii_digit();
    }
    escaped
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn nothing_that_controls_a_terminal_is_left() {
        for c in [
            "\u{1b}[2J",
            "\r",
            "\n",
            "\u{7}",
            "\u{9b}",
            "\u{2028}",
            "\u{2029}",
            "\u{202e}",
            "\u{2067}",
            "\u{61c}",
        ] {
            let shown = printable(&format!("a{c}b"));
            assert!(!shown.contains(is_control) && shown.contains('\\'), "{shown}");
        }
        assert_eq!(printable("größer, 日本"), "größer, 日本");
    }

    #[test]
    fn long_text_is_wrapped_between_words_and_indented() {
        let text = wrapped(&"word ".repeat(30), [0, 6], 50);
        assert!(text.lines().skip(1).all(|line| line.starts_with("      word")), "{text}");
        assert!(text.lines().all(|line| line.len() <= 50), "{text}");
        assert_eq!(text.split_whitespace().count(), 30);
    }

    #[test]
    fn a_word_longer_than_a_line_stays_whole() {
        let path = "x".repeat(100);
        assert!(wrapped(&format!("see {path} there"), [4, 4], 80).contains(&path));
    }

    #[test]
    fn text_that_fits_keeps_its_columns() {
        assert_eq!(wrapped("P99   +3.1%", [4, 4], 15), "P99   +3.1%");
    }

    #[test]
    fn a_shell_takes_every_word_as_it_is() {
        for word in ["plain", "", "two words", "it's", "a\u{1b}[2J\nb 'c' \\", "\u{202e}9"] {
            let quoted = shell_word(word);
            let script = format!("printf %s {quoted}");
            let shell = Command::new("sh").args(["-c", &script]).output().unwrap();
            assert_eq!(String::from_utf8(shell.stdout).unwrap(), word, "{quoted}");
        }
    }

    #[test]
    fn what_means_something_in_markdown_means_nothing_more() {
        for (text, shown) in [
            ("#1", "#\u{200b}1"),
            ("a/b#2", "a/b#\u{200b}2"),
            ("@team", "@\u{200b}team"),
            ("a@b.org", "a@\u{200b}b.org"),
            ("https://x.org", "https:\u{200b}//x.org"),
            ("WWW.x.org", "WWW\u{200b}.x.org"),
            ("~~gone~~", r"\~\~gone\~\~"),
            ("&lt;", r"\&lt;"),
            ("a | b", r"a \| b"),
            ("<b>`c`", r"\<b\>\`c\`"),
            ("![x](y)", r"!\[x\](y)"),
            ("$x$", r"\$x\$"),
            ("- x", r"\- x"),
            (" 1. x", r" 1\. x"),
            ("2) x", r"2\) x"),
            ("a\n# b", "a\\\\n#\u{200b} b"),
            ("P99 +5.2% - (limit 5%)", "P99 +5.2% - (limit 5%)"),
        ] {
            assert_eq!(markdown(text), shown);
        }
    }
}

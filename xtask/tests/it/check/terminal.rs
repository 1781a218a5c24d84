//! Output to a terminal, and to a pipe.

use crate::common::{Checkout, finish_on_terminal};
use crate::documents::{in_readme, without_figures};

const WIDTH: usize = 80;

#[test]
fn on_a_terminal_the_steps_are_one_tidy_column_that_ends_with_the_times() {
    let checkout = Checkout::new();
    let (code, sent) = finish_on_terminal(&checkout.check("007 before"));
    assert_eq!(code, 0, "{sent}");
    let shown = shown(&sent);
    for name in ["preflight", "build", "start", "ready", "load", "stop", "save"] {
        let row = format!("{name:>10}  ");
        let steps: Vec<&String> = shown.iter().filter(|line| line.starts_with(&row)).collect();
        assert_eq!(steps.len(), 1, "{name} in {shown:#?}");
        assert!(steps[0].ends_with(" s") && steps[0].chars().count() == 76, "{:?}", steps[0]);
    }
}

#[test]
fn a_terminal_shows_what_the_readme_says_it_does() {
    let checkout = Checkout::new();
    let (_, sent) = finish_on_terminal(&checkout.check("007 before"));
    let shown: Vec<String> = shown(&sent).iter().map(|line| without_figures(line)).collect();
    // Nothing is built here.
    let told = in_readme("perf-check 007 before").filter(|line| !line.contains(" build "));
    for line in told.map(without_figures) {
        assert!(shown.contains(&line), "{line} in {shown:#?}");
    }
}

#[test]
fn no_line_on_a_terminal_is_wider_than_eighty_columns() {
    let checkout = Checkout::new();
    let (_, sent) = finish_on_terminal(&checkout.check("007 before --competitive"));
    let text = without_escapes(&sent);
    let widest = text.split(['\n', '\r']).max_by_key(|line| line.chars().count());
    assert!(widest.unwrap().chars().count() <= WIDTH, "{widest:?}");
}

#[test]
fn a_terminal_sees_how_much_time_is_left() {
    let checkout = Checkout::new();
    let (_, sent) = finish_on_terminal(&checkout.check("007 before"));
    assert!(without_escapes(&sent).contains("1 s left"), "{sent:?}");
}

#[test]
fn a_message_begins_on_a_line_of_its_own() {
    let checkout = Checkout::new();
    let mut check = checkout.check("007 before");
    check.env("STAND_IN_EXIT_AT_START", "7");
    let (code, sent) = finish_on_terminal(&check);
    assert_eq!(code, 3, "{sent}");
    assert!(
        shown(&sent).iter().any(|line| line.starts_with("error: the server ended")),
        "{sent:?}"
    );
}

#[test]
fn a_terminal_gets_colour() {
    let checkout = Checkout::new();
    let (_, sent) = finish_on_terminal(&checkout.check("007 before"));
    assert!(sent.contains("\x1b[1;32m"), "{sent:?}");
}

#[test]
fn with_no_color_the_only_escape_is_the_one_that_clears_a_line() {
    let checkout = Checkout::new();
    let mut check = checkout.check("007 before");
    check.env("NO_COLOR", "1");
    let (_, sent) = finish_on_terminal(&check);
    let cleared = sent.replace("\r\x1b[K", "");
    assert_ne!(cleared, sent);
    assert!(!cleared.contains('\x1b'), "{sent:?}");
}

#[test]
fn a_dumb_terminal_gets_plain_lines() {
    let checkout = Checkout::new();
    let mut check = checkout.check("007 before");
    check.env("TERM", "dumb");
    let (_, sent) = finish_on_terminal(&check);
    assert!(is_plain(&sent.replace("\r\n", "\n")), "{sent:?}");
}

#[test]
fn a_pipe_gets_plain_lines() {
    let checkout = Checkout::new();
    let finished = checkout.measures(checkout.check("007 before"));
    assert!(is_plain(&finished.output) && is_plain(&finished.errors), "{finished:?}");
}

#[test]
fn a_check_that_ends_by_itself_was_not_interrupted() {
    let checkout = Checkout::new();
    let errors = checkout.measures(checkout.check("007 before")).errors;
    assert!(!errors.contains("interrupted"), "{errors}");
}

#[test]
fn a_long_step_is_announced_in_a_pipe_before_it_is_done() {
    let checkout = Checkout::new();
    let errors = checkout.measures(checkout.check("007 before")).errors;
    let load: Vec<&str> = errors
        .lines()
        .filter(|line| line.starts_with("      load  1 s of `M17 Baseline`"))
        .collect();
    assert_eq!(load.len(), 2, "{errors}");
    assert!(!load[0].ends_with(" s") && load[1].ends_with(" s"), "{errors}");
}

fn is_plain(text: &str) -> bool {
    !text.is_empty() && !text.contains(['\r', '\x1b'])
}

/// The lines that a terminal shows in the end: what was written over is gone.
fn shown(sent: &str) -> Vec<String> {
    without_escapes(sent)
        .replace("\r\n", "\n")
        .lines()
        .map(|line| line.rsplit('\r').next().unwrap().to_owned())
        .collect()
}

/// The text without colours and without what clears a line.
fn without_escapes(sent: &str) -> String {
    let mut parts = sent.split("\x1b[");
    let first = parts.next().unwrap().to_owned();
    parts.fold(first, |text, part| {
        let (_, rest) = part.split_once(|c: char| c.is_ascii_alphabetic()).unwrap();
        text + rest
    })
}

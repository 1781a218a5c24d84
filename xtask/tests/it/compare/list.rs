//! `--list`: what is recorded.

use super::*;

fn lines(checkout: &Checkout) -> Vec<String> {
    let finished = compare(checkout, "--list").succeeded();
    assert_eq!(finished.errors, "");
    finished.output.lines().map(str::to_owned).collect()
}

#[test]
fn it_has_a_line_for_each_group_the_newest_first() {
    let checkout = recorded([internal_clean(), competitive_clean()]);
    Recording::new().task("fan-effect").at("20251107_090000").write_group(
        &checkout,
        &[0.3, 0.5],
        3,
    );
    assert_eq!(
        lines(&checkout),
        [
            "task       mode        phase  when             commit  load P99 ms ops/s  runs",
            "007        competitive after  2025-11-08 14:40 af0af0a 60 s 10.500   487  1",
            "007        competitive before 2025-11-08 14:30 be0be0b 60 s 10.200   490  1",
            "007        internal    after  2025-11-08 14:20 af0af0a 60 s  0.472 995.2  1",
            "007        internal    before 2025-11-08 14:00 be0be0b 60 s  0.458 999.9  1",
            "fan-effect internal    before 2025-11-07 09:01 be0be0b 60 s  0.400 999.9  2 of 3",
        ]
    );
}

#[test]
fn results_of_the_old_scripts_have_no_commit() {
    let checkout = Checkout::without_product();
    Recording::new().by_old_script().write(&checkout);
    assert_has(&lines(&checkout)[1], "14:00 -         -  0.458");
}

#[test]
fn what_cannot_be_read_says_why_within_the_line() {
    let checkout = recorded([internal_clean()]);
    checkout.write("tmp/m17_performance/007_after_20251108_142000.json", "[1, 2, 3, 4, 5, 6");
    let lines = lines(&checkout);
    assert_has(&lines[1], "not readable as JSON");
    assert!(lines[1].chars().count() <= 80, "{lines:?}");
}

#[test]
fn no_line_is_wider_than_a_terminal_whatever_is_recorded() {
    let checkout = recorded([internal_clean()]);
    let long = "long-".repeat(25) + "id";
    let widest = Recording::new().competitive().task(&long).p99(8.64e7).throughput(1e8);
    widest.write_group(&checkout, &[8.64e7; 20], 100);
    Recording::new()
        .task(&long)
        .with(|it| it.git.as_mut().unwrap().commit = Some("\u{1b}[2J\n".repeat(30)))
        .write(&checkout);
    checkout.write(&format!("tmp/m17_performance/{long}_after_20251108_142000.json"), "{");
    for line in lines(&checkout) {
        assert!(line.chars().count() <= 80, "{line}");
        assert!(!line.contains('\u{1b}'), "{line}");
    }
}

#[test]
fn a_session_is_shown_by_side_with_its_number_of_pairs() {
    let (before, after) = internal_clean();
    let checkout = Checkout::without_product();
    Recording::write_session(&before, &after, &checkout, &[(0.45, 0.46); 6]);
    let lines = lines(&checkout);
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert!(lines[1..].iter().all(|line| line.ends_with("  6 paired")), "{lines:?}");
}

#[test]
fn other_files_are_no_results() {
    let checkout = recorded([internal_clean()]);
    for name in ["notes.txt", "007_during_20251108_140000.json", "007_before_yesterday.json"] {
        checkout.write(&format!("tmp/m17_performance/{name}"), "{}");
    }
    assert_eq!(lines(&checkout).len(), 3);
}

#[test]
fn an_empty_one_says_where_to_begin() {
    let lines = lines(&Checkout::without_product());
    assert_eq!(lines, ["nothing is recorded yet; begin with: cargo perf-check <task> before"]);
}

#[test]
fn an_empty_one_of_another_folder_says_to_begin_there() {
    for command in ["perf-compare --list", "perf-history"] {
        let elsewhere = Checkout::without_product();
        let said = finish(elsewhere.command(&format!("{command} -C ."))).succeeded().output;
        assert_eq!(
            said,
            "nothing is recorded yet; begin with: cargo perf-check <task> before -C .\n"
        );
    }
}

#[test]
fn a_task_and_a_mode_choose_among_the_recorded() {
    let checkout = recorded([internal_clean(), competitive_clean()]);
    Recording::new().task("008").write(&checkout);
    let groups = |words: &str| {
        let list = compare(&checkout, &format!("--list {words} --json")).succeeded().output;
        let list: serde_json::Value = serde_json::from_str(&list).unwrap();
        list["recorded"].as_array().unwrap().len()
    };
    assert_eq!(groups(""), 5);
    assert_eq!(groups("007"), 4);
    assert_eq!(groups("007 --competitive"), 2);
    assert_eq!(groups("--internal"), 3);
}

#[test]
fn what_the_stand_in_answered_does_not_pass_for_engram() {
    let checkout = Checkout::without_product();
    Recording::new().on_stand_in().write(&checkout);
    let lines = lines(&checkout);
    assert!(lines[1].ends_with("  1, stand-in"), "{lines:?}");
}

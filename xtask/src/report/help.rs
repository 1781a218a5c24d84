//! The help texts. Each is whole: every option, with examples and exit codes.

use crate::args::Topic;
use crate::model::limits::{
    COMPETITIVE_THRESHOLD_PERCENT, COMPETITOR, ERROR_RATE_POINTS, INTERNAL_THRESHOLD_PERCENT,
};

/// The help of `topic`.
pub fn text(topic: Topic) -> String {
    match topic {
        Topic::All => ALL.to_owned(),
        Topic::Check => CHECK.to_owned(),
        Topic::Compare => compare(),
        Topic::Confirm => CONFIRM.to_owned(),
        Topic::Hook => HOOK.to_owned(),
    }
}

const ALL: &str = "\
The performance gate: did this change make the server slower?

  cargo perf-check <task> <before|after>   measure one side of a change
  cargo perf-compare <task>                judge before against after
  cargo xtask perf-confirm <task>          tell a change from noise, in pairs
  cargo xtask hook install                 let git push ask for the verdict

`--help` after a command lists its options.
";

const CHECK: &str = "\
Measures one side of a change: builds, starts a fresh server, waits until it
is healthy, runs the load test, stops, and saves under tmp/m17_performance/.

Usage: cargo perf-check <task> <before|after> [options]

  <task>               letters, digits, `.`, `_`, `-`; for instance 007
  <before|after>       which side of the change is checked out

Options
  --competitive        the competitive scenario instead of the internal one
  --duration SECONDS   length of the load (60)
  --runs N             N runs, each with a fresh server, as one group (1)
  --no-build           measure the binaries as they lie
  --port N             port of the server (7432)
  --ready-timeout S    longest wait until the server is healthy (120)
  --load-grace S       longest the load may run over its duration (60)
  --stop-grace S       from SIGTERM to SIGKILL (10)
  -C DIR               the checkout to measure (this tool's own workspace)
  -h, --help           this text

Examples
  cargo perf-check 007 before
  cargo perf-check 007 after --runs 3
  cargo perf-check 007 before --competitive
  cargo perf-check 007 before -C ../engram

Exit codes
  0  measured and saved
  3  not measured and not saved; the message says why and what to do
";

fn compare() -> String {
    let (internal, competitive) = (INTERNAL_THRESHOLD_PERCENT, COMPETITIVE_THRESHOLD_PERCENT);
    let errors = ERROR_RATE_POINTS;
    format!(
        "\
Judges the newest before against the newest after, from recorded results alone.

Usage: cargo perf-compare <task> [options]
       cargo perf-compare [<task>] --before FILE --after FILE [options]
       cargo perf-compare --list

  <task>               the task that was measured; for instance 007

Options
  --internal           the internal results only
  --competitive        the competitive results only
                       (without either: each mode that has results)
  --before FILE        compare two named results; the mode is told from
  --after FILE         their names
  --json               one object on standard output, for machines
  --markdown           for a pull-request comment or a CI step summary
  --log                write the task's entry in the performance log,
                       roadmap/milestone-17/PERFORMANCE_LOG.md
  --list               list what is recorded, newest first
  -C DIR               the checkout (this tool's own workspace)
  -h, --help           this text

Limits: P99 +{internal}% and throughput -{internal}% (competitive: {competitive}%), error rate +{errors} points.
In competitive mode the position against {COMPETITOR} counts too; its P99 is read
from docs/reference/competitive_baselines.md.

Examples
  cargo perf-compare 007
  cargo perf-compare 007 --competitive --markdown
  cargo perf-compare --before old.json --after new.json

Exit codes
  0  no regression
  1  internal regression
  2  competitive regression, or the position against the competitor lost
  3  could not judge; the message says why and what to do
"
    )
}

const HOOK: &str = "\
Sets up a git pre-push hook that blocks a push with a measured regression. It
reads recorded results only and measures nothing.

Usage: cargo xtask hook <install|uninstall|status> [-C DIR]

  install              set it up; another's hook is kept and called first
  uninstall            remove it, and put another's hook back
  status               say what is set up

Options
  -C DIR               the checkout (this tool's own workspace)
  -h, --help           this text

A push without evidence passes with a warning, unless
  git config perf.required true
PERF_TASK=007 git push looks at one task; a branch task/007-... does too.
PERF_SKIP=1 git push, or git push --no-verify, pushes in any case. With
CI=true the hook does nothing.

Exit codes
  0  done
  3  not done; the message says why
";

const CONFIRM: &str = "\
Tells a change from noise: runs the before and the after binary in turn, in
short runs, until the answer is sure or the plan is used up. It uses the
binaries that perf-check kept for the newest before and after.

Usage: cargo xtask perf-confirm <task> [options]

  <task>               the task that was measured; for instance 007

Options
  --competitive        the competitive scenario instead of the internal one
  --duration SECONDS   length of each load (10)
  --max-pairs N        6, 10 or 16 pairs at most (16)
  --wait-quiet S       longest wait for a quiet machine before a run (60)
  --fresh              put the earlier record aside and start anew
  --port N             port of the servers (7432)
  -C DIR               the checkout (this tool's own workspace)
  -h, --help           this text

Interrupted, it keeps the finished pairs; called again, it continues.

Examples
  cargo xtask perf-confirm 007
  cargo xtask perf-confirm 007 --competitive --max-pairs 6

Exit codes
  0  not regressed, or no regression found
  1  internal regression
  2  competitive regression
  3  suspected, or not measurable; the message says why
";

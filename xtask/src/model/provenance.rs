//! Where a result comes from, as TOML beside it: enough to decide whether two results can be compared.

use std::collections::BTreeMap;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use toml::Table;

use crate::error::Fault;
use crate::model::names::How;
use crate::model::section::{self, section};

section! {
    /// The provenance of one run. What the system did not show is absent.
    #[derive(Default)]
    pub struct Provenance {
        pub run: Run = "run",
        /// The pair that the run belongs to, if it was measured in pairs.
        pub session: Option<SessionPlace> = "session",
        pub load: Load = "load",
        pub build: BuildRecord = "build",
        /// The state of the checkout; absent outside a repository.
        pub git: Option<Git> = "git",
        pub host: Host = "host",
        pub server: ServerRun = "server",
        pub noise: Noise = "noise",
        /// The variables that can change what the server does, and the hash of a configuration file of it that is no
        /// input, by its path; absent in files that do not record them.
        pub environment: Option<BTreeMap<String, String>> = "environment",
        /// The weaknesses of the run, in words.
        pub warnings: Vec<String> = "warnings",
        /// The end of the server's log.
        pub log_tail: String = "server_log_tail",
    }

    /// A run's place in its group.
    #[derive(Default)]
    pub struct Run {
        /// The run's name, as its files carry it.
        pub name: String = "name",
        /// When it was started, with the offset from UTC.
        pub started: String = "started",
        /// The name of the group's first run.
        pub group: String = "group",
        /// 1 for the first run of the group.
        pub index: u32 = "index",
        /// The number of runs that the group was to have.
        pub of: u32 = "of",
    }

    /// A run's place in a paired session.
    #[derive(Default)]
    pub struct SessionPlace {
        /// The id of the session's record.
        pub id: String = "id",
        /// 1 for the first pair.
        pub pair: u32 = "pair",
        /// `before-first` or `after-first`.
        pub order: String = "order",
        /// Absent in files of a version that only alternated.
        pub how: Option<How> = "how",
        /// The server's port.
        pub port: Option<u32> = "port",
        /// How far apart the two loads of a duet noticed their start, in milliseconds.
        pub load_offset_ms: Option<f64> = "load_offset_ms",
    }

    /// The load that was offered.
    #[derive(Default)]
    pub struct Load {
        /// The scenario file, relative to the checkout.
        pub scenario: String = "scenario",
        /// The content hash of the scenario file.
        pub scenario_hash: Option<String> = "scenario_hash",
        /// Seconds of load asked for.
        pub duration_seconds: u64 = "duration_seconds",
        /// The load generator's seed.
        pub seed: u64 = "seed",
        /// Requests offered per second, rounded.
        pub rate: u64 = "rate",
    }

    /// The binaries that were measured.
    #[derive(Default)]
    pub struct BuildRecord {
        /// Cargo's profile.
        pub profile: String = "profile",
        /// The tool built them itself: in this run, or kept them from a build of this very source.
        pub by_this_run: bool = "by_this_run",
        /// The content hash of the server.
        pub engram_hash: Option<String> = "engram_hash",
        /// The content hash of the load generator.
        pub loadtest_hash: Option<String> = "loadtest_hash",
        /// The content hash of the inputs that they were built from.
        pub content: Option<String> = "content",
        /// The hash of the list of these inputs, which is kept beside the results.
        pub inputs: Option<String> = "inputs",
        /// The inputs that no commit holds; absent where there are none.
        pub ignored_inputs: Option<Vec<String>> = "ignored_inputs",
        /// What two builds must share, by name, and what their build scripts passed on; absent where it is unknown.
        pub settings: Option<BTreeMap<String, String>> = "settings",
        /// The compiler, as `rustc --version` prints it.
        pub rustc: Option<String> = "rustc",
        /// The stand-in answered, and not Engram.
        pub stand_in: bool = "stand_in",
    }

    /// The state of the checkout.
    #[derive(Default)]
    pub struct Git {
        /// The commit checked out; absent before the first.
        pub commit: Option<String> = "commit",
        /// The branch; absent with a detached HEAD.
        pub branch: Option<String> = "branch",
        /// There are uncommitted changes.
        pub dirty: bool = "dirty",
    }

    /// The machine. What the system does not show is unknown.
    #[derive(Default)]
    pub struct Host {
        pub name: Option<String> = "name",
        /// Kernel and architecture.
        pub system: Option<String> = "system",
        /// The processor's model.
        pub cpu: Option<String> = "cpu",
        /// Processors that this process may use.
        pub cores: Option<u64> = "cores",
        /// Memory, in MiB.
        pub memory_mib: Option<u64> = "memory_mib",
        /// Its state before the measurement.
        pub state: HostState = "",
    }

    /// The state of a machine. What is unknown is never warned about.
    #[derive(Default)]
    pub struct HostState {
        /// The policy that sets the CPU's frequency.
        pub governor: Option<String> = "governor",
        /// Swap space in use, in MiB.
        pub swap_mib: Option<u64> = "swap_mib",
        /// `mains`, or `battery` while one is being emptied: CPUs slow down on it.
        pub power: Option<String> = "power",
    }

    /// The server and its load, from start to stop.
    #[derive(Default)]
    pub struct ServerRun {
        /// From the start until it was healthy, in seconds.
        pub ready_seconds: Option<f64> = "ready_seconds",
        /// Wall time of the load generator, in seconds.
        pub load_seconds: Option<f64> = "load_seconds",
        /// From SIGTERM until it was gone, in seconds.
        pub stop_seconds: Option<f64> = "stop_seconds",
        /// The share by which `perf-selftest` slowed it down, in per cent. No such run is among the results.
        pub slowed_down_percent: Option<f64> = "slowed_down_percent",
        /// Its exit code or signal, in words.
        pub server_end: Option<String> = "server_end",
        /// The exit code or signal of the load generator, in words.
        pub load_generator_end: Option<String> = "load_generator_end",
        /// The memory that it had in RAM at the end of the load, in KiB.
        pub memory_kib: Option<u64> = "memory_kib",
        /// The most memory that it had in RAM, in KiB.
        pub peak_memory_kib: Option<u64> = "peak_memory_kib",
    }

    /// The noise during the load: what else the machine did.
    #[derive(Default)]
    pub struct Noise {
        /// Share of the CPU time that this machine wanted and its hypervisor gave to others: steal / (busy + steal).
        pub steal_share: Option<f64> = "steal_share",
        /// Share of the machine's CPU time that was used, by whomever, or stolen, 0 to 1.
        pub busy_share: Option<f64> = "busy_share",
        /// Growth of the CPU pressure total, in seconds: somebody waited for a CPU.
        pub cpu_pressure_seconds: Option<f64> = "cpu_pressure_seconds",
        /// CPU seconds used by neither the server, nor the load generator, nor this tool and its supervisor.
        pub others_cpu_seconds: Option<f64> = "others_cpu_seconds",
        pub tool_cpu_seconds: Option<f64> = "tool_cpu_seconds",
        pub server_cpu_seconds: Option<f64> = "server_cpu_seconds",
        /// The server's CPU time a request, in microseconds.
        pub server_cpu_us_per_operation: Option<f64> = "server_cpu_us_per_operation",
    }
}

/// What the name of a build setting begins with that only warns: sources may change it, too.
pub(crate) const PASSED_ON: &str = "passed on by ";

/// The beginning of the first line of every file. A file without it was not written by this tool.
const OURS: &str = "# perf-check provenance, format ";
const HEADER: &str = "# perf-check provenance, format 1";

impl BuildRecord {
    /// The source hash after that of the list of inputs that it is over: under another list it is that of other code.
    /// `None` where either is unknown.
    pub(crate) fn source(&self) -> Option<String> {
        Some(format!("{} {}", self.inputs.as_ref()?, self.content.as_ref()?))
    }
}

impl Host {
    /// `bench-box, AMD Ryzen 7`
    pub(crate) fn in_words(&self) -> String {
        let known = [self.name.as_deref(), self.cpu.as_deref()];
        known.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }
}

impl Run {
    /// The moment of its start; `None` where that is not known.
    pub(crate) fn moment(&self) -> Option<OffsetDateTime> {
        OffsetDateTime::parse(&self.started, &Rfc3339).ok()
    }
}

impl Provenance {
    /// The file's text.
    pub fn to_text(&self) -> String {
        section::to_text(HEADER, &self.to_table())
    }

    /// True for the text of a run that was measured in a pair, as it is written: its last section is that of the
    /// session. The server's log, which may look like one, stands before every section.
    pub(crate) fn is_of_session(text: &[u8]) -> bool {
        let mut lines = text.rsplit(|&byte| byte == b'\n');
        text.starts_with(OURS.as_bytes())
            && lines.find(|line| line.starts_with(b"[")) == Some(b"[session]")
    }

    /// Reads a file's text. `Ok(None)` for one that this tool did not write: the old scripts' had the same name.
    ///
    /// # Errors
    /// When it is not whole, or is of another format.
    pub fn parse(text: &str) -> Result<Option<Self>, Fault> {
        let unreadable = |why: &str| Fault::new(format!("not readable as provenance: {why}"));
        let text = text.trim();
        // Cut off within its first line, or before it, it may be this tool's.
        if !text.starts_with(OURS) && !OURS.starts_with(text) {
            return Ok(None);
        }
        if !section::is_whole(text, HEADER) {
            return Err(unreadable("it is empty, cut off, or of another format"));
        }
        let table: Table =
            text.parse().map_err(|error: toml::de::Error| unreadable(error.message()))?;
        Self::from_table(&table)
            .map(Some)
            .map_err(|key| unreadable(&format!("`{key}` is missing or not whole")))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_text_under_our_header_is_read_or_refused(text in any::<String>()) {
            let ours = [HEADER, "\n", &text, "\n# end\n"].concat();
            prop_assert!(Provenance::parse(&ours).is_err());
            prop_assert_eq!(Provenance::parse(&["x", &text].concat()), Ok(None));
        }

        #[test]
        fn any_words_are_written_and_read_again(
            words in proptest::collection::vec(any::<String>(), 6), number in any::<u32>(), dirty in any::<bool>()
        ) {
            let word = |index: usize| words[index].clone();
            let mut provenance = whole_one();
            provenance.run.name = word(0);
            provenance.run.of = number;
            provenance.load.scenario = word(1);
            provenance.build.rustc = Some(word(2));
            provenance.git = Some(Git { commit: Some(word(3)), branch: None, dirty });
            provenance.warnings = vec![word(4)];
            provenance.log_tail = word(5);
            prop_assert_eq!(Provenance::parse(&provenance.to_text()), Ok(Some(provenance)));
        }
    }

    fn whole_one() -> Provenance {
        Provenance {
            run: Run {
                name: "007_before_20251108_140000".into(),
                started: "2025-11-08T14:00:00+01:00".into(),
                group: "007_before_20251108_140000".into(),
                index: 1,
                of: 3,
            },
            session: Some(SessionPlace {
                id: "a".into(),
                pair: 2,
                order: "after-first".into(),
                how: Some(How::Duet),
                port: Some(7433),
                load_offset_ms: Some(0.25),
            }),
            load: Load {
                scenario: "scenarios/m17_baseline.toml".into(),
                scenario_hash: Some("abc".into()),
                duration_seconds: 60,
                seed: 0xDEAD_BEEF,
                rate: 1000,
            },
            build: BuildRecord {
                profile: "release".into(),
                by_this_run: true,
                engram_hash: Some("def".into()),
                ..BuildRecord::default()
            },
            git: Some(Git { commit: Some("c0ffee".into()), branch: None, dirty: true }),
            host: Host {
                cores: Some(2),
                state: HostState { swap_mib: Some(0), ..HostState::default() },
                ..Host::default()
            },
            noise: Noise { steal_share: Some(0.25), ..Noise::default() },
            environment: Some(BTreeMap::from([("RUST_LOG".into(), "info".into())])),
            warnings: vec!["a \"quoted\" one".into()],
            log_tail: "two\nlines with '''quotes'''".into(),
            ..Provenance::default()
        }
    }

    /// A file as it was written before its sections were declared once.
    const RECORDED: &str = r#"# perf-check provenance, format 1

server_log_tail = """
two
lines with '''quotes'''"""
warnings = ['a "quoted" one']

[build]
by_this_run = true
engram_hash = "def"
profile = "release"
stand_in = false

[environment]
RUST_LOG = """
info
and more"""

[git]
commit = "c0ffee"
dirty = true

[host]
cores = 4
cpu = 'Some "CPU"'
governor = "powersave"
memory_mib = 7937
name = "box"
power = "battery"
swap_mib = 3
system = "Linux 6 x86_64"

[load]
duration_seconds = 60
rate = 1000
scenario = "scenarios/m17_baseline.toml"
scenario_hash = "abc"
seed = 3735928559

[noise]
others_cpu_seconds = 0.0
server_cpu_seconds = 12.5
server_cpu_us_per_operation = 208.123457
steal_share = 0.0
tool_cpu_seconds = 0.03

[run]
group = "007_before_20251108_140000"
index = 1
name = "007_before_20251108_140000"
of = 3
started = "2025-11-08T14:00:00+01:00"

[server]
load_generator_end = "signal 9"
load_seconds = 60.0
peak_memory_kib = 123456
ready_seconds = 1.234568
server_end = "exit code 0"
stop_seconds = 0.1

[session]
id = "a"
order = "after-first"
pair = 2

# end
"#;

    #[test]
    fn a_file_read_and_written_again_keeps_its_bytes() {
        let with_empty_sections = RECORDED
            .replace("RUST_LOG = \"\"\"\ninfo\nand more\"\"\"\n", "")
            .replace("steal_share = 0.0\n", "");
        assert_eq!(RECORDED.len(), with_empty_sections.len() + 50);
        for text in [RECORDED, &with_empty_sections] {
            let read = Provenance::parse(text).unwrap().unwrap();
            assert_eq!(read.to_text(), text);
        }
    }

    #[test]
    fn what_an_earlier_version_recorded_and_this_one_does_not_is_no_fault() {
        let older = RECORDED.replace("[host]\n", "[host]\nload_average = 0.5\n");
        assert_ne!(older, RECORDED);
        assert_eq!(Provenance::parse(&older), Provenance::parse(RECORDED));
    }

    #[test]
    fn a_content_hash_without_the_list_that_it_is_over_is_no_evidence() {
        let older = RECORDED.replace("[build]", "[build]\ncontent = \"abc\"");
        let build = Provenance::parse(&older).unwrap().unwrap().build;
        assert_eq!((build.content.as_deref(), build.inputs.as_deref()), (Some("abc"), None));
    }

    #[test]
    fn what_is_written_is_read_again() {
        assert_eq!(Provenance::parse(&whole_one().to_text()), Ok(Some(whole_one())));
    }

    #[test]
    fn what_is_not_known_is_absent_and_not_empty() {
        let written = whole_one().to_text();
        assert!(!written.contains("rustc") && !written.contains("branch"), "{written}");
    }

    #[test]
    fn the_old_scripts_diagnosis_is_no_provenance() {
        assert_eq!(Provenance::parse("=== Engram diagnostics ===\nok"), Ok(None));
    }

    #[test]
    fn our_own_cut_short_is_refused() {
        let written = whole_one().to_text();
        for end in (0..written.trim_end().len()).filter(|&end| written.is_char_boundary(end)) {
            assert!(Provenance::parse(&written[..end]).is_err(), "{end}");
        }
    }

    #[test]
    fn our_own_of_another_format_is_refused() {
        for format in ["2", "11", "1.1", "one"] {
            let other = whole_one().to_text().replace("format 1", &format!("format {format}"));
            assert!(Provenance::parse(&other).is_err(), "{format}");
        }
    }

    #[test]
    fn blank_text_is_refused() {
        for text in ["", "\n", " \r\n\t"] {
            assert!(Provenance::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn measured_numbers_are_written_to_a_millionth_and_unknown_ones_not_at_all() {
        let mut provenance = whole_one();
        provenance.noise.steal_share = Some(0.123_456_789);
        provenance.noise.others_cpu_seconds = Some(f64::NAN);
        let written = provenance.to_text();
        assert!(written.contains("steal_share = 0.123457\n"), "{written}");
        assert!(!written.contains("others_cpu_seconds"), "{written}");
    }

    #[test]
    fn a_measured_number_that_is_none_is_refused() {
        let written = whole_one().to_text();
        for other in ["\"0.25\"", "nan", "inf", "-inf", "true"] {
            let fault =
                Provenance::parse(&written.replace("share = 0.25", &format!("share = {other}")));
            assert!(fault.unwrap_err().why.contains("`noise` is missing or not whole"), "{other}");
        }
    }

    #[test]
    fn sections_that_older_files_lack_and_keys_that_later_ones_add_are_no_obstacle() {
        let written = whole_one().to_text();
        let noise = "[noise]\nsteal_share = 0.25\n";
        assert!(written.contains(noise), "{written}");
        let expected = Provenance { noise: Noise::default(), ..whole_one() };
        for other in ["", "[noise]\nlater = 1\n", "[later]\nkey = 1\n"] {
            assert_eq!(
                Provenance::parse(&written.replace(noise, other)),
                Ok(Some(expected.clone())),
                "{other}"
            );
        }
    }

    #[test]
    fn a_section_that_is_not_whole_is_refused_by_its_name() {
        for (line, key) in [("index = 1", "run"), ("pair = 2", "session"), ("dirty = true", "git")]
        {
            let written = whole_one().to_text();
            assert!(written.contains(line), "{written}");
            let fault = Provenance::parse(&written.replace(line, "")).unwrap_err();
            assert!(fault.why.contains(&format!("`{key}` is missing")), "{fault}");
        }
    }
}

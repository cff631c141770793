//! How much time and memory a suite may take: more than that is a test that hangs or a loop that spins, and ends
//! the process.

use std::{
    env, fs,
    io::{self, Write},
    process::{ChildStdin, Command, Stdio},
    sync::Once,
    thread,
    time::{Duration, Instant},
};

/// Names the limit of time in minutes, for machines that are slower than most.
const MINUTES_VARIABLE: &str = "TRITON_SUITE_MINUTES";
/// Some four times what the longest suite takes on 2 cores.
const MINUTES: u64 = 40;
/// The suite holds watches and journals of a few hundred objects, and what it prints.
const MEBIBYTES: u64 = 2048;
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Prints the last line that it was given once nobody can give it more: after the summary of the tests.
const REPORTER: &str = r#"while IFS= read -r line; do last=$line; done; printf '%s\n' "$last" >&2"#;

/// Watches this process from now on, once. When it ends, its time and its largest memory are printed beside their
/// limits; when it is over one of them, it is ended with exit code 101.
///
/// Memory is read on Linux alone; elsewhere the line says that it is not known.
pub fn watch() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let began = Instant::now();
        let reporter = Command::new("sh").args(["-c", REPORTER]).stdin(Stdio::piped()).spawn();
        let mut report = reporter.ok().and_then(|mut child| child.stdin.take());
        thread::spawn(move || {
            let limits = Limits::of_environment();
            loop {
                let used = Used { time: began.elapsed(), memory: largest_memory() };
                tell(report.as_mut(), &limits.line(used));
                if let Some(excess) = limits.excess(used) {
                    let _ = writeln!(io::stderr(), "{excess}");
                    std::process::exit(101);
                }
                #[expect(clippy::disallowed_methods, reason = "looks for as long as the process lives")]
                thread::sleep(LOOK_EVERY);
            }
        });
    });
}

fn tell(report: Option<&mut ChildStdin>, line: &str) {
    // Without a reporter the limits hold all the same.
    let _ = report.map(|pipe| writeln!(pipe, "{line}"));
}

#[derive(Clone, Copy, Debug)]
struct Used {
    time: Duration,
    /// In mebibytes, where it is known.
    memory: Option<u64>,
}

#[derive(Clone, Copy, Debug)]
struct Limits {
    time: Duration,
    mebibytes: u64,
}

impl Limits {
    fn of_environment() -> Self {
        let minutes = env::var(MINUTES_VARIABLE).ok().and_then(|text| text.parse().ok()).unwrap_or(MINUTES);
        Self { time: Duration::from_secs(60 * minutes), mebibytes: MEBIBYTES }
    }

    fn line(self, used: Used) -> String {
        let memory =
            used.memory.map_or_else(|| "memory unknown".to_owned(), |memory| format!("{memory} MiB"));
        let (seconds, most) = (used.time.as_secs(), self.time.as_secs());
        format!("suite: {seconds} s of at most {most} s, {memory} of at most {} MiB", self.mebibytes)
    }

    fn excess(self, used: Used) -> Option<String> {
        let memory = used.memory.is_some_and(|memory| memory > self.mebibytes);
        let hint = format!("a test hangs, or a loop spins; {MINUTES_VARIABLE} raises the limit of time");
        (memory || used.time > self.time).then(|| format!("{}: over the limit: {hint}", self.line(used)))
    }
}

/// The most memory that this process has had, in mebibytes (Linux: `VmHWM`).
fn largest_memory() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kibibytes| kibibytes / 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_and_memory_are_told_beside_their_limits_and_end_the_suite_beyond_them() {
        let limits = Limits { time: Duration::from_secs(60), mebibytes: 100 };
        let used = |seconds, memory| Used { time: Duration::from_secs(seconds), memory };
        assert_eq!(limits.line(used(7, Some(9))), "suite: 7 s of at most 60 s, 9 MiB of at most 100 MiB");
        for (used, over) in [
            (used(60, Some(100)), false),
            (used(61, Some(100)), true),
            (used(60, Some(101)), true),
            (used(60, None), false),
            (used(61, None), true),
        ] {
            assert_eq!(limits.excess(used).is_some(), over, "{used:?}");
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_memory_of_this_process_is_known() {
        assert!(largest_memory().is_some_and(|memory| memory > 0));
    }
}

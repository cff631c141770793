//! Child processes that never outlive the test.

use std::{
    fs::{self, File},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
};

use super::error::{Doing, PlaneError, tail};

/// Starts the program given as arguments and kills it when standard input closes, which the kernel
/// does for us however the test process ends. Ends with the program's own status.
const SUPERVISOR: &str = r#"
exec 3<&0
"$@" </dev/null 3<&- &
child=$!
( read -r _ <&3; kill -9 "$child" ) 2>/dev/null &
watch=$!
exec 3<&- </dev/null
wait "$child"
status=$?
kill "$watch" 2>/dev/null
exit "$status"
"#;

/// A component of the control plane, with its log.
#[derive(Debug)]
pub(crate) struct Component {
    name: &'static str,
    log: PathBuf,
    supervisor: Child,
}

impl Component {
    /// Starts `program` with its output in `<home>/<name>.log`.
    pub(crate) fn start(
        name: &'static str,
        program: &Path,
        args: &[String],
        home: &Path,
    ) -> Result<Self, PlaneError> {
        let log = home.join(name).with_extension("log");
        let out = File::create(&log).at("creating", &log)?;
        let err = out.try_clone().at("opening", &log)?;
        let supervisor = Command::new("sh")
            .args(["-c", SUPERVISOR, name])
            .arg(program)
            .args(args)
            .current_dir(home)
            // A signal to all of us, such as Ctrl-C, would end the shell, which could not kill the program any more.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(out)
            .stderr(err)
            .spawn()
            .doing(|| format!("starting {name}"))?;
        Ok(Self { name, log, supervisor })
    }

    /// Whether it is this program.
    pub(crate) fn is(&self, name: &str) -> bool {
        self.name == name
    }

    /// Fails if the component has ended by itself.
    pub(crate) fn alive(&mut self) -> Result<(), PlaneError> {
        match self.ended()? {
            None => Ok(()),
            Some(status) => Err(self.failure(format!("ended with {status}"))),
        }
    }

    /// How it ended, if it has.
    pub(crate) fn ended(&mut self) -> Result<Option<ExitStatus>, PlaneError> {
        self.supervisor.try_wait().doing(|| format!("waiting for {}", self.name))
    }

    /// Returns the process id of the program itself, while it runs (Linux).
    pub(crate) fn child(&self) -> Option<u32> {
        let supervisor = self.supervisor.id();
        let children = fs::read_to_string(format!("/proc/{supervisor}/task/{supervisor}/children")).ok()?;
        let mut children = children.split_whitespace().filter_map(|pid| pid.parse().ok());
        // The other child is the shell that waits on the pipe.
        children.find(|pid: &u32| {
            fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.trim() != "sh")
        })
    }

    /// Describes what became of the component, with the end of its log.
    pub(crate) fn failure(&self, reason: String) -> PlaneError {
        let log = fs::read(&self.log).unwrap_or_default();
        PlaneError::Component { component: self.name, reason, tail: tail(&String::from_utf8_lossy(&log), 15) }
    }
}

impl Drop for Component {
    fn drop(&mut self) {
        drop(self.supervisor.stdin.take());
        let _ = self.supervisor.wait();
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn a_program_dies_with_the_pipe_that_leads_to_its_test() {
        let home = tempfile::tempdir().expect("a folder for the log");
        let component = start(&home, "echo $$; exec sleep 600");
        let pid = until(|| log(&home).trim().parse::<u32>().ok());
        assert!(runs(pid));
        // The kernel closes the pipe likewise when the test process is killed.
        drop(component);
        until(|| (!runs(pid)).then_some(()));
    }

    #[test]
    fn a_signal_to_everybody_who_waits_for_a_program_does_not_reach_the_shell_that_kills_it() {
        let home = tempfile::tempdir().expect("a folder for the log");
        let _component = start(&home, "echo $$; exec sleep 600");
        let pid = until(|| log(&home).trim().parse::<u32>().ok());
        assert_ne!(group(&pid.to_string()), group("self"));
    }

    #[test]
    fn a_program_that_fails_is_named_with_the_end_of_its_log() {
        let home = tempfile::tempdir().expect("a folder for the log");
        let mut component = start(&home, "echo no such luck >&2; exit 3");
        let error = until(|| component.alive().err()).to_string();
        assert_eq!(error, "shell ended with exit status: 3; end of its log:\nno such luck");
    }

    fn start(home: &tempfile::TempDir, script: &str) -> Component {
        let args = ["-c", script].map(str::to_owned);
        Component::start("shell", Path::new("/bin/sh"), &args, home.path()).expect("sh starts")
    }

    fn log(home: &tempfile::TempDir) -> String {
        fs::read_to_string(home.path().join("shell.log")).unwrap_or_default()
    }

    /// The process group of a process (Linux: proc_pid_stat, field 5).
    fn group(pid: &str) -> String {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("the process runs");
        let (_, after_name) = stat.rsplit_once(") ").expect("its name stands in parentheses");
        after_name.split(' ').nth(2).expect("its group").to_owned()
    }

    fn runs(pid: u32) -> bool {
        let probe = ["-c", &format!("kill -0 {pid} 2>/dev/null")];
        Command::new("sh").args(probe).status().expect("sh starts").success()
    }

    fn until<T>(mut found: impl FnMut() -> Option<T>) -> T {
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            if let Some(value) = found() {
                return value;
            }
            assert!(Instant::now() < deadline, "not within 10 s");
            #[expect(
                clippy::disallowed_methods,
                reason = "between two looks at a condition that has a deadline"
            )]
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

//! Running kubectl, grpcurl and lines of a shell: none may run for ever, and no warning of the API server passes
//! unseen.

use std::{
    io::{self, Read, Write},
    process::{Child, Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use super::error::{Doing, PlaneError};

/// Longer than any command is told to wait.
const DEADLINE: Duration = Duration::from_secs(180);

/// Runs a command with `input` on its standard input and returns what it printed.
///
/// # Errors
/// [`PlaneError::Command`] when it fails, does not end within [`DEADLINE`] (then it is killed), or when the API
/// server warned of something.
pub(super) fn run(command: &mut Command, input: &str) -> Result<String, PlaneError> {
    run_within(DEADLINE, command, input)
}

fn run_within(limit: Duration, command: &mut Command, input: &str) -> Result<String, PlaneError> {
    let output = output(limit, command, input).doing(|| format!("running {command:?}"))?;
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    let failed = |status: String| {
        let words: Vec<_> = command.get_args().map(|word| word.to_string_lossy()).collect();
        let command = format!("{} {}", command.get_program().to_string_lossy(), words.join(" "));
        PlaneError::Command { command, status, stderr: stderr.clone() }
    };
    if !output.status.success() {
        return Err(failed(output.status.to_string()));
    }
    // As kubectl prints the header `Warning` of an answer.
    if stderr.lines().any(|line| line.starts_with("Warning: ")) {
        return Err(failed("the API server warns".to_owned()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn output(limit: Duration, command: &mut Command, input: &str) -> io::Result<Output> {
    let stdin = if input.is_empty() { Stdio::null() } else { Stdio::piped() };
    let mut child = command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let (stdout, stderr) = (collect(child.stdout.take()), collect(child.stderr.take()));
    if let Some(mut stdin) = child.stdin.take() {
        // A program that ends before it has read everything says why on its error output.
        let _ = stdin.write_all(input.as_bytes());
    }
    let status = wait(limit, &mut child)?;
    let whole = |reader: thread::JoinHandle<Vec<u8>>| reader.join().unwrap_or_default();
    Ok(Output { status, stdout: whole(stdout), stderr: whole(stderr) })
}

/// Reads a pipe to its end beside everything else, or a full one would stop the program.
fn collect(pipe: Option<impl Read + Send + 'static>) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // What could be read is all there is.
        let _ = pipe.map(|mut pipe| pipe.read_to_end(&mut bytes));
        bytes
    })
}

fn wait(limit: Duration, child: &mut Child) -> io::Result<std::process::ExitStatus> {
    let deadline = Instant::now() + limit;
    let mut pause = Duration::from_millis(1);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if Instant::now() > deadline {
            child.kill()?;
            child.wait()?;
            let message = format!("it did not end within {} s and was killed", limit.as_secs());
            return Err(io::Error::new(io::ErrorKind::TimedOut, message));
        }
        #[expect(
            clippy::disallowed_methods,
            reason = "between two looks at a condition that has a deadline"
        )]
        thread::sleep(pause);
        pause = Duration::from_millis(20).min(pause * 2);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_answers_with_what_it_printed_or_why_it_failed() {
        for (script, expected) in [
            ("cat", Ok("in")),
            ("echo out; echo 'Warning of a program' >&2", Ok("out\n")),
            ("echo no >&2; exit 3", Err("sh -c echo no >&2; exit 3: exit status: 3\nno\n")),
            (
                "echo out; echo 'Warning: v1 is old' >&2",
                Err(
                    "sh -c echo out; echo 'Warning: v1 is old' >&2: the API server warns\nWarning: v1 is old\n",
                ),
            ),
        ] {
            let answer =
                run(Command::new("sh").args(["-c", script]), "in").map_err(|error| error.to_string());
            assert_eq!(answer.as_deref().map_err(String::as_str), expected, "{script}");
        }
    }

    #[test]
    fn a_command_that_does_not_end_is_killed() {
        let limit = Duration::from_millis(50);
        let error = run_within(limit, Command::new("sleep").arg("600"), "").expect_err("it sleeps");
        assert!(error.to_string().contains("did not end within"), "{error}");
    }
}

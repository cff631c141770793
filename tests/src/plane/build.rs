//! Running Go over what is missing, and saying so.

use std::{
    collections::VecDeque,
    fs,
    io::{self, BufRead, BufReader, Read, Write},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

use super::{
    binaries::{Binaries, Module, Program},
    error::{Doing, PlaneError},
    folders,
};

const PROGRESS_EVERY: Duration = Duration::from_secs(10);
/// The longest that one module may take to fetch or to build.
const LONGEST: Duration = Duration::from_secs(40 * 60);

/// Writes to standard error itself: test harnesses capture the print macros, and minutes of
/// silence look like a hang.
pub(super) fn say(line: &str) {
    let _ = writeln!(io::stderr(), "control plane: {line}");
}

/// One building of everything that is missing.
pub(super) struct Build<'a> {
    binaries: &'a Binaries,
    modules: &'a [&'a Module],
    partial: PathBuf,
    started: Instant,
    programs: usize,
    packages: usize,
    compiled: usize,
    told: Instant,
}

impl<'a> Build<'a> {
    pub(super) fn new(binaries: &'a Binaries, modules: &'a [&'a Module]) -> Result<Self, PlaneError> {
        let partial = binaries.folder().join("partial");
        let _ = fs::remove_dir_all(&partial);
        fs::create_dir_all(&partial).at("creating", &partial)?;
        Ok(Self {
            binaries,
            modules,
            partial,
            started: Instant::now(),
            programs: modules.iter().map(|module| module.programs.len()).sum(),
            packages: 0,
            compiled: 0,
            told: Instant::now(),
        })
    }

    pub(super) fn run(mut self) -> Result<(), PlaneError> {
        // Asked first, so that a missing toolchain is all there is to read.
        Command::new("go").arg("version").output().map_err(go_error)?;
        let names: Vec<&str> = self.programs().map(|program| program.name).collect();
        say(&format!("building {} (first use: about 8 minutes on 2 cores)", names.join(", ")));
        for module in self.modules {
            say(&format!("fetching the sources of {}", names_of(module)));
            self.packages += self.list(module)?;
        }
        for module in self.modules {
            self.compile(module)?;
            for program in module.programs {
                let from = self.partial.join(program.built_as);
                fs::rename(&from, self.binaries.path(program.name)).at("moving", &from)?;
            }
        }
        let _ = fs::remove_dir_all(&self.partial);
        say(&format!("{} programs built in {} s", self.programs, self.started.elapsed().as_secs()));
        Ok(())
    }

    fn programs(&self) -> impl Iterator<Item = &'static Program> {
        self.modules.iter().flat_map(|module| module.programs)
    }

    /// Downloads what the programs of a module need; returns the number of packages to compile.
    fn list(&self, module: &Module) -> Result<usize, PlaneError> {
        let mut child = go(module, &["list", "-mod=readonly", "-deps"])
            .stdout(Stdio::piped())
            .spawn()
            .map_err(go_error)?;
        let mut out = child.stdout.take().expect("standard output is piped");
        // Read beside the error stream, or a full pipe would stop both.
        let listed = thread::spawn(move || {
            let mut text = String::new();
            out.read_to_string(&mut text).map(|_| text.lines().count())
        });
        let mut downloaded = 0;
        let mut told = Instant::now();
        follow(child, "go list", |line| {
            downloaded += usize::from(line.is_some_and(|line| line.starts_with("go: downloading")));
            if told.elapsed() >= PROGRESS_EVERY {
                told = Instant::now();
                say(&format!("{downloaded} modules fetched, {} s", self.started.elapsed().as_secs()));
            }
        })?;
        listed.join().unwrap_or(Ok(0)).doing(|| "reading from go list".to_owned())
    }

    fn compile(&mut self, module: &Module) -> Result<(), PlaneError> {
        let out = format!("{}/", self.partial.display());
        let args = [
            "build",
            "-v",
            "-mod=readonly",
            "-buildvcs=false",
            "-trimpath",
            "-ldflags",
            module.ldflags,
            "-o",
            &out,
        ];
        let child = go(module, &args).stdout(Stdio::null()).spawn().map_err(go_error)?;
        follow(child, "go build", |line| {
            // With -v one line for each package compiled; packages from Go's own cache are silent.
            self.compiled += usize::from(line.is_some_and(|line| !line.contains(' ')));
            if self.told.elapsed() >= PROGRESS_EVERY {
                self.told = Instant::now();
                self.tell();
            }
        })
    }

    fn tell(&self) {
        let ready = self
            .programs()
            .filter(|program| {
                self.binaries.path(program.name).exists() || self.partial.join(program.built_as).exists()
            })
            .count();
        say(&format!(
            "{ready} of {} programs built, {} of up to {} packages compiled, {} s",
            self.programs,
            self.compiled,
            self.packages,
            self.started.elapsed().as_secs(),
        ));
    }
}

fn names_of(module: &Module) -> String {
    let names: Vec<&str> = module.programs.iter().map(|program| program.name).collect();
    names.join(", ")
}

fn go(module: &Module, args: &[&str]) -> Command {
    let mut go = Command::new("go");
    go.args(args)
        .args(module.programs.iter().map(|program| program.package))
        .current_dir(folders::sources().join(module.folder))
        // No C compiler, no workspace file of somebody's own.
        .envs([("CGO_ENABLED", "0"), ("GOWORK", "off")])
        .stdin(Stdio::null())
        .stderr(Stdio::piped());
    go
}

fn go_error(source: io::Error) -> PlaneError {
    if source.kind() == io::ErrorKind::NotFound {
        PlaneError::GoMissing
    } else {
        PlaneError::Io { doing: "starting go".to_owned(), source }
    }
}

/// Hands every line of standard error to `tick`, and nothing each half second in between.
fn follow(mut child: Child, command: &str, mut tick: impl FnMut(Option<&str>)) -> Result<(), PlaneError> {
    let lines = lines(&mut child);
    let mut last: VecDeque<String> = VecDeque::new();
    let deadline = Instant::now() + LONGEST;
    loop {
        if Instant::now() > deadline {
            let _ = child.kill();
            last.push_back(format!("killed: not done within {} minutes", LONGEST.as_secs() / 60));
            break;
        }
        match lines.recv_timeout(Duration::from_millis(500)) {
            Ok(line) => {
                tick(Some(&line));
                last.push_back(line);
                if last.len() > 15 {
                    last.pop_front();
                }
            }
            Err(RecvTimeoutError::Timeout) => tick(None),
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    let status = child.wait().doing(|| format!("waiting for {command}"))?;
    if status.success() {
        return Ok(());
    }
    Err(PlaneError::Build { command: command.to_owned(), tail: Vec::from(last).join("\n") })
}

fn lines(child: &mut Child) -> Receiver<String> {
    let stderr = child.stderr.take().expect("standard error is piped");
    let (send, receive) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            if send.send(line).is_err() {
                break;
            }
        }
    });
    receive
}

//! The operator as a child process, on free ports, with its log kept.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    limits,
    plane::{Component, Plane, PlaneError, free_port},
};

/// A running `triton-operator run` or `standalone`. Dropping it kills it (SIGKILL), as does the end of the test process.
#[derive(Debug)]
pub struct Operator {
    component: Component,
    grpc: u16,
    rest: u16,
    health: u16,
    metrics: u16,
    log: PathBuf,
}

/// How long it may take to answer, and to end.
const PATIENCE: Duration = Duration::from_secs(60);

impl Operator {
    /// Starts `command`, to which the arguments of `triton-operator run` are added; where `namespace` is
    /// given, it works in that one alone. The gRPC port is the caller's choice, so that an operator that
    /// is started again is found where it was.
    ///
    /// # Errors
    /// When it cannot be started; see [`Operator::tail`] for what it says afterwards.
    pub fn start(
        plane: &Plane,
        command: &[&str],
        grpc: u16,
        namespace: Option<&str>,
    ) -> Result<Self, PlaneError> {
        Self::start_as(plane, plane.kubeconfig(), command, grpc, namespace)
    }

    /// The same as whoever this kubeconfig is of.
    ///
    /// # Errors
    /// As [`Operator::start`].
    pub fn start_as(
        plane: &Plane,
        kubeconfig: &Path,
        command: &[&str],
        grpc: u16,
        namespace: Option<&str>,
    ) -> Result<Self, PlaneError> {
        let mut args = vec!["run".to_owned(), format!("--kubeconfig={}", kubeconfig.display())];
        args.extend(namespace.map(|namespace| format!("--namespace={namespace}")));
        Self::launch(plane, command, args, grpc)
    }

    fn launch(plane: &Plane, command: &[&str], task: Vec<String>, grpc: u16) -> Result<Self, PlaneError> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let folder = plane.folder().join(format!("operator-{}", NEXT.fetch_add(1, Ordering::Relaxed)));
        fs::create_dir_all(&folder)
            .map_err(|source| PlaneError::Io { doing: format!("creating {}", folder.display()), source })?;
        Self::spawn(command, task, &folder, grpc, free_port())
    }

    /// Starts `command`, to which the arguments of `triton-operator standalone` are added, with its log in
    /// `folder`. The ports of gRPC and REST are the caller's choice.
    ///
    /// # Errors
    /// As [`Operator::start`].
    pub fn standalone(command: &[&str], folder: &Path, grpc: u16, rest: u16) -> Result<Self, PlaneError> {
        Self::spawn(command, vec!["standalone".to_owned()], folder, grpc, rest)
    }

    fn spawn(
        command: &[&str],
        task: Vec<String>,
        folder: &Path,
        grpc: u16,
        rest: u16,
    ) -> Result<Self, PlaneError> {
        limits::watch();
        let (health, metrics) = (free_port(), free_port());
        let mut args: Vec<String> = command.iter().map(|&word| word.to_owned()).collect();
        args.extend(task);
        args.extend([
            format!("--grpc-address=127.0.0.1:{grpc}"),
            format!("--rest-address=127.0.0.1:{rest}"),
            format!("--health-address=127.0.0.1:{health}"),
            format!("--metrics-address=127.0.0.1:{metrics}"),
            "--log=info,triton_operator=debug".to_owned(),
        ]);
        let component = Component::start("operator", Path::new("/usr/bin/env"), &args, folder)?;
        Ok(Self { component, grpc, rest, health, metrics, log: folder.join("operator.log") })
    }

    /// Waits until it knows the cluster (`/readyz`).
    ///
    /// # Errors
    /// When it ends, or is not ready within a minute, with the end of its log.
    pub async fn ready(&mut self) -> Result<(), PlaneError> {
        self.until("/readyz").await
    }

    /// Waits until it answers (`/healthz`), whatever it knows.
    ///
    /// # Errors
    /// As [`Operator::ready`].
    pub async fn answers(&mut self) -> Result<(), PlaneError> {
        self.until("/healthz").await
    }

    async fn until(&mut self, path: &str) -> Result<(), PlaneError> {
        let answers = async {
            while self.get(path).await.is_none_or(|(status, _)| status != 200) {
                self.alive()?;
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            Ok(())
        };
        let waited = tokio::time::timeout(PATIENCE, answers).await;
        let late = || format!("{path} did not answer within {} s", PATIENCE.as_secs());
        waited.unwrap_or_else(|_| Err(self.component.failure(late())))
    }

    /// What it answers to an HTTP request: status and body; `None` when it does not.
    pub async fn get(&self, path: &str) -> Option<(u16, String)> {
        let port = match path {
            "/metrics" => self.metrics,
            _ if path.starts_with("/api/") => self.rest,
            _ => self.health,
        };
        ask(port, &format!("GET {path} HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\n\r\n")).await
    }

    /// A header of what it answers over REST to an HTTP request, by its name in small letters.
    pub async fn header(&self, path: &str, name: &str) -> Option<String> {
        let port = self.rest;
        let request = format!("GET {path} HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\n\r\n");
        let (head, _) = exchange(port, &request).await?;
        let mut headers = head.lines().filter_map(|line| line.split_once(": "));
        headers.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned())
    }

    /// What it answers over REST to a body of JSON: status and body; `None` when it does not.
    pub async fn post(&self, path: &str, body: &str) -> Option<(u16, String)> {
        let (port, length) = (self.rest, body.len());
        let head = format!("Content-Type: application/json\r\nContent-Length: {length}");
        ask(port, &format!("POST {path} HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\n{head}\r\n\r\n{body}")).await
    }

    /// Asks it to end (SIGTERM) and waits until it has; answers its exit code.
    ///
    /// # Errors
    /// When it is gone already, or has not ended within a minute.
    pub async fn terminate(mut self) -> Result<Option<i32>, PlaneError> {
        let Some(pid) = self.pid() else { return Err(self.component.failure("is gone".to_owned())) };
        let kill = std::process::Command::new("kill").args(["-TERM", &pid.to_string()]).status();
        kill.map_err(|source| PlaneError::Io { doing: "asking the operator to end".to_owned(), source })?;
        let ended = async {
            loop {
                if let Some(status) = self.component.ended()? {
                    return Ok(status.code());
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let waited = tokio::time::timeout(PATIENCE, ended).await;
        waited.unwrap_or_else(|_| Err(self.component.failure("did not end".to_owned())))
    }

    /// Its log so far.
    #[must_use]
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// What the API server warned it of.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        self.log().lines().filter(|line| line.contains("the API server warns")).map(str::to_owned).collect()
    }

    /// The port of 127.0.0.1 that gRPC is served on.
    #[must_use]
    pub fn grpc(&self) -> u16 {
        self.grpc
    }

    /// Fails if it has ended by itself.
    ///
    /// # Errors
    /// [`PlaneError::Component`] with the end of its log.
    pub fn alive(&mut self) -> Result<(), PlaneError> {
        self.component.alive()
    }

    /// Its process id; `None` once it is gone.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.component.child()
    }

    /// The last lines of its log.
    #[must_use]
    pub fn tail(&self, lines: usize) -> String {
        crate::plane::tail(&self.log(), lines)
    }
}

async fn ask(port: u16, request: &str) -> Option<(u16, String)> {
    let (head, body) = exchange(port, request).await?;
    Some((head.split(' ').nth(1)?.parse().ok()?, body))
}

/// Head and body of an answer.
async fn exchange(port: u16, request: &str) -> Option<(String, String)> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.ok()?;
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    Some((head.to_owned(), body.to_owned()))
}

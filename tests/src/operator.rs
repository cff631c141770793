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

use crate::plane::{Component, Plane, PlaneError, free_port};

/// A running `triton-operator run`. Dropping it kills it (SIGKILL), as does the end of the test process.
#[derive(Debug)]
pub struct Operator {
    component: Component,
    grpc: u16,
    health: u16,
    log: PathBuf,
}

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
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let folder = plane.folder().join(format!("operator-{}", NEXT.fetch_add(1, Ordering::Relaxed)));
        fs::create_dir_all(&folder)
            .map_err(|source| PlaneError::Io { doing: format!("creating {}", folder.display()), source })?;
        let (health, metrics) = (free_port(), free_port());
        let mut args: Vec<String> = command.iter().map(|&word| word.to_owned()).collect();
        args.extend([
            "run".to_owned(),
            format!("--kubeconfig={}", plane.kubeconfig().display()),
            format!("--grpc-address=127.0.0.1:{grpc}"),
            format!("--health-address=127.0.0.1:{health}"),
            format!("--metrics-address=127.0.0.1:{metrics}"),
            "--log=info,triton_operator=debug".to_owned(),
        ]);
        args.extend(namespace.map(|namespace| format!("--namespace={namespace}")));
        let component = Component::start("operator", Path::new("/usr/bin/env"), &args, &folder)?;
        Ok(Self { component, grpc, health, log: folder.join("operator.log") })
    }

    /// Waits until it knows the cluster (`/readyz`).
    ///
    /// # Errors
    /// When it ends, or is not ready within a minute, with the end of its log.
    pub async fn ready(&mut self) -> Result<(), PlaneError> {
        let answers = async {
            while !self.is_ready().await {
                self.alive()?;
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            Ok(())
        };
        let waited = tokio::time::timeout(Duration::from_secs(60), answers).await;
        waited.unwrap_or_else(|_| Err(self.component.failure("was not ready within 60 s".to_owned())))
    }

    async fn is_ready(&self) -> bool {
        let ask = async {
            let mut stream = TcpStream::connect(("127.0.0.1", self.health)).await?;
            stream.write_all(b"GET /readyz HTTP/1.0\r\n\r\n").await?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await?;
            std::io::Result::Ok(answer)
        };
        ask.await.is_ok_and(|answer: String| answer.split(' ').nth(1) == Some("200"))
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
        let log = fs::read(&self.log).unwrap_or_default();
        crate::plane::tail(&String::from_utf8_lossy(&log), lines)
    }
}

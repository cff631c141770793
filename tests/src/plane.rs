//! A real Kubernetes control plane for tests: etcd, kube-apiserver, kube-controller-manager,
//! kube-scheduler, and kwok in place of kubelets.
//!
//! [`Plane::start`] builds the programs on first use, starts them on free loopback ports and returns
//! once a pod could be scheduled. Where `TRITON_KUBECONFIG` names a kubeconfig, the suites use that cluster
//! instead, except for tests that would change more of it than namespaces of their own.

mod audit;
mod binaries;
mod build;
mod child;
mod command;
mod components;
mod credentials;
mod error;
mod folders;
mod ports;
mod reactions;
#[cfg(test)]
mod selftest;

use std::{
    env, fs,
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

pub use self::{
    audit::{Audit, Calls},
    binaries::Binaries,
    error::PlaneError,
    ports::free_port,
    reactions::quantile,
};
pub(crate) use self::{child::Component, error::tail};
use self::{credentials::Credentials, error::Doing, folders::Home};
use crate::limits;

/// Names the kubeconfig of a cluster to use instead of starting one.
pub const KUBECONFIG_VARIABLE: &str = "TRITON_KUBECONFIG";

const NODES: u8 = 3;
/// The longest that each step of a start may take. A start has six, and takes some 4 s; on a machine that also
/// compiles, one of them alone was seen to take a minute.
const STEP: Duration = Duration::from_secs(90);

/// A control plane; its processes end when it is dropped, and when the test process ends in any way.
#[derive(Debug)]
pub struct Plane {
    binaries: Binaries,
    kubeconfig: PathBuf,
    /// The one started last comes first, and ends first; all of them before the folder they write to.
    components: Vec<Component>,
    home: Home,
    /// How its programs are started; absent for a cluster that was there before.
    setup: Option<Setup>,
}

/// What the programs of a plane are started with, whenever they are.
#[derive(Debug)]
struct Setup {
    files: Credentials,
    etcd: u16,
    peer: u16,
    port: u16,
    /// Where etcd keeps its data, below the folder of the plane.
    data: String,
}

impl Plane {
    /// Starts a control plane, or takes the cluster `TRITON_KUBECONFIG` names.
    ///
    /// Blocks until the API server is ready, its nodes take pods and namespace `default` has its
    /// service account; about 4 s when the programs are built.
    ///
    /// # Errors
    /// See [`PlaneError`]; a component that fails is named with the end of its log.
    pub fn start() -> Result<Self, PlaneError> {
        let Some(kubeconfig) = env::var_os(KUBECONFIG_VARIABLE).filter(|path| !path.is_empty()) else {
            return Self::start_own();
        };
        limits::watch();
        Ok(Self {
            binaries: Binaries::clients()?,
            kubeconfig: kubeconfig.into(),
            components: Vec::new(),
            home: Home::create()?,
            setup: None,
        })
    }

    /// Starts a control plane, whatever `TRITON_KUBECONFIG` says.
    ///
    /// # Errors
    /// As [`Plane::start`].
    pub fn start_own() -> Result<Self, PlaneError> {
        limits::watch();
        Self::start_by_hand()
    }

    /// Starts a control plane that is no part of a suite, and may run for as long as somebody needs it.
    ///
    /// # Errors
    /// As [`Plane::start`].
    pub fn start_by_hand() -> Result<Self, PlaneError> {
        Self::launch(Binaries::ensure()?, Home::create()?)
    }

    /// Returns the one plane of this process, started at the first call; or the cluster that
    /// `TRITON_KUBECONFIG` names.
    ///
    /// # Panics
    /// When it cannot be started, with the reason.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Plane> = OnceLock::new();
        SHARED.get_or_init(|| Self::start().unwrap_or_else(|error| panic!("{error}")))
    }

    /// Returns a plane that this process has started: the shared one, unless that is a cluster of somebody
    /// else's.
    ///
    /// # Panics
    /// As [`Plane::shared`].
    pub fn own() -> &'static Self {
        static OWN: OnceLock<Plane> = OnceLock::new();
        let shared = Self::shared();
        if !shared.external() {
            return shared;
        }
        OWN.get_or_init(|| Self::start_own().unwrap_or_else(|error| panic!("{error}")))
    }

    /// Tells whether the cluster was there before us, with controllers of its own: no stand-in may
    /// be started on it, and it has no audit log.
    pub fn external(&self) -> bool {
        self.setup.is_none()
    }

    /// Returns the path of the kubeconfig of a cluster administrator.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// Returns the programs, for what the shortcuts here do not cover.
    pub fn binaries(&self) -> &Binaries {
        &self.binaries
    }

    /// Returns a folder for files of a test; it goes with the plane.
    pub fn folder(&self) -> &Path {
        self.home.path()
    }

    /// Returns the process id of a component, such as `kube-apiserver`; `None` for an external cluster.
    pub fn pid(&self, component: &str) -> Option<u32> {
        self.components.iter().find(|running| running.is(component)).and_then(Component::child)
    }

    /// Counts the API calls since the start, by program; empty for an external cluster.
    ///
    /// # Errors
    /// When the audit log cannot be read.
    pub fn audit(&self) -> Result<Audit, PlaneError> {
        self.audit_log().map(|log| Audit::parse(&log))
    }

    /// Returns how long `agent` took from the boot of pods to its next write about their instance, sorted;
    /// `instance` tells whose an object is, by its resource and name. Empty for an external cluster.
    ///
    /// # Errors
    /// When the audit log cannot be read.
    pub fn reactions(
        &self,
        namespace: &str,
        agent: &str,
        instance: impl Fn(&str, &str) -> Option<String>,
    ) -> Result<Vec<Duration>, PlaneError> {
        self.audit_log().map(|log| reactions::parse(&log, namespace, agent, instance))
    }

    fn audit_log(&self) -> Result<String, PlaneError> {
        if self.external() {
            return Ok(String::new());
        }
        let path = self.home.path().join("audit.log");
        let log = fs::read(&path).at("reading", &path)?;
        Ok(String::from_utf8_lossy(&log).into_owned())
    }

    /// Returns a command whose `PATH` starts with our `kubectl` and `grpcurl`, and whose
    /// `KUBECONFIG` is this cluster.
    pub fn command(&self, program: &str) -> Command {
        let inherited = env::var_os("PATH").unwrap_or_default();
        let folders = [self.binaries.folder().to_owned()].into_iter().chain(env::split_paths(&inherited));
        let mut command = Command::new(program);
        command
            .env("PATH", env::join_paths(folders).unwrap_or_else(|_| inherited.clone()))
            .env("KUBECONFIG", &self.kubeconfig)
            .env("KUBECACHEDIR", self.home.path().join("kubectl"))
            .stdin(Stdio::null());
        command
    }

    /// Runs `kubectl` and returns what it printed.
    ///
    /// # Errors
    /// [`PlaneError::Command`] with its error output.
    pub fn kubectl(&self, args: &[&str]) -> Result<String, PlaneError> {
        command::run(self.command("kubectl").args(args), "")
    }

    /// Runs `kubectl` with a manifest on standard input, such as `["apply", "-f", "-"]`.
    ///
    /// # Errors
    /// [`PlaneError::Command`] with its error output.
    pub fn kubectl_with_input(&self, args: &[&str], input: &str) -> Result<String, PlaneError> {
        command::run(self.command("kubectl").args(args), input)
    }

    /// Creates a namespace and waits for its default service account, without which no pod is let in.
    ///
    /// # Errors
    /// [`PlaneError::Command`] when it exists already, or the account does not appear within 30 s.
    pub fn create_namespace(&self, name: &str) -> Result<(), PlaneError> {
        self.kubectl(&["create", "namespace", name])?;
        self.kubectl(&["-n", name, "wait", "--for=create", "serviceaccount/default", "--timeout=30s"])?;
        Ok(())
    }

    /// Runs `grpcurl` and returns what it printed.
    ///
    /// # Errors
    /// [`PlaneError::Command`] with its error output.
    pub fn grpcurl(&self, args: &[&str]) -> Result<String, PlaneError> {
        command::run(self.command("grpcurl").args(args), "")
    }

    /// Runs a line of a tutorial in `sh`, as it is printed there.
    ///
    /// # Errors
    /// [`PlaneError::Command`] with its error output.
    pub fn shell(&self, line: &str) -> Result<String, PlaneError> {
        command::run(self.command("sh").args(["-ec", line]), "")
    }

    fn launch(binaries: Binaries, home: Home) -> Result<Self, PlaneError> {
        let (etcd, peer, port) = (free_port(), free_port(), free_port());
        let files = Credentials::create(home.path(), port)?;
        let kubeconfig = files.kubeconfig.clone();
        let setup = Some(Setup { files, etcd, peer, port, data: "etcd".to_owned() });
        let mut plane = Self { binaries, kubeconfig, components: Vec::new(), home, setup };
        plane.start_all()?;
        for index in 0..NODES {
            plane.kubectl_with_input(&["create", "--raw=/api/v1/nodes", "-f", "-"], &node(index))?;
        }
        plane.until(Self::takes_pods)?;
        Ok(plane)
    }

    /// Starts the programs, one after the other.
    fn start_all(&mut self) -> Result<(), PlaneError> {
        let Some(setup) = &self.setup else { return Ok(()) };
        let (home, files) = (self.home.path(), &setup.files);
        let (etcd_port, port) = (setup.etcd, setup.port);
        let etcd = components::etcd(home, &setup.data, etcd_port, setup.peer);
        let apiserver = components::apiserver(home, port, etcd_port, files);
        let manager = components::controller_manager(files);
        let (scheduler, kwok) = (components::scheduler(home, files)?, components::kwok(home, files)?);
        self.component("etcd", &etcd)?;
        self.until(|_| TcpStream::connect(("127.0.0.1", etcd_port)).is_ok())?;
        self.component("kube-apiserver", &apiserver)?;
        self.until(|_| TcpStream::connect(("127.0.0.1", port)).is_ok())?;
        self.until(|plane| plane.kubectl(&["get", "--raw=/readyz"]).is_ok())?;
        self.component("kube-controller-manager", &manager)?;
        self.component("kube-scheduler", &scheduler)?;
        self.component("kwok", &kwok)
    }

    /// The port of 127.0.0.1 that the API server listens on; `None` for an external cluster.
    pub fn port(&self) -> Option<u16> {
        self.setup.as_ref().map(|setup| setup.port)
    }

    /// Saves what etcd holds now into a file, which it returns.
    ///
    /// # Errors
    /// [`PlaneError::Command`] with the output of `etcdctl`.
    pub fn snapshot(&self) -> Result<PathBuf, PlaneError> {
        let file = self.home.path().join("snapshot.db");
        let endpoint =
            self.setup.as_ref().map(|setup| format!("--endpoints=http://127.0.0.1:{}", setup.etcd));
        let mut command = self.command("etcdctl");
        command::run(command.args(endpoint).args(["snapshot", "save"]).arg(&file), "")?;
        Ok(file)
    }

    /// Stops every program, puts a snapshot in the place of what etcd holds, and starts them again where they
    /// were, as Kubernetes prescribes it ("Operating etcd clusters": restoring).
    ///
    /// # Errors
    /// [`PlaneError::Command`] with the output of `etcdutl`; see [`PlaneError`] for the rest.
    pub fn restore(&mut self, snapshot: &Path) -> Result<(), PlaneError> {
        // The one started last ends first.
        self.components.clear();
        let mut command = self.command("etcdutl");
        let Some(setup) = &mut self.setup else { return Ok(()) };
        setup.data.push_str("-restored");
        let peer = format!("http://127.0.0.1:{}", setup.peer);
        let data = self.home.path().join(&setup.data);
        let cluster = [
            "--name=test".to_owned(),
            format!("--initial-cluster=test={peer}"),
            format!("--initial-advertise-peer-urls={peer}"),
            format!("--data-dir={}", data.display()),
        ];
        command::run(command.args(["snapshot", "restore"]).arg(snapshot).args(cluster), "")?;
        self.start_all()?;
        self.until(Self::takes_pods)
    }

    fn component(&mut self, name: &'static str, args: &[String]) -> Result<(), PlaneError> {
        let component = Component::start(name, &self.binaries.path(name), args, self.home.path())?;
        self.components.insert(0, component);
        Ok(())
    }

    /// Waits for what the component started last has to do; fails when any component ends before.
    fn until(&mut self, done: impl Fn(&Self) -> bool) -> Result<(), PlaneError> {
        let deadline = Instant::now() + STEP;
        while !done(self) {
            for component in &mut self.components {
                component.alive()?;
            }
            if Instant::now() > deadline {
                let seconds = STEP.as_secs();
                return Err(self.components[0].failure(format!("was not ready within {seconds} s")));
            }
            #[expect(
                clippy::disallowed_methods,
                reason = "between two looks at a condition that has a deadline"
            )]
            thread::sleep(Duration::from_millis(25));
        }
        Ok(())
    }

    fn takes_pods(&self) -> bool {
        let get = |path: &str| {
            let text = self.kubectl(&["get", &format!("--raw={path}")]).ok()?;
            serde_json::from_str::<Value>(&text).ok()
        };
        let open = |node: &Value| {
            node["spec"]["taints"].is_null() && !node["status"]["allocatable"]["pods"].is_null()
        };
        get("/api/v1/nodes")
            .is_some_and(|list| list["items"].as_array().is_some_and(|nodes| nodes.iter().all(open)))
            && get("/api/v1/namespaces/default/serviceaccounts/default").is_some()
    }
}

/// A node with 65,000 pod addresses of its own.
fn node(index: u8) -> String {
    let range = format!("10.{}.0.0/16", 64 + index);
    json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": format!("node-{index}"),
            "labels": {"kubernetes.io/hostname": format!("node-{index}"), "kubernetes.io/os": "linux"},
        },
        "spec": {"podCIDR": range, "podCIDRs": [range]},
    })
    .to_string()
}

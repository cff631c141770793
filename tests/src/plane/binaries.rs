//! The programs of the control plane, built once from the pinned Go modules.

use std::{
    env,
    fs::{self, File, TryLockError},
    iter,
    path::{Path, PathBuf},
};

use super::{
    build::{Build, say},
    error::{Doing, PlaneError},
    folders,
};

/// Names the version of Kubernetes to build and start instead of [`NEWEST`], such as `1.34`.
const VERSION_VARIABLE: &str = "TRITON_KUBERNETES";

/// Programs that one run of Go builds, from a module of ours that pins them.
pub(super) struct Module {
    /// Below `tests/control-plane`.
    pub(super) folder: &'static str,
    pub(super) programs: &'static [Program],
    pub(super) ldflags: &'static str,
    /// Needed on any cluster, not only on one that we start.
    client: bool,
}

pub(super) struct Program {
    pub(super) name: &'static str,
    pub(super) package: &'static str,
    /// What `go build` calls it, where that differs from the name.
    pub(super) built_as: &'static str,
}

/// A version of Kubernetes that the suites can be run against.
struct Kubernetes {
    /// Major and minor.
    version: &'static str,
    folder: &'static str,
    /// Without these the API server and kubectl report v0.0.0 and refuse to judge each other's age.
    ldflags: &'static str,
}

/// One version of Kubernetes, such as `1`, `37`, `2`, with the folder that pins it.
macro_rules! kubernetes {
    ($major:literal, $minor:literal, $patch:literal) => {
        Kubernetes {
            version: concat!($major, ".", $minor),
            folder: concat!("kubernetes-", $major, ".", $minor),
            ldflags: concat!(
                "-s -w",
                version_flags!("k8s.io/component-base/version", $major, $minor, $patch),
                version_flags!("k8s.io/client-go/pkg/version", $major, $minor, $patch),
            ),
        }
    };
}

macro_rules! version_flags {
    ($package:literal, $major:literal, $minor:literal, $patch:literal) => {
        concat!(
            concat!(" -X ", $package, ".gitVersion=v", $major, ".", $minor, ".", $patch),
            concat!(" -X ", $package, ".gitMajor=", $major),
            concat!(" -X ", $package, ".gitMinor=", $minor),
        )
    };
}

const NEWEST: Kubernetes = kubernetes!("1", "37", "2");
const OLDER: [Kubernetes; 1] = [kubernetes!("1", "34", "4")];

const GRPCURL: Module = Module {
    folder: "grpcurl",
    programs: &[program("grpcurl", "github.com/fullstorydev/grpcurl/cmd/grpcurl")],
    ldflags: "-s -w -X main.version=v1.9.4",
    client: true,
};

const KWOK: Module = Module {
    folder: "kwok",
    programs: &[program("kwok", "sigs.k8s.io/kwok/cmd/kwok")],
    ldflags: "-s -w",
    client: false,
};

const SERVERS: [Program; 6] = [
    Program { name: "etcd", package: "go.etcd.io/etcd/server/v3", built_as: "server" },
    program("etcdctl", "go.etcd.io/etcd/etcdctl/v3"),
    program("etcdutl", "go.etcd.io/etcd/etcdutl/v3"),
    program("kube-apiserver", "k8s.io/kubernetes/cmd/kube-apiserver"),
    program("kube-controller-manager", "k8s.io/kubernetes/cmd/kube-controller-manager"),
    program("kube-scheduler", "k8s.io/kubernetes/cmd/kube-scheduler"),
];

const CLIENTS: [Program; 1] = [program("kubectl", "k8s.io/kubernetes/cmd/kubectl")];

impl Kubernetes {
    /// The version that [`VERSION_VARIABLE`] names, or the newest.
    fn wanted() -> Result<&'static Self, PlaneError> {
        match env::var(VERSION_VARIABLE) {
            Ok(version) if !version.is_empty() => Self::named(&version),
            Ok(_) | Err(_) => Ok(&NEWEST),
        }
    }

    fn named(version: &str) -> Result<&'static Self, PlaneError> {
        let found = Self::all().find(|known| known.version == version);
        found.ok_or_else(|| PlaneError::UnknownVersion {
            variable: VERSION_VARIABLE,
            version: version.to_owned(),
            known: Self::all().map(|known| known.version).collect::<Vec<_>>().join(", "),
        })
    }

    fn all() -> impl Iterator<Item = &'static Self> {
        iter::once(&NEWEST).chain(&OLDER)
    }

    const fn modules(&self) -> [Module; 4] {
        let Self { folder, ldflags, version: _ } = *self;
        let servers = Module { folder, programs: &SERVERS, ldflags, client: false };
        [GRPCURL, KWOK, servers, Module { folder, programs: &CLIENTS, ldflags, client: true }]
    }
}

const fn program(name: &'static str, package: &'static str) -> Program {
    Program { name, package, built_as: name }
}

/// The folder with all programs of the control plane.
#[derive(Debug, Clone)]
pub struct Binaries {
    folder: PathBuf,
}

impl Binaries {
    /// Returns the programs, and builds what is missing first.
    ///
    /// The first build takes some minutes and needs the Go toolchain and its module proxy; it says
    /// on standard error what it does. The result stays in `target/control-plane/` of the checkout
    /// until a `go.mod` or `go.sum` changes. Processes that ask at the same time build once.
    ///
    /// # Errors
    /// [`PlaneError::GoMissing`], [`PlaneError::Build`] with the end of what Go said, or
    /// [`PlaneError::UnknownVersion`] where `TRITON_KUBERNETES` names a version that is not pinned here.
    pub fn ensure() -> Result<Self, PlaneError> {
        Self::build(|_| true)
    }

    /// As [`Binaries::ensure`], but only what a cluster of somebody else's needs: kubectl and grpcurl.
    ///
    /// # Errors
    /// As [`Binaries::ensure`].
    pub fn clients() -> Result<Self, PlaneError> {
        Self::build(|module| module.client)
    }

    fn build(wanted: impl Fn(&Module) -> bool) -> Result<Self, PlaneError> {
        let all = Kubernetes::wanted()?.modules();
        let cache = folders::cache();
        let folder = cache.join(digest(&all)?);
        fs::create_dir_all(&folder).at("creating", &folder)?;
        let folder = folder.canonicalize().at("resolving", &folder)?;
        let binaries = Self { folder };
        let missing = || all.iter().filter(|module| wanted(module) && binaries.lacks(module));
        if missing().next().is_none() {
            return Ok(binaries);
        }
        let _lock = lock(&cache.join("build.lock"))?;
        // Whoever held the lock may have built them.
        let modules: Vec<&Module> = missing().collect();
        if !modules.is_empty() {
            Build::new(&binaries, &modules)?.run()?;
        }
        Ok(binaries)
    }

    /// Returns the path of a program: `kubectl`, `grpcurl`, `etcd`, `etcdctl`, `etcdutl`,
    /// `kube-apiserver`, `kube-controller-manager`, `kube-scheduler` or `kwok`.
    pub fn path(&self, program: &str) -> PathBuf {
        self.folder.join(program)
    }

    /// Returns the folder that holds them, fit for `PATH`.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn lacks(&self, module: &Module) -> bool {
        module.programs.iter().any(|program| !self.path(program.name).exists())
    }
}

/// Names one state of the pinned modules and of the way they are built (FNV-1a, 64 bits).
fn digest(modules: &[Module]) -> Result<String, PlaneError> {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut mix = |bytes: &[u8]| {
        for byte in bytes {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
        }
    };
    for module in modules {
        for file in ["go.mod", "go.sum"] {
            let path = folders::sources().join(module.folder).join(file);
            mix(&fs::read(&path).at("reading", &path)?);
        }
        mix(module.ldflags.as_bytes());
    }
    Ok(format!("{hash:016x}"))
}

fn lock(path: &Path) -> Result<File, PlaneError> {
    let file = File::create(path).at("opening", path)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            say("another process is building the programs; waiting for it");
            file.lock().at("locking", path)?;
        }
        Err(TryLockError::Error(error)) => return Err(error).at("locking", path),
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_versions_reported_are_the_versions_pinned() {
        let kubernetes = Kubernetes::all().map(|known| (known.folder, "k8s.io/kubernetes", known.ldflags));
        let grpcurl = (GRPCURL.folder, "github.com/fullstorydev/grpcurl", GRPCURL.ldflags);
        for (folder, module, flags) in kubernetes.chain([grpcurl]) {
            let path = folders::sources().join(folder).join("go.mod");
            let pinned = fs::read_to_string(path).expect("go.mod can be read");
            let line = pinned.lines().find_map(|line| line.trim().strip_prefix(module)?.strip_prefix(' '));
            let version = line.and_then(|rest| rest.split(' ').next()).expect("the module is pinned");
            assert!(
                flags.contains(&format!("ersion={version} ")) || flags.ends_with(version),
                "{module} {version}"
            );
        }
    }

    #[test]
    fn a_version_that_is_not_pinned_is_refused_with_those_that_are() {
        assert_eq!(Kubernetes::named("1.34").map(|known| known.folder).ok(), Some("kubernetes-1.34"));
        let error = Kubernetes::named("1.2").err().expect("it is not pinned").to_string();
        assert_eq!(error, "TRITON_KUBERNETES=1.2 is not pinned here: choose one of 1.37, 1.34");
    }
}

//! The programs of the control plane, built once from the pinned Go modules.

use std::{
    fs::{self, File, TryLockError},
    path::{Path, PathBuf},
};

use super::{
    build::{Build, say},
    error::{Doing, PlaneError},
    folders,
};

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

/// Without these the API server and kubectl report v0.0.0 and refuse to judge each other's age.
const KUBERNETES_LDFLAGS: &str = "-s -w \
    -X k8s.io/component-base/version.gitVersion=v1.34.4 \
    -X k8s.io/component-base/version.gitMajor=1 \
    -X k8s.io/component-base/version.gitMinor=34 \
    -X k8s.io/client-go/pkg/version.gitVersion=v1.34.4 \
    -X k8s.io/client-go/pkg/version.gitMajor=1 \
    -X k8s.io/client-go/pkg/version.gitMinor=34";

const MODULES: [Module; 4] = [
    Module {
        folder: "grpcurl",
        programs: &[program("grpcurl", "github.com/fullstorydev/grpcurl/cmd/grpcurl")],
        ldflags: "-s -w -X main.version=v1.9.4",
        client: true,
    },
    Module {
        folder: "kwok",
        programs: &[program("kwok", "sigs.k8s.io/kwok/cmd/kwok")],
        ldflags: "-s -w",
        client: false,
    },
    Module {
        folder: "",
        programs: &[
            Program { name: "etcd", package: "go.etcd.io/etcd/server/v3", built_as: "server" },
            program("kube-apiserver", "k8s.io/kubernetes/cmd/kube-apiserver"),
            program("kube-controller-manager", "k8s.io/kubernetes/cmd/kube-controller-manager"),
            program("kube-scheduler", "k8s.io/kubernetes/cmd/kube-scheduler"),
        ],
        ldflags: KUBERNETES_LDFLAGS,
        client: false,
    },
    Module {
        folder: "",
        programs: &[program("kubectl", "k8s.io/kubernetes/cmd/kubectl")],
        ldflags: KUBERNETES_LDFLAGS,
        client: true,
    },
];

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
    /// [`PlaneError::GoMissing`], or [`PlaneError::Build`] with the end of what Go said.
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
        let cache = folders::cache();
        let folder = cache.join(digest()?);
        fs::create_dir_all(&folder).at("creating", &folder)?;
        let folder = folder.canonicalize().at("resolving", &folder)?;
        let binaries = Self { folder };
        let missing = || MODULES.iter().filter(|module| wanted(module) && binaries.lacks(module));
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

    /// Returns the path of a program: `kubectl`, `grpcurl`, `etcd`, `kube-apiserver`,
    /// `kube-controller-manager`, `kube-scheduler` or `kwok`.
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
fn digest() -> Result<String, PlaneError> {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut mix = |bytes: &[u8]| {
        for byte in bytes {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
        }
    };
    for module in &MODULES {
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
        for (folder, module) in [("", "k8s.io/kubernetes"), ("grpcurl", "github.com/fullstorydev/grpcurl")] {
            let path = folders::sources().join(folder).join("go.mod");
            let pinned = fs::read_to_string(path).expect("go.mod can be read");
            let line = pinned.lines().find_map(|line| line.trim().strip_prefix(module)?.strip_prefix(' '));
            let version = line.and_then(|rest| rest.split(' ').next()).expect("the module is pinned");
            let flags =
                MODULES.iter().find(|module| module.folder == folder).expect("a module of ours").ldflags;
            assert!(
                flags.contains(&format!("ersion={version} ")) || flags.ends_with(version),
                "{module} {version}"
            );
        }
    }
}

//! Where the control plane lives inside the checkout.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};

use super::error::{Doing, PlaneError};

/// Returns the folder with the module files, the stages and the audit policy.
pub(super) fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("control-plane")
}

/// Returns the cache folder: always the checkout's own `target`, so that every cargo target folder shares one build.
pub(super) fn cache() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/control-plane")
}

/// The folder of one running plane; locked for as long as its process lives.
///
/// A process that is killed cannot tidy up, so the next plane removes every folder whose lock is free.
#[derive(Debug)]
pub(super) struct Home {
    path: PathBuf,
    /// Held open: the lock ends with it.
    _lock: File,
}

impl Home {
    pub(super) fn create() -> Result<Self, PlaneError> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let runs = cache().join("run");
        fs::create_dir_all(&runs).at("creating", &runs)?;
        // One sweeper at a time, and none between another plane's folder and its lock.
        let gate_path = cache().join("run.lock");
        let gate = File::create(&gate_path).at("opening", &gate_path)?;
        gate.lock().at("locking", &gate_path)?;
        sweep(&runs);
        let name = format!("{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = runs.join(name);
        fs::create_dir_all(&path).at("creating", &path)?;
        let path = path.canonicalize().at("resolving", &path)?;
        let lock_path = path.join("lock");
        let lock = File::create(&lock_path).at("creating", &lock_path)?;
        lock.lock().at("locking", &lock_path)?;
        Ok(Self { path, _lock: lock })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        // What stays behind is swept by the next plane.
        let _ = fs::remove_dir_all(&self.path);
    }
}

fn sweep(runs: &Path) {
    for entry in fs::read_dir(runs).into_iter().flatten().flatten() {
        let abandoned = File::open(entry.path().join("lock")).map_or(true, |lock| lock.try_lock().is_ok());
        if abandoned {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

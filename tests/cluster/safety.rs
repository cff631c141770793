//! What must hold at every moment of a rollout, checked on everything that happened.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use triton_tests::scene::{Entry, Kind, Scene, View, is_active, name};

/// The watches of pods and of slices may show what happened so far apart, on a machine that is busy. Drains
/// that are measured are twice as long at least.
pub(crate) const LATE: Duration = Duration::from_secs(1);

/// Checks a namespace from some moment on.
pub(crate) struct Safety {
    since: u64,
    /// Pods that the test itself deleted.
    deleted_by_hand: BTreeSet<String>,
}

impl Safety {
    /// From now on.
    pub(crate) fn from_now(scene: &Scene) -> Self {
        Self { since: scene.version(), deleted_by_hand: BTreeSet::new() }
    }

    pub(crate) fn deleted_by_hand(&mut self, pod: &str) {
        self.deleted_by_hand.insert(pod.to_owned());
    }

    /// At every moment at least so many pods were ready in the EndpointSlices.
    pub(crate) fn serving_at_least(&self, scene: &Scene, least: usize) {
        self.replay(scene, |_, entry, after| {
            let serving = after.serving();
            assert!(
                entry.kind != Kind::Slice || serving.len() >= least,
                "only {serving:?} of {least} serve at version {}",
                entry.version
            );
        });
    }

    /// At no moment a pod with this image was ready in the EndpointSlices.
    pub(crate) fn never_serves(&self, scene: &Scene, image: &str) {
        self.replay(scene, |_, entry, after| {
            let serving = after.serving();
            let of =
                |pod: &&Value| pod["spec"]["containers"][0]["image"] == image && serving.contains(name(pod));
            let found = after.all(Kind::Pod).find(of).map(name);
            assert!(found.is_none(), "{found:?} with {image} serves at version {}", entry.version);
        });
    }

    /// No pod was made while another one was being deleted.
    pub(crate) fn starts_none_beside_pods_that_end(&self, scene: &Scene) {
        self.replay(scene, |before, entry, _| {
            let is_new = entry.kind == Kind::Pod && before.get(Kind::Pod, entry.name()).is_none();
            let ends = |pod: &&Value| !pod["metadata"]["deletionTimestamp"].is_null();
            let beside: Vec<_> = before.all(Kind::Pod).filter(ends).map(name).collect();
            assert!(!is_new || beside.is_empty(), "{} is made beside {beside:?}", entry.name());
        });
    }

    /// No flow was held, or ended without success.
    pub(crate) fn never_held(&self, scene: &Scene) {
        self.replay(scene, |_, entry, _| {
            let entries = entry.object["status"]["conditions"].as_array();
            let newest = entries.and_then(|entries| entries.last());
            let stalled = newest.is_some_and(|newest| newest["type"] == "Stalled");
            assert!(entry.kind != Kind::Flow || !stalled, "{} stalled: {newest:?}", entry.name());
        });
    }

    /// There were never more pods than this.
    pub(crate) fn pods_at_most(&self, scene: &Scene, most: usize) {
        self.replay(scene, |_, entry, after| {
            let pods = after.pods().len();
            assert!(pods <= most, "{pods} pods instead of {most} at version {}", entry.version);
        });
    }

    /// No pod was asked to go while an EndpointSlice showed it as ready. Returns how many went.
    pub(crate) fn out_before_deletion(&self, scene: &Scene) -> usize {
        let mut went = 0;
        self.replay(scene, |before, entry, _| {
            if self.is_deletion(before, entry) {
                went += 1;
                let serving = before.serving();
                assert!(!serving.contains(entry.name()), "{} was deleted while in traffic", entry.name());
            }
        });
        went
    }

    /// No pod was made, and none was asked to go.
    pub(crate) fn no_pod_comes_or_goes(&self, scene: &Scene) {
        self.replay(scene, |before, entry, _| {
            let came =
                entry.kind == Kind::Pod && !entry.gone && before.get(Kind::Pod, entry.name()).is_none();
            assert!(!came && !self.is_deletion(before, entry), "{} came or went", entry.name());
        });
    }

    /// Every pod that was asked to go had been out of traffic for so long.
    pub(crate) fn drained(&self, scene: &Scene, drain: Duration) {
        self.drained_in(&scene.journal(), drain);
    }

    fn drained_in(&self, journal: &[Entry], drain: Duration) {
        let mut out = BTreeMap::new();
        self.replay_of(journal, |before, entry, after| {
            if entry.kind == Kind::Slice {
                for pod in before.serving().difference(&after.serving()) {
                    out.insert(pod.clone(), entry.at);
                }
            }
            if self.is_deletion(before, entry) {
                let since: Option<&Instant> = out.get(entry.name());
                let since =
                    since.unwrap_or_else(|| panic!("{} was never seen to go out of traffic", entry.name()));
                let drained = entry.at.saturating_duration_since(*since);
                let enough = drained + LATE >= drain;
                assert!(enough, "{} was drained for {drained:?} instead of {drain:?}", entry.name());
            }
        });
    }

    fn is_deletion(&self, before: &View, entry: &Entry) -> bool {
        let asked = entry.gone || !entry.object["metadata"]["deletionTimestamp"].is_null();
        entry.kind == Kind::Pod
            && asked
            && before.get(Kind::Pod, entry.name()).is_some_and(is_active)
            && !self.deleted_by_hand.contains(entry.name())
    }

    fn replay(&self, scene: &Scene, check: impl FnMut(&View, &Entry, &View)) {
        self.replay_of(&scene.journal(), check);
    }

    fn replay_of(&self, journal: &[Entry], mut check: impl FnMut(&View, &Entry, &View)) {
        let mut view = View::default();
        for entry in journal {
            let before = view.clone();
            view.apply(entry);
            if entry.version > self.since {
                check(&before, entry, &view);
            }
        }
    }
}

/// All pods have this image, and there are so many.
pub(crate) fn all_run(view: &View, image: &str, count: usize) {
    let images: Vec<&Value> = view.pods().iter().map(|pod| &pod["spec"]["containers"][0]["image"]).collect();
    assert!(
        images.len() == count && images.iter().all(|found| **found == image),
        "{count} × {image}: {images:?}"
    );
}

/// The flow took each batch once, and all of them are this work.
pub(crate) fn batches_once(view: &View, flow: &str, work: u64) {
    let batches = view.flow(flow)["status"]["conditions"].as_array().cloned().unwrap_or_default();
    for (index, batch) in batches.iter().enumerate() {
        assert_eq!(batch["batch"], index + 1, "{batches:?}");
    }
    let sum: u64 = batches.iter().filter_map(|batch| batch["batchSize"].as_u64()).sum();
    assert_eq!(sum, work, "{batches:?}");
}

#[test]
#[should_panic(expected = "web-1 was never seen to go out of traffic")]
fn a_pod_that_was_never_seen_to_go_out_of_traffic_was_not_drained() {
    let at = Instant::now();
    let pod = Arc::new(json!({"metadata": {"name": "web-1"}}));
    let entry = |version, gone| Entry { version, kind: Kind::Pod, gone, at, object: Arc::clone(&pod) };
    let safety = Safety { since: 0, deleted_by_hand: BTreeSet::new() };
    safety.drained_in(&[entry(1, false), entry(2, true)], Duration::ZERO);
}

//! What happens in one namespace, from watches: how things stand now, and everything that ever happened,
//! in the order in which the API server stored it.

mod view;

use std::{
    fmt::Debug,
    sync::Arc,
    time::{Duration, Instant},
};

use futures::StreamExt;
use kube::{
    Api, Client,
    api::{ApiResource, DynamicObject, GroupVersionKind, ListParams},
    runtime::watcher::Event,
};
use parking_lot::Mutex;
use serde_json::Value;
use tokio::{sync::watch, task::JoinHandle};
use triton_operator::backend::cloneset::api_version::ApiVersion;

pub use self::view::View;
use crate::watches;

/// Generous: the machine may also compile, and other tests run beside.
pub const DEADLINE: Duration = Duration::from_secs(120);

/// What is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// DeployFlow.
    Flow,
    /// CloneSet.
    Set,
    /// Pod.
    Pod,
    /// EndpointSlice.
    Slice,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Flow, Self::Set, Self::Pod, Self::Slice];

    /// Group, version and kind; CloneSets in their first version.
    #[must_use]
    pub fn resource(self) -> ApiResource {
        let (group, version, kind) = match self {
            Self::Flow => ("apps.triton.io", "v1alpha1", "DeployFlow"),
            Self::Set => return ApiVersion::V1Alpha1.resource(),
            Self::Pod => ("", "v1", "Pod"),
            Self::Slice => ("discovery.k8s.io", "v1", "EndpointSlice"),
        };
        ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind))
    }
}

/// One object as it was stored, or as it was when it went.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Grows with every write of any object: all kinds are in one store.
    pub version: u64,
    /// What it is.
    pub kind: Kind,
    /// Whether this is its end.
    pub gone: bool,
    /// When the watch showed it.
    pub at: Instant,
    /// The object.
    pub object: Arc<Value>,
}

impl Entry {
    /// The object's name.
    #[must_use]
    pub fn name(&self) -> &str {
        name(&self.object)
    }
}

#[derive(Debug, Default)]
struct Journal {
    view: View,
    entries: Vec<Entry>,
}

/// The watches of one namespace.
#[derive(Debug)]
pub struct Scene {
    journal: Arc<Mutex<Journal>>,
    changed: watch::Receiver<()>,
    tasks: Vec<JoinHandle<()>>,
    /// What a flow acts on.
    apis: Vec<(Kind, Api<DynamicObject>)>,
}

impl Scene {
    /// Opens the watches; CloneSets are watched in their first version.
    #[must_use]
    pub fn open(client: &Client, namespace: &str) -> Self {
        Self::open_as(client, namespace, ApiVersion::V1Alpha1)
    }

    /// The same with CloneSets in this version.
    #[must_use]
    pub fn open_as(client: &Client, namespace: &str, version: ApiVersion) -> Self {
        let (changes, changed) = watch::channel(());
        let journal = Arc::new(Mutex::new(Journal::default()));
        let api = |kind: Kind| {
            let resource = if kind == Kind::Set { version.resource() } else { kind.resource() };
            Api::<DynamicObject>::namespaced_with(client.clone(), namespace, &resource)
        };
        let follow =
            |kind: Kind| tokio::spawn(follow(kind, api(kind), Arc::clone(&journal), changes.clone()));
        let tasks = Kind::ALL.map(follow).into();
        let apis = [Kind::Set, Kind::Pod, Kind::Slice].map(|kind| (kind, api(kind))).into();
        Self { journal, changed, tasks, apis }
    }

    /// How things stand now.
    #[must_use]
    pub fn view(&self) -> View {
        self.journal.lock().view.clone()
    }

    /// Everything so far, oldest first.
    #[must_use]
    pub fn journal(&self) -> Vec<Entry> {
        let mut entries = self.journal.lock().entries.clone();
        entries.sort_by_key(|entry| entry.version);
        entries
    }

    /// The newest version seen.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.journal.lock().entries.iter().map(|entry| entry.version).max().unwrap_or(0)
    }

    /// How many changes there were after a version.
    #[must_use]
    pub fn changes_since(&self, version: u64) -> usize {
        self.journal.lock().entries.iter().filter(|entry| entry.version > version).count()
    }

    /// Waits until the watches of workloads, pods and slices show what the API server has now. Watches of
    /// different kinds show what happened a little apart, so who has seen the end of a flow may yet have to
    /// see what it did.
    ///
    /// # Panics
    /// As [`Scene::until`].
    pub async fn catches_up(&self) {
        for (kind, api) in &self.apis {
            let now = tokio::time::timeout(DEADLINE, api.list(&ListParams::default())).await;
            let now = now
                .expect("the API server answers")
                .unwrap_or_else(|error| panic!("{kind:?} cannot be listed: {error}"));
            let went = |name: &str, since: u64| self.journal.lock().went(*kind, name, since);
            let shows = |view: &View| view.shows(*kind, &now, went);
            self.holds(&format!("the watch of {kind:?} catches up"), shows).await;
        }
    }

    /// Waits until `found` finds something.
    ///
    /// # Panics
    /// When that takes longer than [`DEADLINE`], with `what` and everything that is there.
    pub async fn until<T>(&self, what: &str, found: impl Fn(&View) -> Option<T>) -> T {
        let mut changed = self.changed.clone();
        let wait = async {
            loop {
                changed.mark_unchanged();
                if let Some(value) = found(&self.view()) {
                    return value;
                }
                changed.changed().await.expect("the watches last as long as the scene");
            }
        };
        let waited = tokio::time::timeout(DEADLINE, wait).await;
        waited.unwrap_or_else(|_| {
            panic!("{what}: not within {} s\n{}", DEADLINE.as_secs(), self.view().summary())
        })
    }

    /// Waits until something is true.
    ///
    /// # Panics
    /// As [`Scene::until`].
    pub async fn holds(&self, what: &str, is: impl Fn(&View) -> bool) {
        self.until(what, |view| is(view).then_some(())).await;
    }
}

/// Asks until the answer is as wanted: for what no watch of a scene shows.
///
/// # Panics
/// When that takes longer than [`DEADLINE`], with `what` and the last answer.
pub async fn answers<T: Debug>(what: &str, ask: impl Fn() -> T, is: impl Fn(&T) -> bool) {
    let deadline = Instant::now() + DEADLINE;
    loop {
        let answer = ask();
        if is(&answer) {
            return;
        }
        assert!(Instant::now() < deadline, "{what}: not within {} s: {answer:?}", DEADLINE.as_secs());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

async fn follow(
    kind: Kind,
    api: Api<DynamicObject>,
    journal: Arc<Mutex<Journal>>,
    changes: watch::Sender<()>,
) {
    let mut events = std::pin::pin!(watches::watch(api));
    let mut began = false;
    while let Some(event) = events.next().await {
        match event {
            Ok(Event::Apply(object) | Event::InitApply(object)) => journal.lock().enter(kind, &object, false),
            Ok(Event::Delete(object)) => journal.lock().enter(kind, &object, true),
            // After a second list, what happened before it would be missing; flows are listed again in the
            // tests that define them anew.
            Ok(Event::Init) if kind == Kind::Flow => {}
            Ok(Event::Init) => assert!(!std::mem::replace(&mut began, true), "the watch of {kind:?} broke"),
            Ok(Event::InitDone) => {}
            Err(error) => eprintln!("watching {kind:?}: {error}"),
        }
        let _ = changes.send(());
    }
}

impl Journal {
    fn enter(&mut self, kind: Kind, object: &DynamicObject, gone: bool) {
        let object = Arc::new(serde_json::to_value(object).expect("an object is JSON"));
        let entry = Entry { version: version(&object), kind, gone, at: Instant::now(), object };
        self.view.apply(&entry);
        self.entries.push(entry);
    }

    /// Whether an object of this name went at this version or later.
    fn went(&self, kind: Kind, name: &str, since: u64) -> bool {
        let went = |entry: &&Entry| (entry.kind, entry.gone, entry.name()) == (kind, true, name);
        self.entries.iter().filter(went).any(|entry| entry.version >= since)
    }
}

/// The name of an object.
#[must_use]
pub fn name(object: &Value) -> &str {
    object["metadata"]["name"].as_str().unwrap_or_default()
}

fn version(object: &Value) -> u64 {
    object["metadata"]["resourceVersion"].as_str().and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// A label of an object; empty when it has none.
#[must_use]
pub fn label<'a>(object: &'a Value, key: &str) -> &'a str {
    object["metadata"]["labels"][key].as_str().unwrap_or_default()
}

/// Neither being deleted nor ended.
#[must_use]
pub fn is_active(pod: &Value) -> bool {
    pod["metadata"]["deletionTimestamp"].is_null()
        && !matches!(pod["status"]["phase"].as_str(), Some("Failed" | "Succeeded"))
}

/// Chosen by the workload to go, and held by the hook.
#[must_use]
pub fn is_marked(pod: &Value) -> bool {
    label(pod, "lifecycle.apps.kruise.io/state") == "PreparingDelete"
}

/// The revision of a pod.
#[must_use]
pub fn revision(pod: &Value) -> &str {
    label(pod, "controller-revision-hash")
}

#[cfg(test)]
mod tests {
    use kube::api::ObjectList;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_view_has_caught_up_with_a_list_also_when_a_listed_object_went_since() {
        let pod = |version: &str| json!({"metadata": {"name": "web-1", "resourceVersion": version}});
        let object = |value: Value| serde_json::from_value::<DynamicObject>(value).expect("an object");
        let list = json!({"metadata": {"resourceVersion": "7"}, "items": [pod("5")]});
        let list: ObjectList<DynamicObject> = serde_json::from_value(list).expect("a list");
        // What the watch told, as versions and whether the pod went, and whether that is as new as the list.
        let rows: [(&[(&str, bool)], bool); 5] = [
            (&[], false),
            (&[("4", false)], false),
            (&[("5", false)], true),
            (&[("4", false), ("9", true)], true),
            (&[("2", false), ("3", true)], false),
        ];
        for (told, wanted) in rows {
            let mut journal = Journal::default();
            for (version, gone) in told {
                journal.enter(Kind::Pod, &object(pod(version)), *gone);
            }
            let went = |name: &str, since: u64| journal.went(Kind::Pod, name, since);
            assert_eq!(journal.view.shows(Kind::Pod, &list, went), wanted, "{told:?}");
        }
    }
}

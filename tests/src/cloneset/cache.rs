//! A cache that contains our own writes: every answer of the API server is entered at once, and an event
//! of the watch that is older than what is known is left out. So no decision is made on a view without
//! the pods that were just started (OpenKruise keeps expectations for that).

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use kube::{Resource, runtime::watcher::Event};
use parking_lot::Mutex;

/// Namespace and name.
pub(super) type Key = (String, String);

pub(super) fn key<K: Resource>(object: &K) -> Key {
    let meta = object.meta();
    (meta.namespace.clone().unwrap_or_default(), meta.name.clone().unwrap_or_default())
}

/// Objects of one kind by UID, shared by all who hold a clone.
#[derive(Debug)]
pub(super) struct Cache<K>(Arc<Mutex<State<K>>>);

#[derive(Debug)]
struct State<K> {
    objects: HashMap<String, Entry<K>>,
    /// UIDs that are gone for good: an answer to a write may arrive after the end of its object.
    gone: HashSet<String>,
    /// Counts the lists of the watch; an object that a list does not contain is gone.
    list: u64,
}

#[derive(Debug)]
struct Entry<K> {
    object: Arc<K>,
    version: u64,
    /// The list, or the write after it, that showed the object last.
    list: u64,
}

impl<K> Clone for Cache<K> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K> Default for Cache<K> {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(State { objects: HashMap::new(), gone: HashSet::new(), list: 0 })))
    }
}

impl<K: Resource + Clone> Cache<K> {
    /// Enters what a write returned, or a watch showed. Returns it if that is news.
    pub(super) fn enter(&self, object: K) -> Option<Arc<K>> {
        self.0.lock().enter(object)
    }

    /// Enters an event; returns the objects that changed.
    pub(super) fn apply(&self, event: Event<K>) -> Vec<Arc<K>> {
        let mut state = self.0.lock();
        match event {
            Event::Apply(object) | Event::InitApply(object) => state.enter(object).into_iter().collect(),
            Event::Delete(object) => state.forget(uid(&object)).into_iter().collect(),
            Event::Init => {
                state.list += 1;
                Vec::new()
            }
            Event::InitDone => {
                let list = state.list;
                let missing = state.objects.iter().filter(|(_, entry)| entry.list < list);
                let missing: Vec<String> = missing.map(|(uid, _)| uid.clone()).collect();
                missing.iter().filter_map(|uid| state.forget(uid)).collect()
            }
        }
    }

    /// Leaves out an object that the API server no longer has.
    pub(super) fn forget(&self, object: &K) {
        self.0.lock().forget(uid(object));
    }

    /// All objects that `wanted` picks, by name.
    pub(super) fn list(&self, wanted: impl Fn(&K) -> bool) -> Vec<Arc<K>> {
        let state = self.0.lock();
        let mut found: Vec<_> = state
            .objects
            .values()
            .map(|entry| &entry.object)
            .filter(|object| wanted(object))
            .cloned()
            .collect();
        found.sort_by(|a, b| a.meta().name.cmp(&b.meta().name));
        found
    }
}

impl<K: Resource + Clone> State<K> {
    fn enter(&mut self, object: K) -> Option<Arc<K>> {
        let (uid, version) = (uid(&object).to_owned(), version(&object));
        let known = self.objects.get_mut(&uid);
        if let Some(entry) = known.filter(|entry| entry.version >= version) {
            entry.list = self.list;
            return None;
        }
        if self.gone.contains(&uid) {
            return None;
        }
        let object = Arc::new(object);
        self.objects.insert(uid, Entry { object: Arc::clone(&object), version, list: self.list });
        Some(object)
    }

    fn forget(&mut self, uid: &str) -> Option<Arc<K>> {
        self.gone.insert(uid.to_owned());
        self.objects.remove(uid).map(|entry| entry.object)
    }
}

fn uid<K: Resource>(object: &K) -> &str {
    object.meta().uid.as_deref().unwrap_or_default()
}

/// Versions of one object only grow (Kubernetes 1.35 promises it; etcd's revisions always did).
fn version<K: Resource>(object: &K) -> u64 {
    let version = object.meta().resource_version.as_deref().unwrap_or_default();
    version.parse().unwrap_or_default()
}

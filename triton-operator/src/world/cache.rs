//! A cache of one kind of object: fed by a watch, never older than what this process wrote itself.
//!
//! Every own write hands the object that the API server answered with to [`Cache::wrote`]. From then on
//! the watch cannot take the cache back behind it: resource versions of one kind are compared as numbers
//! (Kubernetes: "API concepts", resource versions). Where they are no numbers, the entry is
//! [pending](Cached::pending) until the watch delivers that very version. The answer to a write may also
//! come after the watch said that the object is gone: what is gone stays gone, by its UID.
//!
//! A list is different: it shows the newest state there is, whatever its versions. Where it shows an object
//! older than it is known, and nobody here wrote it since the list was asked for, the API server went back (its
//! etcd was restored from a backup), and so does the cache.

use std::cmp::Ordering;
use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use std::time::Duration;

use parking_lot::{Mutex, RwLock};
use tokio::sync::watch;
use tokio::time::Instant;

/// Namespace and name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// Namespace of the object.
    pub namespace: Arc<str>,
    /// Name of the object, or what else entries are grouped by.
    pub name: Arc<str>,
}

impl Key {
    /// A key of these two texts.
    #[must_use]
    pub fn new(namespace: impl AsRef<str>, name: impl AsRef<str>) -> Self {
        Self { namespace: namespace.as_ref().into(), name: name.as_ref().into() }
    }
}

/// What a cache has to know about the objects in it.
pub trait Entry: PartialEq + Send + Sync + 'static {
    /// Where the object lives.
    fn key(&self) -> &Key;
    /// `metadata.uid`.
    fn uid(&self) -> &str;
    /// `metadata.resourceVersion`.
    fn version(&self) -> &str;
    /// What it is found by besides its key.
    fn group(&self) -> Option<Key>;
}

/// An object as the cache holds it.
#[derive(Debug)]
pub struct Cached<T> {
    /// The object.
    pub entry: Arc<T>,
    /// Written by this process, and it cannot be told whether the watch is past it yet.
    pub pending: bool,
}

/// Called with the object before and after each change, outside of the lock.
pub type Listener<T> = Box<dyn Fn(Option<&Arc<T>>, Option<&Arc<T>>) + Send + Sync>;

/// A cache of one kind of object.
pub struct Cache<T> {
    kind: &'static str,
    /// When it was heard of last; absent where it is not watched.
    heard: Mutex<Option<Instant>>,
    state: RwLock<State<T>>,
    listener: Listener<T>,
    ready: watch::Sender<bool>,
}

struct State<T> {
    slots: HashMap<Key, Slot<T>>,
    groups: HashMap<Key, BTreeSet<Key>>,
    /// Counts relists: what a relist did not bring is gone.
    epoch: u64,
    /// A list is being taken.
    listing: bool,
    /// The watch broke, and no list is complete since.
    broken: bool,
    /// Lists that were complete.
    lists: u64,
    gone: Gone,
}

/// UIDs of objects that went last: an answer that was under way meanwhile does not bring them back.
#[derive(Default)]
struct Gone {
    uids: HashSet<String>,
    order: VecDeque<String>,
}

/// How many are remembered: more than can go while an answer is under way.
const REMEMBERED: usize = 4096;

impl Gone {
    fn add(&mut self, uid: &str) {
        if self.uids.insert(uid.to_owned()) {
            self.order.push_back(uid.to_owned());
        }
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.uids.remove(&oldest);
        }
    }

    /// It is there again.
    fn remove(&mut self, uid: &str) {
        if self.uids.remove(uid) {
            self.order.retain(|gone| gone != uid);
        }
    }
}

struct Slot<T> {
    entry: Arc<T>,
    epoch: u64,
    pending: bool,
}

impl<T: Entry> Cache<T> {
    /// An empty cache of this kind, as its API calls it (`pods`).
    #[must_use]
    pub fn new(kind: &'static str, listener: Listener<T>) -> Self {
        let state = State {
            slots: HashMap::new(),
            groups: HashMap::new(),
            epoch: 0,
            listing: false,
            broken: false,
            lists: 0,
            gone: Gone::default(),
        };
        let (state, ready) = (RwLock::new(state), watch::Sender::new(false));
        Self { kind, heard: Mutex::default(), state, listener, ready }
    }

    /// The kind of object, as its API calls it.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        self.kind
    }

    /// The API server was heard of: it brought something, or said that there is nothing new. Called first when
    /// the watch begins, so that a kind that is never heard of is found out.
    pub fn heard(&self) {
        *self.heard.lock() = Some(Instant::now());
    }

    /// How long nothing was heard; `None` where nothing is watched.
    #[must_use]
    pub fn age(&self) -> Option<Duration> {
        self.heard.lock().map(|heard| heard.elapsed())
    }

    /// The object of that key.
    #[must_use]
    pub fn get(&self, key: &Key) -> Option<Cached<T>> {
        let state = self.state.read();
        let slot = state.slots.get(key)?;
        Some(Cached { entry: Arc::clone(&slot.entry), pending: slot.pending })
    }

    /// The objects of a group, in the order of their keys.
    #[must_use]
    pub fn group(&self, group: &Key) -> Vec<Arc<T>> {
        let state = self.state.read();
        let keys = state.groups.get(group).into_iter().flatten();
        keys.filter_map(|key| state.slots.get(key)).map(|slot| Arc::clone(&slot.entry)).collect()
    }

    /// Every object, in no order.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<T>> {
        self.state.read().slots.values().map(|slot| Arc::clone(&slot.entry)).collect()
    }

    /// How many objects there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.state.read().slots.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the first list is complete.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        *self.ready.borrow()
    }

    /// Waits until the first list is complete.
    pub async fn until_ready(&self) {
        // The sender lives in `self`, so the wait can only end by becoming true.
        let _ = self.ready.subscribe().wait_for(|ready| *ready).await;
    }

    /// Takes what the API server answered to a write of this process, or to a read past the cache.
    pub fn wrote(&self, entry: T) {
        self.take(entry, true);
    }

    /// Takes an object from the watch.
    pub fn watched(&self, entry: T) {
        self.take(entry, false);
    }

    /// The watch broke: until the next complete list nobody can tell whether this is how things are.
    pub fn broke(&self) {
        self.state.write().broken = true;
    }

    /// Whether the watch broke and no list is complete since.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.state.read().broken
    }

    /// How many lists were complete.
    #[must_use]
    pub fn lists(&self) -> u64 {
        self.state.read().lists
    }

    /// The watch starts over with a list.
    pub fn relisting(&self) {
        let mut state = self.state.write();
        state.epoch += 1;
        state.listing = true;
    }

    /// The list is complete: what it did not bring, and was not written meanwhile, is gone.
    pub fn relisted(&self) {
        let mut gone = Vec::new();
        {
            let mut state = self.state.write();
            (state.listing, state.broken) = (false, false);
            state.lists += 1;
            let epoch = state.epoch;
            let old: Vec<Key> = state
                .slots
                .iter()
                .filter(|(_, slot)| slot.epoch < epoch)
                .map(|(key, _)| key.clone())
                .collect();
            gone.extend(old.iter().filter_map(|key| state.remove(key)));
        }
        for entry in &gone {
            (self.listener)(Some(entry), None);
        }
        self.ready.send_replace(true);
    }

    /// The watch says that an object is gone. An object of the same name made since stays.
    pub fn removed(&self, key: &Key, uid: &str) {
        let gone = {
            let mut state = self.state.write();
            let same = state.slots.get(key).is_some_and(|slot| slot.entry.uid() == uid);
            if same { state.remove(key) } else { None }
        };
        if let Some(entry) = gone {
            (self.listener)(Some(&entry), None);
        }
    }

    fn take(&self, entry: T, own: bool) {
        let new = Arc::new(entry);
        let old = {
            let mut state = self.state.write();
            let (epoch, listing) = (state.epoch, state.listing);
            if own && state.gone.uids.contains(new.uid()) {
                return;
            }
            state.gone.remove(new.uid());
            let mut pending = false;
            let old = match state.slots.get_mut(new.key()) {
                None => None,
                Some(slot) => {
                    // Known from before the list: the list knows better.
                    let known_better = listing && !own && slot.epoch < epoch;
                    slot.epoch = epoch;
                    if slot.entry.uid() == new.uid() {
                        match compare(new.version(), slot.entry.version()) {
                            Some(Ordering::Less) if known_better => {}
                            Some(Ordering::Less) => return,
                            Some(Ordering::Equal) => {
                                slot.pending &= own;
                                return;
                            }
                            Some(Ordering::Greater) => {}
                            None => pending = own,
                        }
                    }
                    Some(Arc::clone(&slot.entry))
                }
            };
            state.insert(Slot { entry: Arc::clone(&new), epoch, pending });
            old
        };
        (self.listener)(old.as_ref(), Some(&new));
    }
}

impl<T: Entry> State<T> {
    fn insert(&mut self, slot: Slot<T>) {
        let key = slot.entry.key().clone();
        let group = slot.entry.group();
        let before = self.slots.insert(key.clone(), slot).and_then(|old| old.entry.group());
        if before != group {
            self.leave(before.as_ref(), &key);
        }
        if let Some(group) = group {
            self.groups.entry(group).or_default().insert(key);
        }
    }

    fn remove(&mut self, key: &Key) -> Option<Arc<T>> {
        let slot = self.slots.remove(key)?;
        self.gone.add(slot.entry.uid());
        self.leave(slot.entry.group().as_ref(), key);
        Some(slot.entry)
    }

    fn leave(&mut self, group: Option<&Key>, key: &Key) {
        let Some(group) = group else { return };
        if let Some(keys) = self.groups.get_mut(group) {
            keys.remove(key);
            if keys.is_empty() {
                self.groups.remove(group);
            }
        }
    }
}

/// Orders two resource versions; `None` when they are not both numbers and differ.
fn compare(a: &str, b: &str) -> Option<Ordering> {
    if a == b {
        return Some(Ordering::Equal);
    }
    let number = |v: &str| !v.is_empty() && v.bytes().all(|b| b.is_ascii_digit());
    (number(a) && number(b)).then(|| {
        let (a, b) = (a.trim_start_matches('0'), b.trim_start_matches('0'));
        a.len().cmp(&b.len()).then_with(|| a.cmp(b))
    })
}

#[cfg(test)]
#[path = "cache_tests.rs"]
mod tests;

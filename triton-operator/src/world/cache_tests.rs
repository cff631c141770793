use super::*;

#[derive(Clone, Debug, PartialEq)]
struct Thing {
    key: Key,
    uid: &'static str,
    version: &'static str,
    owner: &'static str,
}

impl Entry for Thing {
    fn key(&self) -> &Key {
        &self.key
    }
    fn uid(&self) -> &str {
        self.uid
    }
    fn version(&self) -> &str {
        self.version
    }
    fn group(&self) -> Option<Key> {
        Some(Key::new("ns", self.owner))
    }
}

#[test]
fn a_watch_never_takes_the_cache_back_behind_an_own_write() {
    let cache = cache();
    cache.watched(thing("uid-1", "9"));
    cache.wrote(thing("uid-1", "10"));
    cache.watched(thing("uid-1", "9"));
    assert_eq!(version(&cache), Some("10"));
    cache.watched(thing("uid-1", "11"));
    assert_eq!(version(&cache), Some("11"));
}

#[test]
fn an_object_made_anew_replaces_the_old_one_whatever_its_version() {
    let cache = cache();
    cache.watched(thing("uid-1", "9"));
    cache.watched(thing("uid-2", "8"));
    cache.removed(&key(), "uid-1");
    assert_eq!(version(&cache), Some("8"), "the late removal of the old one does not touch the new one");
    cache.removed(&key(), "uid-2");
    assert_eq!(version(&cache), None);
    assert!(cache.group(&Key::new("ns", "owner")).is_empty());
}

#[test]
fn an_answer_that_comes_after_the_removal_brings_nothing_back() {
    let cache = cache();
    cache.watched(thing("uid-1", "9"));
    cache.removed(&key(), "uid-1");
    cache.wrote(thing("uid-1", "10"));
    assert_eq!(version(&cache), None);
    cache.wrote(thing("uid-2", "11"));
    assert_eq!(version(&cache), Some("11"));
}

#[test]
fn a_version_that_is_no_number_is_pending_until_the_watch_delivers_it() {
    let cache = cache();
    cache.watched(thing("uid-1", "a"));
    cache.wrote(thing("uid-1", "b"));
    assert!(cache.get(&key()).unwrap().pending);
    cache.watched(thing("uid-1", "b"));
    assert!(!cache.get(&key()).unwrap().pending);
}

#[test]
fn a_relist_removes_what_is_gone_and_keeps_what_was_written_meanwhile() {
    let cache = cache();
    cache.watched(thing("uid-1", "9"));
    cache.relisting();
    cache.relisted();
    assert_eq!(version(&cache), None);
    cache.relisting();
    cache.wrote(thing("uid-2", "12"));
    cache.relisted();
    assert_eq!(version(&cache), Some("12"));
    assert!(cache.is_ready());
}

/// As after a restore of etcd: the same objects, older.
#[test]
fn a_list_older_than_what_is_known_replaces_it_and_a_watch_does_not() {
    type Row = (&'static str, fn(&Cache<Thing>), Option<&'static str>);
    let rows: [Row; 6] = [
        ("an older object", |_| (), Some("5")),
        ("written before the list was asked for", |cache| cache.wrote(thing("uid-1", "10")), Some("5")),
        ("gone before, there again", |cache| cache.removed(&key(), "uid-1"), Some("5")),
        ("gone and made anew", |cache| cache.watched(thing("uid-2", "11")), Some("5")),
        ("no version that can be compared", |cache| cache.wrote(thing("uid-1", "x")), Some("5")),
        ("all as it was", |cache| cache.watched(thing("uid-1", "9")), Some("5")),
    ];
    for (what, before, wanted) in rows {
        let cache = cache();
        cache.watched(thing("uid-1", "9"));
        before(&cache);
        cache.relisting();
        cache.watched(thing("uid-1", "5"));
        cache.relisted();
        assert_eq!(version(&cache), wanted, "{what}");
        cache.wrote(thing("uid-1", "6"));
        cache.watched(thing("uid-1", "5"));
        assert_eq!(version(&cache), Some("6"), "{what}: and from then on nothing goes back");
    }
}

#[test]
fn a_list_does_not_undo_what_was_written_since_it_was_asked_for() {
    let cache = cache();
    cache.watched(thing("uid-1", "9"));
    cache.relisting();
    cache.wrote(thing("uid-1", "12"));
    cache.watched(thing("uid-1", "11"));
    cache.relisted();
    assert_eq!(version(&cache), Some("12"));
}

#[test]
fn a_kind_whose_watch_broke_is_not_known_before_the_next_complete_list() {
    let cache = cache();
    cache.relisting();
    cache.relisted();
    assert!(!cache.is_broken());
    cache.broke();
    cache.relisting();
    cache.watched(thing("uid-1", "9"));
    assert!(cache.is_broken());
    cache.relisted();
    assert_eq!((cache.is_broken(), cache.lists()), (false, 2));
}

#[tokio::test(start_paused = true)]
async fn a_kind_is_as_old_as_what_was_heard_of_it_last() {
    let cache = cache();
    assert_eq!(cache.age(), None, "it is not watched");
    cache.heard();
    tokio::time::advance(Duration::from_secs(70)).await;
    assert_eq!(cache.age(), Some(Duration::from_secs(70)));
    cache.heard();
    assert_eq!(cache.age(), Some(Duration::ZERO));
}

#[test]
fn an_entry_that_changes_its_group_is_found_in_the_new_one_only() {
    let cache = cache();
    cache.watched(thing("uid-1", "9"));
    cache.watched(Thing { owner: "other", ..thing("uid-1", "10") });
    assert!(cache.group(&Key::new("ns", "owner")).is_empty());
    assert_eq!(cache.group(&Key::new("ns", "other")).len(), 1);
}

fn cache() -> Cache<Thing> {
    Cache::new("things", Box::new(|_, _| ()))
}

fn key() -> Key {
    Key::new("ns", "thing")
}

fn thing(uid: &'static str, version: &'static str) -> Thing {
    Thing { key: key(), uid, version, owner: "owner" }
}

fn version(cache: &Cache<Thing>) -> Option<&'static str> {
    cache.get(&key()).map(|cached| cached.entry.version)
}

//! The note by which a flow holds a CloneSet.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use triton_core::model::{self, FlowId, FlowUid, Holder, LastHolder, Wrote};

use super::entry::Settings;
use crate::labels;
use crate::world::cache::Key;

/// The value of the lock annotation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LockNote {
    /// Which flow holds the workload.
    #[serde(flatten)]
    pub holder: Holder,
    /// UID of the CloneSet that it was written to; `None` in the note with which one is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workload: Option<String>,
    /// What to give back.
    #[serde(default)]
    pub before: Settings,
    /// What the holder wrote last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wrote: Option<Wrote>,
    /// The size that the workload is to have, where the holder exchanges pods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u32>,
    /// Who else sets the size, where the holder changes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sized_by: Option<String>,
    /// The holder brings a template: its new pods may be ones that nobody has agreed to.
    #[serde(default = "yes")]
    pub brings: bool,
    /// A flow before the holder was in the middle of its batches and brought a template: see
    /// [`Left`](triton_core::model::Left).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub left: bool,
}

const fn yes() -> bool {
    true
}

/// A lock that is there and cannot be read: as much of it as can.
#[derive(Clone, Debug, PartialEq)]
pub struct LockFault {
    /// Which flow holds the workload.
    pub holder: Option<Holder>,
    /// What to give back.
    pub before: Option<Settings>,
    /// What is wrong.
    pub fault: String,
}

impl LockFault {
    fn of(text: &str, fault: String) -> Self {
        let note: Value = serde_json::from_str(text).unwrap_or_default();
        let before = match note.get("before") {
            None if note.is_object() => Some(Settings::default()),
            None => None,
            Some(before) => serde_json::from_value(before.clone()).ok(),
        };
        Self { holder: serde_json::from_value(note).ok(), before, fault }
    }

    /// What is wrong, whose lock it is, and what to do.
    #[must_use]
    pub fn says(&self, cloneset: &Key) -> String {
        let Key { namespace, name } = cloneset;
        let whose = match &self.holder {
            Some(holder) => format!("it names flow {}", holder.id),
            None => "it cannot be told which flow holds it".into(),
        };
        format!(
            "annotation {} of CloneSet {namespace}/{name}: {}; {whose}; nothing is written meanwhile: put back \
             what stood there, or make it empty: a flow that is at work takes its lock again",
            labels::LOCK,
            self.fault
        )
    }
}

impl LockNote {
    /// Reads the annotation; one that is missing or empty is nobody's.
    ///
    /// # Errors
    /// As much as can be read of one that is something else.
    pub fn read(text: Option<&str>) -> Result<Option<Self>, Box<LockFault>> {
        let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
        let mut read = serde_json::Deserializer::from_str(text);
        let note = model::read(&mut read, "").map_err(|error| LockFault::of(text, error.to_string()))?;
        read.end().map_err(|error| LockFault::of(text, error.to_string()))?;
        Ok(Some(note))
    }

    /// The note as it counts on this CloneSet. On another one than it was written to (a restore from a backup, a copy) its
    /// flow holds nothing: what that was in the middle of is left, and nobody has given it back.
    #[must_use]
    pub fn on(self, namespace: &str, uid: &str) -> Self {
        let written = self.workload.as_ref().is_none_or(|workload| workload == uid);
        if written && self.holder.id.namespace.as_str() == namespace {
            return self;
        }
        let holder = nobody(&self.holder);
        Self { holder, ..self }
    }
}

/// No flow has this identity: what is left waits for the next one.
pub const NOBODY: &str = "nobody";

/// The flow that a lock of nobody names, for people.
#[must_use]
pub fn nobody(holder: &Holder) -> Holder {
    Holder { uid: FlowUid::new(NOBODY).unwrap_or_else(|_| holder.uid.clone()), id: holder.id.clone() }
}

/// Reads the flow that took the lock last: `name/uid/turn`, with the size that the workload is to have where it exchanges
/// pods, and with `/ended` once it has given the lock back. Nobody can tell which one where it is something else.
#[must_use]
pub fn read_last(namespace: &str, text: &str) -> Option<LastHolder> {
    let mut parts = text.split('/');
    let (name, uid, turn) = (parts.next()?, parts.next()?, parts.next()?);
    let id = FlowId { namespace: namespace.parse().ok()?, name: name.parse().ok()? };
    let holder = Holder { id, uid: uid.parse().ok()? };
    let rest = parts.next();
    let size = rest.and_then(|size| size.parse().ok());
    Some(LastHolder { holder, turn: turn.parse().ok()?, size, gave_back: rest == Some("ended") })
}

/// The same as it is written.
#[must_use]
pub fn write_last(last: &LastHolder) -> String {
    let LastHolder { holder, turn, size, gave_back } = last;
    let rest = match size {
        _ if *gave_back => "/ended".to_owned(),
        Some(size) => format!("/{size}"),
        None => String::new(),
    };
    format!("{}/{}/{turn}{rest}", holder.id.name, holder.uid)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_flow_that_took_the_lock_last_is_read_as_it_was_written_and_anything_else_is_nobody() {
        for text in ["web-31/u-1/3", "web-31/u-1/3/40", "web-31/u-1/3/ended"] {
            let last = read_last("default", text).expect("a flow");
            let size = text.ends_with("40").then_some(40);
            let told = (last.turn, last.size, last.gave_back, write_last(&last));
            assert_eq!(told, (3, size, text.ends_with("ended"), text.to_owned()));
        }
        for text in ["", "web-31", "web-31/u-1", "web-31/u-1/x", "web-31/u-1/-1", "Web/u-1/3", "web-31//3"] {
            assert_eq!(read_last("default", text), None, "{text}");
        }
    }

    #[test]
    fn a_note_counts_on_the_workload_that_it_was_written_to_alone() {
        let note = |workload: Option<&str>| {
            let note = json!({ "namespace": "default", "name": "f", "uid": "u", "workload": workload });
            LockNote::read(Some(&note.to_string())).expect("a note").expect("somebody's")
        };
        for (workload, namespace, uid, counts) in [
            (Some("w-1"), "default", "w-1", true),
            (None, "default", "w-1", true),
            (Some("w-1"), "default", "w-2", false),
            (Some("w-1"), "other", "w-1", false),
            (None, "other", "w-1", false),
        ] {
            let holder = note(workload).on(namespace, uid).holder;
            assert_eq!(holder.uid.as_str() == "u", counts, "{workload:?} on {namespace}/{uid}");
            assert_eq!(holder.uid.as_str() == NOBODY, !counts, "{workload:?} on {namespace}/{uid}");
        }
    }

    #[test]
    fn a_note_that_is_there_and_cannot_be_read_is_somebodys_and_as_much_as_can_is_read() {
        let good = json!({ "namespace": "default", "name": "f", "uid": "u", "before": { "maxSurge": 2 } });
        let with = |part: &str, value: Value| {
            let mut note = good.clone();
            note[part] = value;
            note.to_string()
        };
        // The text, the field that cannot be read, and whether holder and settings can be.
        let rows = [
            (with("wrote", json!({ "template": "strange" })), "wrote.template", true, true),
            (with("wrote", json!({ "at": 7 })), "wrote.at", true, true),
            (with("before", json!({ "paused": "perhaps" })), "before.paused", true, false),
            (with("uid", json!("")), "", false, true),
            (with("name", json!(null)), "", false, true),
            (with("size", json!("three")), "size", true, true),
            ("{".into(), "", false, false),
            ("nobody".into(), "", false, false),
            ("null".into(), "", false, false),
            (" ".into(), "", false, false),
            ("{}".into(), "", false, true),
            (format!("{good} and more"), "", false, false),
        ];
        for (text, field, holder, before) in rows {
            let fault = LockNote::read(Some(&text)).expect_err(&text);
            assert_eq!((fault.holder.is_some(), fault.before.is_some()), (holder, before), "{text}");
            let says = fault.says(&Key::new("default", "web"));
            assert!(says.contains("apps.triton.io/lock of CloneSet default/web: "), "{says}");
            assert_eq!(says.contains("it names flow default/f"), holder, "{says}");
            assert_eq!(says.contains(&format!("default/web: {field}: ")), !field.is_empty(), "{says}");
        }
        for nobody in [None, Some("")] {
            assert_eq!(LockNote::read(nobody), Ok(None));
        }
        let note = LockNote::read(Some(&good.to_string())).expect("a note").expect("somebody's");
        assert!(!note.left && note.size.is_none() && note.holder.uid.as_str() == "u");
    }
}

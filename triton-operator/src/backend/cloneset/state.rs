//! A CloneSet as it is cached, also one that cannot be read.

use std::sync::Arc;

use kube::api::DynamicObject;
use triton_core::ports::{PortError, PortErrorKind};

use super::entry::CloneSetEntry;
use crate::world::cache::{Entry, Key};

/// A CloneSet as it is cached. One that cannot be read is there all the same.
#[derive(Clone, Debug, PartialEq)]
pub enum CloneSetState {
    /// What decisions need of it.
    Read(Arc<CloneSetEntry>),
    /// Nothing can be told of it.
    Unreadable {
        /// Namespace and name.
        key: Key,
        /// Identity.
        uid: String,
        /// Resource version.
        version: String,
        /// Which field, and what is wrong with it.
        fault: String,
    },
}

impl CloneSetState {
    /// Decodes an object; `None` only for what no API server hands out: one without name, identity or version.
    #[must_use]
    pub fn of(object: &DynamicObject) -> Option<Self> {
        let meta = &object.metadata;
        let key = Key::new(meta.namespace.as_deref()?, meta.name.as_deref()?);
        let (uid, version) = (meta.uid.clone()?, meta.resource_version.clone()?);
        Some(match CloneSetEntry::of(object) {
            Ok(entry) => Self::Read(Arc::new(entry)),
            Err(fault) => Self::Unreadable { key, uid, version, fault },
        })
    }

    /// What decisions need of it.
    ///
    /// # Errors
    /// [`PortErrorKind::Unreadable`] names the field.
    pub fn read(&self) -> Result<Arc<CloneSetEntry>, PortError> {
        match self {
            Self::Read(entry) => Ok(Arc::clone(entry)),
            Self::Unreadable { key: Key { namespace, name }, fault, .. } => {
                let text = format!("CloneSet {namespace}/{name} cannot be read: {fault}; mend that field");
                Err(PortError::new(PortErrorKind::Unreadable, text))
            }
        }
    }
}

impl Entry for CloneSetState {
    fn key(&self) -> &Key {
        match self {
            Self::Read(entry) => &entry.key,
            Self::Unreadable { key, .. } => key,
        }
    }
    fn uid(&self) -> &str {
        match self {
            Self::Read(entry) => &entry.uid,
            Self::Unreadable { uid, .. } => uid,
        }
    }
    fn version(&self) -> &str {
        match self {
            Self::Read(entry) => &entry.version,
            Self::Unreadable { version, .. } => version,
        }
    }
    fn group(&self) -> Option<Key> {
        None
    }
}

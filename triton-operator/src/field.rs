//! Reads parts of objects. What cannot be read is named by its field.

use std::fmt;

use serde::{Deserialize, Deserializer};

/// A field that cannot be read.
#[derive(Debug)]
pub(crate) struct FieldError {
    /// Its path from the root of the object, such as `spec.template.metadata`.
    pub(crate) field: String,
    /// What is wrong with it.
    pub(crate) fault: String,
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { field, fault } = self;
        if field.is_empty() { f.write_str(fault) } else { write!(f, "{field}: {fault}") }
    }
}

/// Reads the part of an object at this path, which is empty for the whole of it.
///
/// # Errors
/// The first field that cannot be read.
pub(crate) fn read<'de, T, D>(part: D, path: &str) -> Result<T, FieldError>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
    D::Error: fmt::Display,
{
    serde_path_to_error::deserialize(part).map_err(|error| {
        let below = error.path().to_string();
        let field = match (path, below.as_str()) {
            (path, "." | "?") => path.to_owned(),
            ("", below) => below.to_owned(),
            (path, below) if below.starts_with('[') => format!("{path}{below}"),
            (path, below) => format!("{path}.{below}"),
        };
        FieldError { field, fault: error.inner().to_string() }
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use triton_core::model::Record;

    use super::*;
    use crate::backend::cloneset::binding::CloneSetSpec;

    #[test]
    fn what_cannot_be_read_is_named_by_its_field_from_the_root() {
        let status = |value| read::<Record, _>(value, "status").expect_err("no status").to_string();
        let spec = |value| read::<CloneSetSpec, _>(value, "spec").expect_err("no spec").to_string();
        let rows = [
            (status(json!("text")), "status: invalid type"),
            (status(json!({ "replicas": "three" })), "status.replicas: invalid type"),
            (status(json!({ "phase": "Sideways" })), "status.phase: unknown variant `Sideways`"),
            (
                status(json!({ "progress": { "batch": { "number": -1 } } })),
                "status.progress.batch.number: invalid value",
            ),
            (status(json!({ "conditions": [{ "batch": [] }] })), "status.conditions[0].batch: invalid type"),
            (spec(json!({ "replicas": "three" })), "spec.replicas: invalid type"),
            (spec(json!({ "lifecycle": { "preDelete": 7 } })), "spec.lifecycle.preDelete: invalid type"),
        ];
        for (says, begins) in rows {
            assert!(says.starts_with(begins), "{says}");
        }
        let list = read::<Vec<u8>, _>(json!([1, "two"]), "list").expect_err("no list").to_string();
        assert!(list.starts_with("list[1]: "), "{list}");
        let whole = read::<u8, _>(json!("one"), "").expect_err("no number").to_string();
        assert!(whole.starts_with("invalid type"), "{whole}");
    }
}

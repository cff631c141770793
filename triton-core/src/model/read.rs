//! Reads what is stored, and what people send. What cannot be read is named by its field.

mod objects;

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use self::objects::Objects;
use super::fault::{Fault, Faults};

/// Reads the part of an object that stands at this path, which is empty for the whole of it. A list is read as no
/// structure.
///
/// # Errors
/// The first field that cannot be read, by its path from the root of the object.
pub fn read<'de, T, D>(part: D, path: &str) -> Result<T, Fault>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
    D::Error: fmt::Display,
{
    serde_path_to_error::deserialize(Objects(part)).map_err(|error| {
        let below = error.path().to_string();
        let field = match (path, below.as_str()) {
            (path, "." | "?") => String::from(path),
            ("", below) => below.to_string(),
            (path, below) if below.starts_with('[') => format!("{path}{below}"),
            (path, below) => format!("{path}.{below}"),
        };
        Fault { field, message: error.inner().to_string() }
    })
}

/// The same for a part that people write: reading ends at the first fault, so each of its fields is tried alone beside
/// good ones. A field that is null is one that is not there.
///
/// # Errors
/// Every field that cannot be read.
pub fn read_each<T: DeserializeOwned + Serialize + Default>(part: &Value, path: &str) -> Result<T, Faults> {
    read(part.clone(), path).map_err(|first| {
        let good = serde_json::to_value(T::default()).ok().filter(Value::is_object);
        let fields = part.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null());
        let alone = |(field, value): (&String, &Value)| {
            let mut one = good.clone()?;
            one[field] = value.clone();
            read::<T, _>(one, path).err()
        };
        let all: Vec<Fault> = fields.filter_map(alone).collect();
        Faults(if all.is_empty() { [first].into() } else { all })
    })
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeMap;

    use serde_json::json;

    use super::*;
    use crate::model::{Record, RollbackTarget, UpdateStrategy};

    #[test]
    fn what_cannot_be_read_is_named_by_its_field_from_the_root() {
        let status = |value| read::<Record, _>(value, "status").expect_err("no status").to_string();
        let rows = [
            (status(json!("text")), "status: invalid type"),
            (status(json!({ "replicas": "three" })), "status.replicas: invalid type"),
            (status(json!({ "phase": "Sideways" })), "status.phase: unknown variant `Sideways`"),
            (
                status(json!({ "progress": { "batch": { "number": -1 } } })),
                "status.progress.batch.number: invalid value",
            ),
            (status(json!({ "conditions": [{ "batch": [] }] })), "status.conditions[0].batch: invalid type"),
        ];
        for (says, begins) in rows {
            assert!(says.starts_with(begins), "{says}");
        }
        let list = read::<Vec<u8>, _>(json!([1, "two"]), "list").expect_err("no list").to_string();
        assert!(list.starts_with("list[1]: "), "{list}");
        let whole = read::<u8, _>(json!("one"), "").expect_err("no number").to_string();
        assert!(whole.starts_with("invalid type"), "{whole}");
    }

    /// Serde reads structures from lists too, by the order of their fields.
    #[test]
    fn a_list_is_no_structure_at_any_depth() {
        type Deep = BTreeMap<String, Vec<Option<RollbackTarget>>>;
        let strategy = read::<UpdateStrategy, _>(json!([true, true, null, 3]), "spec.updateStrategy");
        let deep = read::<Deep, _>(json!({ "a": [null, { "revision": "x" }, ["x"]] }), "spec");
        let text = read::<Deep, _>(&mut serde_json::Deserializer::from_str(r#"{"a": [["x"]]}"#), "");
        let says = [
            (strategy.map(|_| ()), "spec.updateStrategy: must be an object"),
            (deep.map(|_| ()), "spec.a[2]: must be an object"),
            (text.map(|_| ()), "a[0]: must be an object at line 1 column 8"),
        ];
        for (refused, says) in says {
            assert_eq!(refused.map_err(|fault| fault.to_string()), Err(says.into()));
        }
    }

    #[test]
    fn every_field_that_cannot_be_read_is_named() {
        let wrong = json!({ "batchSizes": ["2", []], "resumes": "twice", "paused": null, "mode": "auto" });
        let Faults(faults) =
            read_each::<UpdateStrategy>(&wrong, "spec.updateStrategy").expect_err("two faults");
        let fields: Vec<_> = faults.iter().map(|fault| fault.field.as_str()).collect();
        assert_eq!(fields, ["spec.updateStrategy.batchSizes[1]", "spec.updateStrategy.resumes"]);
        let Faults(faults) =
            read_each::<UpdateStrategy>(&json!("fast"), "spec.updateStrategy").expect_err("a text");
        assert_eq!(
            faults.iter().map(|fault| fault.field.as_str()).collect::<Vec<_>>(),
            ["spec.updateStrategy"]
        );
    }
}

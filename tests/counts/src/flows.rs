//! Types that hold a flow.
//!
//! A flow is an order to an application together with how far it is. It has six parts, and each part has
//! names, those of the wire and those of the core. A type holds a flow when one of these is true:
//! - it has so many fields with names of one part as [`PARTS`] says: then it holds that part as a whole;
//! - it has a field that is such a type, not an optional one or one of several, and beside it a field that
//!   identifies ([`IDENTITY`]): then it is a flow, or a piece of one, that can be told apart from others.
//!
//! The fields of a type that serde flattens count as fields of the type around it, if that has at least two of
//! its own: with fewer it is an envelope. The names of types do not
//! matter. Enums are seen as one type with the fields of all their variants.

use std::collections::BTreeSet;

use crate::count::Figure;
use crate::types::{Declared, Field};

/// A part of a flow.
struct Part {
    name: &'static str,
    /// A type without this field does not hold the part.
    must: Option<&'static str>,
    /// So many of the names make the part.
    least: usize,
    /// Whether optional fields count: an edit of orders has the same names, and each of them is optional.
    optional: bool,
    /// Separated by spaces.
    names: &'static str,
}

const PARTS: [Part; 6] = [
    Part {
        name: "application",
        must: None,
        least: 5,
        optional: true,
        names: "app_id app_name application_label application_type group_id instance_name replicas \
            selector template volume_claim_templates",
    },
    Part {
        name: "spec",
        must: Some("action"),
        least: 4,
        optional: true,
        names: "action application application_spec canary cancel_policy drain drain_seconds \
            failure_threshold max_unavailable mode no_pull_in non_update_strategy on_failure \
            pod_replacement_policy pods_to_delete rollback_to strategy update_strategy",
    },
    Part {
        name: "orders",
        must: None,
        least: 6,
        optional: false,
        names: "batch_interval_seconds batch_size batch_sizes batches canceled deadline \
            failure_grace_seconds grace interval paused progress_deadline_seconds resumes sizes \
            stage superseded superseded_by target",
    },
    Part {
        name: "status",
        must: None,
        least: 7,
        optional: true,
        names: "available_replicas batches cause conditions failed_replicas finished finished_at \
            finished_batches finished_replicas message paused phase progress reason replicas \
            replicas_to_process started_at update_revision updated_at updated_ready_replicas \
            updated_replicas waiting wanted_replicas",
    },
    Part {
        name: "progress",
        must: None,
        least: 6,
        optional: true,
        names: "batch from hold in_place kind partition previous revisions settings stage to verdict \
            workload",
    },
    Part {
        name: "identity",
        must: None,
        least: 3,
        optional: true,
        names: "created_at ended_at id uid version",
    },
];

/// Names of fields that identify what a type holds.
const IDENTITY: [&str; 8] = ["created_at", "ended_at", "id", "key", "name", "namespace", "uid", "version"];

/// Wrappers that hold exactly one value.
const WRAPPERS: [&str; 4] = ["Arc", "Box", "Cow", "Rc"];

pub(crate) fn figure(types: &[Declared]) -> Figure {
    let mut found: Vec<Option<String>> = types.iter().map(|declared| whole(declared, types)).collect();
    // A type that holds one that was found in this round is found in the next.
    loop {
        let around: Vec<Option<String>> = types
            .iter()
            .zip(&found)
            .map(|(declared, known)| known.clone().or_else(|| held(declared, types, &found)))
            .collect();
        if around == found {
            break;
        }
        found = around;
    }
    let lines = types.iter().zip(found).filter_map(|(declared, why)| Some(format!("{declared}: {}", why?)));
    Figure::of(types.len(), lines.collect())
}

/// The parts that a type holds as a whole.
fn whole(declared: &Declared, types: &[Declared]) -> Option<String> {
    let fields = declared.with_flattened(types);
    let parts: Vec<&str> = PARTS.iter().filter(|part| part.is_in(&fields)).map(|part| part.name).collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// What of the types that were found a type holds, if it identifies it.
fn held(declared: &Declared, types: &[Declared], found: &[Option<String>]) -> Option<String> {
    let is_identified = declared.fields.iter().any(|field| IDENTITY.contains(&&*field.name));
    let holders = || types.iter().zip(found).filter_map(|(of, why)| why.as_ref().map(|_| of));
    let mut fields = declared.fields.iter().filter_map(Field::one);
    let name =
        fields.find(|name| declared.nearest(name, types).iter().any(|of| holders().any(|it| it == *of)))?;
    is_identified.then(|| format!("an identified {name}"))
}

impl Part {
    fn is_in(&self, fields: &[&Field]) -> bool {
        let counted = fields.iter().filter(|field| self.optional || !field.is_optional());
        let names: BTreeSet<&str> = counted.map(|field| &*field.name).collect();
        let number = self.names.split_whitespace().filter(|name| names.contains(name)).count();
        number >= self.least && self.must.is_none_or(|must| names.contains(must))
    }
}

impl Field {
    fn is_optional(&self) -> bool {
        self.types.contains("Option") || self.types.contains("optional")
    }

    /// The type of which the field holds exactly one.
    fn one(&self) -> Option<&str> {
        let mut types = self.types.iter().filter(|name| !WRAPPERS.contains(&&***name));
        match (types.next(), types.next()) {
            (Some(one), None) => Some(one),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::samples::types;

    #[test]
    fn enough_names_of_one_part_hold_a_flow() {
        let rows = [
            ("app_id group_id app_name instance_name replicas", true),
            ("app_id group_id app_name instance_name", false),
            ("app_id group_id app_name instance_name phase", false),
            ("action canary mode rollback_to", true),
            ("canary mode rollback_to drain_seconds", false),
            ("paused canceled resumes target sizes interval", true),
            ("paused canceled resumes target sizes", false),
            ("phase finished batches reason message waiting started_at", true),
            ("phase finished batches reason message waiting", false),
            ("kind from to partition previous workload", true),
            ("kind from to partition previous", false),
            ("id version created_at", true),
            ("id version", false),
        ];
        for (fields, is_found) in rows {
            let fields: Vec<String> = fields.split(' ').map(|name| format!("{name}: u8")).collect();
            assert_eq!(
                found(&format!("struct A {{ {} }}", fields.join(", "))),
                is_found.then_some("A"),
                "{fields:?}"
            );
        }
    }

    #[test]
    fn an_edit_of_orders_is_not_the_orders() {
        let names = ["paused", "canceled", "resumes", "target", "sizes", "interval"];
        let edit = names.map(|name| format!("{name}: Option<u8>")).join(", ");
        assert_eq!(found(&format!("struct A {{ {edit} }}")), None);
    }

    #[test]
    fn whatever_identifies_one_that_it_holds_is_one() {
        let peer = "struct Peer { id: u8, version: u8, created_at: u8 }";
        let rows = [
            ("struct B { id: u8, peer: Peer }", true),
            ("struct B { name: u8, peer: Box<Peer> }", true),
            ("struct B { id: u8, inner: C }\nstruct C { key: u8, peer: Peer }", true),
            ("enum B { One(Peer), Two { id: u8 } }", true),
            ("struct B { peer: Peer, other: u8 }", false),
            ("struct B { id: u8, peer: Option<Peer> }", false),
            ("struct B { id: u8, peers: Vec<Peer> }", false),
            ("struct B { id: u8, other: Other }", false),
        ];
        for (text, is_found) in rows {
            let names = all(&format!("{text}\n{peer}\n"), "");
            assert_eq!(names.iter().any(|name| name == "B"), is_found, "{text}: {names:?}");
        }
    }

    #[test]
    fn messages_count_and_the_names_of_types_do_not_matter() {
        let message = "message A {\n  int32 appID = 1;\n  int32 groupID = 2;\n  string appName = 3;\n  \
            string instanceName = 4;\n  int32 replicas = 5;\n}\nmessage Flow {\n  string name = 1;\n}\n";
        assert_eq!(all("struct Flow { name: u8 }", message), ["A"]);
    }

    #[test]
    fn no_type_is_examined_where_there_is_none() {
        assert_eq!(figure(&[]), Figure::default());
    }

    fn found(text: &str) -> Option<&'static str> {
        let names = all(text, "");
        (!names.is_empty()).then_some("A").filter(|_| names == ["A"])
    }

    /// The names of the types that were found.
    fn all(rust: &str, proto: &str) -> Vec<String> {
        let figure = figure(&types(rust, proto));
        figure.found.iter().filter_map(|line| line.split(' ').next()).map(ToOwned::to_owned).collect()
    }
}

use clap::Parser;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::args::Args;

#[test]
fn the_role_has_no_wildcard_no_secret_and_deletes_nothing_but_flows_and_workloads() {
    let roles: Vec<_> =
        documents("rbac.yaml").into_iter().filter(|doc| doc["kind"] == "ClusterRole").collect();
    let rules = roles[0]["rules"].as_array().unwrap();
    assert!(rules.len() > 5);
    for rule in rules {
        let text = rule.to_string();
        assert!(!text.contains('*') && !text.contains("secrets"), "{text}");
        let deletable = [json!(["deployflows"]), json!(["clonesets"])];
        assert!(!text.contains("\"delete\"") || deletable.contains(&rule["resources"]), "{text}");
        assert!(!text.contains("\"update\"") && !text.contains("escalate"), "{text}");
    }
}

#[test]
fn the_operator_is_started_with_arguments_that_it_has() {
    let documents = documents("operator.yaml");
    let deployment = documents.iter().find(|doc| doc["kind"] == "Deployment").unwrap();
    let pod = &deployment["spec"]["template"]["spec"];
    let args = pod["containers"][0]["args"].as_array().unwrap().iter().map(|arg| arg.as_str().unwrap());
    Args::try_parse_from(std::iter::once("triton-operator").chain(args)).unwrap();
    assert_eq!(pod["containers"][0]["securityContext"]["readOnlyRootFilesystem"], true);
    let roles = self::documents("rbac.yaml");
    let account = roles.iter().find(|doc| doc["kind"] == "ServiceAccount").unwrap();
    assert_eq!(account["metadata"]["name"], pod["serviceAccountName"]);
}

#[test]
fn the_files_can_be_applied_in_the_order_that_they_say() {
    let mut there = vec![Value::Null];
    for document in ["crd.yaml", "rbac.yaml", "operator.yaml", "user.yaml"].into_iter().flat_map(documents) {
        let meta = &document["metadata"];
        assert!(
            there.contains(&meta["namespace"]),
            "{} {} has no namespace yet",
            document["kind"],
            meta["name"]
        );
        if document["kind"] == "Namespace" {
            there.push(meta["name"].clone());
        }
    }
}

#[test]
fn people_change_flows_and_nothing_else_but_templates_that_run_nothing() {
    let role = &documents("user.yaml")[0];
    for rule in role["rules"].as_array().unwrap() {
        let text = rule.to_string();
        assert!(!text.contains('*') && !text.contains("status"), "{text}");
        let changes = ["create", "patch", "update", "delete"].iter().any(|verb| text.contains(verb));
        let changeable = [json!(["deployflows"]), json!(["podtemplates"])];
        assert_eq!(changes, changeable.contains(&rule["resources"]), "{text}");
    }
}

fn documents(file: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(format!("{}/deploy/{file}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    serde_norway::Deserializer::from_str(&text).map(|doc| Value::deserialize(doc).unwrap()).collect()
}

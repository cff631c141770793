use super::*;

const TUTORIAL: &str = include_str!("../../../docs/tutorial/nginx-deployflow.yaml");

#[test]
fn the_tutorial_holds_one_flow_and_a_service() {
    let manifest = parse(TUTORIAL.as_bytes()).unwrap();
    assert_eq!(manifest.others, ["Service sample-12122-svc"]);
    let [flow] = &manifest.flows[..] else { panic!("{manifest:?}") };
    assert_eq!(flow.name.as_ref().map(FlowName::as_str), Some("12122-sample-10010-df"));
    assert_eq!(flow.draft.replicas, Some(3));
    assert!(flow.draft.parse().is_ok());
}

#[test]
fn json_and_lists_are_read_as_well() {
    let flow = first(TUTORIAL);
    let list = serde_json::json!({ "kind": "List", "items": [flow, flow] }).to_string();
    assert_eq!(parse(list.as_bytes()).unwrap().flows.len(), 2);
}

#[test]
fn a_slip_of_the_pen_is_named_with_its_path() {
    for (from, to, field) in [
        ("batchSize:", "batchsize:", "spec.updateStrategy.batchsize"),
        ("replicas:", "replica:", "spec.application.replica"),
        ("  updateStrategy:", "  updatestrategy:", "spec.updatestrategy"),
        ("v1alpha1", "v2", "apiVersion"),
        ("spec:", "specs:", "specs"),
        ("canary: 1", "canary: one", "spec.updateStrategy.canary"),
        ("canary: 1", "canary: 1\n    batchIntervalSeconds: 1h", "spec.updateStrategy.batchIntervalSeconds"),
        ("canary: 1", "canary: 1\n    batchSizes: [1, 1.5]", "spec.updateStrategy.batchSizes[1]"),
        (
            "batchSize: 1",
            "batchSize: 1.5",
            "spec.updateStrategy.batchSize: must be a whole number or a percentage such",
        ),
        ("replicas: 3", "replicas: \"3\"", "spec.application.replicas"),
        ("name: 12122-sample-10010-df", "name: A_B", "metadata.name"),
    ] {
        let failure = parse(TUTORIAL.replacen(from, to, 1).as_bytes()).unwrap_err();
        let named = field.contains(": ") || failure.message.contains(&format!("{field}: "));
        assert!(named && failure.message.contains(field), "{field}: {}", failure.message);
    }
}

#[test]
fn what_stands_in_the_place_of_a_structure_is_refused_with_its_path() {
    use serde_json::json;
    // Where what is written, and what is said of it. Serde would read structures from lists, by position.
    let rows = [
        ("/spec/updateStrategy", json!([true, true, null, 3]), "spec.updateStrategy: must be an object"),
        ("/spec/nonUpdateStrategy", json!([true]), "spec.nonUpdateStrategy: must be an object"),
        ("/spec/rollbackTo", json!(["web-1"]), "spec.rollbackTo: must be an object"),
        ("/spec/application", json!([1, 1, "a", "a"]), "spec.application: must be an object"),
        ("/spec/application/selector", json!(["app"]), "spec.application.selector: invalid type: sequence"),
        ("/spec/application/selector", json!("app=1"), "spec.application.selector: invalid type: string"),
        ("/spec/application/template", json!([1]), "spec.application.template: invalid type: sequence"),
        (
            "/spec/application/volumeClaimTemplates",
            json!({}),
            "spec.application.volumeClaimTemplates: invalid type",
        ),
        ("/spec/application/volumeClaimTemplates", json!(["a"]), "volumeClaimTemplates[0]: invalid type"),
        (
            "/spec/application/applicationLabel",
            json!(["a"]),
            "spec.application.applicationLabel: invalid type",
        ),
        ("/spec", json!(["create"]), "spec: must be an object"),
        ("/metadata", json!(["a"]), "metadata: must be an object"),
    ];
    for (place, value, says) in rows {
        let mut flow = first(TUTORIAL);
        let (parent, field) = place.rsplit_once('/').unwrap();
        flow.pointer_mut(parent).unwrap()[field] = value;
        let message = parse(flow.to_string().as_bytes()).unwrap_err().message;
        assert!(message.contains(says), "{place}: {message}");
    }
}

#[test]
fn every_fault_of_a_manifest_is_named() {
    let strategy = "spec.updateStrategy";
    // What is written instead of what, and the fields that are named.
    let rows = [
        // In one part, in two, of two kinds.
        (
            &[("canary: 1", "canary: one"), ("batchSize: 1", "batchSize: 1.5")][..],
            &[".canary", ".batchSize"][..],
        ),
        (&[("canary: 1", "canary: 1\n    interval: 1\n    stages: 2")], &[".interval", ".stages"]),
    ];
    for (changes, fields) in rows {
        let text = changes.iter().fold(TUTORIAL.to_owned(), |text, (from, to)| text.replacen(from, to, 1));
        let message = parse(text.as_bytes()).unwrap_err().message;
        for field in fields {
            assert!(message.contains(&format!("{strategy}{field}: ")), "{field}: {message}");
        }
        assert_eq!(message.lines().count(), 1 + fields.len(), "{message}");
    }
    let text = TUTORIAL.replacen("canary: 1", "canary: one", 1).replacen("replicas: 3", "replicas: \"3\"", 1);
    let message = parse(text.as_bytes()).unwrap_err().message;
    for field in ["spec.updateStrategy.canary: ", "spec.application.replicas: "] {
        assert!(message.contains(field), "{field}: {message}");
    }
}

#[test]
fn what_the_metadata_says_is_kept_or_refused() {
    let flow = "apiVersion: apps.triton.io/v1alpha1\nkind: DeployFlow\nmetadata:\n  name: a\nspec:\n  application: \
                {appID: 1, groupID: 1, appName: a, instanceName: a}\n";
    let with = |line: &str| flow.replacen("spec:", &format!("  {line}\nspec:"), 1);
    let read = |line: &str| parse(with(line).as_bytes()).map(|mut manifest| manifest.flows.remove(0).draft);
    let draft =
        read("labels: {team: shop, size: '2', empty: }\n  annotations: {note: |\n      made by hand}");
    assert!(draft.is_err(), "a block between brackets");
    let draft = read("labels: {team: shop, size: '2', empty: }\n  annotations:\n    note: \"a: b\"").unwrap();
    let texts = |pairs: &[(&str, &str)]| pairs.iter().map(|(a, b)| ((*a).into(), (*b).into())).collect();
    assert_eq!(draft.labels, texts(&[("team", "shop"), ("size", "2")]));
    assert_eq!(draft.annotations, texts(&[("note", "a: b")]));
    for line in ["creationTimestamp: null", "uid: a-b", "generation: 2", "managedFields: []", "labels: null"]
    {
        assert!(read(line).is_ok(), "{line}");
    }
    for (line, field) in [
        ("labels: {size: 2}", "metadata.labels.size: must be text, and 2 is not: put it in quotes"),
        ("labels: {debug: yes}", "metadata.labels.debug: must be text, and true is not: put it in quotes"),
        ("annotations: {at: {b: c}}", "metadata.annotations.at: must be text"),
        ("labels: [a]", "metadata.labels: must be texts by name"),
        ("namespace: 12", "metadata.namespace: must be text: write it as \"12\""),
        ("generateName: web-", "metadata.generateName: is not kept here"),
        ("finalizers: [a/b]", "metadata.finalizers: is not kept here"),
        ("ownerReferences: [{name: a}]", "metadata.ownerReferences: is not kept here"),
        ("resourceVersion: '7'", "metadata.resourceVersion: is not kept here"),
        ("label: {a: b}", "metadata.label: is not kept here"),
    ] {
        let failure = read(line).unwrap_err();
        assert!(failure.message.contains(field), "{line}: {}", failure.message);
    }
}

#[test]
fn items_of_a_list_have_its_kind_where_they_say_none() {
    let mut flow = first(TUTORIAL);
    let kind = flow.as_object_mut().unwrap().remove("kind");
    let version = flow.as_object_mut().unwrap().remove("apiVersion");
    let list = serde_json::json!({ "kind": "DeployFlowList", "apiVersion": version, "items": [flow] });
    assert_eq!(parse(list.to_string().as_bytes()).unwrap().flows.len(), 1, "{kind:?}");
    let list = serde_json::json!({ "kind": "List", "apiVersion": "v1", "items": [flow] });
    assert!(parse(list.to_string().as_bytes()).is_err());
}

/// Manifests, and in `kubectl.json` what kubectl reads of each: null where it refuses it. The cluster suite compares
/// that with the real kubectl.
const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/manifests");

/// What kubectl reads and the command line refuses, with what it says.
const REFUSED: [(&str, &str); 20] = [
    ("bom-inside.yaml", "line 6: the character U+FEFF"),
    ("bytes-that-are-no-text.yaml", "neither UTF-8 nor UTF-16"),
    ("comment-without-space.yaml", "line 6: comments must be separated"),
    ("document-after-an-end.yaml", "line 7: another document begins here"),
    ("duplicate-keys-of-two-kinds.yaml", "line 7: the field 1 stands here as text and as something else"),
    ("flow-colon-before-bracket-of-list.yaml", "line 6: a value is missing"),
    ("flow-colon-before-bracket.yaml", "line 6: a value is missing"),
    ("flow-minus-alone.yaml", "line 6: plain scalar cannot start with '-'"),
    ("flow-question-mark.yaml", "line 6: ?a between brackets is refused: quote it"),
    ("json-half-a-character.json", "high surrogate"),
    ("keys-floats-large.yaml", "line 6: \"1e10\" is no name of a field: quote it"),
    ("lines-end-with-cr.yaml", "line 1: the character U+000D"),
    ("merge-tag.yaml", "line 6: the tag"),
    ("tab-between-brackets.yaml", "line 7: tabs disallowed"),
    ("tag-bare.yaml", "line 6: the tag ! does not fit"),
    ("tag-between-brackets.yaml", "line 6: the tag"),
    ("tag-binary.yaml", "line 6: the tag"),
    ("tag-own.yaml", "line 6: the tag !Ref does not fit"),
    ("tag-set.yaml", "line 6: the tag"),
    ("tag-timestamp.yaml", "line 6: the tag"),
];

/// What the command line reads although kubectl refuses it.
const LENIENT: [&str; 1] = ["block-beginning-with-a-tab.yaml"];

#[test]
fn every_manifest_is_read_as_kubectl_reads_it_or_refused_in_words() {
    let kubectl = yaml::documents(&file("kubectl.json")).unwrap().remove(0);
    let kubectl: BTreeMap<String, Option<Vec<Value>>> = serde_json::from_value(kubectl).unwrap();
    assert!(kubectl.len() > 100);
    let mut refused = REFUSED.to_vec();
    for (name, theirs) in kubectl {
        match (objects(&file(&name)), theirs) {
            (Ok(ours), Some(theirs)) => assert_eq!(ours, theirs, "{name}"),
            (Err(error), Some(_)) => {
                let known = refused.iter().position(|(file, _)| *file == name);
                let (_, words) = refused.remove(known.unwrap_or_else(|| panic!("{name}: {error}")));
                assert!(error.to_string().contains(words), "{name}: {error}");
            }
            (Ok(ours), None) => {
                let flows = ours.iter().all(|object| object["kind"] == "DeployFlow");
                let lenient = ours.is_empty() || !flows || LENIENT.contains(&name.as_str());
                assert!(lenient, "{name}: kubectl refuses what is read as {ours:?}");
            }
            (Err(_), None) => {}
        }
    }
    assert_eq!(refused, [], "these are read by now");
}

fn file(name: &str) -> Vec<u8> {
    std::fs::read(format!("{FOLDER}/{name}")).unwrap()
}

fn first(text: &str) -> Value {
    yaml::documents(text.as_bytes()).unwrap().remove(0)
}

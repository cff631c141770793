use kube::core::response::{StatusCause, StatusDetails};
use serde_json::json;
use triton_core::model::Draft;

use super::*;

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn a_refusal_names_the_fields_of_the_template_as_they_stand_in_the_flow() {
    let undecoded = |words: &str| Status {
        code: 400,
        reason: "BadRequest".into(),
        message: format!("PodTemplate in version \"v1\" {UNDECODED}{words}"),
        ..Status::default()
    };
    let quantity =
        "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
    let unmarshal = |is: &str, path: &str, wanted: &str| {
        undecoded(&format!("json: cannot unmarshal {is} into Go struct field {path} of type {wanted}"))
    };
    let rows = [
        (
            undecoded(quantity),
            vec![
                "template.spec.containers[0].resources.requests.cpu",
                "template.spec.volumes[0].emptyDir.sizeLimit",
            ],
        ),
        (
            undecoded(
                "strict decoding error: unknown field \"template.spec.containers[0].livenesProbe\", unknown field \"template.spec.x\"",
            ),
            vec!["template.spec.containers[0].livenesProbe", "template.spec.x"],
        ),
        (
            unmarshal("number", "EnvVar.template.spec.containers.env.value", "string"),
            vec!["template.spec.containers[0].env[1].value"],
        ),
        (
            unmarshal("string", "ContainerPort.template.spec.containers.ports.containerPort", "int32"),
            vec!["template.spec.containers[0].ports[0].containerPort"],
        ),
        (
            unmarshal("number", "ObjectMeta.template.metadata.labels", "string"),
            vec!["template.metadata.labels.tier"],
        ),
        (unmarshal("number 1.5", "Container.template.spec.nothing", "string"), vec!["template.spec.nothing"]),
        (undecoded("something else"), vec!["template"]),
        (
            causes(&["template.spec.containers[0].image", "template.spec.containers[0].name"]),
            vec!["template.spec.containers[0].image", "template.spec.containers[0].name"],
        ),
        (causes(&["template.labels"]), vec!["template.metadata.labels"]),
        // Not about the template.
        (causes(&["metadata.name"]), vec![]),
        (causes(&[""]), vec![]),
        (Status { code: 403, message: "exceeded quota: full".into(), ..Status::default() }, vec![]),
    ];
    let object = json!({"template": {
        "metadata": {"labels": {"app": "shop", "tier": 1}},
        "spec": {
            "containers": [{
                "name": "main", "livenesProbe": {},
                "env": [{"name": "A", "value": "1"}, {"name": "B", "value": 1}],
                "ports": [{"containerPort": "80"}],
                "resources": {"requests": {"cpu": "500 m", "memory": "1Gi"}, "limits": {"cpu": 1}},
            }],
            "volumes": [{"name": "tmp", "emptyDir": {"sizeLimit": "1 GB"}}],
        },
    }});
    for (status, wanted) in rows {
        let told = faults(&status, &object);
        let fields: Vec<&str> = told.iter().filter_map(|fault| fault.field.strip_prefix(ABOVE)).collect();
        assert_eq!(fields, wanted, "{status:?}");
        assert!(told.iter().all(|fault| !fault.message.is_empty()), "{told:?}");
    }
}

#[test]
fn what_openkruise_refuses_and_claims_that_nobody_can_read_are_named() {
    let claims =
        json!([{"metadata": {"name": "data"}, "spec": {"resources": {"requests": {"storage": "1 Gi"}}}}]);
    let template = json!({"spec": {"restartPolicy": "Never", "activeDeadlineSeconds": 5}});
    let mut draft = draft("update", template);
    draft.volume_claim_templates = Some(claims);
    assert_eq!(
        unsupported_of(&draft),
        [
            "spec.application.template.spec.restartPolicy",
            "spec.application.template.spec.activeDeadlineSeconds",
            "spec.application.volumeClaimTemplates[0].spec.resources.requests.storage",
        ]
    );
    let always = self::draft("update", json!({"spec": {"restartPolicy": "Always"}}));
    assert_eq!(unsupported_of(&always), [""; 0]);
}

#[test]
fn what_is_not_a_flows_to_give_is_refused_by_name() {
    const POD: &str = "template.metadata.labels";
    const NOTE: &str = "template.metadata.annotations";
    const WORKLOAD: &str = "applicationLabel";
    // Action, place, label or annotation, whether it is taken with no value, and with `true`.
    let rows = [
        ("update", POD, "apps.kruise.io/specified-delete", [false, false]),
        ("update", POD, "lifecycle.apps.kruise.io/state", [false, false]),
        ("update", POD, "apps.triton.io/restarted-by", [false, false]),
        // OpenKruise reads them on pods, and counts no pod whose value it cannot read.
        ("create", NOTE, "apps.kruise.io/inplace-update-grace", [false, false]),
        ("update", NOTE, "inplace-update-grace", [false, false]),
        ("update", NOTE, "apps.kruise.io/inplace-update-state", [false, false]),
        ("create", NOTE, "inplace-update-state", [false, false]),
        ("update", NOTE, "team", [true, true]),
        // Triton sets them to `true`.
        ("create", POD, "apps.triton.io/in-traffic", [false, true]),
        ("update", POD, "apps.triton.io/in-traffic", [false, true]),
        ("create", WORKLOAD, "apps.kruise.io/cloneset-scaling-exclude-preparing-delete", [false, true]),
        ("update", POD, "team", [true, true]),
        ("create", WORKLOAD, "team", [true, true]),
    ];
    for (action, field, key, takes) in rows {
        for (value, taken) in ["", "true"].into_iter().zip(takes) {
            let mut draft = draft(action, json!({"spec": {}}));
            if field == WORKLOAD {
                draft.application_label = [(key.to_owned(), value.to_owned())].into();
            } else {
                let place = field.trim_start_matches("template.metadata.");
                draft.template.as_mut().unwrap()["metadata"] = json!({place: {key: value}});
            }
            let named = format!("spec.application.{field}[{key}]");
            let wanted = if taken { vec![] } else { vec![named] };
            assert_eq!(unsupported_of(&draft), wanted, "{action}, {key}: {value}");
        }
    }
}

/// The fields at fault.
fn unsupported_of(draft: &Draft) -> Vec<String> {
    let (spec, _) = draft.parse().unwrap();
    unsupported(&spec).into_iter().map(|fault| fault.field).collect()
}

/// With this template, which gets a container.
fn draft(action: &str, mut template: Value) -> Draft {
    template["spec"]["containers"] = json!([{"name": "shop"}]);
    Draft {
        action: action.into(),
        app_name: "shop".into(),
        instance_name: "shop".into(),
        replicas: Some(1),
        template: Some(template),
        ..Draft::default()
    }
}

#[test]
fn quantities_are_told_from_other_texts() {
    let good = ["1", "0.5", ".5", "5.", "500m", "128Mi", "1e3", "1E-3", "1E", "+1", "-1k", " 2Gi "];
    let bad = ["", "500 m", "1GB", "1.2.3", "Mi", "1mi", "1e", "one", "1,5"];
    assert!(good.iter().all(|text| is_quantity(&json!(text))));
    for text in bad {
        assert!(!is_quantity(&json!(text)), "{text}");
    }
    assert!(is_quantity(&json!(1)) && is_quantity(&Value::Null) && !is_quantity(&json!(true)));
}

fn causes(fields: &[&str]) -> Status {
    let cause = |field: &&str| StatusCause {
        reason: "FieldValueInvalid".into(),
        message: "Invalid value".into(),
        field: (*field).into(),
    };
    let details = StatusDetails {
        name: String::new(),
        group: String::new(),
        kind: "PodTemplate".into(),
        uid: String::new(),
        causes: fields.iter().map(cause).collect(),
        retry_after_seconds: 0,
    };
    Status { code: 422, reason: "Invalid".into(), details: Some(details), ..Status::default() }
}

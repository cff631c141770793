use super::*;

#[test]
fn services_are_asked_about_with_the_labels_that_new_pods_get_where_the_template_is_known() {
    let draft = |template: Option<Value>| Draft {
        action: "update".into(),
        app_name: "web".into(),
        instance_name: "web".into(),
        template,
        ..Draft::default()
    };
    let own = json!({ "metadata": { "labels": { "line": "green" } }, "spec": { "containers": [{ "name": "web" }] } });
    let asked = template(&draft(Some(own))).unwrap();
    assert_eq!(asked["metadata"]["labels"]["line"], "green");
    assert_eq!(asked["metadata"]["labels"]["app.kubernetes.io/instance"], "web");
    assert_eq!(template(&draft(Some(any()))), None, "it stands for one that is not known");
    assert_eq!(template(&draft(None)), None);
}

#[test]
fn a_plan_warns_where_an_update_changes_the_size_that_somebody_else_sets() {
    let namespace = Namespace::new("default").unwrap();
    let instance = InstanceId { namespace, name: InstanceName::new("web").unwrap() };
    let template = json!({ "spec": { "containers": [{ "name": "web" }] } });
    let draft = |action: &str, replicas| Draft {
        action: action.into(),
        app_name: "web".into(),
        instance_name: "web".into(),
        replicas,
        template: (action == "update").then(|| template.clone()),
        ..Draft::default()
    };
    let autoscaler = "HorizontalPodAutoscaler web";
    let rows = [
        ("update", Some(4), autoscaler, true),
        ("update", Some(8), autoscaler, false),
        ("update", None, autoscaler, false),
        ("update", Some(4), "", false),
        ("rollback", Some(9), autoscaler, true),
        // The size is what these are about.
        ("scale", Some(4), autoscaler, false),
        ("stop", None, autoscaler, false),
    ];
    for (action, replicas, who, warns) in rows {
        let found = Found { from: 8, ..Found::default() };
        let mut told = told(&draft(action, replicas), &instance, found).unwrap();
        told.sized_by = sizer(&told.forecast, who.into());
        assert_eq!(told.sized_by.is_some(), warns, "{action} {replicas:?} {who}");
        assert_eq!(object(&told)["sizedBy"].as_str(), warns.then_some(who));
    }
}

#[test]
fn a_plan_in_place_tells_the_peak_where_pods_have_to_be_recreated() {
    let namespace = Namespace::new("default").unwrap();
    let instance = InstanceId { namespace, name: InstanceName::new("web").unwrap() };
    let draft = |action: &str| Draft {
        action: action.into(),
        app_name: "web".into(),
        instance_name: "web".into(),
        template: (action == "update").then(any),
        ..Draft::default()
    };
    for (action, in_place, tells) in
        [("update", true, true), ("update", false, false), ("restart", true, false)]
    {
        let found = Found { from: 6, in_place, ..Found::default() };
        let told = told(&draft(action), &instance, found).unwrap();
        let deleted = "12 with those that are being deleted";
        assert_eq!(
            most(&told.forecast).contains(&format!("({deleted}, where pods have to be recreated)")),
            tells
        );
        assert_eq!(told.notes.iter().any(|note| note.contains("may be 12 pods")), tells, "{:?}", told.notes);
        assert_eq!(object(&told)["peakReplicasRecreated"].as_u64(), tells.then_some(12), "{action}");
    }
}

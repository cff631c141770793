//! What is too large, or too long, for a real API server.

use k8s_openapi::{
    api::{core::v1::ObjectReference, events::v1::Event},
    apimachinery::pkg::apis::meta::v1::MicroTime,
    jiff::Timestamp,
};
use kube::{
    Api,
    api::{DynamicObject, Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};
use triton_core::{
    model::{STATUS_TEXT, TextFor, shorten},
    ports::PortErrorKind,
};
use triton_operator::kube_error::meaning;
use triton_tests::{cloneset::connect, scene::Kind};

use crate::{app, rig::SETS, site::Site};

#[tokio::test(flavor = "multi_thread")]
async fn whoever_refuses_a_status_for_its_size_the_answer_is_that_it_is_too_large() {
    let site = Site::new("size-status").await;
    site.kill_operator();
    site.apply(&app::create("large", 1, json!({"mode": "auto"})));
    let client = connect(site.rig.plane.kubeconfig(), "size-test").await.expect("the cluster answers");
    let flows: Api<DynamicObject> = Api::namespaced_with(client, &site.namespace, &Kind::Flow.resource());
    let save = async |bytes: usize| {
        let status = Patch::Merge(json!({"status": {"message": "x".repeat(bytes)}}));
        flows.patch_status("large", &PatchParams::default(), &status).await
    };
    save(1_000_000).await.expect("etcd takes 1.5 MiB");
    for (who, bytes) in
        [("etcd", 1_600_000), ("the client of etcd", 2_500_000), ("the API server", 3_500_000)]
    {
        let error = save(bytes).await.expect_err(who);
        println!("{who}: {error}");
        let kind = meaning(error).kind;
        assert_eq!(kind, PortErrorKind::TooLarge, "{who}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_takes_a_shortened_text_and_not_a_byte_more_than_1024() {
    let site = Site::new("size-event").await;
    site.kill_operator();
    let client = connect(site.rig.plane.kubeconfig(), "size-test").await.expect("the cluster answers");
    let events: Api<Event> = Api::namespaced(client, &site.namespace);
    let tell = async |name: &str, note: String| {
        let about = ObjectReference {
            kind: Some("Namespace".into()),
            namespace: Some(site.namespace.clone()),
            name: Some(site.namespace.clone()),
            ..ObjectReference::default()
        };
        let mut event = Event {
            event_time: Some(MicroTime(Timestamp::UNIX_EPOCH)),
            action: Some("Test".into()),
            reason: Some("Test".into()),
            note: Some(note),
            regarding: Some(about),
            reporting_controller: Some("triton.test/size".into()),
            reporting_instance: Some("one".into()),
            type_: Some("Normal".into()),
            ..Event::default()
        };
        event.metadata.name = Some(name.into());
        event.metadata.namespace = Some(site.namespace.clone());
        events.create(&PostParams::default(), &event).await
    };
    tell("fits", "x".repeat(STATUS_TEXT)).await.expect("1,024 bytes");
    for (name, piece) in [("ascii", "x"), ("accents", "é"), ("emoji", "😀"), ("quotes", "\"\n")] {
        tell(name, shorten(&piece.repeat(2_000), TextFor::Status)).await.expect(name);
    }
    let bytes = "é".repeat(STATUS_TEXT / 2 + 1);
    assert!(bytes.chars().count() < STATUS_TEXT);
    let refused = tell("bytes", bytes).await.expect_err("bytes are counted, not characters").to_string();
    assert!(refused.contains("1024 characters"), "{refused}");
}

/// Longer by one than a new instance may be named: some of its revisions still fit into the label.
const LONG: &str = "a-name-of-fifty-three-characters-that-somebody-gave-a";

#[tokio::test(flavor = "multi_thread")]
async fn an_update_whose_pods_could_not_be_labelled_is_refused_and_touches_nothing() {
    assert_eq!(LONG.len(), 53);
    let site = Site::new("size-label").await;
    let revision = |set: &Value| set["status"]["updateRevision"].as_str().unwrap_or_default().to_owned();
    let (mut fitted, mut refused) = (None, None);
    for image in 1..100 {
        site.apply(&cloneset(&format!("nginx:{image}")));
        let image = format!("nginx:{image}");
        let set = site
            .scene
            .until("the revision is told", |view| {
                let set = view.get(Kind::Set, LONG)?;
                let observed = set["status"]["observedGeneration"] == set["metadata"]["generation"];
                (observed && set["spec"]["template"]["spec"]["containers"][0]["image"] == image)
                    .then(|| set.clone())
            })
            .await;
        match revision(&set).len() {
            64.. => refused = Some(image),
            _ => {
                fitted = Some(image);
                break;
            }
        }
    }
    if let Some(image) = refused {
        println!("no pod of {image} can be made");
    }
    fitted.expect("a hash of nine characters or less");
    let runs = |view: &triton_tests::scene::View| {
        view.all(Kind::Pod).any(|pod| pod["metadata"]["labels"]["controller-revision-hash"].is_string())
    };
    site.scene.holds("a pod runs", runs).await;
    site.scene.catches_up().await;
    let held = || site.kubectl_json(&["get", SETS, LONG]);
    let before = held();
    let mut update = app::update("update", 1, json!({"mode": "auto"}));
    update["spec"]["application"]["instanceName"] = json!(LONG);
    site.apply(&update);
    site.ends("update", "Failed").await;
    let status = site.view().flow("update")["status"].clone();
    assert_eq!(status["reason"], "Unsupported", "{status}");
    let message = status["message"].as_str().unwrap_or_default().to_owned();
    assert!(message.starts_with("spec.application.instanceName: has 53 characters"), "{message}");
    let after = held();
    assert_eq!(
        (&after["spec"], &after["metadata"]["annotations"]),
        (&before["spec"], &before["metadata"]["annotations"])
    );
    let mut stop = app::order("stop", "stop", None, json!({"mode": "auto", "drainSeconds": 0}));
    stop["spec"]["application"]["instanceName"] = json!(LONG);
    site.apply(&stop);
    site.ends("stop", "Success").await;
}

/// As somebody else made it.
fn cloneset(image: &str) -> Value {
    let labels = json!({"app": "1"});
    json!({
        "apiVersion": "apps.kruise.io/v1alpha1",
        "kind": "CloneSet",
        "metadata": {"name": LONG},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "web", "image": image}]},
            },
        },
    })
}

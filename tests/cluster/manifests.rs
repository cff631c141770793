//! Manifests as kubectl and as the command line read them, and the way of both to the API server.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api,
    api::{Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
};
use triton_core::ports::PortErrorKind;
use triton_operator::kube_error::meaning;
use triton_tests::cloneset::connect;

use crate::{app, operator::kubeconfig, site::Site};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/manifests");

/// Reads what kubectl makes of the folder, which the unit tests compare with the reader of the command line.
/// `TRITON_BLESS=1` writes it.
#[tokio::test(flavor = "multi_thread")]
async fn kubectl_reads_every_manifest_as_it_is_written_down() {
    let site = Site::new("manifests-read").await;
    site.kill_operator();
    let mut names: Vec<String> = fs::read_dir(FOLDER)
        .expect("the folder is there")
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name != "kubectl.json")
        .collect();
    names.sort();
    assert!(names.len() > 100);
    let read = names.iter().map(|name| (name.clone(), as_kubectl_reads(&site, name))).collect();
    let text = lines(&read);
    let path = format!("{FOLDER}/kubectl.json");
    if std::env::var_os("TRITON_BLESS").is_some() {
        fs::write(&path, &text).expect("it can be written");
    }
    let kept: BTreeMap<String, Option<Vec<Value>>> =
        serde_json::from_str(&fs::read_to_string(&path).expect("it can be read")).expect("it is JSON");
    // Of two keys that become one kubectl takes now this, now that value.
    let by_chance = |name: &str| name == "duplicate-keys-of-two-kinds.yaml";
    for (name, objects) in read.iter().filter(|(name, _)| !by_chance(name)) {
        assert_eq!(Some(objects), kept.get(name), "{name}");
    }
    assert_eq!(read.len(), kept.len());
}

/// The objects of a file; `None` where kubectl refuses one of them.
fn as_kubectl_reads(site: &Site, name: &str) -> Option<Vec<Value>> {
    let file = format!("{FOLDER}/{name}");
    let words = ["create", "--dry-run=client", "--validate=false", "-o", "json", "-f", &file];
    let printed = site.try_kubectl(&words).ok()?;
    let objects = serde_json::Deserializer::from_str(&printed).into_iter::<Value>();
    let objects = objects.map(|object| {
        let mut object = object.expect("kubectl prints JSON");
        object["metadata"].as_object_mut().map(|metadata| metadata.remove("namespace"));
        object
    });
    Some(objects.collect())
}

/// A line for each file.
fn lines(read: &BTreeMap<String, Option<Vec<Value>>>) -> String {
    let line = |(name, objects)| format!("{}: {}", json!(name), json!(objects));
    format!("{{\n{}\n}}\n", read.iter().map(line).collect::<Vec<_>>().join(",\n"))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_create_stores_is_what_kubectl_apply_stores() {
    let site = Site::on_own_plane("manifests-stored").await;
    site.kill_operator();
    let file = site.rig.plane.folder().join(format!("flow-{}.yaml", site.namespace));
    for (name, text) in flows() {
        fs::write(&file, &text).expect("the manifest can be written");
        let file = file.to_str().expect("a path of text");
        site.kubectl(&["apply", "-f", file]);
        let theirs = stored(&site);
        let typed = cli(site.rig.plane.kubeconfig(), &["create", "-n", &site.namespace, "-f", file], &[]);
        assert!(typed.status.success(), "{name}: {}", String::from_utf8_lossy(&typed.stderr));
        assert_eq!(stored(&site), theirs, "{name}");
    }
}

/// What is stored of the flow, which is removed. Labels of the application are the operator's, who gives them to
/// flows that others make.
fn stored(site: &Site) -> Value {
    let mut flow = site.kubectl_json(&["get", "deployflows", "a"]);
    site.kubectl(&["delete", "deployflows", "a"]);
    let labels = flow["metadata"]["labels"].as_object_mut();
    if let Some(labels) = labels {
        labels.retain(|key, _| {
            !["app", "group", "managed-by"].contains(&key.as_str()) && !key.starts_with("app.kubernetes.io/")
        });
    }
    let annotations = flow["metadata"]["annotations"].as_object_mut();
    annotations.map(|annotations| annotations.remove("kubectl.kubernetes.io/last-applied-configuration"));
    let some = |value: &Value| {
        if value.as_object().is_some_and(serde_json::Map::is_empty) { Value::Null } else { value.clone() }
    };
    let metadata = &flow["metadata"];
    json!({ "labels": some(&metadata["labels"]), "annotations": some(&metadata["annotations"]), "spec": flow["spec"] })
}

/// Flows that say the same in ways on which readers of YAML differ.
fn flows() -> Vec<(&'static str, String)> {
    let flow = |metadata: &str, container: &str| {
        format!(
            "apiVersion: apps.triton.io/v1alpha1\nkind: DeployFlow\nmetadata:\n  name: a\n{metadata}spec:\n  action: \
             create\n  application:\n    appID: 1\n    groupID: 0x1\n    appName: shop\n    instanceName: web\n    \
             replicas: 3\n    template:\n      spec:\n        containers:\n        - name: web\n          image: \
             nginx:1.10\n{container}  updateStrategy: {{mode: auto, batchSize: 1, canary: 01}}\n"
        )
    };
    let merged =
        "          resources: {<<: &r {limits: {cpu: 500m, memory: 64Mi}}, requests: {<<: {cpu: 1e-1}}}\n";
    let block = "          args:\n          - |\n            a: b # c\n          - >-\n            d\n            e\n          - \"\\x41\\u00e9\"\n          - 'it''s'\n          - !!str yes\n";
    let switches = "          tty: yes\n          stdin: off\n          ports: [{containerPort: 0120}]\n          securityContext: {runAsUser: 0x3E8, privileged: n}\n";
    let env = "          env:\n          - &e {name: A, value: \"yes\"}\n          - {<<: *e, name: B}\n          - {name: C, value: \"012\"}\n";
    let notes = "  labels:\n    app.kubernetes.io/part-of: shop\n    version: \"1.10\"\n    debug: \"yes\"\n    empty:\n  \
                 annotations:\n    note: \"12:30\"\n    more: |\n      {\"a\": 1}\n";
    let windows = |text: &str| text.replace('\n', "\r\n");
    vec![
        ("merge keys", flow("", merged)),
        ("block scalars", flow("", block)),
        ("booleans and octal numbers", flow("", switches)),
        ("anchors", flow("", env)),
        ("labels and annotations", flow(notes, "")),
        (
            "what the API server writes itself",
            flow("  creationTimestamp: null\n  generation: 7\n  uid: x\n", ""),
        ),
        ("line ends of Windows", windows(&flow(notes, block))),
        ("a comment and a mark", format!("# first\n--- # flow\n{}...\n", flow("", env))),
        ("a byte order mark", format!("\u{feff}{}", flow("", ""))),
        ("nulls", flow("  labels: null\n", "          resources: null\n          command: ~\n")),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manifest_that_is_too_large_is_refused_once_and_nobody_asks_for_the_api_server() {
    let site = Site::on_own_plane("manifests-large").await;
    site.kill_operator();
    let file = site.rig.plane.folder().join(format!("large-{}.json", site.namespace));
    for bytes in [1_700_000, 2_500_000, 3_500_000] {
        let mut flow = app::create("large", 1, json!({"mode": "auto"}));
        let container = &mut flow["spec"]["application"]["template"]["spec"]["containers"][0];
        container["args"] = json!(["x".repeat(bytes)]);
        fs::write(&file, flow.to_string()).expect("the manifest can be written");
        let file = file.to_str().expect("a path of text");
        let typed = cli(site.rig.plane.kubeconfig(), &["create", "-n", &site.namespace, "-f", file], &[]);
        let told = String::from_utf8_lossy(&typed.stderr);
        assert_eq!(typed.status.code(), Some(1), "{bytes}: {told}");
        assert!(told.contains("too large") || told.contains("larger than max"), "{bytes}: {told}");
        assert!(!told.contains("is the API server there") && !told.contains("again"), "{bytes}: {told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_patch_of_a_pod_whose_name_is_anothers_by_now_tells_that_it_is_gone() {
    let site = Site::new("manifests-uid").await;
    site.kill_operator();
    let client = connect(site.rig.plane.kubeconfig(), "uid-test").await.expect("the cluster answers");
    let pods: Api<Pod> = Api::namespaced(client, &site.namespace);
    let pod = json!({"metadata": {"name": "a"}, "spec": {"containers": [{"name": "a", "image": "a"}]}});
    let pod: Pod = serde_json::from_value(pod).expect("a pod");
    let made = pods.create(&PostParams::default(), &pod).await.expect("it is made");
    let other = json!({"metadata": {"uid": "00000000-0000-0000-0000-000000000001", "labels": {"a": "b"}}});
    let with_version = json!({"metadata": {"uid": "00000000-0000-0000-0000-000000000001", "labels": {"a": "b"},
        "resourceVersion": made.metadata.resource_version}});
    // Its version, which the scheduler may have raised meanwhile, is looked at first.
    for (patch, versioned) in [(other, false), (with_version, true)] {
        let patch = Patch::Merge(&patch);
        for answer in [
            pods.patch("a", &PatchParams::default(), &patch).await,
            pods.patch_status("a", &PatchParams::default(), &patch).await,
        ] {
            let error = answer.expect_err("it is another pod");
            println!("{error}");
            let kind = meaning(error).kind;
            assert!(
                kind == PortErrorKind::NotFound || versioned && kind == PortErrorKind::Conflict,
                "{kind:?}"
            );
        }
    }
    let own = json!({"metadata": {"uid": made.metadata.uid, "labels": {"a": "b"}}});
    pods.patch("a", &PatchParams::default(), &Patch::Merge(&own)).await.expect("it is this one");
}

#[tokio::test(flavor = "multi_thread")]
async fn proxies_of_the_environment_and_of_the_kubeconfig_count_as_with_kubectl() {
    let site = Site::on_own_plane("manifests-proxy").await;
    site.kill_operator();
    let list = ["list", "-n", &site.namespace];
    let dead = "http://127.0.0.1:1";
    // This machine is reached without a proxy, and odd entries are passed over.
    for none in ["", "a,,b, ", "*", "[::1]:6443,10.0.0.0/99"] {
        let typed = cli(site.rig.plane.kubeconfig(), &list, &[("HTTPS_PROXY", dead), ("NO_PROXY", none)]);
        assert!(typed.status.success(), "{none:?}: {}", String::from_utf8_lossy(&typed.stderr));
    }
    let (port, used) = proxy().await;
    let through = |url: String| {
        let file = format!("proxy-{}", url.len());
        kubeconfig(&site, &file, |config| config["clusters"][0]["cluster"]["proxy-url"] = json!(url))
    };
    let named = through(format!("http://127.0.0.1:{port}"));
    let typed = cli(&named, &list, &[("NO_PROXY", "*")]);
    assert!(typed.status.success(), "{}", String::from_utf8_lossy(&typed.stderr));
    assert!(used.load(Ordering::Relaxed) > 0, "the proxy was passed by");
    let typed = cli(&through("ftp://127.0.0.1".into()), &list, &[]);
    let told = String::from_utf8_lossy(&typed.stderr).into_owned();
    assert!(!typed.status.success() && told.contains("proxy-url"), "{told}");
}

/// A proxy that connects (RFC 9110, CONNECT); its port, and how often it did.
async fn proxy() -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let (port, used) = (listener.local_addr().expect("it is bound").port(), Arc::<AtomicUsize>::default());
    let counted = Arc::clone(&used);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let counted = Arc::clone(&counted);
            tokio::spawn(async move {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(stream.read_u8().await?);
                }
                let head = String::from_utf8_lossy(&head).into_owned();
                let target = head.split(' ').nth(1).unwrap_or_default();
                let mut there = TcpStream::connect(target).await?;
                counted.fetch_add(1, Ordering::Relaxed);
                stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
                copy_bidirectional(&mut stream, &mut there).await
            });
        }
    });
    (port, used)
}

fn cli(kubeconfig: &Path, words: &[&str], environment: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cli"));
    command.args(words).arg("--kubeconfig").arg(PathBuf::from(kubeconfig));
    command.env_remove("TRITON_SERVER").env_remove("KUBECONFIG").stdin(Stdio::null());
    for name in ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy"] {
        command.env_remove(name);
    }
    command.envs(environment.iter().copied()).output().expect("the program starts")
}

//! The command line straight on the cluster, as somebody who has the rights of its page, or lacks them.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tokio::time::sleep;

use crate::{app, operator::kubeconfig, site::Site};

#[tokio::test(flavor = "multi_thread")]
async fn a_flow_is_made_led_and_looked_at_with_a_kubeconfig_and_the_rights_of_the_page() {
    let site = Site::on_own_plane("direct").await;
    let jo = Person::with_the_rights_of_the_page(&site).await;

    site.apply(&app::service());
    let strategy = json!({"mode": "auto", "canary": 1, "batchSize": 1, "drainSeconds": 0});
    let file = jo.file(&app::create("first", 2, strategy));
    assert!(jo.typed(&["plan", "-f", &file], 0).contains("1 canary"));
    assert!(jo.typed(&["create", "-f", &file], 0).contains("first"));
    for gate in ["Smoked", "Baking", "Baked"] {
        let waits = jo.typed(&["wait", "first", "--for=waiting", "--timeout=2m"], 0);
        assert!(waits.contains(&format!("batch 1 {gate}")), "{gate}: {waits}");
        jo.typed(&["next", "first", "--expect", &format!("1/{gate}")], 0);
    }
    assert!(jo.typed(&["wait", "first", "--timeout=2m"], 0).contains("Success"));
    assert_eq!(jo.typed(&["list", "-o", "name"], 0).trim(), "deployflow.apps.triton.io/first");
    assert_eq!(jo.typed(&["instances", "-o", "name"], 0).trim(), "instance/web");
    assert_eq!(jo.typed(&["pods", app::NAME, "-o", "name"], 0).lines().count(), 2);
    assert!(jo.typed(&["history", app::NAME], 0).contains("create"));
    assert!(jo.typed(&["plan", app::NAME], 0).contains("2 pods now"));

    let again = jo.typed(&["create", "-f", &file], 1);
    assert!(again.contains("already exists") && again.contains("another metadata.name"), "{again}");
    let scale = ["scale", app::NAME, "--replicas", "1", "--mode", "auto", "--drain", "0", "-o", "json"];
    let flow: Value = serde_json::from_str(&jo.typed(&scale, 0)).expect("a flow");
    let name = flow["metadata"]["name"].as_str().expect("its name");
    assert!(jo.typed(&["watch", name], 0).contains("Success"));
    jo.typed(&["delete", "flow", name], 0);
    assert!(jo.typed(&["get", name], 1).contains("there is no flow"));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_lacks_a_right_is_told_which() {
    let site = Site::on_own_plane("direct-denied").await;
    site.apply(&app::create("first", 1, json!({"paused": true})));
    let jo = Person::new(&site, "jo");
    let lacks = |words: &[&str], right: &str| {
        let told = jo.typed(words, 1);
        assert!(told.contains(right), "{words:?}: {told}");
    };
    let place = format!("in the namespace \"{}\"", site.namespace);
    lacks(&["list"], "cannot list resource \"deployflows\"");
    lacks(&["list"], &place);
    lacks(&["get", "first"], "cannot get resource \"deployflows\"");

    let account = format!("--serviceaccount={}:jo", site.namespace);
    let role = ["create", "role", "looks", "--verb=get,list", "--resource=deployflows.apps.triton.io"];
    site.kubectl(&role);
    site.kubectl(&["create", "rolebinding", "jo", "--role=looks", &account]);
    jo.waits_for_the_right(&site, "list").await;
    assert!(jo.typed(&["list"], 0).contains("first"));
    lacks(&["wait", "first", "--timeout=1m"], "cannot watch resource \"deployflows\"");
    lacks(&["resume", "first"], "cannot patch resource \"deployflows\"");
    lacks(&["list", "-A"], "at the cluster scope");

    // Several kinds are asked for at once, and the first refusal is told: each that remains is of this kind.
    let role = ["create", "role", "follows", "--verb=watch", "--resource=deployflows.apps.triton.io"];
    site.kubectl(&role);
    site.kubectl(&["create", "rolebinding", "jo-follows", "--role=follows", &account]);
    jo.waits_for_the_right(&site, "watch").await;
    lacks(&["instances"], "cannot list resource");
}

/// Somebody with an account and a kubeconfig, who types commands.
pub(crate) struct Person {
    kubeconfig: PathBuf,
    folder: tempfile::TempDir,
}

impl Person {
    /// Jo, with the role that the page of the command line names.
    pub(crate) async fn with_the_rights_of_the_page(site: &Site) -> Self {
        let jo = Self::new(site, "jo");
        let role = concat!(env!("CARGO_MANIFEST_DIR"), "/../triton-operator/deploy/user.yaml");
        site.rig.plane.kubectl(&["apply", "-f", role]).unwrap_or_else(|error| panic!("{error}"));
        let account = format!("--serviceaccount={}:jo", site.namespace);
        site.kubectl(&["create", "rolebinding", "jo", "--clusterrole=triton-user", &account]);
        jo.waits_for_the_right(site, "delete").await;
        jo
    }

    fn new(site: &Site, name: &str) -> Self {
        site.kubectl(&["create", "serviceaccount", name]);
        let token = site.kubectl(&["create", "token", name]);
        let kubeconfig = kubeconfig(site, name, |config| {
            config["users"][0]["user"] = json!({"token": token.trim()});
            config["contexts"][0]["context"]["namespace"] = json!(site.namespace);
        });
        Self { kubeconfig, folder: tempfile::tempdir().expect("a folder for manifests") }
    }

    /// Waits until the API server has seen a role that was just given: it watches them like everybody else.
    async fn waits_for_the_right(&self, site: &Site, verb: &str) {
        let deadline = Instant::now() + Duration::from_secs(30);
        let kubeconfig = self.kubeconfig.to_str().expect("a path of text");
        let asked = ["--kubeconfig", kubeconfig, "auth", "can-i", verb, "deployflows.apps.triton.io"];
        while !site.try_kubectl(&asked).is_ok_and(|answer| answer.trim() == "yes") {
            assert!(Instant::now() < deadline, "the right to {verb} flows did not arrive");
            sleep(Duration::from_millis(100)).await;
        }
    }

    /// A manifest of this object.
    pub(crate) fn file(&self, object: &Value) -> String {
        let path = self.folder.path().join("flow.json");
        fs::write(&path, object.to_string()).expect("the manifest can be written");
        path.to_str().expect("a path of text").to_owned()
    }

    /// Types a command, which ends with this code; answers what it printed, errors too.
    pub(crate) fn typed(&self, words: &[&str], code: i32) -> String {
        let output = command(&self.kubeconfig, words).output().expect("the program starts");
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(code), "{words:?}\n{out}\n{err}");
        if code == 0 { out.into_owned() } else { err.into_owned() }
    }
}

fn command(kubeconfig: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cli"));
    command.args(words).arg("--kubeconfig").arg(kubeconfig);
    command.env_remove("TRITON_SERVER").env_remove("KUBECONFIG").stdin(Stdio::null());
    command
}

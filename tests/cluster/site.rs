//! A namespace for one test, with an operator of its own in it, watched from the first moment on.

use std::{
    hash::{BuildHasher, RandomState},
    path::Path,
    sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError},
    thread,
};

use serde_json::{Value, json};
use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};
use triton_tests::{
    cloneset::connect,
    operator::Operator,
    plane::{Plane, PlaneError, free_port},
    scene::{Kind, Scene, View, answers},
};

use crate::{
    app,
    rig::{Rig, SETS},
};

pub(crate) struct Site {
    pub(crate) rig: &'static Rig,
    pub(crate) namespace: String,
    pub(crate) scene: Scene,
    /// Where the operator serves gRPC, also after it was started again.
    pub(crate) grpc: u16,
    operator: Mutex<Option<Operator>>,
    turn: Turn,
}

/// Tests that others would notice wait until no other runs on the plane.
#[expect(dead_code, reason = "held, not read")]
enum Turn {
    Any,
    Beside(OwnedRwLockReadGuard<()>),
    Alone(OwnedRwLockWriteGuard<()>),
}

/// Whose turn it is on [`Rig::apart`].
static APART: LazyLock<Arc<RwLock<()>>> = LazyLock::new(Arc::default);

impl Site {
    /// A namespace beside other tests.
    pub(crate) async fn new(name: &str) -> Self {
        Self::fresh(Rig::shared(), Turn::Any, name).await
    }

    /// A namespace beside other tests, for those that also write outside of it, or that need pods of the test
    /// nodes: always on a plane that the suite has started.
    pub(crate) async fn on_own_plane(name: &str) -> Self {
        let (rig, turn) = Self::beside().await;
        Self::fresh(rig, turn, name).await
    }

    /// A namespace of a plane that the suite has started, where no other test runs meanwhile.
    pub(crate) async fn apart(name: &str) -> Self {
        let turn = Turn::Alone(Arc::clone(&APART).write_owned().await);
        Self::fresh(Rig::apart(), turn, name).await
    }

    /// A namespace of a plane with the CloneSets of an OpenKruise later than 1.9.
    pub(crate) async fn later(name: &str) -> Self {
        Self::fresh(Rig::later(), Turn::Any, name).await
    }

    /// Several namespaces of such a plane.
    pub(crate) async fn several_apart(names: &[String]) -> Vec<Self> {
        let (first, others) = names.split_first().expect("a name");
        let mut sites = vec![Self::apart(first).await];
        for name in others {
            sites.push(Self::fresh(Rig::apart(), Turn::Any, name).await);
        }
        sites
    }

    async fn beside() -> (&'static Rig, Turn) {
        if Plane::shared().external() {
            (Rig::apart(), Turn::Beside(Arc::clone(&APART).read_owned().await))
        } else {
            (Rig::shared(), Turn::Any)
        }
    }

    /// Namespace `default` of a plane that the suite has started.
    pub(crate) async fn of_the_tutorial() -> Self {
        let (rig, turn) = Self::beside().await;
        Self::open(rig, turn, "default".to_owned()).await
    }

    async fn fresh(rig: &'static Rig, turn: Turn, name: &str) -> Self {
        let mark = RandomState::new().hash_one(name) & 0xffff;
        let namespace = format!("{name}-{mark:04x}");
        rig.plane.create_namespace(&namespace).expect("the namespace is new");
        Self::open(rig, turn, namespace).await
    }

    async fn open(rig: &'static Rig, turn: Turn, namespace: String) -> Self {
        let client = connect(rig.plane.kubeconfig(), "watching-test").await.expect("the cluster answers");
        let scene = Scene::open_as(&client, &namespace, rig.version);
        let site = Self { rig, namespace, scene, grpc: free_port(), operator: Mutex::default(), turn };
        site.start_operator().await;
        site
    }

    /// Starts the operator and waits until it knows the cluster.
    pub(crate) async fn start_operator(&self) {
        self.start_operator_as(self.rig.plane.kubeconfig()).await;
    }

    /// Starts the operator as whoever this kubeconfig is of, in place of the one that runs.
    pub(crate) async fn start_operator_as(&self, kubeconfig: &Path) {
        self.launch(kubeconfig, &[env!("CARGO_BIN_EXE_operator")]).await;
    }

    /// Starts the operator as whoever this kubeconfig is of and with this variable, in place of the one that runs.
    pub(crate) async fn start_operator_as_with(&self, kubeconfig: &Path, variable: &str) {
        self.launch(kubeconfig, &[variable, env!("CARGO_BIN_EXE_operator")]).await;
    }

    /// Starts the operator with this variable, such as `NAME=value`, in place of the one that runs.
    pub(crate) async fn start_operator_with(&self, variable: &str) {
        self.launch(self.rig.plane.kubeconfig(), &[variable, env!("CARGO_BIN_EXE_operator")]).await;
    }

    async fn launch(&self, kubeconfig: &Path, program: &[&str]) {
        self.kill_operator();
        let (plane, namespace) = (self.rig.plane, Some(&*self.namespace));
        let operator = Operator::start_as(plane, kubeconfig, program, self.grpc, namespace);
        let mut operator = operator.unwrap_or_else(|error| panic!("{error}"));
        operator.ready().await.unwrap_or_else(|error| panic!("{error}"));
        *self.operator() = Some(operator);
    }

    /// Starts the operator and kills it as soon as it answers, while it reads the cluster.
    pub(crate) async fn start_and_kill_operator(&self) {
        let program = [env!("CARGO_BIN_EXE_operator")];
        let operator = Operator::start(self.rig.plane, &program, self.grpc, Some(&self.namespace));
        let mut operator = operator.unwrap_or_else(|error| panic!("{error}"));
        operator.answers().await.unwrap_or_else(|error| panic!("{error}"));
    }

    /// Takes the operator, which goes on.
    pub(crate) fn take_operator(&self) -> Operator {
        self.operator().take().expect("an operator runs")
    }

    /// Kills the operator (SIGKILL), which the API server must not have warned of anything. Tests that define flows
    /// in another way store specs that break the rules; a status for such a flow is taken with a warning for each.
    pub(crate) fn kill_operator(&self) {
        let warnings = self.operator().take().map_or_else(Vec::new, |operator| operator.warnings());
        let stored = |warning: &&String| warning.contains("spec.") && warning.contains("Invalid value");
        let redefines = matches!(self.turn, Turn::Alone(_));
        let others: Vec<_> = warnings.iter().filter(|warning| !(redefines && stored(warning))).collect();
        assert!(others.is_empty() || thread::panicking(), "{others:#?}");
    }

    /// Gives it back.
    pub(crate) fn put_operator(&self, operator: Operator) {
        *self.operator() = Some(operator);
    }

    fn operator(&self) -> MutexGuard<'_, Option<Operator>> {
        self.operator.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn view(&self) -> View {
        self.scene.view()
    }

    /// Runs kubectl in the namespace.
    pub(crate) fn try_kubectl(&self, args: &[&str]) -> Result<String, PlaneError> {
        self.rig.plane.kubectl(&[&["-n", &self.namespace], args].concat())
    }

    pub(crate) fn kubectl(&self, args: &[&str]) -> String {
        self.try_kubectl(args).unwrap_or_else(|error| panic!("{error}"))
    }

    /// What the API server holds now, past the watches.
    pub(crate) fn kubectl_json(&self, args: &[&str]) -> Value {
        let text = self.kubectl(&[args, &["-o", "json"]].concat());
        serde_json::from_str(&text).expect("kubectl prints JSON")
    }

    /// The events of its namespace, as `events.k8s.io` has them.
    pub(crate) fn events(&self) -> Vec<Value> {
        match self.kubectl_json(&["get", "events.events.k8s.io"])["items"].take() {
            Value::Array(events) => events,
            other => panic!("kubectl prints no list: {other}"),
        }
    }

    /// Waits for an event of this reason whose text says so.
    pub(crate) async fn tells(&self, reason: &str, says: &str) {
        let told = |events: &Vec<Value>| {
            let note = |event: &Value| event["note"].as_str().is_some_and(|note| note.contains(says));
            events.iter().any(|event| event["reason"] == reason && note(event))
        };
        answers(&format!("an event {reason} says {says}"), || self.events(), told).await;
    }

    pub(crate) fn try_apply(&self, object: &Value) -> Result<String, PlaneError> {
        let args = ["-n", &self.namespace, "apply", "-f", "-"];
        self.rig.plane.kubectl_with_input(&args, &object.to_string())
    }

    pub(crate) fn apply(&self, object: &Value) {
        self.try_apply(object).unwrap_or_else(|error| panic!("{error}"));
    }

    /// Gives an order to a flow, such as `Next`; waits for its effect where the call does.
    pub(crate) fn try_order(&self, rpc: &str, flow: &str) -> Result<String, PlaneError> {
        let request = json!({"deploy": {"name": flow, "namespace": self.namespace}});
        let (address, rpc) = (format!("localhost:{}", self.grpc), format!("deployflow.DeployFlow/{rpc}"));
        self.rig.plane.grpcurl(&["--plaintext", "-d", &request.to_string(), &address, &rpc])
    }

    pub(crate) fn order(&self, rpc: &str, flow: &str) -> String {
        self.try_order(rpc, flow).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Takes the canary of a flow through, an order a stage.
    pub(crate) async fn agrees(&self, flow: &str) {
        for stage in ["Smoked", "Baking", "Baked"] {
            self.asks(flow, 1, stage).await;
            self.next(flow);
        }
    }

    pub(crate) fn next(&self, flow: &str) {
        self.order("Next", flow);
    }

    /// Brings an application up in one batch, with its Service.
    pub(crate) async fn serve(&self, replicas: u32) {
        self.apply(&app::service());
        self.apply(&app::create("first", replicas, json!({"mode": "auto"})));
        self.ends("first", "Success").await;
    }

    /// Lets the workload exchange its pods in this way from now on (`updateStrategy.type`).
    pub(crate) async fn exchanges(&self, how: &str) {
        let patch = json!({"spec": {"updateStrategy": {"type": how, "maxSurge": null}}}).to_string();
        self.kubectl(&["patch", SETS, app::NAME, "--type=merge", "-p", &patch]);
        let seen = |view: &View| {
            view.get(Kind::Set, app::NAME).is_some_and(|set| set["spec"]["updateStrategy"]["type"] == how)
        };
        self.scene.holds("the patch is seen", seen).await;
    }

    /// Gives an order to the application over gRPC; answers the name of the flow that carries it out.
    pub(crate) fn call(&self, rpc: &str, mut request: Value) -> String {
        request["instance"] = json!({"name": app::NAME, "namespace": self.namespace});
        let (address, rpc) = (format!("localhost:{}", self.grpc), format!("application.Application/{rpc}"));
        let answer = self.rig.plane.grpcurl(&["--plaintext", "-d", &request.to_string(), &address, &rpc]);
        let answer = answer.unwrap_or_else(|error| panic!("{error}"));
        let answer: Value = serde_json::from_str(&answer).expect("grpcurl prints JSON");
        answer["deployName"].as_str().unwrap_or_else(|| panic!("no flow in {answer}")).to_owned()
    }

    /// Gives an order to the application over REST; answers the name of the flow that carries it out.
    pub(crate) async fn post(&self, orders: &str, body: &Value) -> String {
        let operator = self.take_operator();
        let path = format!("/api/v1/namespaces/{}/instances/{}/{orders}", self.namespace, app::NAME);
        let answer = operator.post(&path, &body.to_string()).await;
        *self.operator() = Some(operator);
        let (status, text) = answer.expect("it answers");
        assert_eq!(status, 201, "{text}");
        let answer: Value = serde_json::from_str(&text).expect("it answers JSON");
        answer["data"]["deployName"].as_str().unwrap_or_else(|| panic!("no flow in {text}")).to_owned()
    }

    /// Waits until a flow has succeeded and given the workload back.
    pub(crate) async fn succeeds(&self, flow: &str) {
        self.ends(flow, "Success").await;
        self.gives_back(flow).await;
    }

    /// Waits until a flow has given the workload back.
    pub(crate) async fn gives_back(&self, flow: &str) {
        let what = format!("{flow} gives the workload back");
        self.scene.holds(&what, |view| view.flow(flow)["metadata"]["finalizers"].is_null()).await;
        self.scene.catches_up().await;
    }

    /// Lets flows go that still hold something: no operator is left to give it back, and they would keep
    /// their namespace.
    fn forget_flows(&self) {
        let flows = self.try_kubectl(&["get", "df", "-o", "name"]).unwrap_or_default();
        for flow in flows.lines() {
            let free = r#"{"metadata":{"finalizers":null}}"#;
            let _ = self.try_kubectl(&["patch", flow, "--type=merge", "-p", free]);
        }
    }

    /// Waits until a flow has ended; it must be with this phase.
    pub(crate) async fn ends(&self, flow: &str, phase: &str) {
        let what = format!("{flow} ends");
        let ended = |view: &View| {
            let ended = view.flow(flow)["status"]["finished"] == true;
            ended.then(|| (view.phase(flow).to_owned(), view.flow(flow)["status"]["message"].clone()))
        };
        let (found, message) = self.scene.until(&what, ended).await;
        self.scene.catches_up().await;
        assert_eq!(found, phase, "{flow}: {message}");
    }

    /// Waits until a flow asks a person in this stage of this batch.
    pub(crate) async fn asks(&self, flow: &str, batch: u64, stage: &str) {
        let what = format!("{flow} asks a person in batch {batch}, {stage}");
        let asks = |view: &View| view.at(flow, batch, stage) && view.waits_for(flow) == "Approval";
        self.scene.holds(&what, asks).await;
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if thread::panicking() {
            let flows = self.try_kubectl(&["get", "df", "-o", "yaml"]).unwrap_or_default();
            eprintln!("--- flows of {}:\n{flows}", self.namespace);
            eprintln!("--- now:\n{}", self.view().summary());
            eprintln!("--- events:\n{}", self.try_kubectl(&["get", "events"]).unwrap_or_default());
            let log = self.operator().as_ref().map_or_else(String::new, |operator| operator.tail(60));
            eprintln!("--- the operator's log:\n{log}");
        }
        self.kill_operator();
        if self.rig.plane.external() {
            self.forget_flows();
            let _ = self.rig.plane.kubectl(&["delete", "namespace", "--wait=false", &self.namespace]);
        }
    }
}

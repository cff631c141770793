//! The suite of the API, typed: each call is a command, its answer is read from what the command prints for
//! programs. What has no command (Edit, the streams, one instance or pod by its name) is asked of the service
//! behind it.

use std::fs;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};
use triton_core::driver::Rest;
use triton_core::model::{
    BatchPhase, Draft, Edit, FlowId, InstanceId, Namespace, NonUpdateStrategy, RawSize, Seconds, Target,
};
use triton_core::service::{
    ApiError, ApiStream, CreateFlow, DeployApi, FlowEvent, FlowFilter, FlowView, InstanceOrder, LifecycleApi,
    Made, Ordered, RollbackTo,
};
use triton_core::testing::api_suite::{self, ApiRig};

use super::{Play, ready};

#[test]
fn the_command_line_keeps_the_promises_of_the_api() {
    let play = Play::new(1);
    let namespace = |name: &str| Namespace::new(name).unwrap();
    ready(api_suite::all(&play, &namespace("api")));
    ready(api_suite::lifecycle(&play, &play, &namespace("ordered")));
    ready(api_suite::lifecycle_carried_out(&play, &play, &namespace("lived")));
}

impl ApiRig for Play {
    type Api = Self;

    fn api(&self) -> &Self {
        self
    }

    async fn pass_time(&self) {
        let ids: Vec<FlowId> = self.sim.world().flows().iter().map(|entry| entry.id.clone()).collect();
        let mut next = None;
        for id in ids {
            loop {
                match self.driver.advance(&id, &mut |_, _| {}).await.unwrap() {
                    Rest::Again => {}
                    Rest::Until(until, _) => break next = [next, Some(until)].into_iter().flatten().min(),
                    Rest::Done | Rest::Corrupt | Rest::Gone => break,
                }
            }
        }
        let soon = self.sim.world().now().plus(Seconds(1));
        self.pass_time(next.map_or(soon, |next| next.min(soon)));
    }
}

/// What a command printed for programs, and beside it.
struct Printed {
    json: Value,
    notes: String,
}

impl Play {
    /// Types a command.
    fn ask(&self, namespace: &Namespace, words: &[&str]) -> Result<Printed, ApiError> {
        let words = [words, &["-n", namespace.as_str(), "-o", "json"]].concat();
        let (done, out, notes) = self.printed(&words);
        match done {
            Ok(0) => Ok(Printed { json: serde_json::from_str(&out).unwrap_or_default(), notes }),
            Ok(code) => panic!("{words:?} ended with {code}: {notes}"),
            Err(failure) => {
                let kind = failure.kind.unwrap_or_else(|| panic!("{words:?}: {failure:?}"));
                // One fault a line is for people.
                let message = failure.message.trim_start_matches("invalid, nothing was applied:\n  ");
                Err(ApiError::new(kind, message.replace("\n  ", "; ")))
            }
        }
    }

    fn order_flow(&self, id: &FlowId, words: &[&str]) -> Result<Ordered, ApiError> {
        let printed = self.ask(&id.namespace, words)?;
        Ok(Ordered { already: printed.notes.contains("it was so already"), flow: view(&printed.json) })
    }
}

impl DeployApi for Play {
    async fn get(&self, id: &FlowId) -> Result<FlowView, ApiError> {
        self.ask(&id.namespace, &["get", id.name.as_str()]).map(|printed| view(&printed.json))
    }

    async fn list(&self, filter: &FlowFilter) -> Result<Vec<FlowView>, ApiError> {
        let mut words = vec!["list"];
        words.extend(filter.instance_name.iter().flat_map(|name| ["--instance", name.as_str()]));
        words.extend(filter.action.iter().flat_map(|action| ["--action", action.as_str()]));
        words.extend(filter.namespace.is_none().then_some("-A"));
        let fallback = Namespace::new("default").unwrap();
        let printed = self.ask(filter.namespace.as_ref().unwrap_or(&fallback), &words)?;
        let found = printed.json["items"].as_array().unwrap().iter().map(view);
        // Pages are for programs.
        Ok(filter.page(found))
    }

    async fn create(&self, flow: CreateFlow) -> Result<FlowView, ApiError> {
        let file = File::with(&manifest(&flow));
        self.ask(&flow.namespace, &["create", "-f", &file.0]).map(|printed| view(&printed.json))
    }

    async fn next(&self, id: &FlowId, expected: Option<Target>) -> Result<FlowView, ApiError> {
        let expected = expected.map(|at| format!("{}/{}", at.batch, at.phase));
        let mut words = vec!["next", id.name.as_str()];
        words.extend(expected.iter().flat_map(|expected| ["--expect", expected.as_str()]));
        self.order_flow(id, &words).map(|ordered| ordered.flow)
    }

    async fn go_to(&self, id: &FlowId, Target { batch, phase }: Target) -> Result<Ordered, ApiError> {
        let batch = batch.to_string();
        self.order_flow(id, &["continue", id.name.as_str(), "--batch", &batch, "--stage", phase.as_str()])
    }

    async fn pause(&self, id: &FlowId) -> Result<Ordered, ApiError> {
        self.order_flow(id, &["pause", id.name.as_str()])
    }

    async fn resume(&self, id: &FlowId) -> Result<Ordered, ApiError> {
        self.order_flow(id, &["resume", id.name.as_str()])
    }

    async fn cancel(&self, id: &FlowId) -> Result<Ordered, ApiError> {
        self.order_flow(id, &["cancel", id.name.as_str()])
    }

    async fn edit(&self, id: &FlowId, edit: &Edit) -> Result<Ordered, ApiError> {
        self.api.edit(id, edit).await
    }

    async fn delete(&self, id: &FlowId) -> Result<(), ApiError> {
        self.ask(&id.namespace, &["delete", "flow", id.name.as_str()]).map(drop)
    }

    async fn watch(&self, id: &FlowId, target: Option<Target>) -> Result<ApiStream<FlowView>, ApiError> {
        self.api.watch(id, target).await
    }

    async fn list_and_watch(&self, filter: &FlowFilter) -> Result<ApiStream<FlowEvent>, ApiError> {
        self.api.list_and_watch(filter).await
    }
}

impl LifecycleApi for Play {
    async fn order(
        &self,
        id: &InstanceId,
        order: InstanceOrder,
        request: Option<&str>,
    ) -> Result<Made, ApiError> {
        let name = id.name.as_str().to_owned();
        let mut words = match &order {
            InstanceOrder::Restart { .. } => vec!["restart".to_owned(), name],
            InstanceOrder::Scale { replicas, .. } => {
                vec!["scale".to_owned(), name, format!("--replicas={replicas}")]
            }
            InstanceOrder::Start { replicas, .. } => {
                let size = replicas.map(|replicas| format!("--replicas={replicas}"));
                ["start".to_owned(), name].into_iter().chain(size).collect()
            }
            InstanceOrder::Stop { .. } => vec!["stop".to_owned(), name],
            InstanceOrder::Delete { .. } => {
                vec!["delete".to_owned(), "instance".to_owned(), name, "--yes".to_owned()]
            }
            InstanceOrder::Rollback { to, .. } => {
                let to = match to {
                    RollbackTo::LastGood => None,
                    RollbackTo::Flow(flow) => Some(format!("--to-flow={flow}")),
                    RollbackTo::Revision(revision) => Some(format!("--to-revision={revision}")),
                };
                ["rollback".to_owned(), name].into_iter().chain(to).collect()
            }
        };
        words.extend(flags(order));
        words.extend(request.map(|request| format!("--request-id={request}")));
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let printed = self.ask(&id.namespace, &words)?;
        let flow = (!printed.json.is_null()).then(|| view(&printed.json));
        Ok(Made { flow, rollback_to: String::new() })
    }
}

/// What the command line has flags for.
fn flags(order: InstanceOrder) -> Vec<String> {
    let strategy = match order {
        InstanceOrder::Restart { strategy }
        | InstanceOrder::Scale { strategy, .. }
        | InstanceOrder::Start { strategy, .. }
        | InstanceOrder::Stop { strategy }
        | InstanceOrder::Delete { strategy } => strategy,
        InstanceOrder::Rollback { strategy, .. } => NonUpdateStrategy {
            batch_size: strategy.batch_size,
            mode: strategy.mode,
            drain_seconds: strategy.drain_seconds,
            ..NonUpdateStrategy::default()
        },
    };
    let size = strategy.batch_size.map(|size| match size {
        RawSize::Int(size) => format!("--batch-size={size}"),
        RawSize::Text(size) => format!("--batch-size={size}"),
    });
    let mode = strategy.mode.map(|mode| format!("--mode={mode}"));
    let drain = strategy.drain_seconds.map(|seconds| format!("--drain={seconds}"));
    [size, mode, drain].into_iter().flatten().collect()
}

/// A manifest in a file, gone when dropped.
struct File(String);

impl File {
    fn with(manifest: &Value) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("triton-door-{}-{number}.json", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::write(&path, manifest.to_string()).unwrap();
        Self(path.to_str().unwrap().to_owned())
    }
}

impl Drop for File {
    fn drop(&mut self) {
        fs::remove_file(&self.0).unwrap();
    }
}

fn manifest(flow: &CreateFlow) -> Value {
    let Draft { action, app_id, group_id, app_name, instance_name, replicas, template, .. } = &flow.draft;
    let mut spec = json!({
        "action": action,
        "application": {
            "appID": app_id, "groupID": group_id, "appName": app_name, "instanceName": instance_name,
            "replicas": replicas, "template": template,
        },
    });
    if let Some(strategy) = &flow.draft.update_strategy {
        spec["updateStrategy"] = serde_json::to_value(strategy).unwrap();
    }
    json!({
        "apiVersion": "apps.triton.io/v1alpha1", "kind": "DeployFlow",
        "metadata": { "name": flow.name }, "spec": spec,
    })
}

/// A flow as it was printed.
fn view(object: &Value) -> FlowView {
    let (meta, spec) = (&object["metadata"], &object["spec"]);
    let application = &spec["application"];
    let strategies = [&spec["updateStrategy"], &spec["nonUpdateStrategy"]];
    let strategy = strategies.into_iter().find(|strategy| strategy.is_object()).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let count = |value: &Value| u32::try_from(value.as_u64().unwrap()).unwrap();
    let canary = strategy.get("canary").map_or(0, count);
    let size = |batch: &Value| count(&batch["batchSize"]);
    let signed = |value: &Value| i32::try_from(value.as_i64().unwrap()).unwrap();
    FlowView {
        id: serde_json::from_value(meta.clone()).unwrap(),
        app_id: signed(&application["appID"]),
        group_id: signed(&application["groupID"]),
        app_name: text(&application["appName"]),
        instance_name: text(&application["instanceName"]),
        action: text(&spec["action"]),
        mode: text(&strategy["mode"]),
        replicas: count(&application["replicas"]),
        canary,
        batch_size: object["status"]["conditions"].as_array().and_then(|all| all.last()).map_or(canary, size),
        interval: Seconds(count(&strategy["batchIntervalSeconds"])),
        deadline: Seconds(count(&strategy["progressDeadlineSeconds"])),
        grace: Seconds(count(&strategy["failureGraceSeconds"])),
        drain: Seconds(count(&strategy["drainSeconds"])),
        target: Target {
            batch: count(&strategy["batches"]),
            phase: BatchPhase::parse_target(&text(&strategy["stage"])).unwrap(),
        },
        canceled: strategy["canceled"].as_bool().unwrap(),
        superseded_by: strategy["supersededBy"].as_str().unwrap_or_default().into(),
        rollback_to: spec["rollbackTo"]["revision"].as_str().unwrap_or_default().into(),
        image: application["image"].as_str().unwrap_or_default().into(),
        created_at: text(&meta["creationTimestamp"]).parse().unwrap(),
        record: serde_json::from_value(object["status"].clone()).unwrap(),
    }
}

//! The three APIs again, over REST.

use std::net::SocketAddr;

use futures::StreamExt;
use serde_json::{Map, Value, json};
use triton_core::model::{
    BatchPhase, Edit, FlowId, FlowName, InstanceId, Namespace, Seconds, Target, Timestamp,
};
use triton_core::service::{
    ApiError, ApiErrorKind, ApiStream, CreateFlow, DeployApi, FlowEvent, FlowFilter, FlowView, InstanceApi,
    InstanceOrder, InstanceView, LifecycleApi, MAX_PAGE, Made, Ordered, PodFilter, PodId, PodView,
    RollbackTo,
};
use triton_grpc::status::codes;

use super::http::{Event, ask, events, send};

/// A server of triton, reached over REST.
#[derive(Clone, Debug)]
pub(crate) struct Rest {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// The namespace for questions about all of them, which REST has not.
    pub(crate) home: Namespace,
}

/// Every kind of error.
pub(crate) const KINDS: [ApiErrorKind; 10] = [
    ApiErrorKind::Aborted,
    ApiErrorKind::AlreadyExists,
    ApiErrorKind::FailedPrecondition,
    ApiErrorKind::Internal,
    ApiErrorKind::InvalidArgument,
    ApiErrorKind::NotFound,
    ApiErrorKind::PermissionDenied,
    ApiErrorKind::ResourceExhausted,
    ApiErrorKind::Unauthenticated,
    ApiErrorKind::Unavailable,
];

impl Rest {
    /// `data` of the answer.
    async fn call(&self, method: &str, path: &str, body: Option<Value>) -> Result<Value, ApiError> {
        self.call_with(method, path, &[], body).await
    }

    async fn call_with(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<Value>,
    ) -> Result<Value, ApiError> {
        let path = format!("/api/v1{path}");
        let reply = ask(self.address, method, &path, headers, body.map(|body| body.to_string())).await;
        let mut json = reply.json();
        if reply.http < 300 {
            assert!(json.is_null() || (&json["code"], &json["msg"]) == (&json!(0), &json!("success")));
            return Ok(json.get_mut("data").map(Value::take).unwrap_or_default());
        }
        Err(error(reply.http, &json))
    }

    async fn stream(&self, path: &str) -> Result<impl futures::Stream<Item = Event> + use<>, ApiError> {
        let response = send(self.address, "GET", &format!("/api/v1{path}"), &[], None).await;
        if response.status() == 200 {
            return Ok(events(response));
        }
        Err(self.call("GET", path, None).await.expect_err("refused twice"))
    }

    async fn order(&self, id: &FlowId, verb: &str, body: Option<Value>) -> Result<Ordered, ApiError> {
        ordered(self.call("POST", &format!("{}/{verb}", flow_path(id)), body).await?)
    }
}

impl DeployApi for Rest {
    async fn get(&self, id: &FlowId) -> Result<FlowView, ApiError> {
        Ok(view(self.call("GET", &flow_path(id), None).await?))
    }

    async fn list(&self, filter: &FlowFilter) -> Result<Vec<FlowView>, ApiError> {
        let path = format!("{}?{}", flows_path(self, filter), query(filter));
        Ok(views(self.call("GET", &path, None).await?))
    }

    async fn create(&self, flow: CreateFlow) -> Result<FlowView, ApiError> {
        let draft = flow.draft;
        let body = json!({
            "action": draft.action,
            "name": flow.name,
            "applicationSpec": {
                "appID": draft.app_id, "groupID": draft.group_id, "appName": draft.app_name,
                "instanceName": draft.instance_name, "replicas": draft.replicas,
                "applicationType": draft.application_type, "applicationLabel": draft.application_label,
                "selector": draft.selector, "template": draft.template,
                "volumeClaimTemplates": draft.volume_claim_templates,
            },
            "updateStrategy": draft.update_strategy,
            "nonUpdateStrategy": draft.non_update_strategy,
            "rollbackTo": draft.rollback_to,
        });
        let path = format!("/namespaces/{}/deployflows", flow.namespace);
        let made = self.call("POST", &path, Some(body)).await.map_err(|mut error| {
            if error.kind == ApiErrorKind::InvalidArgument {
                error.message = manifest_terms(&error.message);
            }
            error
        });
        made.map(view)
    }

    async fn next(&self, id: &FlowId, expected: Option<Target>) -> Result<FlowView, ApiError> {
        let body = expected.map(|at| json!({ "batch": at.batch, "stage": at.phase.as_str() }));
        self.call("POST", &format!("{}/next", flow_path(id)), body).await.map(view)
    }

    async fn go_to(&self, id: &FlowId, target: Target) -> Result<Ordered, ApiError> {
        let body = json!({ "batches": target.batch, "stage": target.phase.as_str() });
        self.order(id, "continue", Some(body)).await
    }

    async fn pause(&self, id: &FlowId) -> Result<Ordered, ApiError> {
        self.order(id, "pause", None).await
    }

    async fn resume(&self, id: &FlowId) -> Result<Ordered, ApiError> {
        self.order(id, "resume", None).await
    }

    async fn cancel(&self, id: &FlowId) -> Result<Ordered, ApiError> {
        self.order(id, "cancel", None).await
    }

    async fn edit(&self, id: &FlowId, edit: &Edit) -> Result<Ordered, ApiError> {
        let sizes = edit.sizes.as_ref();
        let body = json!({
            "paused": edit.paused, "canceled": edit.canceled,
            "batches": edit.target.map(|target| target.batch),
            "stage": edit.target.map(|target| target.phase.as_str()),
            "batchSizes": sizes.map(|sizes| sizes.0.iter().map(ToString::to_string).collect::<Vec<_>>()),
            "batchIntervalSeconds": edit.interval, "progressDeadlineSeconds": edit.deadline,
            "failureGraceSeconds": edit.grace,
        });
        ordered(self.call("PATCH", &flow_path(id), Some(body)).await?)
    }

    async fn delete(&self, id: &FlowId) -> Result<(), ApiError> {
        self.call("DELETE", &flow_path(id), None).await.map(|_| ())
    }

    async fn watch(&self, id: &FlowId, target: Option<Target>) -> Result<ApiStream<FlowView>, ApiError> {
        let target = target.map(|at| format!("batches={}&stage={}", at.batch, at.phase)).unwrap_or_default();
        let events = self.stream(&format!("{}/watch?{target}", flow_path(id))).await?;
        Ok(Box::pin(events.map(|(name, data)| match name.as_str() {
            "" => Ok(view(parsed(&data))),
            "error" => Err(error(0, &parsed(&data))),
            other => panic!("event {other:?}"),
        })))
    }

    async fn list_and_watch(&self, filter: &FlowFilter) -> Result<ApiStream<FlowEvent>, ApiError> {
        let path = format!("{}/watch?{}", flows_path(self, filter), query(filter));
        let events = self.stream(&path).await?;
        Ok(Box::pin(events.map(|(name, data)| match name.as_str() {
            "list" => Ok(FlowEvent::Listed(views(parsed(&data)))),
            "changed" => Ok(FlowEvent::Changed(view(parsed(&data)))),
            "removed" => Ok(FlowEvent::Removed(serde_json::from_value(parsed(&data)).unwrap())),
            "error" => Err(error(0, &parsed(&data))),
            other => panic!("event {other:?}"),
        })))
    }
}

impl InstanceApi for Rest {
    async fn instance(&self, id: &InstanceId) -> Result<InstanceView, ApiError> {
        self.call("GET", &instance_path(id), None).await.map(instance)
    }

    async fn instances(&self, namespace: Option<&Namespace>) -> Result<Vec<InstanceView>, ApiError> {
        let path = format!("/namespaces/{}/instances", namespace.unwrap_or(&self.home));
        Ok(items(self.call("GET", &path, None).await?).into_iter().map(instance).collect())
    }

    async fn pod(&self, id: &PodId) -> Result<PodView, ApiError> {
        let path = format!("/namespaces/{}/pods/{}", id.namespace, id.name);
        self.call("GET", &path, None).await.map(pod)
    }

    async fn pods(&self, filter: &PodFilter) -> Result<Vec<PodView>, ApiError> {
        let namespace = filter.namespace.as_ref().unwrap_or(&self.home);
        let instance = filter.instance_name.as_ref().map(ToString::to_string).unwrap_or_default();
        let ip = filter.ip.clone().unwrap_or_default();
        let path = format!("/namespaces/{namespace}/pods?instanceName={instance}&ip={ip}");
        Ok(items(self.call("GET", &path, None).await?).into_iter().map(pod).collect())
    }
}

impl LifecycleApi for Rest {
    async fn order(
        &self,
        id: &InstanceId,
        order: InstanceOrder,
        request: Option<&str>,
    ) -> Result<Made, ApiError> {
        let (method, verb, body) = match order {
            InstanceOrder::Restart { strategy } => ("POST", "/restarts", json!(strategy)),
            InstanceOrder::Scale { replicas, strategy } => {
                ("POST", "/scales", json!({ "replicas": replicas, "nonUpdateStrategy": strategy }))
            }
            InstanceOrder::Rollback { to, strategy } => {
                let (flow, revision) = match to {
                    RollbackTo::LastGood => (None, None),
                    RollbackTo::Flow(flow) => (Some(flow), None),
                    RollbackTo::Revision(revision) => (None, Some(revision)),
                };
                let body = json!({ "deployName": flow, "revision": revision, "updateStrategy": strategy });
                ("POST", "/rollbacks", body)
            }
            InstanceOrder::Start { replicas, strategy } => {
                ("POST", "/starts", json!({ "replicas": replicas, "nonUpdateStrategy": strategy }))
            }
            InstanceOrder::Stop { strategy } => ("POST", "/stops", json!(strategy)),
            InstanceOrder::Delete { .. } => ("DELETE", "", Value::Null),
        };
        let key = request.map(|request| ("idempotency-key", request));
        let path = format!("{}{verb}", instance_path(id));
        let body = Some(body).filter(|body| !body.is_null());
        let made = self.call_with(method, &path, key.as_slice(), body).await?;
        let rollback_to = text(&made, "rollbackTo");
        let Some(name) = made["deployName"].as_str() else { return Ok(Made { flow: None, rollback_to }) };
        let id = FlowId { namespace: id.namespace.clone(), name: FlowName::new(name).unwrap() };
        Ok(Made { flow: Some(self.get(&id).await?), rollback_to })
    }
}

fn error(http: u16, json: &Value) -> ApiError {
    assert_eq!((&json["code"], &json["data"]), (&json!(7), &json!({})), "{json}");
    let kind = KINDS.into_iter().find(|kind| json["status"] == codes(*kind).name).unwrap();
    assert!(http == 0 || http == codes(kind).http, "{http}: {json}");
    ApiError::new(kind, json["msg"].as_str().unwrap())
}

fn flow_path(id: &FlowId) -> String {
    format!("/namespaces/{}/deployflows/{}", id.namespace, id.name)
}

fn flows_path(rest: &Rest, filter: &FlowFilter) -> String {
    format!("/namespaces/{}/deployflows", filter.namespace.as_ref().unwrap_or(&rest.home))
}

fn instance_path(id: &InstanceId) -> String {
    format!("/namespaces/{}/instances/{}", id.namespace, id.name)
}

fn query(filter: &FlowFilter) -> String {
    let size = if filter.page_size == 0 { MAX_PAGE } else { filter.page_size };
    let instance = filter.instance_name.as_ref().map(ToString::to_string).unwrap_or_default();
    let action = filter.action.clone().unwrap_or_default();
    let after = filter.after.map(|after| after.to_string()).unwrap_or_default();
    format!("instanceName={instance}&action={action}&after={after}&start={}&pageSize={size}", filter.start)
}

/// Field paths as the core has them.
fn manifest_terms(message: &str) -> String {
    let one = |fault: &str| match fault.split(['.', ':', '[']).next() {
        Some("applicationSpec") => fault.replacen("applicationSpec", "spec.application", 1),
        Some("action" | "updateStrategy" | "nonUpdateStrategy") => format!("spec.{fault}"),
        _ => fault.to_owned(),
    };
    message.split("; ").map(one).collect::<Vec<_>>().join("; ")
}

fn parsed(data: &str) -> Value {
    serde_json::from_str(data).unwrap()
}

fn items(list: Value) -> Vec<Value> {
    serde_json::from_value(list).unwrap()
}

fn views(list: Value) -> Vec<FlowView> {
    items(list).into_iter().map(view).collect()
}

fn ordered(data: Value) -> Result<Ordered, ApiError> {
    let already = data["already"].as_bool().unwrap();
    Ok(Ordered { flow: view(data), already })
}

/// A flow: what the custom resource calls its status, and some more.
fn view(flow: Value) -> FlowView {
    let mut record: Map<String, Value> = serde_json::from_value(flow.clone()).unwrap();
    let revision = &flow["updateRevisionName"];
    let revision = if revision == "" { Value::Null } else { revision.clone() };
    let batches = flow["conditions"].as_array().unwrap().iter();
    let pods = batches.flat_map(|batch| batch["pods"].as_array().unwrap());
    let pods: Vec<Value> = pods.take(100).map(|pod| pod["name"].clone()).collect();
    record.insert("replicas".into(), flow["activeReplicas"].clone());
    record.insert("updateRevision".into(), revision);
    record.insert("pods".into(), pods.into());
    let record = serde_json::from_value(record.into()).unwrap_or_else(|error| panic!("{error}: {flow}"));
    let target = &flow["target"];
    FlowView {
        id: serde_json::from_value(flow.clone()).unwrap(),
        app_id: signed(&flow, "appID"),
        group_id: signed(&flow, "groupID"),
        app_name: text(&flow, "appName"),
        instance_name: text(&flow, "instanceName"),
        action: text(&flow, "action"),
        mode: text(&flow, "mode"),
        replicas: count(&flow, "replicas"),
        canary: count(&flow, "canary"),
        batch_size: count(&flow, "batchSize"),
        interval: Seconds(count(&flow, "batchIntervalSeconds")),
        deadline: Seconds(count(&flow, "progressDeadlineSeconds")),
        grace: Seconds(count(&flow, "failureGraceSeconds")),
        drain: Seconds(count(&flow, "drainSeconds")),
        target: Target {
            batch: count(target, "batches"),
            phase: BatchPhase::parse_target(&text(target, "stage")).unwrap(),
        },
        canceled: flow["canceled"].as_bool().unwrap(),
        superseded_by: text(&flow, "supersededBy"),
        rollback_to: text(&flow, "rollbackTo"),
        image: text(&flow, "image"),
        created_at: text(&flow, "createdAt").parse().unwrap(),
        record,
    }
}

fn instance(it: Value) -> InstanceView {
    InstanceView {
        namespace: text(&it, "namespace"),
        name: text(&it, "name"),
        available_replicas: count(&it, "availableReplicas"),
        replicas: count(&it, "replicas"),
        status: text(&it, "status"),
        app_id: signed(&it, "appID"),
        group_id: signed(&it, "groupID"),
        app_name: text(&it, "appName"),
        image: text(&it, "image"),
        cpu: text(&it, "cpu"),
        memory: text(&it, "memory"),
        request_cpu: text(&it, "requestCPU"),
        request_memory: text(&it, "requestMemory"),
        update_revision: text(&it, "updateRevision"),
        in_place: it["inPlace"].as_bool().unwrap_or_default(),
        other_revision_replicas: count(&it, "otherRevisionReplicas"),
        sized_by: text(&it, "sizedBy"),
        min_ready: Seconds(count(&it, "minReadySeconds")),
        left_by: text(&it, "leftBy"),
        held_by: text(&it, "heldBy"),
        rollback_to: text(&it, "rollbackTo"),
        rollback_image: text(&it, "rollbackImage"),
        replicas_before_stop: it["replicasBeforeStop"].as_u64().and_then(|count| count.try_into().ok()),
        carried_out: text(&it, "carriedOut"),
    }
}

fn pod(it: Value) -> PodView {
    let created: Option<Timestamp> = serde_json::from_value(it["creationTimestamp"].clone()).unwrap();
    PodView {
        namespace: text(&it, "namespace"),
        name: text(&it, "name"),
        instance_name: text(&it, "instanceName"),
        image: text(&it, "image"),
        cpu: text(&it, "cpu"),
        memory: text(&it, "memory"),
        guaranteed_cpu: text(&it, "guaranteedCPU"),
        guaranteed_memory: text(&it, "guaranteedMemory"),
        public_network: it["publicNetwork"].as_bool().unwrap(),
        container_name: text(&it, "containerName"),
        pod_ip: text(&it, "podIP"),
        status: text(&it, "status"),
        host_ip: text(&it, "hostIP"),
        update_revision: text(&it, "updateRevision"),
        created_at: created,
    }
}

fn text(json: &Value, field: &str) -> String {
    json[field].as_str().unwrap_or_default().to_owned()
}

fn count(json: &Value, field: &str) -> u32 {
    let count = json[field].as_u64().and_then(|count| count.try_into().ok());
    count.unwrap_or_else(|| panic!("{field}: {json}"))
}

fn signed(json: &Value, field: &str) -> i32 {
    let number = json[field].as_i64().and_then(|number| number.try_into().ok());
    number.unwrap_or_else(|| panic!("{field}: {json}"))
}

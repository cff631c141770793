//! Application instances and pods.

use prost_types::Struct;
use serde_json::Value;
use triton_core::model::{InstanceId, InstanceName, Namespace, PodName, Seconds};
use triton_core::service::{ApiError, InstanceView, PodFilter, PodId, PodView};

use super::json::{json_object, wire_object};
use super::{broken, count, fault, given, time, wire_count, wire_time};
use crate::{application, pod};

/// Asks for one instance.
pub(crate) fn instance_request(id: &InstanceId) -> application::InstanceMetaRequest {
    let (namespace, name) = (id.namespace.to_string(), id.name.to_string());
    let instance = Some(application::InstanceMeta { namespace, name });
    application::InstanceMetaRequest { instance, ..application::InstanceMetaRequest::default() }
}

/// Asks what is to be known of the Services of an instance.
pub(crate) fn warnings_request(
    id: &InstanceId,
    template: Option<&Value>,
) -> Result<application::InstanceMetaRequest, ApiError> {
    let template = template.map(|template| wire_object("template", template)).transpose()?;
    Ok(application::InstanceMetaRequest { warns: true, template, ..instance_request(id) })
}

/// The template of new pods that a request brings.
pub(crate) fn warnings_template(template: Option<Struct>) -> Result<Option<Value>, ApiError> {
    template.map(|template| json_object("template", template)).transpose()
}

/// Which instance is asked for.
pub(crate) fn instance_id(meta: Option<&application::InstanceMeta>) -> Result<InstanceId, ApiError> {
    let meta = meta.ok_or_else(|| fault("instance", "must be given"))?;
    Ok(InstanceId {
        namespace: Namespace::new(&meta.namespace).map_err(|e| fault("instance.namespace", e.fault))?,
        name: InstanceName::new(&meta.name).map_err(|e| fault("instance.name", e.fault))?,
    })
}

/// Asks for the instances of a namespace, or of all.
pub(crate) fn instances_request(namespace: Option<&Namespace>) -> application::GetsRequest {
    let namespace = namespace.map(Namespace::to_string).unwrap_or_default();
    application::GetsRequest { filter: Some(application::InstanceFilter { namespace }) }
}

/// Of which namespace instances are asked for.
pub(crate) fn instances_namespace(request: &application::GetsRequest) -> Result<Option<Namespace>, ApiError> {
    let namespace = request.filter.as_ref().and_then(|filter| given(&filter.namespace));
    namespace.map(Namespace::new).transpose().map_err(|e| fault("filter.namespace", e.fault))
}

/// Answers with an instance.
pub(crate) fn instance_reply(view: InstanceView) -> application::InstanceReply {
    application::InstanceReply { instance: Some(instance(view)), warnings: Vec::new() }
}

/// Answers with instances.
pub(crate) fn instances_reply(views: Vec<InstanceView>) -> application::InstancesReply {
    application::InstancesReply { instances: views.into_iter().map(instance).collect() }
}

/// The instance in an answer.
pub(crate) fn instance_view(reply: application::InstanceReply) -> Result<InstanceView, ApiError> {
    reply.instance.map(view_of_instance).ok_or_else(|| broken("instance is missing"))
}

/// The instances in an answer.
pub(crate) fn instance_views(reply: application::InstancesReply) -> Vec<InstanceView> {
    reply.instances.into_iter().map(view_of_instance).collect()
}

fn instance(view: InstanceView) -> application::Instance {
    application::Instance {
        namespace: view.namespace,
        name: view.name,
        available_replicas: wire_count(view.available_replicas),
        replicas: wire_count(view.replicas),
        status: view.status,
        app_id: view.app_id,
        group_id: view.group_id,
        image: view.image,
        cpu: view.cpu,
        memory: view.memory,
        request_cpu: view.request_cpu,
        request_memory: view.request_memory,
        update_revision: view.update_revision,
        app_name: view.app_name,
        in_place: view.in_place,
        other_revision_replicas: wire_count(view.other_revision_replicas),
        sized_by: view.sized_by,
        min_ready_seconds: wire_count(view.min_ready.0),
        left_by: view.left_by,
        held_by: view.held_by,
        rollback_to: view.rollback_to,
        rollback_image: view.rollback_image,
        replicas_before_stop: view.replicas_before_stop.map(wire_count),
        carried_out: view.carried_out,
    }
}

fn view_of_instance(instance: application::Instance) -> InstanceView {
    InstanceView {
        namespace: instance.namespace,
        name: instance.name,
        available_replicas: count(instance.available_replicas),
        replicas: count(instance.replicas),
        status: instance.status,
        app_id: instance.app_id,
        group_id: instance.group_id,
        app_name: instance.app_name,
        image: instance.image,
        cpu: instance.cpu,
        memory: instance.memory,
        request_cpu: instance.request_cpu,
        request_memory: instance.request_memory,
        update_revision: instance.update_revision,
        in_place: instance.in_place,
        other_revision_replicas: count(instance.other_revision_replicas),
        sized_by: instance.sized_by,
        min_ready: Seconds(count(instance.min_ready_seconds)),
        left_by: instance.left_by,
        held_by: instance.held_by,
        rollback_to: instance.rollback_to,
        rollback_image: instance.rollback_image,
        replicas_before_stop: instance.replicas_before_stop.map(count),
        carried_out: instance.carried_out,
    }
}

/// Asks for one pod.
pub(crate) fn pod_request(id: &PodId) -> pod::PodMetaRequest {
    let (namespace, name) = (id.namespace.to_string(), id.name.to_string());
    pod::PodMetaRequest { pod: Some(pod::PodMeta { namespace, name }) }
}

/// Which pod is asked for.
pub(crate) fn pod_id(meta: Option<&pod::PodMeta>) -> Result<PodId, ApiError> {
    let meta = meta.ok_or_else(|| fault("pod", "must be given"))?;
    Ok(PodId {
        namespace: Namespace::new(&meta.namespace).map_err(|e| fault("pod.namespace", e.fault))?,
        name: PodName::new(&meta.name).map_err(|e| fault("pod.name", e.fault))?,
    })
}

/// Asks for the pods that match.
pub(crate) fn pods_request(filter: &PodFilter) -> pod::GetsRequest {
    let text = |name: Option<&str>| name.unwrap_or_default().to_owned();
    let wire = pod::PodFilter {
        namespace: text(filter.namespace.as_ref().map(Namespace::as_str)),
        instance_name: text(filter.instance_name.as_ref().map(InstanceName::as_str)),
        ip: text(filter.ip.as_deref()),
    };
    pod::GetsRequest { filter: Some(wire), no_sort: filter.no_sort }
}

/// Which pods are asked for.
pub(crate) fn pod_filter(request: pod::GetsRequest) -> Result<PodFilter, ApiError> {
    let no_sort = request.no_sort;
    let wire = request.filter.unwrap_or_default();
    let namespace = given(&wire.namespace).map(Namespace::new).transpose();
    let instance_name = given(&wire.instance_name).map(InstanceName::new).transpose();
    Ok(PodFilter {
        namespace: namespace.map_err(|e| fault("filter.namespace", e.fault))?,
        instance_name: instance_name.map_err(|e| fault("filter.instanceName", e.fault))?,
        ip: given(&wire.ip).map(str::to_owned),
        no_sort,
    })
}

/// Answers with a pod.
pub(crate) fn pod_reply(view: PodView) -> pod::PodReply {
    pod::PodReply { pod: Some(pod_info(view)) }
}

/// Answers with pods.
pub(crate) fn pods_reply(views: Vec<PodView>) -> pod::PodsReply {
    pod::PodsReply { pods: views.into_iter().map(pod_info).collect() }
}

/// The pod in an answer.
pub(crate) fn pod_view(reply: pod::PodReply) -> Result<PodView, ApiError> {
    view_of_pod(reply.pod.ok_or_else(|| broken("pod is missing"))?)
}

/// The pods in an answer.
pub(crate) fn pod_views(reply: pod::PodsReply) -> Result<Vec<PodView>, ApiError> {
    reply.pods.into_iter().map(view_of_pod).collect()
}

fn pod_info(view: PodView) -> pod::PodInfo {
    pod::PodInfo {
        namespace: view.namespace,
        name: view.name,
        instance_name: view.instance_name,
        image: view.image,
        cpu: view.cpu,
        memory: view.memory,
        guaranteed_cpu: view.guaranteed_cpu,
        guaranteed_memory: view.guaranteed_memory,
        public_network: view.public_network,
        container_name: view.container_name,
        pod_ip: view.pod_ip,
        status: view.status,
        host_ip: view.host_ip,
        update_revision: view.update_revision,
        creation_timestamp: view.created_at.map(wire_time),
    }
}

fn view_of_pod(info: pod::PodInfo) -> Result<PodView, ApiError> {
    let moment = |wire| time(wire).ok_or_else(|| broken(format!("time {wire:?}")));
    Ok(PodView {
        namespace: info.namespace,
        name: info.name,
        instance_name: info.instance_name,
        image: info.image,
        cpu: info.cpu,
        memory: info.memory,
        guaranteed_cpu: info.guaranteed_cpu,
        guaranteed_memory: info.guaranteed_memory,
        public_network: info.public_network,
        container_name: info.container_name,
        pod_ip: info.pod_ip,
        status: info.status,
        host_ip: info.host_ip,
        update_revision: info.update_revision,
        created_at: info.creation_timestamp.map(moment).transpose()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use triton_core::model::Timestamp;

    #[test]
    fn an_instance_survives_the_round_trip() {
        let view = InstanceView {
            namespace: "default".into(),
            name: "12122-sample-10010".into(),
            available_replicas: 2,
            replicas: 3,
            status: "InProgress".into(),
            app_id: 12122,
            group_id: -10010,
            app_name: "deploy-demo-hello".into(),
            image: "nginx:latest".into(),
            cpu: "2".into(),
            memory: "1Gi".into(),
            request_cpu: "500m".into(),
            request_memory: "512Mi".into(),
            update_revision: "6ddf9b7cf4".into(),
            in_place: true,
            other_revision_replicas: 1,
            sized_by: "HorizontalPodAutoscaler web".into(),
            min_ready: Seconds(30),
            left_by: "default/second".into(),
            held_by: "default/third".into(),
            rollback_to: "5b8d7f6c9".into(),
            rollback_image: "nginx:1.24".into(),
            replicas_before_stop: Some(5),
            carried_out: "first:0123456789abcdef:3:first-7c9".into(),
        };
        assert_eq!(instance_view(instance_reply(view.clone())), Ok(view.clone()));
        assert_eq!(instance_views(instances_reply(vec![view.clone(), view.clone()])), [view.clone(), view]);
    }

    #[test]
    fn a_pod_survives_the_round_trip() {
        let view = PodView {
            namespace: "default".into(),
            name: "12122-sample-10010-2mwkt".into(),
            instance_name: "12122-sample-10010".into(),
            image: "nginx:latest".into(),
            cpu: "2".into(),
            memory: "1Gi".into(),
            guaranteed_cpu: "500m".into(),
            guaranteed_memory: "512Mi".into(),
            public_network: true,
            container_name: "web".into(),
            pod_ip: "172.31.230.23".into(),
            status: "Ready".into(),
            host_ip: "10.0.0.7".into(),
            update_revision: "6ddf9b7cf4".into(),
            created_at: Some(Timestamp::from_micros(1_631_537_344_123_456)),
        };
        assert_eq!(pod_view(pod_reply(view.clone())), Ok(view.clone()));
        assert_eq!(pod_views(pods_reply(vec![view.clone()])), Ok(vec![view]));
    }

    #[test]
    fn filters_and_ids_survive_the_round_trip() {
        let namespace = Namespace::new("default").ok();
        let instance_name = InstanceName::new("12122-sample-10010").ok();
        let filter = PodFilter {
            namespace: namespace.clone(),
            instance_name,
            ip: Some("10.0.0.1".into()),
            no_sort: true,
        };
        assert_eq!(pod_filter(pods_request(&filter)), Ok(filter));
        assert_eq!(pod_filter(pods_request(&PodFilter::default())), Ok(PodFilter::default()));
        assert_eq!(instances_namespace(&instances_request(namespace.as_ref())), Ok(namespace));
        assert_eq!(instances_namespace(&instances_request(None)), Ok(None));
    }

    #[test]
    fn bad_names_are_refused_with_their_fields() {
        let text = |error: ApiError| error.message;
        assert_eq!(instance_id(None).map_err(text), Err("instance: must be given".into()));
        let meta = pod::PodMeta { namespace: "default".into(), name: String::new() };
        assert_eq!(pod_id(Some(&meta)).map_err(text), Err("pod.name: must not be empty".into()));
        let filter = pod::PodFilter { namespace: "a.b".into(), ..Default::default() };
        let request = pod::GetsRequest { filter: Some(filter), no_sort: false };
        assert_eq!(pod_filter(request).map_err(text), Err("filter.namespace: must not contain '.'".into()));
    }
}

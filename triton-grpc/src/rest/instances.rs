//! Application instances and pods: looks.

use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use triton_core::model::{InstanceId, InstanceName, Namespace};
use triton_core::service::{PodFilter, PodId};
use utoipa::IntoParams;

use super::Door;
use super::answer::{Answer, Envelope, GetRefused, ListRefused, done};
use super::ask::given;
use super::extract::{Asked, At, InNamespace, Named, checked};
use super::show::{Instance, Pod};

/// Which pods. Both conditions hold together.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct PodQuery {
    /// Of this application instance.
    instance_name: Option<String>,
    /// With this IP address.
    ip: Option<String>,
}

/// The instances of a namespace, by name.
#[utoipa::path(
    get,
    path = "/namespaces/{namespace}/instances",
    operation_id = "instances",
    tag = "instances",
    params(InNamespace),
    responses((status = 200, description = "The instances", body = Envelope<Vec<Instance>>), ListRefused)
)]
pub(super) async fn list(State(door): State<Door>, At(namespace): At<Namespace>) -> Answer {
    let instances = door.api.instances(&namespace).await?;
    Ok(done(StatusCode::OK, instances.into_iter().map(Instance::from).collect::<Vec<_>>()))
}

/// One instance.
#[utoipa::path(
    get,
    path = "/namespaces/{namespace}/instances/{name}",
    operation_id = "instance",
    tag = "instances",
    params(Named),
    responses((status = 200, description = "The instance", body = Envelope<Instance>), GetRefused)
)]
pub(super) async fn get(State(door): State<Door>, At(id): At<InstanceId>) -> Answer {
    Ok(done(StatusCode::OK, Instance::from(door.api.instance(&id).await?)))
}

/// The pods that match, newest first.
#[utoipa::path(
    get,
    path = "/namespaces/{namespace}/pods",
    tag = "pods",
    params(InNamespace, PodQuery),
    responses((status = 200, description = "The pods", body = Envelope<Vec<Pod>>), ListRefused)
)]
pub(super) async fn pods(
    State(door): State<Door>,
    At(namespace): At<Namespace>,
    Asked(query): Asked<PodQuery>,
) -> Answer {
    let instance = given(query.instance_name).map(InstanceName::new).transpose();
    let filter = PodFilter {
        namespace: Some(namespace),
        instance_name: checked("instanceName", instance)?,
        ip: given(query.ip),
        no_sort: false,
    };
    let pods = door.api.pods(&filter).await?;
    Ok(done(StatusCode::OK, pods.into_iter().map(Pod::from).collect::<Vec<_>>()))
}

/// One pod.
#[utoipa::path(
    get,
    path = "/namespaces/{namespace}/pods/{name}",
    tag = "pods",
    params(Named),
    responses((status = 200, description = "The pod", body = Envelope<Pod>), GetRefused)
)]
pub(super) async fn pod(State(door): State<Door>, At(id): At<PodId>) -> Answer {
    Ok(done(StatusCode::OK, Pod::from(door.api.pod(&id).await?)))
}

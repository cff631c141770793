//! Who sets the size of a CloneSet besides triton.

use k8s_openapi::api::autoscaling::v2::HorizontalPodAutoscaler;
use kube::api::{Api, ListParams};
use kube::{Client, ResourceExt};

use super::entry::CloneSetEntry;
use crate::kube_error::call;

/// The HorizontalPodAutoscaler of a CloneSet; where none can be told, whoever wrote its size last, unless that was
/// triton. For people: nothing is decided by it, so that an error means that nobody is known.
pub async fn sizer(client: &Client, cloneset: &CloneSetEntry) -> Option<String> {
    let api: Api<HorizontalPodAutoscaler> = Api::namespaced(client.clone(), &cloneset.key.namespace);
    let listed = call(api.list(&ListParams::default())).await;
    let scaled = listed.ok().into_iter().flatten().find(|autoscaler| scales(autoscaler, cloneset));
    let named = |it: &HorizontalPodAutoscaler| format!("HorizontalPodAutoscaler {}", it.name_any());
    scaled.as_ref().map(named).or_else(|| cloneset.sized_by.clone())
}

fn scales(autoscaler: &HorizontalPodAutoscaler, cloneset: &CloneSetEntry) -> bool {
    let target = &autoscaler.spec.scale_target_ref;
    target.kind == "CloneSet"
        && target.name == *cloneset.key.name
        && target.api_version.as_deref().is_some_and(|version| version.starts_with("apps.kruise.io/"))
}

//! Kinds in one namespace or in all.

use std::future::{Ready, ready};

use kube::api::{Api, ApiResource, DynamicObject};
use kube::core::NamespaceResourceScope;
use kube::{Client, Resource};

use super::WatchError;

pub(super) fn dynamic(
    client: &Client,
    namespace: Option<&str>,
    resource: &ApiResource,
) -> Api<DynamicObject> {
    match namespace {
        Some(namespace) => Api::namespaced_with(client.clone(), namespace, resource),
        None => Api::all_with(client.clone(), resource),
    }
}

/// A kind of which there is one version.
pub(super) fn always<K: Clone>(api: Api<K>) -> impl Fn() -> Ready<Result<Api<K>, WatchError>> {
    move || ready(Ok(api.clone()))
}

pub(super) fn scoped<K>(client: &Client, namespace: Option<&str>) -> Api<K>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
{
    match namespace {
        Some(namespace) => Api::namespaced(client.clone(), namespace),
        None => Api::all(client.clone()),
    }
}

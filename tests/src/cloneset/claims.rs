//! The claims of the pods of one CloneSet, as OpenKruise 1.9.0 makes them and removes them
//! (`cloneset_scale.go`, `cloneset_utils.go`). A CloneSet without templates of claims costs no call.

use std::{collections::BTreeSet, sync::Arc};

use anyhow::{Context, Result};
use k8s_openapi::{
    api::core::v1::{PersistentVolumeClaim, PersistentVolumeClaimVolumeSource, Pod, Volume},
    apimachinery::pkg::apis::meta::v1::OwnerReference,
};
use kube::{
    Api, Client,
    api::{DeleteParams, DynamicObject, ListParams, ObjectMeta, PostParams},
};
use serde::Deserialize;

use super::object;

/// The templates of claims of a CloneSet, and the claims that it has.
pub(super) struct Claims<'a> {
    api: Api<PersistentVolumeClaim>,
    set: &'a DynamicObject,
    owner: &'a OwnerReference,
    templates: Vec<PersistentVolumeClaim>,
    there: Vec<PersistentVolumeClaim>,
}

impl<'a> Claims<'a> {
    pub(super) async fn of(
        client: &Client,
        set: &'a DynamicObject,
        owner: &'a OwnerReference,
    ) -> Result<Self> {
        let api: Api<PersistentVolumeClaim> =
            Api::namespaced(client.clone(), set.metadata.namespace.as_deref().unwrap_or_default());
        let templates = &set.data["spec"]["volumeClaimTemplates"];
        let templates: Vec<PersistentVolumeClaim> =
            Option::deserialize(templates).context("volumeClaimTemplates")?.unwrap_or_default();
        let mut there = Vec::new();
        if !templates.is_empty() {
            there = api.list(&ListParams::default()).await?.items;
            there.retain(|claim| {
                claim.metadata.deletion_timestamp.is_none()
                    && object::owner(&claim.metadata).is_some_and(|of| of.uid == owner.uid)
            });
        }
        Ok(Self { api, set, owner, templates, there })
    }

    /// Instance ids of claims whose pod is gone: the next pods take them over (`getOrGenAvailableIDs`).
    pub(super) fn free(&self, pods: &[Arc<Pod>]) -> BTreeSet<String> {
        let used: BTreeSet<_> = pods.iter().filter_map(|pod| object::instance(&pod.metadata)).collect();
        let ids = self.there.iter().filter_map(|claim| object::instance(&claim.metadata));
        ids.filter(|id| !used.contains(id)).map(str::to_owned).collect()
    }

    /// Makes the claims of a pod that are not there, and gives them to the pod, before it is made
    /// (`createOnePod`, `UpdateStorage`).
    pub(super) async fn give(&self, pod: &mut Pod) -> Result<()> {
        let id = object::instance(&pod.metadata).unwrap_or_default().to_owned();
        let volumes = pod.spec.get_or_insert_default().volumes.get_or_insert_default();
        for template in &self.templates {
            let claim = self.claim(template, &id);
            let (claim_name, name) = (name(&claim).to_owned(), name(template).to_owned());
            volumes.retain(|volume| volume.name != name);
            let persistent_volume_claim = Some(PersistentVolumeClaimVolumeSource {
                claim_name: claim_name.clone(),
                read_only: Some(false),
            });
            volumes.push(Volume { name, persistent_volume_claim, ..Volume::default() });
            if !self.there.iter().any(|there| self::name(there) == claim_name) {
                self.api.create(&PostParams::default(), &claim).await.context("creating a claim")?;
            }
        }
        Ok(())
    }

    /// Removes the claims of a pod that was deleted (`deletePods`).
    pub(super) async fn take(&self, pod: &Pod) -> kube::Result<()> {
        let id = object::instance(&pod.metadata);
        for claim in self.there.iter().filter(|claim| object::instance(&claim.metadata) == id) {
            self.api.delete(name(claim), &DeleteParams::default()).await?;
        }
        Ok(())
    }

    /// The claim of an instance (`GetPersistentVolumeClaims`).
    fn claim(&self, template: &PersistentVolumeClaim, id: &str) -> PersistentVolumeClaim {
        let mut labels = template.metadata.labels.clone().unwrap_or_default();
        let selector = self.set.data["spec"]["selector"]["matchLabels"].as_object();
        let selector = selector.into_iter().flatten();
        labels.extend(
            selector.map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().to_owned())),
        );
        labels.insert(object::INSTANCE.to_owned(), id.to_owned());
        let mut owners = template.metadata.owner_references.clone().unwrap_or_default();
        owners.push(self.owner.clone());
        PersistentVolumeClaim {
            metadata: ObjectMeta {
                name: Some(format!("{}-{}-{id}", name(template), self.owner.name)),
                labels: Some(labels),
                owner_references: Some(owners),
                annotations: template.metadata.annotations.clone(),
                ..ObjectMeta::default()
            },
            spec: template.spec.clone(),
            status: None,
        }
    }
}

fn name(claim: &PersistentVolumeClaim) -> &str {
    claim.metadata.name.as_deref().unwrap_or_default()
}

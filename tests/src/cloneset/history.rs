//! Revisions of one CloneSet: the same template gives the same revision.

use anyhow::{Context, Result, ensure};
use k8s_openapi::{
    api::apps::v1::ControllerRevision,
    apimachinery::pkg::{apis::meta::v1::OwnerReference, runtime::RawExtension},
};
use kube::{
    Api, Client,
    api::{DynamicObject, ListParams, ObjectMeta, Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};

use super::object;

/// The ControllerRevisions of one CloneSet, read once and kept in step with our own writes.
#[derive(Debug)]
pub(super) struct History {
    api: Api<ControllerRevision>,
    owner: OwnerReference,
    revisions: Vec<ControllerRevision>,
}

impl History {
    pub(super) async fn load(client: &Client, set: &DynamicObject) -> Result<Self> {
        let meta = &set.metadata;
        let api = Api::namespaced(client.clone(), meta.namespace.as_deref().unwrap_or_default());
        let owner = OwnerReference {
            api_version: set.types.as_ref().map(|types| types.api_version.clone()).unwrap_or_default(),
            kind: "CloneSet".to_owned(),
            name: meta.name.clone().unwrap_or_default(),
            uid: meta.uid.clone().unwrap_or_default(),
            controller: Some(true),
            block_owner_deletion: Some(true),
        };
        let mut revisions = api.list(&ListParams::default()).await?.items;
        let ours = |revision: &ControllerRevision| {
            object::owner(&revision.metadata).is_some_and(|found| found.uid == owner.uid)
        };
        revisions.retain(ours);
        Ok(Self { api, owner, revisions })
    }

    pub(super) fn owner(&self) -> &OwnerReference {
        &self.owner
    }

    /// The name of the revision of this template, which becomes the newest one.
    pub(super) async fn update_revision(&mut self, template: &Value) -> Result<String> {
        let newest = self.revisions.iter().filter_map(|revision| revision.revision).max().unwrap_or(0);
        let known = self.revisions.iter().position(|revision| template_of(revision) == Some(bare(template)));
        let Some(at) = known else {
            let revision = self.create(template, newest + 1).await?;
            return Ok(revision);
        };
        let name = self.revisions[at].metadata.name.clone().unwrap_or_default();
        if self.revisions[at].revision.is_none_or(|number| number < newest) {
            let raise = Patch::Merge(json!({"revision": newest + 1}));
            self.revisions[at] = self.api.patch(&name, &PatchParams::default(), &raise).await?;
        }
        Ok(name)
    }

    /// The template of a revision.
    pub(super) fn template(&self, name: &str) -> Option<Value> {
        let named = |revision: &&ControllerRevision| revision.metadata.name.as_deref() == Some(name);
        self.revisions.iter().find(named).and_then(template_of)
    }

    async fn create(&mut self, template: &Value, number: i64) -> Result<String> {
        let hash = hash(template);
        let name = format!("{}-{hash}", self.owner.name);
        let mut data = template.clone();
        data["$patch"] = json!("replace");
        let mut labels: std::collections::BTreeMap<String, String> =
            serde_json::from_value(template["metadata"]["labels"].clone()).unwrap_or_default();
        labels.insert("controller.kubernetes.io/hash".to_owned(), hash);
        let revision = ControllerRevision {
            metadata: ObjectMeta {
                name: Some(name.clone()),
                labels: Some(labels),
                owner_references: Some(vec![self.owner.clone()]),
                ..ObjectMeta::default()
            },
            data: RawExtension(json!({"spec": {"template": data}})),
            revision: Some(number),
        };
        let made = match self.api.create(&PostParams::default(), &revision).await {
            Err(kube::Error::Api(refusal)) if refusal.is_already_exists() => self.api.get(&name).await?,
            made => made.with_context(|| format!("creating the revision {name}"))?,
        };
        // A CloneSet of the same name that was deleted a moment ago may still have one.
        let ours = object::owner(&made.metadata).is_some_and(|owner| owner.uid == self.owner.uid);
        ensure!(ours && made.metadata.deletion_timestamp.is_none(), "the revision {name} belongs to another");
        self.revisions.push(made);
        Ok(name)
    }
}

fn template_of(revision: &ControllerRevision) -> Option<Value> {
    Some(bare(revision.data.0.pointer("/spec/template")?))
}

/// The template without the directive that a revision adds to it.
fn bare(template: &Value) -> Value {
    let mut template = template.clone();
    if let Some(fields) = template.as_object_mut() {
        fields.remove("$patch");
    }
    template
}

/// A hash of the template in the letters that Kubernetes uses (`SafeEncodeString`); FNV-1a.
fn hash(template: &Value) -> String {
    const LETTERS: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";
    let text = template.to_string();
    let mix = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    let hash = text.bytes().fold(0x811c_9dc5, mix);
    let decimal = hash.to_string();
    decimal.bytes().map(|digit| char::from(LETTERS[usize::from(digit) % LETTERS.len()])).collect()
}

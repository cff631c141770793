//! An application with another one beside it, and what must stay as it is while something is done to it.

use std::{collections::BTreeSet, time::Duration};

use serde_json::{Value, json};
use triton_tests::scene::{Kind, View, label, name, revision};

use crate::{
    app,
    safety::Safety,
    site::Site,
    traffic::{lent, not_ours, set_foreign_fields},
};

/// Seconds that pods drain for.
pub(crate) const DRAIN: u32 = 2;

const OTHER: &str = "other";

pub(crate) struct Watched {
    pub(crate) site: Site,
    pub(crate) safety: Safety,
    /// The pods before.
    pub(crate) old: BTreeSet<String>,
    /// Their revision.
    pub(crate) revision: String,
    set: Value,
    others: Vec<Value>,
}

impl Watched {
    /// Brings both up.
    pub(crate) async fn new(name: &str, replicas: u32) -> Self {
        let site = Site::new(name).await;
        let mut other = app::create(OTHER, 1, json!({"mode": "auto"}));
        other["spec"]["application"]["instanceName"] = json!(OTHER);
        site.apply(&other);
        site.serve(replicas).await;
        site.succeeds(OTHER).await;
        site.gives_back("first").await;
        set_foreign_fields(&site).await;
        Self::of(site)
    }

    /// From now on.
    pub(crate) fn of(site: Site) -> Self {
        let view = site.view();
        let revision = pods(&view).first().map(|pod| revision(pod).to_owned()).unwrap_or_default();
        Self {
            safety: Safety::from_now(&site.scene),
            old: names(&view),
            revision,
            set: view.get(Kind::Set, app::NAME).cloned().expect("there is a CloneSet"),
            others: others(&view),
            site,
        }
    }

    /// The same application from now on.
    pub(crate) fn again(self) -> Self {
        Self::of(self.site)
    }

    /// Carries a flow out, until it has succeeded and given the workload back.
    pub(crate) async fn carry_out(&self, flow: &Value) {
        self.site.apply(flow);
        self.site.succeeds(name(flow)).await;
    }

    /// What must be after every action: so many pods serve and served all the while, each pod that went was
    /// out of traffic and drained, and nothing foreign has changed. Returns how many pods went.
    pub(crate) fn check(&self, pods: usize, least: usize) -> usize {
        let view = self.site.view();
        assert_eq!(names(&view).len(), pods, "{}", view.summary());
        assert_eq!(view.serving(), names(&view), "all of them serve");
        let set = view.get(Kind::Set, app::NAME).expect("the CloneSet is there");
        assert_eq!(not_ours(set), not_ours(&self.set), "foreign fields are as they were");
        assert_eq!(lent(set), lent(&self.set), "lent settings are given back");
        assert_eq!(set["spec"]["replicas"], pods);
        self.check_traffic(least)
    }

    /// The part of it that holds without a CloneSet, too.
    pub(crate) fn check_traffic(&self, least: usize) -> usize {
        let (site, safety) = (&self.site, &self.safety);
        safety.serving_at_least(&site.scene, least);
        safety.drained(&site.scene, Duration::from_secs(DRAIN.into()));
        assert_eq!(others(&site.view()), self.others, "the other application's pods are as they were");
        safety.out_before_deletion(&site.scene)
    }

    /// Old pods that are there still.
    pub(crate) fn kept(&self) -> BTreeSet<String> {
        names(&self.site.view()).intersection(&self.old).cloned().collect()
    }

    /// All pods have this image and this revision is what the workload would start.
    pub(crate) fn runs(&self, image: &str, wanted: &str) {
        let view = self.site.view();
        for pod in pods(&view) {
            assert_eq!(pod["spec"]["containers"][0]["image"], image, "{}", name(pod));
            assert_eq!(revision(pod), wanted, "{}", name(pod));
        }
        let set = view.get(Kind::Set, app::NAME).expect("the CloneSet is there");
        assert_eq!(set["status"]["updateRevision"], wanted);
    }
}

/// Active pods of the application.
pub(crate) fn pods(view: &View) -> Vec<&Value> {
    let mut pods = view.pods();
    pods.retain(|pod| label(pod, "app.kubernetes.io/instance") == app::NAME);
    pods
}

pub(crate) fn names(view: &View) -> BTreeSet<String> {
    pods(view).into_iter().map(|pod| name(pod).to_owned()).collect()
}

/// What a flow writes to pods, of those of the other application.
fn others(view: &View) -> Vec<Value> {
    let pods = view.all(Kind::Pod).filter(|pod| label(pod, "app.kubernetes.io/instance") == OTHER);
    let facts = |pod: &Value| {
        let meta = &pod["metadata"];
        json!([meta["uid"], meta["labels"], meta["annotations"], meta["deletionTimestamp"]])
    };
    pods.map(facts).collect()
}

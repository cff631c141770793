//! A CloneSet comes back from a backup that was made in the middle of a flow.

use serde_json::{Value, json};
use triton_tests::scene::{Kind, answers};

use crate::{
    app,
    direct::Person,
    rig::SETS,
    safety::{Safety, all_run},
    site::Site,
};

/// What happens to the flow before the CloneSet is restored.
#[derive(Debug)]
enum Meanwhile {
    Cancelled,
    Runs,
    Removed,
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_backup_brings_back_from_the_middle_of_a_canary_is_led_into_traffic_by_nobody() {
    for meanwhile in [Meanwhile::Cancelled, Meanwhile::Runs, Meanwhile::Removed] {
        let site = Site::new(&format!("backup-{meanwhile:?}").to_lowercase()).await;
        site.serve(3).await;
        let canary = json!({"mode": "auto", "canary": 1, "batchSize": 1, "drainSeconds": 0});
        site.apply(&app::update("second", 3, canary));
        site.asks("second", 1, "Smoked").await;
        let backup = backup(&site);
        match meanwhile {
            Meanwhile::Cancelled | Meanwhile::Removed => {
                site.order("Cancel", "second");
                site.ends("second", "Canceled").await;
                site.gives_back("second").await;
            }
            Meanwhile::Runs => {}
        }
        if matches!(meanwhile, Meanwhile::Removed) {
            site.kubectl(&["delete", "df", "second"]);
        }
        site.kubectl(&["delete", SETS, app::NAME, "--wait=true"]);
        site.scene.holds("its pods are gone", |view| view.pods().is_empty()).await;
        if matches!(meanwhile, Meanwhile::Runs) {
            site.ends("second", "Failed").await;
        }
        let safety = Safety::from_now(&site.scene);
        site.apply(&backup);
        site.scene.holds("its pods are there", |view| view.pods().len() >= 4).await;

        let jo = Person::with_the_rights_of_the_page(&site).await;
        answers("it is a left workload", || jo.typed(&["instances"], 0), |told| told.contains("Left")).await;
        safety.never_serves(&site.scene, "nginx:2");
        let mut third = app::update("third", 3, json!({"mode": "auto", "batchSize": 2, "drainSeconds": 0}));
        third["spec"]["application"]["template"]["spec"]["containers"][0]["image"] = json!("nginx:3");
        site.apply(&third);
        site.succeeds("third").await;
        all_run(&site.view(), "nginx:3", 3);
        safety.never_serves(&site.scene, "nginx:2");
        assert_eq!(site.view().get(Kind::Set, app::NAME).map(lock), Some(String::new()), "{meanwhile:?}");
    }
}

/// The CloneSet as tools that restore keep it: without identity, version and status.
fn backup(site: &Site) -> Value {
    let mut set = site.kubectl_json(&["get", SETS, app::NAME]);
    set.as_object_mut().expect("an object").remove("status");
    let meta = set["metadata"].as_object_mut().expect("metadata");
    for field in ["uid", "resourceVersion", "creationTimestamp", "generation", "managedFields"] {
        meta.remove(field);
    }
    set
}

fn lock(set: &Value) -> String {
    set["metadata"]["annotations"]["apps.triton.io/lock"].as_str().unwrap_or_default().to_owned()
}

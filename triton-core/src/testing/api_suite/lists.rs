//! Lists: filters and pages.

use alloc::vec::Vec;

use super::{ApiRig, create};
use crate::model::{Draft, FlowId, Namespace};
use crate::service::{DeployApi, FlowFilter};

pub(super) async fn lists_are_filtered_and_paged<R: ApiRig>(rig: &R, namespace: &Namespace) {
    let mut made = Vec::new();
    for name in ["api-page-1", "api-page-2", "api-page-3"] {
        let change = |draft: &mut Draft| {
            draft.instance_name = "api-paged".into();
            // None of them makes the workload before the others are made.
            draft.update_strategy.get_or_insert_default().paused = Some(true);
        };
        made.push(create(rig, namespace, name, change).await.id);
        rig.pass_time().await;
    }
    made.sort();
    let ours = FlowFilter {
        namespace: Some(namespace.clone()),
        instance_name: Some("api-paged".parse().expect("an instance name")),
        ..FlowFilter::default()
    };
    let all = rig.api().list(&ours).await.expect("listed");
    let mut ids: Vec<FlowId> = all.iter().map(|view| view.id.clone()).collect();
    assert!(all.windows(2).all(|pair| pair[0].created_at >= pair[1].created_at), "newest first");
    let ordered = ids.clone();
    ids.sort();
    assert_eq!(ids, made);

    for (start, page_size, expected) in [
        (0, 2, &ordered[..2]),
        (2, 2, &ordered[2..]),
        (1, 1, &ordered[1..2]),
        (3, 5, &[]),
        (0, 0, &ordered[..]),
    ] {
        let page = FlowFilter { start, page_size, ..ours.clone() };
        assert_eq!(list(rig, &page).await, expected, "start {start}, page size {page_size}");
    }
    let nothing: [FlowId; 0] = [];
    let updates = FlowFilter { action: Some("update".into()), ..ours.clone() };
    assert_eq!(list(rig, &updates).await, nothing);
    let creates = FlowFilter { action: Some("create".into()), ..ours.clone() };
    assert_eq!(list(rig, &creates).await, ordered);
    let newest = all.first().expect("three were made").created_at;
    let later = FlowFilter { after: Some(newest), ..ours.clone() };
    assert_eq!(list(rig, &later).await, nothing);
    let elsewhere = FlowFilter { namespace: Some("api-elsewhere".parse().expect("a namespace")), ..ours };
    assert_eq!(list(rig, &elsewhere).await, nothing);
    let everywhere = rig.api().list(&FlowFilter::default()).await.expect("listed");
    assert!(everywhere.len() >= made.len());
}

async fn list<R: ApiRig>(rig: &R, filter: &FlowFilter) -> Vec<FlowId> {
    let views = rig.api().list(filter).await.expect("listed");
    views.into_iter().map(|view| view.id).collect()
}

//! What every implementation of the API must do, in-process and over any wire. Run [`all`] on yours,
//! [`instances`] where it shows workloads and pods too, [`lifecycle()`] where it takes orders to them, and
//! [`lifecycle_carried_out`] where somebody carries those out.

mod edits;
mod lifecycle;
mod lists;
mod orders;
mod watches;

use alloc::format;
use core::future::Future;

use super::rig::{PATIENCE, draft};
use crate::model::{BatchPhase, Draft, Edit, FlowId, FlowPhase, InstanceId, Namespace, Target};
use crate::service::{
    ApiError, ApiErrorKind, CreateFlow, DeployApi, FlowView, InstanceApi, LifecycleApi, PodFilter, PodId,
};

/// An API over a world in which somebody carries flows out.
pub trait ApiRig: Send + Sync {
    /// The API under test.
    type Api: DeployApi;

    /// The API under test.
    fn api(&self) -> &Self::Api;

    /// Lets the world go on for a moment, drivers included. Called again and again until a condition
    /// holds, at most [`PATIENCE`] times.
    fn pass_time(&self) -> impl Future<Output = ()> + Send;
}

/// Runs every check, each on flows and workloads of its own in `namespace`, which should be empty.
///
/// # Panics
/// At the first promise that is not kept.
pub async fn all<R: ApiRig>(rig: &R, namespace: &Namespace) {
    what_was_created_is_answered(rig, namespace).await;
    a_name_is_taken_once_and_made_when_absent(rig, namespace).await;
    bad_input_is_refused_in_the_words_of_the_core(rig, namespace).await;
    what_the_workload_shows_is_refused_before_a_flow_is_made(rig, namespace).await;
    what_is_not_there_is_not_found(rig, namespace).await;
    orders::a_person_leads_a_flow_to_its_end(rig, namespace).await;
    orders::a_double_click_never_advances_twice(rig, namespace).await;
    orders::a_flow_goes_as_far_as_it_is_told_and_never_back(rig, namespace).await;
    orders::a_flow_is_paused_and_resumed(rig, namespace).await;
    orders::a_flow_is_cancelled_and_then_forgotten(rig, namespace).await;
    edits::an_edit_is_taken_whole_or_not_at_all(rig, namespace).await;
    edits::an_edit_pauses_resumes_and_cancels(rig, namespace).await;
    edits::new_sizes_hold_for_batches_that_have_not_started(rig, namespace).await;
    edits::what_could_not_be_read_again_is_refused_and_not_saved(rig, namespace).await;
    edits::a_request_that_is_repeated_makes_one_flow(rig, namespace).await;
    watches::a_watch_ends_where_a_person_is_asked(rig, namespace).await;
    watches::a_watch_ends_at_its_target(rig, namespace).await;
    watches::a_watch_ends_with_the_flow(rig, namespace).await;
    watches::a_list_is_kept_up_to_date(rig, namespace).await;
    lists::lists_are_filtered_and_paged(rig, namespace).await;
}

/// Checks the answers about application instances and pods.
///
/// # Panics
/// At the first promise that is not kept.
pub async fn instances<R: ApiRig>(rig: &R, api: &impl InstanceApi, namespace: &Namespace) {
    let flow = create(rig, namespace, "api-shown", |_| {}).await;
    until(rig, &flow.id, "the canary runs", |view| asks(view, 1, BatchPhase::Smoked)).await;
    let id = InstanceId { namespace: namespace.clone(), name: "api-shown".parse().expect("a name") };

    let instance = api.instance(&id).await.expect("shown");
    assert_eq!((instance.namespace.as_str(), instance.name.as_str()), (namespace.as_str(), "api-shown"));
    // The size that it is to have, not the pods that are asked for so far.
    assert_eq!((instance.replicas, instance.available_replicas), (3, 0));
    assert_eq!((instance.app_id, instance.group_id, instance.image.as_str()), (1, 1, "app:1"));
    assert_eq!((instance.app_name.as_str(), instance.status.as_str()), ("app", "InProgress"));
    assert_eq!(
        api.instances(Some(namespace)).await.expect("listed").iter().filter(|i| **i == instance).count(),
        1
    );
    assert!(api.instances(None).await.expect("listed").contains(&instance));

    let of_instance = PodFilter {
        namespace: Some(namespace.clone()),
        instance_name: Some(id.name.clone()),
        ..PodFilter::default()
    };
    let pods = api.pods(&of_instance).await.expect("listed");
    let [pod] = pods.as_slice() else { panic!("one pod was expected, not {pods:?}") };
    assert_eq!((pod.status.as_str(), pod.image.as_str()), ("ContainersReady", "app:1"));
    assert_eq!(pod.update_revision, instance.update_revision);
    let name = pod.name.parse().expect("a pod name");
    assert_eq!(&api.pod(&PodId { namespace: namespace.clone(), name }).await.expect("shown"), pod);
    let by_ip = PodFilter { ip: Some(pod.pod_ip.clone()), ..of_instance.clone() };
    assert_eq!(api.pods(&by_ip).await, Ok(pods));
    let elsewhere = PodFilter { ip: Some("192.0.2.1".into()), ..of_instance };
    assert_eq!(api.pods(&elsewhere).await, Ok(alloc::vec![]));

    let absent = InstanceId { name: "api-absent".parse().expect("a name"), ..id };
    refused(api.instance(&absent).await, ApiErrorKind::NotFound);
    let absent = PodId { namespace: namespace.clone(), name: "api-absent".parse().expect("a name") };
    refused(api.pod(&absent).await, ApiErrorKind::NotFound);
}

/// Checks what orders to instances answer, whether anybody carries them out or not.
///
/// # Panics
/// At the first promise that is not kept.
pub async fn lifecycle<R: ApiRig>(rig: &R, api: &impl LifecycleApi, namespace: &Namespace) {
    lifecycle::what_is_absent_is_not_found_and_needs_no_removal(api, namespace).await;
    lifecycle::what_a_rollback_returns_to_has_to_be_there(rig, api, namespace).await;
}

/// Checks that orders to instances are carried out, each by one flow however often it is given.
///
/// # Panics
/// At the first promise that is not kept.
pub async fn lifecycle_carried_out<R: ApiRig>(rig: &R, api: &impl LifecycleApi, namespace: &Namespace) {
    lifecycle::an_instance_is_led_through_its_life(rig, api, namespace).await;
}

async fn what_was_created_is_answered<R: ApiRig>(rig: &R, namespace: &Namespace) {
    let made = create(rig, namespace, "api-created", |_| {}).await;
    assert_eq!(made.id, id(namespace, "api-created"));
    assert_eq!((made.app_id, made.group_id, made.app_name.as_str()), (1, 1, "app"));
    assert_eq!((made.instance_name.as_str(), made.action.as_str()), ("api-created", "create"));
    assert_eq!((made.replicas, made.canary, made.batch_size, made.mode.as_str()), (3, 1, 1, "manual"));
    assert_eq!((made.record.phase, made.record.finished), (FlowPhase::Pending, false));

    let seen = get(rig, &made.id).await;
    assert_eq!((&seen.id, seen.created_at, seen.drain), (&made.id, made.created_at, made.drain));
    assert!(seen.record.progress.is_none(), "the progress is the driver's");
}

async fn a_name_is_taken_once_and_made_when_absent<R: ApiRig>(rig: &R, namespace: &Namespace) {
    let made = create(rig, namespace, "api-taken", |_| {}).await;
    let again =
        CreateFlow { namespace: namespace.clone(), name: Some(made.id.name), draft: canary("api-taken") };
    refused(rig.api().create(again).await, ApiErrorKind::AlreadyExists);

    let nameless = CreateFlow { namespace: namespace.clone(), name: None, draft: canary("api-nameless") };
    let named = rig.api().create(nameless).await.expect("created");
    assert!(named.id.name.as_str().starts_with("api-nameless-"), "{}", named.id);
    assert_eq!(get(rig, &named.id).await.id, named.id);
}

async fn bad_input_is_refused_in_the_words_of_the_core<R: ApiRig>(rig: &R, namespace: &Namespace) {
    let spoil: [fn(&mut Draft); 8] = [
        |draft| draft.action = "explode".into(),
        |draft| draft.action = "scale_in".into(),
        |draft| draft.replicas = None,
        |draft| draft.replicas = Some(10_001),
        |draft| draft.app_id = -1,
        |draft| draft.template = None,
        |draft| draft.instance_name = "Not A Name".into(),
        |draft| {
            let strategy = draft.update_strategy.get_or_insert_default();
            strategy.batch_size = Some(crate::model::RawSize::Text("0%".into()));
            strategy.mode = Some("whenever".into());
            strategy.canary = Some(-1);
            strategy.stage = Some("Roasting".into());
        },
    ];
    for spoil in spoil {
        let mut draft = canary("api-spoilt");
        spoil(&mut draft);
        let words = ApiError::from(draft.parse().expect_err("the draft is bad"));
        let flow = CreateFlow { namespace: namespace.clone(), name: None, draft };
        assert_eq!(rig.api().create(flow).await, Err(words));
    }
}

async fn what_the_workload_shows_is_refused_before_a_flow_is_made<R: ApiRig>(rig: &R, namespace: &Namespace) {
    let flow = create(rig, namespace, "api-exists", |_| {}).await;
    until(rig, &flow.id, "the canary runs", |view| asks(view, 1, BatchPhase::Smoked)).await;
    let again = CreateFlow { namespace: namespace.clone(), name: None, draft: canary("api-exists") };
    let error = refused(rig.api().create(again).await, ApiErrorKind::AlreadyExists);
    assert!(error.message.contains("WorkloadExists"), "{error}");

    let name = Some("api-nothing".parse().expect("a flow name"));
    let update = CreateFlow { namespace: namespace.clone(), name, draft: draft("api-nothing", 2, 3) };
    let error = refused(rig.api().create(update).await, ApiErrorKind::FailedPrecondition);
    assert!(error.message.contains("WorkloadMissing"), "{error}");
    refused(rig.api().get(&id(namespace, "api-nothing")).await, ApiErrorKind::NotFound);
}

/// For an API that looks at workloads: a dry run refuses what `create` refuses, in the same words, and makes no flow.
pub async fn dry_run<R: ApiRig>(rig: &R, namespace: &Namespace) {
    let flow = create(rig, namespace, "dry-there", |_| {}).await;
    until(rig, &flow.id, "the canary runs", |view| asks(view, 1, BatchPhase::Smoked)).await;
    for draft in [canary("dry-there"), draft("dry-nothing", 2, 3), draft("Dry", 2, 3)] {
        let flow = CreateFlow { namespace: namespace.clone(), name: None, draft };
        let refused = rig.api().dry_run(&flow).await.expect_err("a refusal");
        assert_eq!(rig.api().create(flow).await, Err(refused));
    }
    let name = Some("dry-fresh".parse().expect("a flow name"));
    let fresh = CreateFlow { namespace: namespace.clone(), name, draft: canary("dry-fresh") };
    assert_eq!(rig.api().dry_run(&fresh).await, Ok(None));
    refused(rig.api().get(&id(namespace, "dry-fresh")).await, ApiErrorKind::NotFound);
}

async fn what_is_not_there_is_not_found<R: ApiRig>(rig: &R, namespace: &Namespace) {
    let (api, absent) = (rig.api(), id(namespace, "api-absent"));
    let target = Target { batch: 1, phase: BatchPhase::Baked };
    refused(api.get(&absent).await, ApiErrorKind::NotFound);
    refused(api.next(&absent, None).await, ApiErrorKind::NotFound);
    refused(api.go_to(&absent, target).await, ApiErrorKind::NotFound);
    refused(api.pause(&absent).await, ApiErrorKind::NotFound);
    refused(api.resume(&absent).await, ApiErrorKind::NotFound);
    refused(api.cancel(&absent).await, ApiErrorKind::NotFound);
    refused(api.edit(&absent, &Edit::default()).await, ApiErrorKind::NotFound);
    let watch = api.watch(&absent, None).await.map(|_| "a watch");
    refused(watch, ApiErrorKind::NotFound);
    assert_eq!(api.delete(&absent).await, Ok(()), "deleting what is absent succeeds");
}

/// A flow that creates three pods with a canary, in mode manual.
fn canary(instance: &str) -> Draft {
    let mut draft = draft(instance, 1, 3);
    let strategy = draft.update_strategy.get_or_insert_default();
    strategy.canary = Some(1);
    strategy.mode = Some("manual".into());
    draft
}

/// Makes a flow that is named like its instance.
async fn create<R: ApiRig>(
    rig: &R,
    namespace: &Namespace,
    instance: &str,
    change: impl FnOnce(&mut Draft) + Send,
) -> FlowView {
    let mut draft = canary(instance);
    change(&mut draft);
    let name = Some(instance.parse().expect("a flow name"));
    rig.api().create(CreateFlow { namespace: namespace.clone(), name, draft }).await.expect("created")
}

async fn get<R: ApiRig>(rig: &R, id: &FlowId) -> FlowView {
    rig.api().get(id).await.expect("the flow is there")
}

/// The flow once `wanted` holds.
async fn until<R: ApiRig>(
    rig: &R,
    id: &FlowId,
    what: &str,
    wanted: impl Fn(&FlowView) -> bool + Send,
) -> FlowView {
    for _ in 0..PATIENCE {
        let view = get(rig, id).await;
        if wanted(&view) {
            return view;
        }
        rig.pass_time().await;
    }
    panic!("{what} did not come true; the flow is {:#?}", get(rig, id).await)
}

/// Whether the flow asks a person at this point.
fn asks(view: &FlowView, batch: u32, phase: BatchPhase) -> bool {
    let here = view.record.conditions.last();
    here.is_some_and(|here| (here.batch, here.phase) == (batch, phase)) && view.ends_watch(None)
}

fn id(namespace: &Namespace, name: &str) -> FlowId {
    FlowId { namespace: namespace.clone(), name: name.parse().expect("a flow name") }
}

fn refused<T: core::fmt::Debug>(outcome: Result<T, ApiError>, kind: ApiErrorKind) -> ApiError {
    let error = outcome.expect_err(&format!("{kind:?} was expected"));
    assert_eq!(error.kind, kind, "{error}");
    assert!(!error.message.is_empty());
    error
}

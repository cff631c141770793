//! Who acts for each reason, and how. The same table for people is in docs/operations.md.

use triton_core::model::{BatchPhase, FlowPhase, Trouble};
use triton_core::service::FlowView;

use crate::cli::phrase;

/// Who acts, and the commands.
pub(super) struct Told {
    pub(super) who: String,
    pub(super) commands: Vec<(String, String)>,
}

fn told(who: impl Into<String>, commands: &[(String, &str)]) -> Told {
    let commands = commands.iter().map(|(command, what)| (command.clone(), (*what).to_owned()));
    Told { who: who.into(), commands: commands.collect() }
}

fn triton(command: &str, name: &str) -> String {
    format!("kubectl triton {command} {name}")
}

/// For a flow that has not ended and waits for this reason. One that closes takes no further orders.
pub(super) fn waiting(view: &FlowView, reason: &str, name: &str) -> Told {
    let mut told = told_of(view, reason, name);
    let orders = ["cancel", "resume"].map(|order| triton(order, name));
    told.commands.retain(|(command, _)| !(view.canceled && orders.contains(command)));
    told
}

fn told_of(view: &FlowView, reason: &str, name: &str) -> Told {
    let namespace = &view.id.namespace;
    let cancel = (triton("cancel", name), "ends it and leaves the workload clean");
    let watch = (triton("watch", name), "looks on");
    let instance = &view.instance_name;
    match reason {
        "Approval" => {
            let expect = view.here().map(|here| format!(" --expect {}/{}", here.batch, here.phase));
            let next = format!("{}{}", triton("next", name), expect.unwrap_or_default());
            let who = "a person; the time spent here counts against no deadline";
            let traffic = view.here().is_some_and(|here| here.phase == BatchPhase::Smoked);
            let does = if traffic { "lets it go on, into traffic" } else { "lets it go on" };
            told(who, &[(next, does), cancel])
        }
        "Paused" => {
            told("a person, who paused it or another", &[(triton("resume", name), "lets it go on"), cancel])
        }
        "Interval" => told("nobody: the interval between batches runs", &[watch]),
        "Workload" => {
            let clonesets = format!("kubectl -n {namespace} get clonesets {instance}");
            let manager = "kubectl -n kruise-system get pods".to_owned();
            told(
                "the CloneSet controller, which has not taken notice of the last change",
                &[(clonesets, "shows what it has observed"), (manager, "shows whether OpenKruise runs")],
            )
        }
        "OldStatus" => {
            let cancel = (
                triton("cancel", name),
                "ends it; what the status still knows is restored, and where it was cleared the workload stays as it is",
            );
            told(
                "nobody, where the newer status is on its way; whoever cleared the status or put an older one back, else",
                &[watch, cancel],
            )
        }
        "Rival" => {
            let list = format!("kubectl triton list --instance {instance} -n {namespace}");
            told(
                "the other flow, which holds the workload or is before this one in line: let it end, or cancel it",
                &[(list, "shows them all"), cancel],
            )
        }
        _ => {
            let known = of_pods(view, reason, name).or_else(|| broken(view, reason, name));
            known.unwrap_or_else(|| told("nobody: it goes on by itself", &[watch, cancel]))
        }
    }
}

/// Where pods are on their way.
fn of_pods(view: &FlowView, reason: &str, name: &str) -> Option<Told> {
    let (namespace, instance) = (&view.id.namespace, &view.instance_name);
    let pods =
        (format!("kubectl triton pods {instance} -n {namespace}"), "shows the pods, and which are not ready");
    let events = (format!("kubectl -n {namespace} get events"), "says what keeps a pod from running");
    let watch = (triton("watch", name), "looks on");
    let cancel = (triton("cancel", name), "ends it and leaves the workload clean");
    let resume = |what| (triton("resume", name), what);
    let told = match reason {
        "PodsFailed" => told(
            "a person: mend the pods, after which it goes on by itself, or give up",
            &[pods, events, resume("gives the stage its whole deadline again"), cancel],
        ),
        "DeadlineExceeded" => {
            let who = "a person: see to what the stage waits for; the message says whether it then goes on by itself";
            let mut told = told(who, &[pods, events, resume("waits once more"), cancel]);
            told.commands.extend(refusing(view));
            told
        }
        "Verifying" => {
            told("nobody, as a rule: the whole workload is compared with the spec", &[pods, watch])
        }
        "PodsStarting" if phrase::message(view).contains(Trouble::MARK) => {
            let who = "whoever set the quota, the policy or the webhook that refuses pods, which the message names; \
                       OpenKruise tries again, and at the deadline of the stage the flow pauses";
            let mut told = told(who, &[events]);
            told.commands.splice(0..0, refusing(view));
            told
        }
        "PodsStarting" => {
            told("kubelet and scheduler; at the deadline of the stage it pauses", &[pods, events])
        }
        "PullingIn" => {
            let slices = format!("kubectl -n {namespace} get endpointslices");
            let who = "nobody, as a rule: Kubernetes shows new pods to Services in a moment; where it takes long, a Service \
                       cannot send to them: its selector or ports";
            told(who, &[(slices, "shows which pods are ready in each"), pods])
        }
        "MinReady" => told(
            "nobody: time, as minReadySeconds of the CloneSet says; it counts against no deadline",
            &[pods, watch],
        ),
        "PodsTerminating" => told(
            "kubelet, and whoever set a finalizer on a pod that is being deleted; it counts against no deadline",
            &[pods, events],
        ),
        "PodsLeaving" => {
            told("registry, drain time and CloneSet controller; then it goes on by itself", &[pods, watch])
        }
        _ => return None,
    };
    Some(told)
}

/// What shows who refuses, where the words of the API server tell.
fn refusing(view: &FlowView) -> Option<(String, String)> {
    let (message, namespace) = (phrase::message(view), &view.id.namespace);
    let (command, what) = if message.contains("exceeded quota") {
        (format!("kubectl -n {namespace} get resourcequotas"), "shows what is left")
    } else if message.contains("ValidatingAdmissionPolicy") {
        (
            "kubectl get validatingadmissionpolicies".to_owned(),
            "shows the policies; the message names the one",
        )
    } else if message.contains("admission webhook or policy") {
        let sorts = "mutatingwebhookconfigurations,mutatingadmissionpolicies";
        (format!("kubectl get {sorts}"), "shows webhooks and policies that may change it")
    } else if message.contains("webhook") {
        let sorts = "validatingwebhookconfigurations,mutatingwebhookconfigurations";
        (format!("kubectl get {sorts}"), "shows the webhooks; the message names the one")
    } else if message.contains("violates PodSecurity") {
        (format!("kubectl get namespace {namespace} --show-labels"), "shows the level that is enforced")
    } else {
        return None;
    };
    Some((command, what.to_owned()))
}

/// Where the API server, or what stands behind it, refuses a change.
fn refused(view: &FlowView, reason: &str, name: &str) -> Told {
    let namespace = &view.id.namespace;
    match reason {
        "Rejected" => {
            let who =
                "whoever set admission, quota or rights: the message names the refusal; it is tried again";
            let events = (format!("kubectl -n {namespace} get events"), "may say more".to_owned());
            let cancel = (triton("cancel", name), "ends it".to_owned());
            Told { who: who.into(), commands: vec![refusing(view).unwrap_or(events), cancel] }
        }
        "NoRevision" => {
            let edit = format!("kubectl -n {namespace} edit clonesets {}", view.instance_name);
            let delete = format!("kubectl -n {namespace} delete df {}", view.id.name);
            let who = "a person: the revision to return to is not there; put its template into the CloneSet by hand, or \
                       delete the flow";
            let gives_up = "leaves the workload as it is, for an update or a rollback";
            told(who, &[(edit, "takes the template"), (delete, gives_up)])
        }
        _ => {
            let ready = "kubectl get --raw /readyz".to_owned();
            let who = "whoever runs the API server, or the webhook that the message names; it is tried again";
            let mut told = told(who, &[(ready, "asks the API server")]);
            told.commands.extend(refusing(view));
            told
        }
    }
}

/// Where others are in the way, or the operator itself is stopped.
fn broken(view: &FlowView, reason: &str, name: &str) -> Option<Told> {
    let namespace = &view.id.namespace;
    let edit = format!("kubectl -n {namespace} edit df {}", view.id.name);
    match reason {
        "Drift" | "Resized" => {
            let workload = &view.instance_name;
            let fields =
                format!("kubectl -n {namespace} get clonesets {workload} -o yaml --show-managed-fields");
            let who = "a person: see to it that nobody else changes the workload meanwhile";
            let resume = (triton("resume", name), "sets it right");
            let cancel = (triton("cancel", name), "ends it and leaves the workload clean");
            Some(told(who, &[(fields, "shows who wrote what"), resume, cancel]))
        }
        "Rejected" | "NoRevision" | "Unreachable" => Some(refused(view, reason, name)),
        "CorruptStatus" => {
            let edit = format!("{edit} --subresource=status");
            let delete = format!("kubectl -n {namespace} delete df {}", view.id.name);
            let who = "a person: put back what stood in the field that the message names, or delete the flow; it \
                       touches nothing meanwhile";
            let gives_up = "leaves the workload as it is, for an update, a rollback, a stop or a delete";
            Some(told(who, &[(edit, "puts back what stood there"), (delete, gives_up)]))
        }
        "InvalidSpec" => {
            let who = "a person: correct what was changed past admission; the flow touches nothing meanwhile, and \
                       an update or a rollback takes over";
            Some(told(who, &[(edit, "corrects the field that the message names")]))
        }
        "ServiceLost" => {
            let services = format!("kubectl -n {namespace} get services -o wide");
            let who = "a person: change the Service that the message names, or bring another template; until then no \
                       old pod leaves, and no deadline runs";
            let cancel = (triton("cancel", name), "ends it and leaves the workload clean");
            Some(told(who, &[(services, "shows selectors and ports"), cancel]))
        }
        "LockUnreadable" | "WorkloadUnreadable" => {
            let workload = &view.instance_name;
            let edit = format!("kubectl -n {namespace} edit clonesets {workload}");
            let empty = format!(
                "kubectl -n {namespace} annotate clonesets {workload} --overwrite apps.triton.io/lock="
            );
            let who = "a person: mend the CloneSet; the message names what cannot be read";
            let mends = (edit, "mends it");
            let empties = (empty, "empties the lock: a flow that is at work takes it again");
            Some(if reason == "LockUnreadable" { told(who, &[mends, empties]) } else { told(who, &[mends]) })
        }
        "" => {
            let logs = "kubectl -n NAMESPACE logs deployment/triton-operator".to_owned();
            Some(told("the operator, which has not looked at it yet", &[(logs, "shows whether it runs")]))
        }
        _ => None,
    }
}

/// For a flow whose gate was opened and that the operator has not gone on with.
pub(super) fn taken_notice(name: &str) -> Told {
    let who = "nobody: the permission was given, the operator is about to go on";
    told(who, &[(triton("watch", name), "looks on")])
}

/// For a flow that is cancelled and not clean yet.
pub(super) fn closing(view: &FlowView, name: &str) -> Told {
    let wait = format!("{} --for=finished", triton("wait", name));
    let why = match view.superseded_by.as_str() {
        "" => "it was cancelled".to_owned(),
        by => format!("flow {}/{by} takes over from it", view.id.namespace),
    };
    told(format!("nobody: {why}, and it leaves the workload clean"), &[(wait, "waits for its end")])
}

/// For a flow that has ended.
pub(super) fn ended(view: &FlowView, name: &str) -> Told {
    let history = format!("kubectl triton history {}", view.instance_name);
    let seen = (history, "shows what was done to the instance");
    let forget = (triton("delete flow", name), "forgets it");
    if view.record.phase == FlowPhase::Failed {
        return told("whoever made it: it cannot be carried out; make another one", &[seen, forget]);
    }
    told("nobody: it has ended", &[seen, forget])
}

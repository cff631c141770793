//! The page about states, made from the table of the engine and from what its functions answer.

#[path = "states/samples.rs"]
pub(crate) mod samples;

use std::fmt::Write;

use triton_core::engine::{Answer, Row, Until, Waiting, admit, row};
use triton_core::model::{Command, Failure, FlowPhase, HoldReason, Kind, Mode, Stage};

use samples::{STAGES, batch, failures, flow, progresses, waitings};

const HEAD: &str = "\
# States

Written by `make gen` from the code; the house rules compare it. What the words mean: [glossary](glossary.md).
";

pub(crate) fn page() -> String {
    let mut page = String::from(HEAD);
    for kind in [Kind::Grow, Kind::Replace, Kind::Swap, Kind::Shrink] {
        page += &life(kind);
    }
    page + &gates() + &phases() + &holds() + &waits() + &ends()
}

/// The rows of one kind of batch, in the order a batch walks them.
fn life(kind: Kind) -> String {
    let (name, what) = match kind {
        Kind::Grow => ("grow", "new pods come (`create`, `scale_out`, `start`, `scale` to a larger size)"),
        Kind::Replace => (
            "replace",
            "new pods come beside the old ones, then old ones leave (`update`, `rollback`, `restart`)",
        ),
        Kind::Swap => (
            "swap",
            "old pods leave, or are updated in place, and new ones take their places (the same with \
             `maxUnavailable`; `update` and `rollback` of workloads that update in place)",
        ),
        Kind::Shrink => ("shrink", "pods leave (`scale_in`, `stop`, `delete`, `scale` to a smaller size)"),
    };
    let mut text = format!("\n## A batch of kind {name}\n{}.\n\n", capital(what));
    text += "| stage | shown as | the workload is asked for the new pods | and to do without the old ones | \
             the new pods may take traffic | it ends when | a person may be asked | next |\n";
    text += "|---|---|---|---|---|---|---|---|\n";
    let mut stage = Some(Stage::Queued);
    while let Some(at) = stage {
        let line = row(kind, at);
        text += &row_line(at, line);
        stage = line.next;
    }
    text
}

fn row_line(stage: Stage, row: Row) -> String {
    let yes = |flag: bool| if flag { "yes" } else { "" };
    let until = match row.until {
        Until::Now => "at once",
        Until::Booted => "all new pods run",
        Until::In => "all new pods are verified in traffic",
        Until::Gone => "no pod is leaving and no old pod is too many",
        Until::Interval => "the interval is over",
    };
    let next = row.next.map_or_else(|| "next batch".into(), |next| format!("{next:?}"));
    format!(
        "| {stage:?} | {} | {} | {} | {} | {until} | {} | {next} |\n",
        batch(stage).phase(),
        yes(row.grown),
        yes(row.shrunk),
        yes(row.admit),
        yes(row.ask),
    )
}

/// What `Next` is answered in every stage.
fn gates() -> String {
    let mut text = String::from(
        "\n## Who lets a flow go on\nWhat `Next` permits in a stage of a batch that is not the last one; \
         empty where nobody is asked.\n\n\
         | stage | canary batch | mode auto | mode manual |\n|---|---|---|---|\n",
    );
    for stage in STAGES {
        let asked = |mode, canary| match admit(&flow(stage, mode, canary), Command::Next { expected: None }) {
            Ok(Answer::Orders(orders)) => orders.target.to_string(),
            Ok(Answer::AlreadySo | Answer::Remove) | Err(_) => String::new(),
        };
        let (canary, auto) = (asked(Mode::Auto, true), asked(Mode::Auto, false));
        let _ = writeln!(text, "| {stage:?} | {canary} | {auto} | {} |", asked(Mode::Manual, false));
    }
    text
}

fn phases() -> String {
    let mut text = String::from(
        "\n## Phases of a flow\n| the engine's progress | shown as | has ended |\n|---|---|---|\n",
    );
    for (name, progress) in progresses() {
        let phase = FlowPhase::from(&progress);
        let ended = if phase.is_final() { "yes" } else { "" };
        let _ = writeln!(text, "| {name} | {phase} | {ended} |");
    }
    text
}

fn holds() -> String {
    let mut text = String::from(
        "\n## Paused by failure\nThe stage stays, its name changes; Resume gives it its whole deadline again.\n\n\
         | stage | shown as |\n|---|---|\n",
    );
    for stage in STAGES {
        let _ = writeln!(text, "| {stage:?} | {} |", samples::held(stage).phase());
    }
    text
}

fn waits() -> String {
    let mut text = String::from(
        "\n## What a flow waits for\n`status.waiting.reason`, and an example of its message.\n\n\
         | reason | message | who acts |\n|---|---|---|\n",
    );
    for waiting in waitings() {
        let _ = writeln!(text, "| {} | {waiting} | {} |", waiting.reason(), who(&waiting));
    }
    text
}

/// Who has to do something. A new reason to wait does not compile before it is answered here; its
/// example belongs into `samples`.
fn who(waiting: &Waiting) -> &'static str {
    match waiting {
        Waiting::Approval { .. } => "a person: `Next`, `Continue` or `Cancel`",
        Waiting::Pods { .. } => "kubelet and scheduler, until the deadline of the stage",
        Waiting::Interval => "nobody: time",
        Waiting::In { .. } => "the traffic registry, until the deadline of the stage",
        Waiting::Out { .. } => "the registry, the drain time and the workload's controller",
        Waiting::Available { .. } => "nobody: time",
        Waiting::Terminating { .. } => "the kubelet, and whoever set finalizers on these pods",
        Waiting::Backend => "the workload's controller: see that it runs",
        Waiting::Record => "nobody, or a person who cleared the status: `Cancel`",
        Waiting::Unreachable { .. } => "the API server, or the network to it",
        Waiting::Paused
        | Waiting::Held {
            reason: HoldReason::PodsFailed | HoldReason::DeadlineExceeded, blocks: true, ..
        } => "a person: `Resume` or `Cancel`",
        Waiting::Held { reason: HoldReason::PodsFailed, .. } => {
            "a person: mend the pods, after which it goes on by itself, or `Cancel`"
        }
        Waiting::Held { reason: HoldReason::DeadlineExceeded, .. } => {
            "a person: see to what it waits for, after which it goes on by itself, or `Resume` or `Cancel`"
        }
        Waiting::Held { reason: HoldReason::Drift | HoldReason::Resized, .. } => {
            "a person: keep others from changing the workload and `Resume`, or `Cancel`"
        }
        Waiting::Rival { stuck: Some(_), .. } => {
            "a person: mend what keeps the other flow, as the message says, or end it"
        }
        Waiting::Rival { .. } => "the other flow, which comes first: let it end, or cancel it",
        Waiting::Verify { .. } => "kubelet, registry and controller, until the deadline",
        Waiting::Spec { .. } => {
            "a person: correct the field, order an `update` or a `rollback`, or delete the flow"
        }
        Waiting::Lock { .. } => "a person: mend the annotation",
        Waiting::ServiceLost { .. } => "a person: change the Service, or `Cancel` and bring another template",
    }
}

fn ends() -> String {
    let mut text = String::from(
        "\n## Why a flow is Failed\n`status.reason` and `status.message` of a flow that could not do what was \
         ordered. It holds nothing and changed nothing that it had not been asked for; start a new flow.\n\n\
         | reason | message |\n|---|---|\n",
    );
    for failure in failures() {
        let _ = writeln!(text, "| {} | {} |", failure.reason(), say(&failure));
    }
    text
}

/// As [`who`]: a new failure does not compile before somebody thought of this page.
fn say(failure: &Failure) -> String {
    match failure {
        Failure::WorkloadExists
        | Failure::WorkloadMissing
        | Failure::WorkloadDeleted
        | Failure::WorkloadOwned { .. }
        | Failure::Unsupported { .. }
        | Failure::InvalidSpec { .. }
        | Failure::WrongSize { .. }
        | Failure::WrongPods { .. }
        | Failure::NoRevision { .. }
        | Failure::Refused { .. }
        | Failure::Abandoned
        | Failure::StatusLost
        | Failure::LockLost => failure.to_string(),
    }
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

#[test]
fn the_page_shows_what_the_code_says() {
    let page = page();
    for line in [
        "| Leaving | Baking | yes | yes | yes | no pod is leaving and no old pod is too many |  | Baked |",
        "| Smoked | batch 1 Baking |  |  |",
        "| Baked | batch 2 Smoking |  | batch 2 Smoking |",
        "| Preparing | Initializing |  |",
        "| Smoking | SmokeFailed |",
    ] {
        assert!(page.contains(line), "{line}\nis not in\n{page}");
    }
}

//! What deployment tools make of a flow, by their own code: the health checks that the page about GitOps gives to Argo
//! CD and Flux, taken from the page, and kstatus, each asked about every kind of status that the operator writes.

#[path = "house_rules/states/samples.rs"]
mod samples;

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::process::Command;
use triton_core::engine::{Decision, Seen, Waiting, Why, look, report, unread_report};
use triton_core::model::{
    Batch, Flow, Hold, HoldReason, Mode, Progress, Report, Seconds, Stage, Timestamp, TrafficView, Verdict,
};
use triton_operator::crd::{convert, definition};
use triton_tests::{go, python::run};

/// What Argo CD, Flux and kstatus answer.
type Row = (&'static str, [&'static str; 3]);

const GOES_ON: [&str; 3] = ["Progressing", "InProgress", "InProgress"];
/// Argo CD tells that a person is asked.
const ASKS: [&str; 3] = ["Suspended", "InProgress", "InProgress"];
/// By the expressions of the page Flux waits for somebody who resumes it; kstatus, and Flux without them, do not.
const STANDS: [&str; 3] = ["Degraded", "InProgress", "Failed"];
const WELL: [&str; 3] = ["Healthy", "Current", "Current"];
const ENDED: [&str; 3] = ["Degraded", "Failed", "Failed"];

/// By the reason of a flow that has not ended, and by phase and reason of one that has; whatever the reason, where it
/// has failed.
const ROWS: [Row; 29] = [
    ("nobody has looked at it", GOES_ON),
    ("nobody has looked at its new orders", GOES_ON),
    ("nobody has looked at the orders of one that has ended", ["Healthy", "InProgress", "InProgress"]),
    ("PodsStarting", GOES_ON),
    ("PullingIn", GOES_ON),
    ("PodsLeaving", GOES_ON),
    ("PodsTerminating", GOES_ON),
    ("MinReady", GOES_ON),
    ("Interval", GOES_ON),
    ("Verifying", GOES_ON),
    ("Workload", GOES_ON),
    ("OldStatus", GOES_ON),
    ("Rival", GOES_ON),
    ("Unreachable", GOES_ON),
    ("ServiceLost", GOES_ON),
    ("Approval", ASKS),
    ("Paused", ASKS),
    ("PodsFailed", STANDS),
    ("DeadlineExceeded", STANDS),
    ("Resized", STANDS),
    ("Drift", STANDS),
    ("InvalidSpec", STANDS),
    ("LockUnreadable", STANDS),
    ("Success Succeeded", WELL),
    ("Success AlreadyCarriedOut", WELL),
    ("Aborted AlreadyCarriedOut", WELL),
    ("Aborted Aborted", ENDED),
    ("Canceled Canceled", ENDED),
    ("Failed", ENDED),
];

/// A kind of status, and an object that has it.
type Subject = (String, Value);

#[tokio::test]
async fn every_status_of_a_flow_is_told_as_the_page_says() -> Result<()> {
    let (subjects, rows) = (subjects(), BTreeMap::from(ROWS));
    let answers = ask(&subjects).await?;
    ensure!(answers.len() == subjects.len(), "{} answers to {} objects", answers.len(), subjects.len());
    let told = subjects.iter().zip(&answers);
    let wrong: Vec<String> = told
        .filter(|((kind, _), answer)| rows.get(kind.as_str()) != Some(&answer.each()))
        .map(|((kind, object), answer)| format!("{kind}: {:?} of {}", answer.each(), object["status"]))
        .collect();
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    let met = |kind: &&str| subjects.iter().any(|(of, _)| of == kind);
    let unmet: Vec<_> = rows.into_keys().filter(|kind| !met(kind)).collect();
    ensure!(unmet.is_empty(), "no status is of the kind {unmet:?}");
    Ok(())
}

#[derive(Debug, Deserialize)]
struct Answer {
    argo: String,
    flux: String,
    kstatus: String,
}

impl Answer {
    fn each(&self) -> [&str; 3] {
        [&self.argo, &self.flux, &self.kstatus]
    }
}

/// Asks the tools about objects, with what the page gives to them.
async fn ask(subjects: &[Subject]) -> Result<Vec<Answer>> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("health");
    fs::create_dir_all(&folder)?;
    let (program, question) = (folder.join("health"), folder.join("question.json"));
    let sources = Path::new(env!("CARGO_MANIFEST_DIR"));
    go::build(&sources.join("health"), &program).await?;
    let page = fs::read_to_string(sources.join("../docs/gitops.md"))?;
    let script = "resource.customizations.health.apps.triton.io_DeployFlow";
    let asked = json!({
        "lua": block(&page, "## Argo CD")?["data"][script],
        "flux": block(&page, "## Flux")?["spec"]["healthCheckExprs"][0],
        "objects": subjects.iter().map(|(_, object)| object).collect::<Vec<_>>(),
    });
    fs::write(&question, asked.to_string())?;
    let mut tools = Command::new(program);
    tools.arg(question);
    let answers = run(tools).await?;
    answers.lines().map(|line| serde_json::from_str(line).context("an answer")).collect()
}

/// The first block of YAML under a heading of the page.
fn block(page: &str, heading: &str) -> Result<Value> {
    let (_, section) = page.split_once(heading).with_context(|| format!("the page has no {heading}"))?;
    let block = section.split("```").nth(1).and_then(|block| block.strip_prefix("yaml"));
    let block = block.with_context(|| format!("there is no YAML under {heading}"))?;
    Ok(serde_norway::from_str(block)?)
}

/// One of everything, as the operator stores it.
fn subjects() -> Vec<Subject> {
    let fresh = json!(definition());
    let fresh = &fresh["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["status"]["default"];
    let mut all = vec![("nobody has looked at it".to_owned(), object(1, fresh.clone()))];
    let pods = Waiting::Pods { ready: 0, of: 1, in_grace: false };
    let begun = waits(&samples::flow(Stage::Smoking, Mode::Auto, true), &Report::default(), &pods);
    let olds = [&Report::default(), &begun];
    for waiting in samples::waitings() {
        let mut flow = samples::flow(Stage::Smoking, Mode::Manual, false);
        flow.orders.paused = waiting == Waiting::Paused;
        for progress in places(&flow.progress, &waiting) {
            flow.progress = progress;
            all.extend(olds.map(|old| subject(&flow, &waits(&flow, old, &waiting))));
        }
    }
    for stage in samples::STAGES {
        let mut flow = samples::flow(stage, Mode::Auto, false);
        if let Progress::Rolling { batch, .. } = &mut flow.progress {
            *batch = samples::held(stage);
        }
        let held = Waiting::Held {
            reason: HoldReason::PodsFailed,
            failed: 1,
            edits: Vec::new(),
            paused: false,
            blocks: false,
        };
        let (kind, object) = subject(&flow, &waits(&flow, &begun, &held));
        let mut resumed = object.clone();
        resumed["metadata"]["generation"] = json!(2);
        all.extend([(kind, object), ("nobody has looked at its new orders".to_owned(), resumed)]);
    }
    let at = Timestamp::default();
    let failed = |failure| Progress::Finished { verdict: Verdict::Failed(failure), at };
    let failed = samples::failures().into_iter().map(failed);
    for progress in samples::progresses().into_iter().map(|(_, progress)| progress).chain(failed) {
        let flow = Flow { progress, ..samples::flow(Stage::Smoking, Mode::Auto, true) };
        let told = |old| match &flow.progress {
            Progress::Finished { verdict, .. } => ended(&flow, old, verdict),
            _ => waits(&flow, old, &pods),
        };
        all.extend(olds.map(|old| subject(&flow, &told(old))));
        if matches!(flow.progress, Progress::Finished { verdict: Verdict::Succeeded, .. }) {
            let mut changed = subject(&flow, &told(&begun)).1;
            changed["metadata"]["generation"] = json!(2);
            all.push(("nobody has looked at the orders of one that has ended".to_owned(), changed));
        }
    }
    all
}

/// Where a flow may be that waits for this: in a batch, and after all of them.
fn places(progress: &Progress, waiting: &Waiting) -> Vec<Progress> {
    let hold = match waiting {
        Waiting::Held { reason, .. } => Some(Hold { reason: *reason, resumes: 0 }),
        _ => None,
    };
    let Progress::Rolling { plan, done, batch } = progress else { return Vec::new() };
    let (plan, since, counted) = (plan.clone(), batch.since, Seconds(0));
    vec![
        Progress::Rolling { plan: plan.clone(), done: *done, batch: Batch { hold, ..*batch } },
        Progress::Verifying { plan, since, counted, hold, edited: None },
    ]
}

/// What is reported of a flow that waits.
fn waits(flow: &Flow, old: &Report, waiting: &Waiting) -> Report {
    let now = Timestamp::default();
    match waiting {
        Waiting::Spec { .. } => unread_report(old, &Decision::Wait(waiting.clone(), now), now),
        _ => told(flow, old, None, Some(waiting)),
    }
}

/// What is reported of a flow that ended.
fn ended(flow: &Flow, old: &Report, verdict: &Verdict) -> Report {
    told(flow, old, Some(&Why::Ended { verdict: verdict.clone(), cause: None }), None)
}

fn told(flow: &Flow, old: &Report, why: Option<&Why>, waiting: Option<&Waiting>) -> Report {
    let (traffic, now) = (TrafficView::default(), Timestamp::default());
    let observation = look(Some(flow), None, &traffic);
    let seen = Seen { observation: &observation, workload: None, traffic: &traffic };
    report(flow, old, seen, why, waiting.map(|waiting| (waiting, now)), now)
}

fn subject(flow: &Flow, report: &Report) -> Subject {
    let status = convert::status(&flow.progress, report, 1, None, None).expect("it can be written");
    let text = |field: &str| status[field].as_str().unwrap_or_default();
    let kind = match (status["finished"] == true, text("phase")) {
        (true, "Failed") => "Failed".to_owned(),
        (true, phase) => format!("{phase} {}", text("reason")),
        (false, _) => text("reason").to_owned(),
    };
    (kind, object(1, status))
}

fn object(generation: i64, status: Value) -> Value {
    json!({
        "apiVersion": "apps.triton.io/v1alpha1",
        "kind": "DeployFlow",
        "metadata": {"name": "web-31", "namespace": "default", "generation": generation},
        "status": status,
    })
}

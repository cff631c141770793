//! `plan`: what a flow would do, before anything is written.

use serde_json::{Value, json};
use triton_core::engine::{Coming, Forecast, forecast_from};
use triton_core::model::{Action, Draft, InstanceId, InstanceName, Namespace, Seconds};
use triton_core::service::{DeployApi, InstanceApi};

use super::args::{Choice, PlanArgs};
use super::failure::{DONE, Failure};
use super::manifest::{self, Described};
use super::screen::Screen;
use super::table::{Table, cell};
use super::{Session, phrase};

/// Flows to plan.
pub(super) type Wanted = Vec<Described>;

/// Plans what needs nobody to ask: everything where the present size was said, or is none. Else the flows
/// come back, to be planned with the size that there is.
pub(super) fn offline(
    plan: &PlanArgs,
    namespace: &Namespace,
    screen: &mut Screen<'_>,
) -> Result<Option<Wanted>, Failure> {
    let flows = wanted(plan)?;
    let is_create = |flow: &Described| flow.draft.action == Action::Create.as_str();
    let current = match plan.current {
        Some(current) => current,
        None if flows.iter().all(is_create) => 0,
        None => return Ok(Some(flows)),
    };
    for Described { namespace: theirs, draft, .. } in flows {
        let id = target(&draft, &theirs.unwrap_or_else(|| namespace.clone()))?;
        print(&told(&draft, &id, current)?, screen)?;
    }
    Ok(None)
}

impl<A: DeployApi + InstanceApi, L> Session<'_, A, L> {
    /// `plan`, with the size that there is.
    pub(super) async fn plan(&self, flows: Wanted, screen: &mut Screen<'_>) -> Result<u8, Failure> {
        for Described { namespace, draft, .. } in flows {
            let id = target(&draft, &namespace.unwrap_or_else(|| self.namespace.clone()))?;
            let current = if draft.action == Action::Create.as_str() {
                0
            } else {
                self.api.instance(&id).await.map_err(|error| self.failed(error))?.replicas
            };
            print(&told(&draft, &id, current)?, screen)?;
        }
        Ok(DONE)
    }
}

/// A plan of one flow.
struct Told {
    action: String,
    instance: InstanceId,
    forecast: Forecast,
    /// Which fields have no effect.
    unused: Option<String>,
}

/// The flows to plan.
fn wanted(plan: &PlanArgs) -> Result<Wanted, Failure> {
    match (&plan.filename, &plan.instance) {
        (Some(file), _) => Ok(manifest::read(file)?.flows),
        (None, Some(name)) => Ok(vec![Described { name: None, namespace: None, draft: draft(plan, name) }]),
        (None, None) => Ok(Vec::new()),
    }
}

/// What an order to an instance comes to. Batches do not depend on the template, so any will do.
fn draft(plan: &PlanArgs, name: &InstanceName) -> Draft {
    let bare = Draft {
        action: plan.action.action().as_str().into(),
        app_name: name.to_string(),
        instance_name: name.to_string(),
        replicas: plan.replicas.map(i64::from),
        ..Draft::default()
    };
    match plan.action {
        Choice::Update => Draft {
            template: Some(json!({ "spec": { "containers": [{ "name": "any" }] } })),
            update_strategy: Some(plan.strategy.for_update()),
            ..bare
        },
        Choice::Rollback => Draft { update_strategy: Some(plan.strategy.for_update()), ..bare },
        Choice::Restart | Choice::Scale | Choice::Start | Choice::Stop | Choice::Delete => {
            Draft { non_update_strategy: Some(plan.strategy.plain(Vec::new())), ..bare }
        }
    }
}

fn target(draft: &Draft, namespace: &Namespace) -> Result<InstanceId, Failure> {
    let name = InstanceName::new(draft.instance_name.as_str());
    let name =
        name.map_err(|error| Failure::new(format!("spec.application.instanceName: {}", error.fault)))?;
    Ok(InstanceId { namespace: namespace.clone(), name })
}

/// The plan of one flow that finds `current` pods.
fn told(draft: &Draft, instance: &InstanceId, current: u32) -> Result<Told, Failure> {
    let (spec, orders) = draft.parse()?;
    let from = if spec.action == Action::Create { 0 } else { current };
    let forecast = forecast_from(&spec, &orders, from, None);
    let unused = spec.unused_note();
    Ok(Told { action: draft.action.clone(), instance: instance.clone(), forecast, unused })
}

fn print(told: &Told, screen: &mut Screen<'_>) -> Result<(), Failure> {
    if screen.objects(&[object(told)], true)? {
        return Ok(());
    }
    let Told { action, instance, forecast, unused } = told;
    let (base, batches) = (&forecast.plan.base, forecast.batches.len());
    let plural = if batches == 1 { "batch" } else { "batches" };
    screen.line(format!(
        "{action} {instance}: {} now, {} wanted; {batches} {plural}, at most {} at once, {} at the earliest",
        phrase::pods(base.from),
        base.to,
        phrase::pods(forecast.peak()),
        span(forecast.ends()),
    ))?;
    if let Some(unused) = unused {
        screen.line(format!("Warning: {unused}"))?;
    }
    if forecast.batches.is_empty() {
        return screen.line("nothing is to be done: Success at once, after the final check");
    }
    screen.line("")?;
    let mut table =
        Table::new(&["BATCH", "PODS", "NEW AFTER", "OLD AFTER", "PEAK", "STARTS", "ENDS", "ASKS A PERSON"]);
    for batch in &forecast.batches {
        table.row(vec![
            cell(phrase::number(batch.number, batch.canary)),
            cell(batch.size),
            cell(batch.after.fresh),
            cell(batch.after.stale),
            cell(batch.peak),
            cell(format!("+{}", span(batch.starts))),
            cell(format!("+{}", span(batch.ends))),
            cell(asks(batch)),
        ]);
    }
    for line in table.lines(screen.paint) {
        screen.line(line)?;
    }
    screen.line("")?;
    screen.line("Earliest times: people, booting pods and registries are taken to need no time.")
}

/// Before what a batch asks a person.
fn asks(batch: &Coming) -> String {
    let asks = batch.asks.iter().map(|ask| {
        if ask.batch == batch.number {
            format!("before {}", ask.phase)
        } else {
            format!("before batch {}", ask.batch)
        }
    });
    asks.collect::<Vec<_>>().join(", ")
}

fn span(seconds: Seconds) -> String {
    phrase::span(i64::from(seconds.0))
}

fn object(told: &Told) -> Value {
    let Told { action, instance, forecast, unused } = told;
    let batches = forecast.batches.iter().map(|batch| {
        let asks = batch.asks.iter().map(|ask| format!("{}/{}", ask.batch, ask.phase));
        json!({
            "batch": batch.number,
            "batchSize": batch.size,
            "canary": batch.canary,
            "newAfter": batch.after.fresh,
            "oldAfter": batch.after.stale,
            "peakReplicas": batch.peak,
            "earliestStartSeconds": batch.starts.0,
            "earliestEndSeconds": batch.ends.0,
            "asks": asks.collect::<Vec<_>>(),
        })
    });
    let mut plan = json!({
        "kind": "Plan",
        "metadata": { "name": instance.name, "namespace": instance.namespace },
        "action": action,
        "currentReplicas": forecast.plan.base.from,
        "replicas": forecast.plan.base.to,
        "peakReplicas": forecast.peak(),
        "earliestEndSeconds": forecast.ends().0,
        "batches": batches.collect::<Vec<_>>(),
    });
    if let Some(unused) = unused {
        plan["warnings"] = json!([unused]);
    }
    plan
}

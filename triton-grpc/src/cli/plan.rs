//! `plan`: what a flow would do, before anything is written.

use serde_json::{Value, json};
use triton_core::engine::{Coming, Forecast, Found, forecast_from};
use triton_core::model::{
    Action, BatchPhase, Draft, Fault, Faults, InstanceId, InstanceName, Namespace, Seconds,
};
use triton_core::service::{ApiError, ApiErrorKind, CreateFlow, DeployApi, InstanceApi, InstanceView};

use super::args::{Choice, PlanArgs};
use super::failure::{DONE, Failure};
use super::manifest::{self, Described};
use super::screen::Screen;
use super::table::{Table, cell};
use super::{Session, others, phrase};

/// Flows to plan.
pub(super) type Wanted = Vec<Described>;

/// Plans without asking anybody where the present size was said. Else the flows come back, to be planned with what there
/// is.
pub(super) fn offline(
    plan: &PlanArgs,
    namespace: &Namespace,
    check: fn(&Value) -> Vec<Fault>,
    screen: &mut Screen<'_>,
) -> Result<Option<Wanted>, Failure> {
    let flows = wanted(plan)?;
    let templates = flows.iter().filter_map(|flow| flow.draft.template.as_ref());
    let faults: Vec<Fault> = templates.flat_map(check).collect();
    if !faults.is_empty() {
        return Err(Faults(faults).into());
    }
    let Some(current) = plan.current else { return Ok(Some(flows)) };
    for Described { namespace: theirs, draft, .. } in flows {
        let id = target(&draft, &theirs.unwrap_or_else(|| namespace.clone()))?;
        print(&told(&draft, &id, Found { from: current, ..Found::default() })?, screen)?;
    }
    Ok(None)
}

impl<A: DeployApi + InstanceApi, L> Session<'_, A, L> {
    /// `plan`, with what there is.
    pub(super) async fn plan(&self, flows: Wanted, screen: &mut Screen<'_>) -> Result<u8, Failure> {
        for flow in flows {
            print(&self.planned(flow).await?, screen)?;
        }
        Ok(DONE)
    }

    /// The plan of one flow. What [`create`](Self::create) would refuse is refused.
    async fn planned(&self, flow: Described) -> Result<Told, Failure> {
        let Described { name, namespace, draft } = flow;
        let id = target(&draft, &namespace.unwrap_or_else(|| self.namespace.clone()))?;
        let asks = draft.template != Some(any());
        let new = CreateFlow { namespace: id.namespace.clone(), name, draft: draft.clone() };
        let there = if draft.action == Action::Create.as_str() {
            None
        } else {
            self.instance_of(&id, asks.then_some(&new)).await?
        };
        let found = there.as_ref().map_or_else(Found::default, |there| Found {
            from: there.replicas,
            remembered: there.replicas_before_stop,
            in_place: there.in_place,
            min_ready: there.min_ready,
        });
        let mut told = told(&draft, &id, found)?;
        if asks
            && let Some(again) = self.api.dry_run(&new).await.map_err(|error| self.not_made(error, &new))?
        {
            return Ok(told.untouched(again));
        }
        let Some(there) = there else { return Ok(told) };
        self.beside_plan(&mut told, &draft, &there).await;
        told.notes.extend(returning(told.action, &there));
        told.notes.extend(phrase::left(&there));
        told.sized_by = sizer(&told.forecast, there.sized_by);
        let warnings = self.api.warnings(&id, template(&draft).as_ref()).await;
        let failed = |error: ApiError| vec![format!("Services were not looked at: {}", error.message)];
        told.warnings.extend(warnings.unwrap_or_else(failed));
        Ok(told)
    }

    /// The instance of an order that may be made without one: where there is none, it is refused in the words of
    /// [`create`](Self::create).
    async fn instance_of(
        &self,
        id: &InstanceId,
        new: Option<&CreateFlow>,
    ) -> Result<Option<InstanceView>, Failure> {
        match (self.api.instance(id).await, new) {
            (Err(error), Some(new)) if error.kind == ApiErrorKind::NotFound => {
                self.api.dry_run(new).await.map_err(|error| self.not_made(error, new))?;
                Ok(None)
            }
            (there, _) => there.map(Some).map_err(|error| self.failed(error)),
        }
    }

    /// What a rollback returns to, who holds the workload, and who waits for it.
    async fn beside_plan(&self, told: &mut Told, draft: &Draft, there: &InstanceView) {
        let flows = self.flows_of(&told.instance).await;
        let rolls_back = told.action == Action::Rollback && draft.template.is_none();
        let named = draft.rollback_to.as_ref().map(|to| phrase::hash(&to.revision, &there.name));
        told.rollback_to = match named {
            _ if !rolls_back => None,
            Some(named) => Some(others::revision(there, named)),
            None => others::target(there),
        };
        let further = rolls_back && named.is_none();
        told.beside.extend(others::back_already(there, &flows).filter(|_| further));
        let holder = others::holder(&there.held_by);
        let holder = holder.and_then(|id| flows.iter().find(|flow| flow.id == id));
        told.beside.extend(holder.map(|holder| others::found(told.action, holder)));
        told.beside.extend(others::queued(told.action, &flows));
        told.held_by.clone_from(&there.held_by);
    }
}

/// A plan of one flow.
struct Told {
    action: Action,
    instance: InstanceId,
    forecast: Forecast,
    /// Who else sets the size, where the flow changes it while it exchanges pods.
    sized_by: Option<String>,
    /// What the Services of the instance may lose, or cannot show.
    warnings: Vec<String>,
    /// What a rollback returns to.
    rollback_to: Option<String>,
    /// The flow that holds the workload; empty where none does.
    held_by: String,
    /// What to know of other flows.
    beside: Vec<String>,
    /// What else to know.
    notes: Vec<String>,
    /// Whether a flow without batches ends well at once.
    ends_at_once: bool,
}

impl Told {
    /// The plan of a flow that touches nothing, and why.
    fn untouched(mut self, why: String) -> Self {
        self.forecast.batches.clear();
        self.forecast.plan.base.to = self.forecast.plan.base.from;
        Self { warnings: vec![why], notes: Vec::new(), ends_at_once: false, ..self }
    }
}

/// The flows to plan.
fn wanted(plan: &PlanArgs) -> Result<Wanted, Failure> {
    match (&plan.filename, &plan.instance) {
        (Some(file), _) => Ok(manifest::read(file)?.flows),
        (None, Some(name)) => Ok(vec![Described { name: None, namespace: None, draft: draft(plan, name)? }]),
        (None, None) => Ok(Vec::new()),
    }
}

/// What an order to an instance comes to. Batches do not depend on the template, so any will do.
fn draft(plan: &PlanArgs, name: &InstanceName) -> Result<Draft, Failure> {
    let bare = Draft {
        action: plan.action.action().as_str().into(),
        app_name: name.to_string(),
        instance_name: name.to_string(),
        replicas: plan.replicas.map(i64::from),
        ..Draft::default()
    };
    Ok(match plan.action {
        Choice::Update => {
            Draft { template: Some(any()), update_strategy: Some(plan.strategy.for_update()), ..bare }
        }
        Choice::Rollback => Draft { update_strategy: Some(plan.strategy.for_update()), ..bare },
        Choice::Restart | Choice::Scale | Choice::Start | Choice::Stop | Choice::Delete => {
            Draft { non_update_strategy: Some(plan.strategy.plain(Vec::new())?), ..bare }
        }
    })
}

/// The template that stands where none is known.
fn any() -> Value {
    json!({ "spec": { "containers": [{ "name": "any" }] } })
}

/// The template that new pods of a flow get, with their labels, where it is known: empty where it is the one that the
/// workload has.
fn template(draft: &Draft) -> Option<Value> {
    let (spec, _) = draft.parse_new().ok()?;
    if spec.action == Action::Restart {
        return Some(json!({}));
    }
    let mut template = draft.template.clone().filter(|template| *template != any())?;
    for (key, value) in spec.identity.labels() {
        template["metadata"]["labels"][key] = value.into();
    }
    Some(template)
}

fn target(draft: &Draft, namespace: &Namespace) -> Result<InstanceId, Failure> {
    let name = InstanceName::new(draft.instance_name.as_str());
    let name =
        name.map_err(|error| Failure::new(format!("spec.application.instanceName: {}", error.fault)))?;
    Ok(InstanceId { namespace: namespace.clone(), name })
}

/// The plan of one flow that finds this.
fn told(draft: &Draft, instance: &InstanceId, found: Found) -> Result<Told, Failure> {
    let (spec, orders) = draft.parse_new()?;
    let found = if spec.action == Action::Create { Found::default() } else { found };
    let forecast = forecast_from(&spec, &orders, found);
    if spec.action == Action::Start && spec.replicas.is_none() && forecast.plan.base.to == 0 {
        let text = format!("WrongSize: nothing remembers the size that {instance} had before it was stopped");
        return Err(Failure::new(text).hint("name the replicas"));
    }
    let asks = forecast.batches.iter().any(|batch| batch.canary && !batch.asks.is_empty());
    let waits = asks.then(|| {
        "While the canary waits for a person it is not Ready: a PodDisruptionBudget of the application counts its pods \
         as missing."
            .to_owned()
    });
    let (action, instance) = (spec.action, instance.clone());
    let notes = recreates(&forecast).into_iter().chain(waits).chain(spec.unused_note()).collect();
    let warnings = phrase::stays_empty(action, &instance, (forecast.plan.base.from, forecast.plan.base.to));
    Ok(Told {
        action,
        instance,
        forecast,
        sized_by: None,
        warnings: warnings.into_iter().collect(),
        rollback_to: None,
        held_by: String::new(),
        beside: Vec::new(),
        notes,
        ends_at_once: true,
    })
}

/// Why there may be more pods than an update in place needs.
fn recreates(forecast: &Forecast) -> Option<String> {
    let most = recreated(forecast)?;
    Some(format!(
        "Planned as an update in place. Where more than images, labels and annotations differs, pods are recreated one for \
         one, and the new ones start while the old ones end: then there may be {most} pods."
    ))
}

/// Whoever sets the size, where the flow changes it while it exchanges pods; empty: nobody is known.
fn sizer(forecast: &Forecast, sized_by: String) -> Option<String> {
    let base = &forecast.plan.base;
    let resizes = base.kind.exchanges() && base.from != base.to && !sized_by.is_empty();
    resizes.then_some(sized_by)
}

/// What a restart does to pods that a cancelled flow kept.
pub(super) fn returning(action: Action, there: &InstanceView) -> Option<String> {
    let others = there.other_revision_replicas;
    (action == Action::Restart && others > 0).then(|| {
        let (pods, verb) = (phrase::pods(others), if others == 1 { "runs" } else { "run" });
        let revision = &there.update_revision;
        format!(
            "{pods} {verb} another revision than {revision}: a pod that is restarted comes back as {revision}, or as the \
             revision before it where the partition of the CloneSet asks for more of these, as a percentage does."
        )
    })
}

fn print(told: &Told, screen: &mut Screen<'_>) -> Result<(), Failure> {
    if screen.objects(&[object(told)], true)? {
        return Ok(());
    }
    let Told { action, instance, forecast, sized_by, warnings, rollback_to, beside, notes, .. } = told;
    let (base, batches) = (&forecast.plan.base, forecast.batches.len());
    let plural = if batches == 1 { "batch" } else { "batches" };
    let most = most(forecast);
    let to = rollback_to.as_ref().map_or_else(String::new, |to| format!(" to {to}"));
    screen.line(format!(
        "{} {instance}{to}: {} now, {} wanted; {batches} {plural}, at most {} at once{most}, {} at the earliest",
        action.as_str(),
        phrase::pods(base.from),
        base.to,
        phrase::pods(forecast.peak()),
        span(forecast.ends()),
    ))?;
    if let Some(who) = sized_by {
        let (from, to) = (base.from, base.to);
        screen.line(format!(
            "warning: {who} sets the size of {instance}, and this flow changes it from {from} to {to}; without \
             replicas it keeps the size that there is"
        ))?;
    }
    for warning in warnings {
        screen.line(format!("warning: {warning}"))?;
    }
    beside.iter().try_for_each(|line| screen.line(line))?;
    if forecast.batches.is_empty() && !told.ends_at_once {
        return Ok(());
    }
    if forecast.batches.is_empty() {
        return screen.line("nothing is to be done: Success at once, after the final check");
    }
    screen.line("")?;
    for line in table(forecast).lines(screen.paint) {
        screen.line(line)?;
    }
    screen.line("")?;
    screen.line("Earliest times: people, booting pods, registries and the end of deleted pods are taken to need no time.")?;
    notes.iter().try_for_each(|note| screen.line(note))
}

/// What there may be beside the peak.
fn most(forecast: &Forecast) -> String {
    let (peak, most) = (forecast.peak(), forecast.peak_with_terminating());
    match recreated(forecast) {
        Some(most) => format!(" ({most} with those that are being deleted, where pods have to be recreated)"),
        None if most > peak => format!(" ({most} with those that are being deleted)"),
        None => String::new(),
    }
}

/// What an update in place comes to where its pods have to be recreated, if that is more: templates are not compared.
fn recreated(forecast: &Forecast) -> Option<u32> {
    forecast.peak_recreated().filter(|most| *most > forecast.peak_with_terminating())
}

/// One row for each batch.
fn table(forecast: &Forecast) -> Table {
    let mut table = Table::new(&[
        "BATCH",
        "PODS",
        "NEW AFTER",
        "OLD AFTER",
        "PEAK",
        "WITH TERMINATING",
        "STARTS",
        "ENDS",
        "ASKS A PERSON",
    ]);
    for batch in &forecast.batches {
        table.row(vec![
            cell(phrase::number(batch.number, batch.canary)),
            cell(batch.size),
            cell(batch.after.fresh),
            cell(batch.after.stale),
            cell(batch.peak),
            cell(batch.peak_with_terminating),
            cell(format!("+{}", span(batch.starts))),
            cell(format!("+{}", span(batch.ends))),
            cell(asks(batch)),
        ]);
    }
    table
}

/// Before what a batch asks a person.
fn asks(batch: &Coming) -> String {
    let asks = batch.asks.iter().map(|ask| {
        if ask.batch == batch.number {
            let traffic = if ask.phase == BatchPhase::Baking { " (into traffic)" } else { "" };
            format!("before {}{traffic}", ask.phase)
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
    let Told { action, instance, forecast, sized_by, warnings, rollback_to, held_by, beside, notes, .. } =
        told;
    let batches = forecast.batches.iter().map(|batch| {
        let asks = batch.asks.iter().map(|ask| format!("{}/{}", ask.batch, ask.phase));
        json!({
            "batch": batch.number,
            "batchSize": batch.size,
            "canary": batch.canary,
            "newAfter": batch.after.fresh,
            "oldAfter": batch.after.stale,
            "peakReplicas": batch.peak,
            "peakReplicasWithTerminating": batch.peak_with_terminating,
            "earliestStartSeconds": batch.starts.0,
            "earliestEndSeconds": batch.ends.0,
            "asks": asks.collect::<Vec<_>>(),
        })
    });
    json!({
        "kind": "Plan",
        "metadata": { "name": instance.name, "namespace": instance.namespace },
        "action": action.as_str(),
        "currentReplicas": forecast.plan.base.from,
        "replicas": forecast.plan.base.to,
        "peakReplicas": forecast.peak(),
        "peakReplicasWithTerminating": forecast.peak_with_terminating(),
        "peakReplicasRecreated": recreated(forecast),
        "earliestEndSeconds": forecast.ends().0,
        "sizedBy": sized_by,
        "rollbackTo": rollback_to,
        "heldBy": held_by,
        "otherFlows": beside,
        "warnings": warnings,
        "batches": batches.collect::<Vec<_>>(),
        "notes": notes,
    })
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;

//! Commands that only look: get, list, history, instances, pods.

use triton_core::model::{FlowName, InstanceName, Timestamp};
use triton_core::service::{
    ApiError, ApiErrorKind, DeployApi, FlowFilter, FlowView, InstanceApi, PodFilter, PodView,
};

use super::args::ListArgs;
use super::failure::{DONE, Failure};
use super::screen::{Screen, Tone};
use super::table::{Table, cell};
use super::{Session, detail, object, phrase};

impl<A: DeployApi + InstanceApi, L> Session<'_, A, L> {
    /// `get`.
    pub(super) async fn get(&self, name: &FlowName, screen: &mut Screen<'_>) -> Result<u8, Failure> {
        let view = self.look(name).await?;
        if !screen.objects(&[object::flow(&view)], true)? {
            let to = self.returns_to(&view).await;
            for line in detail::lines(&view, to, screen.now(), screen.paint) {
                screen.line(line)?;
            }
        }
        Ok(DONE)
    }

    /// The flow now.
    pub(super) async fn look(&self, name: &FlowName) -> Result<FlowView, Failure> {
        match self.api.get(&self.id(name)).await {
            Ok(view) => Ok(view),
            Err(error) => Err(self.unknown(error, name).await),
        }
    }

    /// An error of a question about a flow. Where none has this name, an instance may be meant.
    pub(super) async fn unknown(&self, error: ApiError, name: &FlowName) -> Failure {
        let missing = error.kind == ApiErrorKind::NotFound;
        let failure = self.failed(error);
        let Some(instance) = InstanceName::new(name.as_str()).ok().filter(|_| missing) else {
            return failure;
        };
        let Ok(view) = self.api.instance(&self.instance(&instance)).await else { return failure };
        let left = phrase::left(&view).map_or_else(String::new, |left| format!("; {left}"));
        let words = self.words(name);
        failure.hint(format!("kubectl triton history {words} shows the flows of instance {name}{left}"))
    }

    /// `list`.
    pub(super) async fn list(&self, list: &ListArgs, screen: &mut Screen<'_>) -> Result<u8, Failure> {
        let filter = FlowFilter {
            namespace: (!list.all_namespaces).then(|| self.namespace.clone()),
            instance_name: list.instance.clone(),
            action: list.action.clone(),
            page_size: list.limit,
            ..FlowFilter::default()
        };
        let Some(flows) = self.found(&filter, screen).await? else { return Ok(DONE) };
        if flows.is_empty() {
            let place = if list.all_namespaces { "any namespace" } else { self.namespace.as_str() };
            screen.note(format!("no flows in {place}; kubectl triton create -f FILE makes one"))?;
            return Ok(DONE);
        }
        let (now, wide) = (screen.now(), screen.wide());
        let mut table = Table::new(&columns(list.all_namespaces, wide));
        for flow in &flows {
            table.row(row(flow, now, list.all_namespaces, wide));
        }
        self.print(&table, screen)
    }

    /// The flows that match, unless they were printed for programs.
    async fn found(
        &self,
        filter: &FlowFilter,
        screen: &mut Screen<'_>,
    ) -> Result<Option<Vec<FlowView>>, Failure> {
        let flows = self.api.list(filter).await.map_err(|error| self.failed(error))?;
        let objects: Vec<_> = flows.iter().map(object::flow).collect();
        Ok((!screen.objects(&objects, false)?).then_some(flows))
    }

    /// `history`.
    pub(super) async fn history(&self, of: &InstanceName, screen: &mut Screen<'_>) -> Result<u8, Failure> {
        let filter = FlowFilter {
            namespace: Some(self.namespace.clone()),
            instance_name: Some(of.clone()),
            ..FlowFilter::default()
        };
        let Some(flows) = self.found(&filter, screen).await? else { return Ok(DONE) };
        if flows.is_empty() {
            let text = format!("no flow has acted on {}/{of}", self.namespace);
            return Err(Failure::new(text).hint("kubectl triton instances shows what there is"));
        }
        let now = screen.now();
        let mut table =
            Table::new(&["REVISION", "FLOW", "ACTION", "PHASE", "PODS", "STARTED", "TOOK", "WHY"]);
        for flow in &flows {
            let record = &flow.record;
            let started = record.started_at.map_or_else(String::new, at_second);
            let why = phrase::besides(flow);
            table.row(vec![
                cell(phrase::revision(flow)),
                cell(&flow.id.name),
                cell(&flow.action),
                (record.phase.to_string(), Some(phrase::tone(flow))),
                cell(flow.replicas),
                cell(started),
                cell(phrase::took(record.started_at, record.finished_at, now)),
                cell(if screen.wide() { phrase::message(flow) } else { why }),
            ]);
        }
        self.print(&table, screen)
    }

    /// `instances`.
    pub(super) async fn instances(&self, all: bool, screen: &mut Screen<'_>) -> Result<u8, Failure> {
        let namespace = (!all).then_some(&self.namespace);
        let found = self.api.instances(namespace).await.map_err(|error| self.failed(error))?;
        let objects: Vec<_> = found.iter().map(object::instance).collect();
        if screen.objects(&objects, false)? {
            return Ok(DONE);
        }
        let wide = screen.wide();
        let mut titles = vec!["NAMESPACE"; usize::from(all)];
        titles.extend(["NAME", "STATUS", "READY", "REVISION", "IMAGE"]);
        titles.extend(["APP", "GROUP", "CPU", "MEMORY"].iter().filter(|_| wide));
        let mut table = Table::new(&titles);
        for view in &found {
            let tone = match view.status.as_str() {
                "Ready" => Tone::Good,
                "Left" => Tone::Bad,
                _ => Tone::Busy,
            };
            // Nothing is amiss with an application that somebody stopped, and nothing serves.
            let stopped = view.status == "Ready" && view.replicas == 0;
            let (status, tone) = if stopped { ("Stopped", Tone::Faint) } else { (&*view.status, tone) };
            let mut cells = vec![cell(&view.namespace); usize::from(all)];
            cells.extend([
                cell(&view.name),
                (status.to_owned(), Some(tone)),
                cell(format!("{}/{}", view.available_replicas, view.replicas)),
                cell(&view.update_revision),
                cell(&view.image),
            ]);
            if wide {
                cells.extend([cell(view.app_id), cell(view.group_id), cell(&view.cpu), cell(&view.memory)]);
            }
            table.row(cells);
        }
        self.print(&table, screen)?;
        found.iter().filter_map(phrase::left).try_for_each(|left| screen.note(left))?;
        Ok(DONE)
    }

    /// `pods`.
    pub(super) async fn pods(
        &self,
        of: Option<InstanceName>,
        all: bool,
        screen: &mut Screen<'_>,
    ) -> Result<u8, Failure> {
        let filter = PodFilter {
            namespace: (!all).then(|| self.namespace.clone()),
            instance_name: of,
            ..PodFilter::default()
        };
        let pods = self.api.pods(&filter).await.map_err(|error| self.failed(error))?;
        let objects: Vec<_> = pods.iter().map(object::pod).collect();
        if screen.objects(&objects, false)? {
            return Ok(DONE);
        }
        let (now, wide) = (screen.now(), screen.wide());
        let mut titles = vec!["NAMESPACE"; usize::from(all)];
        titles.extend(["NAME", "INSTANCE", "STATUS", "REVISION", "IP", "AGE"]);
        titles.extend(["NODE", "IMAGE"].iter().filter(|_| wide));
        let mut table = Table::new(&titles);
        for pod in &pods {
            let mut cells = vec![cell(&pod.namespace); usize::from(all)];
            cells.extend(pod_cells(pod, now));
            if wide {
                cells.extend([cell(&pod.host_ip), cell(&pod.image)]);
            }
            table.row(cells);
        }
        self.print(&table, screen)
    }

    fn print(&self, table: &Table, screen: &mut Screen<'_>) -> Result<u8, Failure> {
        for line in table.lines(screen.paint) {
            screen.line(line)?;
        }
        Ok(DONE)
    }
}

fn pod_cells(pod: &PodView, now: Timestamp) -> [(String, Option<Tone>); 6] {
    let tone = match pod.status.as_str() {
        "Ready" => Tone::Good,
        "Failed" => Tone::Bad,
        _ => Tone::Busy,
    };
    [
        cell(&pod.name),
        cell(&pod.instance_name),
        (pod.status.clone(), Some(tone)),
        cell(&pod.update_revision),
        cell(&pod.pod_ip),
        cell(pod.created_at.map_or_else(String::new, |at| phrase::ago(at, now))),
    ]
}

fn columns(all: bool, wide: bool) -> Vec<&'static str> {
    let mut titles = vec!["NAMESPACE"; usize::from(all)];
    titles.extend(["NAME", "ACTION", "PHASE", "BATCHES", "READY", "AGE", "WAITING"]);
    if wide {
        titles.extend(["INSTANCE", "MODE", "REVISION", "MESSAGE"]);
    }
    titles
}

fn row(flow: &FlowView, now: Timestamp, all: bool, wide: bool) -> Vec<(String, Option<Tone>)> {
    let record = &flow.record;
    let mut cells = vec![cell(&flow.id.namespace); usize::from(all)];
    let waiting = phrase::besides(flow);
    cells.extend([
        cell(&flow.id.name),
        cell(&flow.action),
        (record.phase.to_string(), Some(phrase::tone(flow))),
        cell(format!("{}/{}", record.finished_batches, record.batches)),
        cell(format!("{}/{}", record.updated_ready_replicas, flow.replicas)),
        cell(phrase::ago(flow.created_at, now)),
        cell(waiting),
    ]);
    if wide {
        let message = cell(phrase::message(flow));
        cells.extend([cell(&flow.instance_name), cell(&flow.mode), cell(phrase::revision(flow)), message]);
    }
    cells
}

/// The time without its fraction of a second.
fn at_second(time: Timestamp) -> String {
    Timestamp::from_micros(time.as_micros() / 1_000_000 * 1_000_000).to_string()
}

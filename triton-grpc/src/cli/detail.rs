//! One flow as text: the numbers, the wait, the batches and their pods.

use triton_core::model::{BatchPhase, BatchReport, PodPhase, Timestamp};
use triton_core::service::FlowView;

use super::phrase::{self, Shown};
use super::screen::{Paint, Tone};
use super::table::{Table, cell};

/// The lines of a flow; `to`: what it returns to.
pub(super) fn lines(view: &FlowView, to: Option<String>, now: Timestamp, paint: Paint) -> Vec<String> {
    let mut lines = head(view, to, now, paint);
    if view.record.batches > 0 {
        lines.push(String::new());
        lines.extend(batches(view, now).lines(paint));
    }
    if view.record.conditions.iter().any(|batch| !batch.pods.is_empty()) {
        lines.push(String::new());
        lines.extend(pods(view).lines(paint));
    }
    lines
}

fn head(view: &FlowView, to: Option<String>, now: Timestamp, paint: Paint) -> Vec<String> {
    let record = &view.record;
    let row =
        |title: &str, text: String| format!("{}{text}", paint.text(Tone::Title, &format!("{title:<10}")));
    let phase = paint.text(phrase::tone(view), record.phase.as_str());
    let time = match record.finished_at {
        Some(end) => format!("ended {} ago, took {}", phrase::ago(end, now), {
            phrase::took(record.started_at, record.finished_at, now)
        }),
        None => format!("made {} ago", phrase::ago(view.created_at, now)),
    };
    let mut lines = vec![
        row("FLOW", format!("{}   {time}", view.id)),
        row("ACTION", format!("{}{}", action(view), to.map_or_else(String::new, |to| format!(", to {to}")))),
        row("PHASE", format!("{phase}   {}", phrase::reason(view)).trim_end().to_owned()),
        row("PODS", numbers(view)),
    ];
    let message = phrase::message(view);
    if !message.is_empty() {
        lines.push(row(if record.finished { "WHY" } else { "WAITING" }, message.to_owned()));
    }
    if let Some(waiting) = record.waiting.as_ref().filter(|_| !record.finished) {
        let since = phrase::ago(waiting.since, now);
        let again = phrase::again(waiting.until, now);
        lines.push(row("", format!("since {since}, {again}")));
    }
    lines
}

/// What the flow does, to which instance. Of a flow that cannot be read nothing is known but that.
fn action(view: &FlowView) -> String {
    if view.action.is_empty() {
        return format!("unknown {}", view.instance_name);
    }
    format!("{} {}, mode {}", view.action, view.instance_name, view.mode)
}

/// How many pods there are of which sort.
pub(super) fn numbers(view: &FlowView) -> String {
    let record = &view.record;
    if view.action.is_empty() {
        return "unknown".into();
    }
    let failing = match record.failed_replicas {
        0 => String::new(),
        failing => format!(", {failing} failing"),
    };
    format!(
        "{} wanted, {} there, {} of them new, {} new in traffic{failing}",
        view.replicas, record.replicas, record.updated_replicas, record.updated_ready_replicas,
    )
}

fn batches(view: &FlowView, now: Timestamp) -> Table {
    let mut table = Table::new(&["BATCH", "STAGE", "SIZE", "IN TRAFFIC", "STARTED", "TOOK"]);
    for shown in phrase::batches(view) {
        let batch = match shown {
            Shown::Listed(batch) => batch,
            Shown::Finished(first, last) => {
                let stage = BatchPhase::Baked.as_str().to_owned();
                table.row(vec![cell(phrase::range(first, last)), (stage, Some(Tone::Good))]);
                continue;
            }
            Shown::Planned(first, last) => {
                table.row(vec![cell(phrase::range(first, last)), ("planned".into(), Some(Tone::Faint))]);
                continue;
            }
        };
        let started = batch.started_at.map_or_else(String::new, |at| format!("{} ago", phrase::ago(at, now)));
        table.row(vec![
            cell(phrase::number(batch.batch, batch.canary)),
            (batch.phase.as_str().to_owned(), Some(tone(batch))),
            cell(batch.batch_size),
            cell(format!("{} of {}", phrase::pulled_in(batch), batch.pods_total)),
            cell(started),
            cell(phrase::took(batch.started_at, batch.finished_at, now)),
        ]);
    }
    table
}

fn pods(view: &FlowView) -> Table {
    let mut table = Table::new(&["POD", "BATCH", "ADDRESS", "PHASE", "TRAFFIC"]);
    for batch in &view.record.conditions {
        for pod in &batch.pods {
            table.row(vec![
                cell(&pod.name),
                cell(batch.batch),
                cell(phrase::address(pod)),
                (phrase::phase(pod), Some(pod_tone(pod.phase))),
                cell(phrase::traffic(pod)),
            ]);
        }
        let hidden = batch.hidden();
        if hidden > 0 {
            table.row(vec![cell(format!("and {hidden} more")), cell(batch.batch)]);
        }
    }
    table
}

/// The colour of a batch.
pub(super) const fn tone(batch: &BatchReport) -> Tone {
    match batch.phase {
        BatchPhase::Baked => Tone::Good,
        BatchPhase::SmokeFailed | BatchPhase::BakeFailed => Tone::Bad,
        BatchPhase::Pending => Tone::Faint,
        BatchPhase::Smoking | BatchPhase::Smoked | BatchPhase::Baking => Tone::Busy,
    }
}

/// The colour of a pod.
pub(super) const fn pod_tone(phase: PodPhase) -> Tone {
    match phase {
        PodPhase::Ready => Tone::Good,
        PodPhase::Failed => Tone::Bad,
        PodPhase::Outdated => Tone::Faint,
        PodPhase::Pending | PodPhase::Running | PodPhase::ContainersReady => Tone::Busy,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::views;

    #[test]
    fn a_flow_that_waits_for_a_person_says_so() {
        let text = lines(&views::smoked("web-df"), None, views::at(30), Paint::default()).join("\n");
        let wanted = "\
FLOW      default/web-df   made 31s ago
ACTION    create 12122-sample-10010, mode auto
PHASE     BatchStarted   Approval
PODS      3 wanted, 1 there, 1 of them new, 0 new in traffic
WAITING   waits for a person: Next lets batch 1 take traffic
          since 13s, looked at again at each change, and in 9m47s at the latest

BATCH      STAGE     SIZE   IN TRAFFIC   STARTED   TOOK
1 canary   Smoked    1      0 of 1       30s ago   30s
2-3        planned

POD                        BATCH   ADDRESS            PHASE             TRAFFIC
12122-sample-10010-2mwkt   1       172.31.230.23:80   ContainersReady   out of traffic";
        assert_eq!(text, wanted);
    }

    #[test]
    fn of_a_flow_that_cannot_be_read_no_number_is_made_up() {
        let broken = FlowView { action: String::new(), ..views::smoked("web-df") };
        let text = lines(&broken, None, views::at(30), Paint::default()).join("\n");
        assert!(text.contains("\nACTION    unknown 12122-sample-10010\n"), "{text}");
        assert!(text.contains("\nPODS      unknown\n"), "{text}");
    }

    #[test]
    fn batches_and_pods_that_are_not_listed_are_told_by_their_numbers() {
        let mut view = views::smoked("web-df");
        view.record.batches = 50;
        let newest = BatchReport {
            batch: 40,
            canary: false,
            batch_size: 30,
            pods_total: 30,
            pods_in_traffic: 12,
            ..view.record.conditions[0].clone()
        };
        view.record.conditions.push(newest);
        let text = lines(&view, None, views::at(30), Paint::default()).join("\n");
        for wanted in [
            "1 canary   Smoked    1",
            "2-39       Baked",
            "40         Smoked    30     12 of 30",
            "41-50      planned",
            "and 29 more                40",
        ] {
            assert!(text.contains(wanted), "{wanted} is missing in\n{text}");
        }
        view.record.conditions.clear();
        view.record.finished_batches = 39;
        let text = lines(&view, None, views::at(30), Paint::default()).join("\n");
        assert!(text.contains("1-39") && text.contains("40-50"), "{text}");
    }

    #[test]
    fn a_flow_that_has_ended_says_when_and_how_long_it_took() {
        let text = lines(&views::success("web-df"), None, views::at(1241), Paint::default()).join("\n");
        assert!(text.contains("default/web-df   ended 1m ago, took 19m41s"), "{text}");
        assert!(text.contains("1 of 1"), "{text}");
        assert!(!text.contains("WAITING") && text.contains("PHASE     Success"), "{text}");
    }
}

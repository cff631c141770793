//! One flow as text: the numbers, the wait, the batches and their pods.

use triton_core::model::{BatchPhase, BatchReport, PodPhase, Timestamp};
use triton_core::service::FlowView;

use super::phrase;
use super::screen::{Paint, Tone};
use super::table::{Table, cell};

/// The lines of a flow.
pub(super) fn lines(view: &FlowView, now: Timestamp, paint: Paint) -> Vec<String> {
    let mut lines = head(view, now, paint);
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

fn head(view: &FlowView, now: Timestamp, paint: Paint) -> Vec<String> {
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
        row("ACTION", format!("{} {}, mode {}", view.action, view.instance_name, view.mode)),
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

/// How many pods there are of which sort.
pub(super) fn numbers(view: &FlowView) -> String {
    let record = &view.record;
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
    for batch in &view.record.conditions {
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
    let begun = u32::try_from(view.record.conditions.len()).unwrap_or(u32::MAX);
    match view.record.batches.saturating_sub(begun) {
        0 => {}
        1 => table.row(vec![cell(begun + 1), ("planned".into(), Some(Tone::Faint))]),
        _ => {
            let rest = format!("{}-{}", begun + 1, view.record.batches);
            table.row(vec![cell(rest), ("planned".into(), Some(Tone::Faint))]);
        }
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
                (format!("{:?}", pod.phase), Some(pod_tone(pod.phase))),
                cell(phrase::traffic(pod)),
            ]);
        }
        let hidden = batch.pods_total.saturating_sub(u32::try_from(batch.pods.len()).unwrap_or(u32::MAX));
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
        let text = lines(&views::smoked("web-df"), views::at(30), Paint::default()).join("\n");
        let wanted = "\
FLOW      default/web-df   made 31s ago
ACTION    create 12122-sample-10010, mode auto
PHASE     BatchStarted   Approval
PODS      3 wanted, 1 there, 1 of them new, 0 new in traffic
WAITING   waits for a person: Next lets batch 1 take traffic
          since 13s, looked at again in 9m47s at the latest

BATCH      STAGE     SIZE   IN TRAFFIC   STARTED   TOOK
1 canary   Smoked    1      0 of 1       30s ago   30s
2-3        planned

POD                        BATCH   ADDRESS            PHASE             TRAFFIC
12122-sample-10010-2mwkt   1       172.31.230.23:80   ContainersReady   out of traffic";
        assert_eq!(text, wanted);
    }

    #[test]
    fn a_flow_that_has_ended_says_when_and_how_long_it_took() {
        let text = lines(&views::success("web-df"), views::at(1241), Paint::default()).join("\n");
        assert!(text.contains("default/web-df   ended 1m ago, took 19m41s"), "{text}");
        assert!(text.contains("1 of 1"), "{text}");
        assert!(!text.contains("WAITING") && text.contains("PHASE     Success"), "{text}");
    }
}

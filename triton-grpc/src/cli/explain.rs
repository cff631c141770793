//! `explain`: why a flow is not moving, who must act, what to type, when it is looked at again.

mod reasons;

use serde_json::json;
use triton_core::model::{FlowName, FlowPhase, Timestamp};
use triton_core::service::{DeployApi, FlowView, InstanceApi};

use super::failure::{DONE, Failure};
use super::screen::{Paint, Screen, Tone};
use super::{Session, others, phrase};

/// Why a flow is where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Explanation {
    /// Where it is.
    place: String,
    /// What it waits for, or why it ended.
    why: String,
    /// Who must act.
    who: String,
    /// What it returns to.
    to: Option<String>,
    /// Who goes ahead once it has ended.
    next: Option<String>,
    /// Commands, and what they come to.
    commands: Vec<(String, String)>,
    /// When it is looked at again at the latest, while it has not ended.
    again: Option<(Timestamp, Timestamp)>,
}

impl<A: DeployApi + InstanceApi, L> Session<'_, A, L> {
    /// `explain`.
    pub(super) async fn explain(&self, name: &FlowName, screen: &mut Screen<'_>) -> Result<u8, Failure> {
        let view = self.look(name).await?;
        let mut told = explain(&view, &self.words(name));
        if !view.record.finished {
            told.to = self.returns_to(&view).await;
        }
        if !view.record.finished && view.record.phase != FlowPhase::Pending {
            told.next = others::next(&self.beside(&view).await);
        }
        let object = told.object(&view);
        if screen.objects(&[object], true)? {
            return Ok(DONE);
        }
        for line in told.lines(&view, screen.now(), screen.paint) {
            screen.line(line)?;
        }
        Ok(DONE)
    }
}

/// Explains a flow; `name` is how it is named in commands.
pub(super) fn explain(view: &FlowView, name: &str) -> Explanation {
    let place = match view.record.conditions.last() {
        Some(batch) if !view.record.finished => {
            let of = view.record.batches;
            format!("{}, {} of {of} {}", view.record.phase, phrase::title(batch), batch.phase)
        }
        _ => view.record.phase.to_string(),
    };
    let reason = phrase::reason(view);
    let told = if view.record.finished {
        reasons::ended(view, name)
    } else if view.agreed() {
        reasons::taken_notice(name)
    } else if view.canceled && phrase::tone(view) != Tone::Bad {
        reasons::closing(view, name)
    } else {
        reasons::waiting(view, reason, name)
    };
    let message = phrase::message(view);
    let why = match (message.is_empty(), reason.is_empty()) {
        (true, true) => "nobody has looked at it yet".to_owned(),
        (true, false) => reason.to_owned(),
        (false, true) => message.to_owned(),
        (false, false) => format!("{reason}: {message}"),
    };
    let waiting = view.record.waiting.as_ref().filter(|_| !view.record.finished);
    let again = waiting.map(|waiting| (waiting.since, waiting.until));
    Explanation { place, why, who: told.who, to: None, next: None, commands: told.commands, again }
}

impl Explanation {
    fn lines(&self, view: &FlowView, now: Timestamp, paint: Paint) -> Vec<String> {
        let title = |title: &str| paint.text(Tone::Title, &format!("{title:<11}"));
        let mut lines = vec![
            format!("{}{}", title("FLOW"), view.id),
            format!("{}{}", title("IS"), paint.text(phrase::tone(view), &self.place)),
            format!("{}{}", title("WHY"), self.why),
            format!("{}{}", title("WHO ACTS"), self.who),
        ];
        if let Some((since, until)) = self.again {
            let (since, again) = (phrase::ago(since, now), phrase::again(until, now));
            lines.push(format!("{}for {since}; {again}", title("WAITS")));
        }
        let more = [("RETURNS TO", &self.to), ("NEXT", &self.next)];
        lines.extend(
            more.into_iter().filter_map(|(name, text)| Some(format!("{}{}", title(name), text.as_ref()?))),
        );
        let width = self.commands.iter().map(|(command, _)| command.len()).max().unwrap_or(0);
        for (at, (command, what)) in self.commands.iter().enumerate() {
            let title = title(if at == 0 { "TYPE" } else { "" });
            let what = paint.text(Tone::Faint, what);
            lines.push(format!("{title}{command:<width$}   {what}"));
        }
        lines
    }

    fn object(&self, view: &FlowView) -> serde_json::Value {
        let commands = self.commands.iter().map(|(command, what)| json!({ "type": command, "does": what }));
        json!({
            "kind": "Explanation",
            "metadata": { "name": view.id.name, "namespace": view.id.namespace },
            "place": self.place,
            "reason": phrase::reason(view),
            "why": self.why,
            "who": self.who,
            "returnsTo": self.to,
            "next": self.next,
            "commands": commands.collect::<Vec<_>>(),
            "since": self.again.map(|(since, _)| since),
            "looksAgainAt": self.again.map(|(_, until)| until),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::views;
    use triton_core::engine::Waiting;
    use triton_core::model::{BatchPhase, HoldReason, Seconds};

    #[test]
    fn a_gate_names_the_command_that_opens_it() {
        let view = views::smoked("web-df");
        let text = explain(&view, "web-df").lines(&view, views::at(30), Paint::default()).join("\n");
        let wanted = "\
FLOW       default/web-df
IS         BatchStarted, batch 1 canary of 3 Smoked
WHY        Approval: waits for a person: Next lets batch 1 take traffic
WHO ACTS   a person; the time spent here counts against no deadline
WAITS      for 13s; looked at again at each change, and in 9m47s at the latest
TYPE       kubectl triton next web-df --expect 1/Smoked   lets it go on, into traffic
           kubectl triton cancel web-df                   ends it and leaves the workload clean";
        assert_eq!(text, wanted);
    }

    #[test]
    fn every_wait_of_the_engine_says_who_acts_and_what_to_type() {
        let rival = views::id("other");
        let held = |reason| Waiting::Held { reason, failed: 1, edits: vec![], paused: false, blocks: false };
        let waits = [
            Waiting::Approval { batch: 1, phase: BatchPhase::Baking },
            Waiting::Pods { ready: 0, of: 1, in_grace: false },
            Waiting::Interval,
            Waiting::In { ready: 0, of: 1 },
            Waiting::Out { pods: 1, drains: false },
            Waiting::Available { pods: 1, left: Seconds(9) },
            Waiting::Terminating { pods: 1 },
            Waiting::Backend,
            Waiting::Record,
            Waiting::Paused,
            held(HoldReason::PodsFailed),
            held(HoldReason::DeadlineExceeded),
            held(HoldReason::Drift),
            held(HoldReason::Resized),
            Waiting::Rival { rival, place: None, stuck: None },
            Waiting::Verify { ready: 0, of: 1, drains: false },
            Waiting::Spec { faults: String::new() },
            Waiting::Lock { what: String::new() },
            Waiting::ServiceLost { what: String::new() },
        ];
        let unknown = told("SomethingElse").who;
        for wait in waits {
            let told = told(wait.reason());
            assert_ne!(told.who, unknown, "{}", wait.reason());
            assert!(!told.commands.is_empty(), "{}", wait.reason());
            assert_eq!(wait.asks_a_person(), told.who.starts_with("a person"), "{}", wait.reason());
        }
        for reason in [
            "Rejected",
            "NoRevision",
            "Unreachable",
            "CorruptStatus",
            "InvalidSpec",
            "LockUnreadable",
            "WorkloadUnreadable",
        ] {
            assert_ne!(told(reason).who, unknown, "{reason}");
        }
    }

    #[test]
    fn whoever_refuses_pods_is_named_by_the_words_of_the_refusal() {
        let failed = "waits for new pods to run: 0 of 1 do; the workload's controller failed to make or delete pods at \
                      2026-01-01T00:00:00Z: pods \"web-x\" is forbidden: ";
        // The refusal, who acts, and the first command.
        let rows = [
            ("exceeded quota: small", "whoever set the quota", "kubectl -n default get resourcequotas"),
            (
                "ValidatingAdmissionPolicy 'no-latest' denied request",
                "whoever set the quota, the policy",
                "kubectl get validatingadmissionpolicies",
            ),
            (
                "admission webhook \"gate.example.org\" denied the request",
                "whoever set the quota, the policy or the webhook",
                "kubectl get validatingwebhookconfigurations,",
            ),
            (
                "look for an admission webhook or policy that changes CloneSets",
                "whoever set the quota, the policy or the webhook",
                "kubectl get mutatingwebhookconfigurations,mutatingadmissionpolicies",
            ),
            (
                "violates PodSecurity \"restricted\"",
                "whoever set",
                "kubectl get namespace default --show-labels",
            ),
            ("serviceaccount \"none\" not found", "whoever set", "kubectl -n default get events"),
        ];
        for (refusal, who, command) in rows {
            let mut view = views::smoked("web-df");
            let waiting = view.record.waiting.as_mut().unwrap();
            (waiting.reason, waiting.message) = ("PodsStarting".into(), format!("{failed}{refusal}"));
            view.record.message = waiting.message.clone();
            let told = explain(&view, "web-df");
            assert!(told.who.starts_with(who), "{refusal}: {}", told.who);
            assert!(told.commands[0].0.starts_with(command), "{refusal}: {:?}", told.commands);
        }
        assert!(told("PodsStarting").who.starts_with("kubelet"), "nothing was refused");
    }

    #[test]
    fn a_flow_that_has_ended_waits_for_nobody() {
        let view = views::success("web-df");
        let told = explain(&view, "web-df");
        assert_eq!((told.who.as_str(), told.again), ("nobody: it has ended", None));
    }

    #[test]
    fn a_cancelled_flow_that_something_keeps_from_closing_says_what_and_takes_no_orders() {
        for (reason, nobody) in [("PodsLeaving", true), ("Rejected", false), ("WorkloadUnreadable", false)] {
            let mut view = views::smoked("web-df");
            view.canceled = true;
            view.record.waiting.as_mut().unwrap().reason = reason.into();
            let told = explain(&view, "web-df");
            assert_eq!(told.who.starts_with("nobody: it was cancelled"), nobody, "{reason}: {}", told.who);
            let orders = ["cancel", "resume"].map(|order| format!("kubectl triton {order} "));
            let given =
                told.commands.iter().any(|(text, _)| orders.iter().any(|order| text.starts_with(order)));
            assert!(!told.commands.is_empty() && !given, "{reason}: {:?}", told.commands);
        }
    }

    #[test]
    fn the_object_says_the_same() {
        let view = views::smoked("web-df");
        let object = explain(&view, "web-df").object(&view);
        assert_eq!(object["reason"], "Approval");
        assert_eq!(object["commands"][0]["type"], "kubectl triton next web-df --expect 1/Smoked");
        assert_eq!(object["looksAgainAt"], "2021-09-13T12:59:21.000001Z");
    }

    fn told(reason: &str) -> Explanation {
        let mut view = views::smoked("web-df");
        view.record.waiting.as_mut().unwrap().reason = reason.into();
        explain(&view, "web-df")
    }
}

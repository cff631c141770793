//! Batches, gates and pods of an order to an instance.

use clap::builder::NonEmptyStringValueParser;
use clap::{ArgGroup, Args as ClapArgs, ValueEnum};
use triton_core::model::{self, Action, FlowName, InstanceName, NonUpdateStrategy, RawSize, UpdateStrategy};
use triton_core::service::RollbackTo;

use crate::cli::failure::Failure;

/// How it is carried out; everything may be left out.
#[derive(Clone, Debug, Default, ClapArgs)]
#[command(next_help_heading = "Batches and gates")]
pub(crate) struct Strategy {
    /// Pods per batch, or percent such as 25%; a list gives each batch its own, the last one repeats. All at
    /// once when left out.
    #[arg(long, allow_negative_numbers = true, value_name = "SIZE[,SIZE]", value_delimiter = ',')]
    pub(crate) batch_size: Vec<String>,
    /// Seconds between batches in mode auto.
    #[arg(long, allow_negative_numbers = true, value_name = "SECONDS")]
    pub(crate) interval: Option<i32>,
    /// Who lets it go from batch to batch: a person (manual) or the interval (auto).
    #[arg(long, value_enum)]
    pub(crate) mode: Option<Mode>,
    /// Pods in a first batch that waits for a person; for update and rollback.
    #[arg(long, allow_negative_numbers = true, value_name = "PODS")]
    pub(crate) canary: Option<i32>,
    /// Seconds a stage may take before the flow pauses.
    #[arg(long, allow_negative_numbers = true, value_name = "SECONDS")]
    pub(crate) deadline: Option<i32>,
    /// Seconds that a pod may be kept from running, by something that can heal, before it counts as failed.
    #[arg(long, allow_negative_numbers = true, value_name = "SECONDS")]
    pub(crate) grace: Option<i32>,
    /// Seconds a pod keeps running once it is out of traffic.
    #[arg(long, allow_negative_numbers = true, value_name = "SECONDS")]
    pub(crate) drain: Option<i32>,
    /// Identification of this order: the same order with the same one acts once. Made anew when left out.
    #[arg(long, value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) request_id: Option<String>,
}

/// Who lets a flow go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Mode {
    /// The interval.
    Auto,
    /// A person.
    Manual,
}

impl Strategy {
    /// For an update or a rollback.
    pub(crate) fn for_update(&self) -> UpdateStrategy {
        UpdateStrategy { canary: self.canary, ..self.both(Vec::new()).into() }
    }

    /// For everything else.
    ///
    /// # Errors
    /// A canary: it is then the first size of the list.
    pub(crate) fn plain(&self, pods: Vec<String>) -> Result<NonUpdateStrategy, Failure> {
        if self.canary.is_some() {
            let hint = "give the first batch its own size: --batch-size 1,25%";
            return Err(Failure::usage("--canary is for update and rollback").hint(hint));
        }
        Ok(self.both(pods))
    }

    /// What both kinds of strategy have.
    fn both(&self, pods: Vec<String>) -> NonUpdateStrategy {
        let sizes: Vec<RawSize> =
            self.batch_size.iter().map(|size| RawSize::Text(size.trim().to_owned())).collect();
        let (batch_size, batch_sizes) = match sizes.len() {
            0 => (None, None),
            1 => (sizes.into_iter().next(), None),
            _ => (None, Some(sizes)),
        };
        let mode = self.mode.map(|mode| match mode {
            Mode::Auto => model::Mode::Auto,
            Mode::Manual => model::Mode::Manual,
        });
        NonUpdateStrategy {
            batch_size,
            batch_sizes,
            batch_interval_seconds: self.interval,
            mode: mode.map(|mode| mode.as_str().to_owned()),
            progress_deadline_seconds: self.deadline,
            failure_grace_seconds: self.grace,
            drain_seconds: self.drain,
            pods_to_delete: (!pods.is_empty()).then_some(pods),
            ..NonUpdateStrategy::default()
        }
    }
}

/// What to return to; the last good revision before the current one when nothing is said.
#[derive(Clone, Debug, Default, ClapArgs)]
#[command(group = ArgGroup::new("to").args(["to_flow", "to_revision"]))]
pub(crate) struct ReturnTo {
    /// The template that this flow brought.
    #[arg(long, value_name = "FLOW", value_parser = super::value::flow)]
    to_flow: Option<FlowName>,
    /// This revision of the workload, full name or hash.
    #[arg(long, value_name = "REVISION")]
    to_revision: Option<String>,
}

impl ReturnTo {
    /// As the API has it; the error is what is wrong with the revision.
    pub(crate) fn target(&self) -> Result<RollbackTo, String> {
        match (&self.to_flow, &self.to_revision) {
            (Some(flow), _) => Ok(RollbackTo::Flow(flow.clone())),
            (None, Some(revision)) => {
                let revision = triton_core::model::Revision::new(revision.as_str());
                revision.map(RollbackTo::Revision).map_err(|error| format!("--to-revision: {error}"))
            }
            (None, None) => Ok(RollbackTo::LastGood),
        }
    }
}

/// What to plan: a manifest, or an order to an instance.
#[derive(Clone, Debug, ClapArgs)]
#[command(group = ArgGroup::new("what").required(true).args(["filename", "instance"]))]
pub(crate) struct PlanArgs {
    /// A manifest; - for standard input.
    #[arg(short, long, value_name = "FILE", conflicts_with_all = ["action", "replicas", "Strategy"])]
    pub(crate) filename: Option<String>,
    /// An instance that something is to be done to.
    #[arg(value_parser = super::value::instance)]
    pub(crate) instance: Option<InstanceName>,
    /// What is to be done to the instance.
    #[arg(long, value_enum, default_value = "update")]
    pub(crate) action: Choice,
    /// Pods wanted in the end; else as many as there are.
    #[arg(long, allow_negative_numbers = true)]
    pub(crate) replicas: Option<u32>,
    /// Pods there are now; else they are looked up. With it nobody is asked.
    #[arg(long, allow_negative_numbers = true, value_name = "PODS")]
    pub(crate) current: Option<u32>,
    #[command(flatten)]
    pub(crate) strategy: Strategy,
}

/// An action that needs no manifest to be planned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Choice {
    /// Another template.
    Update,
    /// An earlier template.
    Rollback,
    /// The same template.
    Restart,
    /// Another size.
    Scale,
    /// Back from zero.
    Start,
    /// To zero.
    Stop,
    /// To zero, and then the workload.
    Delete,
}

impl Choice {
    /// The action of a flow.
    pub(crate) const fn action(self) -> Action {
        match self {
            Self::Update => Action::Update,
            Self::Rollback => Action::Rollback,
            Self::Restart => Action::Restart,
            Self::Scale => Action::Scale,
            Self::Start => Action::Start,
            Self::Stop => Action::Stop,
            Self::Delete => Action::Delete,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use clap::error::ErrorKind;

    use crate::cli::args::parse;

    #[test]
    fn a_plan_of_a_manifest_takes_nothing_that_the_manifest_says() {
        let plan = |words: &[&str]| {
            let words = [&["kubectl-triton", "plan", "-f", "df.yaml"], words].concat();
            parse(words.iter().map(OsString::from))
                .map(|_| ())
                .map_err(|error| (error.kind(), error.to_string()))
        };
        let refused: [&[&str]; 10] = [
            &["--action", "restart"],
            &["--replicas", "3"],
            &["--batch-size", "1"],
            &["--interval", "1"],
            &["--mode", "auto"],
            &["--canary", "1"],
            &["--deadline", "1"],
            &["--grace", "1"],
            &["--drain", "1"],
            &["--request-id", "a"],
        ];
        for words in refused {
            let (kind, text) = plan(words).expect_err(words[0]);
            assert!(kind == ErrorKind::ArgumentConflict && text.contains(words[0]), "{words:?}: {text}");
        }
        assert_eq!((plan(&[]), plan(&["--current", "3"])), (Ok(()), Ok(())));
    }
}

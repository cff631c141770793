//! What can be typed.

mod order;
mod value;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{ArgGroup, Args as ClapArgs, Parser, Subcommand};
use clap_complete::Shell;
use triton_core::model::{FlowName, InstanceName, Target};

use super::help;
pub(crate) use order::{Choice, PlanArgs, ReturnTo, Strategy};
pub(crate) use value::{Goal, Length};

/// See and steer how applications are delivered: batches, canaries, traffic.
#[derive(Clone, Debug, Parser)]
#[command(name = "kubectl-triton", bin_name = "kubectl triton", version, after_help = help::TOP)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) task: Task,
}

/// Reads what was typed; an error also says what to type where only the meaning of the words tells.
pub(crate) fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Args, clap::Error> {
    Args::try_parse_from(words).map_err(|mut error| {
        let of = |kind| error.get(kind).map(ToString::to_string).unwrap_or_default();
        let (name, usage) = (of(ContextKind::InvalidSubcommand), of(ContextKind::Usage));
        if error.kind() == ErrorKind::InvalidSubcommand && usage.contains(" delete ") {
            let tips = [
                format!("kubectl triton delete flow {name}       forgets a finished flow"),
                format!("kubectl triton delete instance {name}   removes the pods, and then the workload"),
            ];
            let tips = tips.map(StyledStr::from).to_vec();
            error.insert(ContextKind::Suggested, ContextValue::StyledStrs(tips));
        }
        error
    })
}

/// What every command takes.
#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct Global {
    /// Namespace; else that of the kubeconfig's context, else default.
    #[arg(short, long, global = true)]
    pub(crate) namespace: Option<String>,
    /// How to print: for people, with more columns, for programs, or names only.
    #[arg(short, long, global = true, value_enum, default_value = "text")]
    pub(crate) output: Format,
    /// Address of an operator's gRPC, such as http://127.0.0.1:8099; else that of TRITON_SERVER; without either, the
    /// cluster of the kubeconfig.
    #[arg(long, global = true, value_name = "ADDRESS")]
    pub(crate) server: Option<String>,
    /// The kubeconfig; else the files of KUBECONFIG, else ~/.kube/config.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// The context of the kubeconfig; else its current one.
    #[arg(long, global = true)]
    pub(crate) context: Option<String>,
}

/// How to print.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Text,
    /// For people, with more columns.
    Wide,
    /// JSON.
    Json,
    /// YAML.
    Yaml,
    /// `kind/name` only.
    Name,
}

/// What to do.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Task {
    #[command(flatten)]
    Ask(Command),
    /// Say what a flow would do before it is made: batches, sizes, peaks, gates, earliest times.
    #[command(visible_alias = "preview", after_help = help::PLAN)]
    Plan(PlanArgs),
    /// Print the completion script of a shell.
    #[command(after_help = help::COMPLETION)]
    Completion { shell: Shell },
}

/// What nobody can do alone.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Command {
    /// Show one flow: its batches, pods, and what it waits for.
    #[command(after_help = help::GET)]
    Get {
        /// The flow, by its name as `list` shows it.
        #[arg(value_parser = value::flow)]
        name: FlowName,
    },
    /// List flows, newest first.
    #[command(visible_alias = "ls", after_help = help::LIST)]
    List(ListArgs),
    /// Make flows from a manifest, YAML or JSON, of one or more documents.
    #[command(after_help = help::CREATE)]
    Create(CreateArgs),
    /// Give the permission that a flow asks a person for.
    #[command(after_help = help::NEXT)]
    Next {
        /// The flow, by its name as `list` shows it.
        #[arg(value_parser = value::flow)]
        name: FlowName,
        /// Only if this batch waits at this stage, such as 1/Smoked; else what is seen waiting now.
        #[arg(long, value_name = "BATCH/STAGE", value_parser = value::target)]
        expect: Option<Target>,
    },
    /// Let a flow go as far as a batch and stage without asking.
    #[command(after_help = help::CONTINUE)]
    Continue {
        /// The flow, by its name as `list` shows it.
        #[arg(value_parser = value::flow)]
        name: FlowName,
        /// As far as this batch.
        #[arg(long, allow_negative_numbers = true)]
        batch: u32,
        /// As far as this stage of it: Pending, Smoking, Smoked, Baking or Baked.
        #[arg(long, default_value = "Baked", value_parser = value::stage)]
        stage: triton_core::model::BatchPhase,
    },
    /// Stop a flow's own steps; pods in traffic are looked after all the same.
    #[command(after_help = help::PAUSE)]
    Pause {
        /// The flow, by its name as `list` shows it.
        #[arg(value_parser = value::flow)]
        name: FlowName,
    },
    /// Lift a pause, by a person or by failure.
    #[command(visible_alias = "unpause", after_help = help::PAUSE)]
    Resume {
        /// The flow, by its name as `list` shows it.
        #[arg(value_parser = value::flow)]
        name: FlowName,
    },
    /// Stop a flow for good and leave its workload clean.
    #[command(visible_alias = "abort", after_help = help::CANCEL)]
    Cancel {
        /// The flow, by its name as `list` shows it.
        #[arg(value_parser = value::flow)]
        name: FlowName,
    },
    /// Return an instance to an earlier template, in batches.
    #[command(visible_alias = "undo", after_help = help::ROLLBACK)]
    Rollback {
        /// The instance, by its name as `instances` shows it.
        #[arg(value_parser = value::instance)]
        instance: InstanceName,
        #[command(flatten)]
        to: ReturnTo,
        #[command(flatten)]
        strategy: Strategy,
    },
    /// Replace the pods of an instance by pods of the same template, in batches.
    #[command(after_help = help::RESTART)]
    Restart {
        /// The instance, by its name as `instances` shows it.
        #[arg(value_parser = value::instance)]
        instance: InstanceName,
        /// Only these pods.
        #[arg(long, value_delimiter = ',', value_name = "POD")]
        pods: Vec<String>,
        #[command(flatten)]
        strategy: Strategy,
    },
    /// Change the size of an instance, in batches.
    #[command(after_help = help::SCALE)]
    Scale {
        /// The instance, by its name as `instances` shows it.
        #[arg(value_parser = value::instance)]
        instance: InstanceName,
        /// Pods wanted.
        #[arg(long, allow_negative_numbers = true)]
        replicas: u32,
        /// Pods that leave first.
        #[arg(long, value_delimiter = ',', value_name = "POD")]
        delete_pods: Vec<String>,
        #[command(flatten)]
        strategy: Strategy,
    },
    /// Bring a stopped instance back.
    #[command(after_help = help::START)]
    Start {
        /// The instance, by its name as `instances` shows it.
        #[arg(value_parser = value::instance)]
        instance: InstanceName,
        /// Pods wanted; else as many as there were.
        #[arg(long, allow_negative_numbers = true)]
        replicas: Option<u32>,
        #[command(flatten)]
        strategy: Strategy,
    },
    /// Take an instance to zero pods and keep its workload and template.
    #[command(after_help = help::START)]
    Stop {
        /// The instance, by its name as `instances` shows it.
        #[arg(value_parser = value::instance)]
        instance: InstanceName,
        #[command(flatten)]
        strategy: Strategy,
    },
    /// Forget a finished flow, or remove an instance with all its pods.
    #[command(after_help = help::DELETE)]
    Delete {
        #[command(subcommand)]
        what: Delete,
    },
    /// List the flows of an instance: what was done to it, when, and how it ended.
    #[command(after_help = help::HISTORY)]
    History {
        /// The instance, by its name as `instances` shows it.
        #[arg(value_parser = value::instance)]
        instance: InstanceName,
    },
    /// Wait until a flow has come so far; the exit code says how it went.
    #[command(after_help = help::WAIT)]
    Wait(WaitArgs),
    /// Say why a flow is not moving: who must act, what to type, when it is looked at again.
    #[command(visible_alias = "why", after_help = help::EXPLAIN)]
    Explain {
        /// The flow, by its name as `list` shows it.
        #[arg(value_parser = value::flow)]
        name: FlowName,
    },
    /// Look on while a flow runs, and steer it by single keys.
    #[command(after_help = help::WATCH)]
    Watch(WatchArgs),
    /// List application instances.
    #[command(after_help = help::INSTANCES)]
    Instances {
        /// Of all namespaces.
        #[arg(short = 'A', long)]
        all_namespaces: bool,
    },
    /// List pods.
    #[command(after_help = help::PODS)]
    Pods {
        /// Of this instance only.
        #[arg(value_parser = value::instance)]
        instance: Option<InstanceName>,
        /// Of all namespaces.
        #[arg(short = 'A', long)]
        all_namespaces: bool,
    },
}

/// Which flows.
#[derive(Clone, Debug, Default, ClapArgs)]
pub(crate) struct ListArgs {
    /// Of this instance.
    #[arg(long, value_parser = value::instance)]
    pub(crate) instance: Option<InstanceName>,
    /// With this action, such as update.
    #[arg(long)]
    pub(crate) action: Option<String>,
    /// At most so many.
    #[arg(long, allow_negative_numbers = true, default_value_t = 100)]
    pub(crate) limit: u32,
    /// Of all namespaces.
    #[arg(short = 'A', long)]
    pub(crate) all_namespaces: bool,
}

/// Where flows are read from.
#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct CreateArgs {
    /// The manifest; - for standard input.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) filename: String,
}

/// What to delete.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Delete {
    /// Forget a finished flow; its workload stays as it is.
    Flow {
        /// The flow, by its name as `list` shows it.
        #[arg(value_parser = value::flow)]
        name: FlowName,
    },
    /// Remove every pod of an instance, drained and in batches, and then its workload.
    Instance {
        /// The instance, by its name as `instances` shows it.
        #[arg(value_parser = value::instance)]
        name: InstanceName,
        /// Do not ask.
        #[arg(short, long)]
        yes: bool,
        #[command(flatten)]
        strategy: Strategy,
    },
}

/// What to wait for.
#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct WaitArgs {
    /// The flow, by its name as `list` shows it.
    #[arg(value_parser = value::flow)]
    pub(crate) name: FlowName,
    /// success, finished (whichever way), waiting (for a person) or batch=N/STAGE.
    #[arg(long = "for", default_value = "success", value_parser = value::goal)]
    pub(crate) goal: Goal,
    /// Longest wait, such as 90s, 10m or 1h30m; 0 waits without end.
    #[arg(long, default_value = "0")]
    pub(crate) timeout: Length,
    /// Keep waiting while the flow waits for a person; else that ends the wait with code 6.
    #[arg(long)]
    pub(crate) stay: bool,
}

/// What to look at.
#[derive(Clone, Debug, ClapArgs)]
#[command(group = ArgGroup::new("what").required(true).args(["name", "instance"]))]
pub(crate) struct WatchArgs {
    /// The flow, by its name as `list` shows it.
    #[arg(value_parser = value::flow)]
    pub(crate) name: Option<FlowName>,
    /// Whichever flow acts on this instance, the newest first.
    #[arg(long, value_parser = value::instance)]
    pub(crate) instance: Option<InstanceName>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn every_command_teaches_by_an_example() {
        for command in Args::command().get_subcommands() {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            let example = format!("kubectl triton {}", command.get_name());
            assert!(help.contains(&example), "{}: {help}", command.get_name());
        }
    }

    #[test]
    fn the_manual_names_every_command_and_flag() {
        let page = include_str!("../../../docs/command-line.md");
        for command in Args::command().get_subcommands() {
            let name = command.get_name();
            assert!(page.contains(&format!("`{name}")), "{name}");
            let flags = command.get_arguments().filter_map(clap::Arg::get_long);
            for flag in flags.filter(|flag| *flag != "help") {
                assert!(page.contains(&format!("--{flag}")), "{name} --{flag}");
            }
        }
    }

    #[test]
    fn a_slip_is_answered_with_what_to_type() {
        // What is typed, and what the answer says, and does not say.
        let rows = [
            (&["delete", "shop"][..], &["delete flow shop", "delete instance shop"][..], "required"),
            (&["delete", "flows", "shop"], &["delete flow flows", "delete instance flows"], "required"),
            (&["frobnicate", "shop"], &["unrecognized subcommand 'frobnicate'"], "delete flow"),
            (&["scale", "shop", "--replicas", "-1"], &["'-1'", "--replicas", "0..="], "'-- -1'"),
            (&["start", "shop", "--replicas", "-2"], &["'-2'", "--replicas", "0..="], "'-- -2'"),
            (&["plan", "shop", "--current", "-3"], &["'-3'", "--current", "0..="], "'-- -3'"),
            (&["list", "--limit", "-1"], &["'-1'", "--limit", "0..="], "'-- -1'"),
            (&["continue", "df", "--batch", "-1"], &["'-1'", "--batch", "0..="], "'-- -1'"),
        ];
        for (words, says, not) in rows {
            let words = [&["kubectl-triton"], words].concat();
            let text = parse(words.iter().map(OsString::from)).unwrap_err().to_string();
            assert!(says.iter().all(|said| text.contains(said)) && !text.contains(not), "{words:?}: {text}");
        }
    }

    #[test]
    fn a_number_below_zero_reaches_the_rule_of_its_field() {
        for flag in ["--interval", "--canary", "--deadline", "--grace", "--drain", "--batch-size"] {
            let words = ["kubectl-triton", "rollback", "shop", flag, "-1"];
            parse(words.map(OsString::from)).unwrap_or_else(|error| panic!("{flag}: {error}"));
        }
    }

    #[test]
    fn orders_that_say_too_little_are_refused_as_usage() {
        for words in [
            &["scale", "web"][..],
            &["watch"],
            &["plan"],
            &["next", "web", "--expect", "1"],
            &["next", "web", "--expect", "0/Smoked"],
            &["wait", "web", "--for=ready"],
            &["wait", "web", "--timeout=soon"],
            &["continue", "web", "--batch", "1", "--stage", "Cooked"],
            &["rollback", "web", "--to-flow", "a", "--to-revision", "b"],
            &["get", "No_Name"],
        ] {
            let error = Args::try_parse_from([&["kubectl-triton"], words].concat()).unwrap_err();
            assert!(error.use_stderr(), "{words:?}");
            assert_ne!(error.kind(), ErrorKind::InvalidSubcommand, "{words:?}");
        }
    }
}

//! The command line, `kubectl triton`: everything that people ask of flows, instances and pods, typed.
//!
//! It is written over the traits of the core ([`DeployApi`], [`InstanceApi`], [`LifecycleApi`]) and knows
//! nothing of the wire; only [`main`] chooses the gRPC [`Client`], or what its caller opens for a [`Cluster`].
//!
//! - `args` is what can be typed, `help` what it teaches;
//! - `read`, `steer`, `order`, `create`, `wait`, `explain`, `plan` and `watch` are the commands;
//! - `object`, `table` and `screen` are how answers look, `failure` how refusals do.

mod args;
mod context;
mod create;
mod detail;
mod explain;
mod failure;
mod follow;
mod help;
mod manifest;
mod object;
mod order;
mod others;
mod phrase;
mod plan;
mod read;
#[cfg(test)]
mod rig;
mod screen;
mod steer;
#[cfg(test)]
mod svg;
mod table;
mod wait;
mod watch;
mod yaml;

use std::env;
use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::CommandFactory;
use serde_json::Value;
use triton_core::model::{Fault, Namespace};
use triton_core::service::{DeployApi, InstanceApi, LifecycleApi};

use crate::client::Client;
use crate::{Age, ViewAge};
use args::{Args, Command, Delete, Global, Task};
use failure::{Door, Failure};
use screen::{Paint, Screen, now};

/// Names the address of an operator. Clap would show what comes from there as something that has to be typed.
const SERVER_VARIABLE: &str = "TRITON_SERVER";

/// What every command works with.
struct Session<'a, A, L> {
    /// Flows, instances and pods.
    api: &'a A,
    /// Orders to instances.
    orders: &'a L,
    /// Where it works.
    namespace: Namespace,
    /// The namespace was typed, so commands to type name it too.
    explicit: bool,
    /// Who is asked, for hints.
    door: Door,
}

/// A cluster, as kubectl would choose it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cluster {
    /// Its kubeconfig, one file or several that are there; where more than one says something, the first wins.
    pub files: Vec<PathBuf>,
    /// The context; the current one where absent.
    pub context: Option<String>,
}

/// Runs the program. `open`: how a cluster is worked on where no operator's address is given, and how old what is
/// known of it is; its error says for people why that cannot be done. `check`: what is wrong with a pod template, for plans
/// that ask nobody.
///
/// The exit code is 0 when it did what was asked, 2 for usage, 1 for other errors; `wait` has more, see its
/// help.
#[must_use]
pub fn main<A>(
    open: impl AsyncFnOnce(Cluster) -> Result<(A, Age), String>,
    check: fn(&Value) -> Vec<Fault>,
) -> ExitCode
where
    A: DeployApi + InstanceApi + LifecycleApi,
{
    let mut args = args::parse(env::args_os()).unwrap_or_else(|error| error.exit());
    args.global.server = args.global.server.or_else(|| env::var(SERVER_VARIABLE).ok());
    let (stdout, stderr) = (io::stdout(), io::stderr());
    let paint = Paint::on(stdout.is_terminal());
    let (mut out, mut err) = (stdout, stderr);
    let mut screen = Screen { out: &mut out, notes: &mut err, paint, format: args.global.output, clock: now };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let done = match runtime {
        Ok(runtime) => runtime.block_on(run(args, open, check, &mut screen)),
        Err(error) => Err(error.into()),
    };
    match done {
        Ok(code) => ExitCode::from(code),
        Err(failure) => screen.failure(&failure),
    }
}

/// Does what was typed: over gRPC where an address is given, else on the cluster itself.
async fn run<A>(
    args: Args,
    open: impl AsyncFnOnce(Cluster) -> Result<(A, Age), String>,
    check: fn(&Value) -> Vec<Fault>,
    screen: &mut Screen<'_>,
) -> Result<u8, Failure>
where
    A: DeployApi + InstanceApi + LifecycleApi,
{
    let Args { global, task } = args;
    let Some((namespace, asked)) = alone(task, &global, check, screen)? else { return Ok(failure::DONE) };
    let explicit = global.namespace.is_some();
    match global.server.as_ref().filter(|server| !server.is_empty()) {
        Some(server) => {
            let door = Door::Operator(server.clone());
            let client = Client::connect(server).await.map_err(|error| Failure::of(error, &door))?;
            let session = Session { api: &client, orders: &client, namespace, explicit, door };
            let done = session.answer(asked, screen).await;
            session.warn(client.view_age(), screen)?;
            done
        }
        None => {
            let files = crate::kubeconfig::files(global.kubeconfig.as_deref());
            let missing = || Failure::nobody("no server is named, and there is no kubeconfig");
            let files = Some(files).filter(|files| !files.is_empty()).ok_or_else(missing)?;
            let cluster = Cluster { files, context: global.context };
            let (api, age) = open(cluster).await.map_err(Failure::nobody)?;
            let session = Session { api: &api, orders: &api, namespace, explicit, door: Door::Cluster };
            let done = session.answer(asked, screen).await;
            session.warn(age.now(), screen)?;
            done
        }
    }
}

/// What somebody has to be asked for.
enum Asked {
    Plan(plan::Wanted),
    Command(Command),
}

/// Does what needs nobody to ask; otherwise, what is left to ask, and where.
fn alone(
    task: Task,
    global: &Global,
    check: fn(&Value) -> Vec<Fault>,
    screen: &mut Screen<'_>,
) -> Result<Option<(Namespace, Asked)>, Failure> {
    let place = || context::namespace(global);
    match task {
        Task::Ask(command) => Ok(Some((place()?, Asked::Command(command)))),
        Task::Plan(plan) => {
            let namespace = place()?;
            let flows = plan::offline(&plan, &namespace, check, screen)?;
            Ok(flows.map(|flows| (namespace, Asked::Plan(flows))))
        }
        Task::Completion { shell } => {
            clap_complete::generate(shell, &mut Args::command(), "kubectl-triton", &mut screen.out);
            Ok(None)
        }
    }
}

impl<A: DeployApi + InstanceApi, L: LifecycleApi> Session<'_, A, L> {
    /// Does what is left to ask.
    async fn answer(&self, asked: Asked, screen: &mut Screen<'_>) -> Result<u8, Failure> {
        match asked {
            Asked::Plan(flows) => self.plan(flows, screen).await,
            Asked::Command(command) => self.run(command, screen).await,
        }
    }

    /// Does one command.
    async fn run(&self, command: Command, screen: &mut Screen<'_>) -> Result<u8, Failure> {
        match command {
            Command::Get { name } => self.get(&name, screen).await,
            Command::List(list) => self.list(&list, screen).await,
            Command::Create(create) => self.create(&create, screen).await,
            Command::Next { name, expect } => self.next(&name, expect, screen).await,
            Command::Continue { name, batch, stage } => self.go_to(&name, batch, stage, screen).await,
            Command::Pause { name } => self.pause(&name, screen).await,
            Command::Resume { name } => self.resume(&name, screen).await,
            Command::Cancel { name } => self.cancel(&name, screen).await,
            Command::Delete { what: Delete::Flow { name } } => self.forget(&name, screen).await,
            Command::History { instance } => self.history(&instance, screen).await,
            Command::Wait(wait) => self.wait(&wait, screen).await,
            Command::Explain { name } => self.explain(&name, screen).await,
            Command::Watch(watch) => self.watch(watch, screen).await,
            Command::Instances { all_namespaces } => self.instances(all_namespaces, screen).await,
            Command::Pods { instance, all_namespaces } => self.pods(instance, all_namespaces, screen).await,
            Command::Rollback { .. }
            | Command::Restart { .. }
            | Command::Scale { .. }
            | Command::Start { .. }
            | Command::Stop { .. }
            | Command::Delete { what: Delete::Instance { .. } } => self.order(command, screen).await,
        }
    }
}

impl<A, L> Session<'_, A, L> {
    /// Says so where what was answered is too old.
    fn warn(&self, age: Option<ViewAge>, screen: &mut Screen<'_>) -> Result<(), Failure> {
        match age.and_then(|age| phrase::stale(&self.door, &age)) {
            Some(warning) => Ok(screen.note(warning)?),
            None => Ok(()),
        }
    }

    /// What an error of the API means here.
    fn failed(&self, error: triton_core::service::ApiError) -> Failure {
        Failure::of(error, &self.door)
    }

    /// A flow of this namespace.
    fn id(&self, name: &triton_core::model::FlowName) -> triton_core::model::FlowId {
        triton_core::model::FlowId { namespace: self.namespace.clone(), name: name.clone() }
    }

    /// An instance of this namespace.
    fn instance(&self, name: &triton_core::model::InstanceName) -> triton_core::model::InstanceId {
        triton_core::model::InstanceId { namespace: self.namespace.clone(), name: name.clone() }
    }

    /// How a flow is named in a command to type.
    fn words(&self, name: &triton_core::model::FlowName) -> String {
        phrase::typed(&self.id(name), self.explicit)
    }
}

#[cfg(test)]
#[path = "cli/commands_tests.rs"]
mod commands_tests;
#[cfg(test)]
#[path = "cli/refused_tests.rs"]
mod refused_tests;

//! A simulated world on a virtual clock, with the API in-process: what commands are tested on.

mod both;
mod door;

use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use clap::Parser;
use serde_json::Value;
use triton_core::driver::{Driver, Rest};
use triton_core::model::{Fault, FlowId, Seconds, Timestamp};
use triton_core::service::{Checked, CreateFlow, DeployApi, Lifecycle, Service};
use triton_core::sim::{Host, Sim, Timing};

use super::args::Args;
use super::failure::{Door, Failure};
use super::screen::{Paint, Screen};
use super::{Session, alone};
use crate::views;

/// The world.
pub(super) struct Play {
    sim: Sim,
    pub(super) api: Both,
    driver: Driver<Host, Host, Host>,
}

/// Service for flows, host for instances.
pub(super) struct Both {
    service: Checked<Service<Host, Host>, Host>,
    host: Host,
}

impl Play {
    pub(super) fn new(seed: u64) -> Self {
        let sim = Sim::new(seed, Timing::default());
        let host = sim.host();
        let deploys = Service { store: host.clone(), names: host.clone() };
        let service = Checked { deploys, workloads: host.clone() };
        let api = Both { service, host: host.clone() };
        Self { sim, api, driver: Driver { store: host.clone(), clock: host.clone(), adapters: host } }
    }

    /// Types a command; answers exit code or failure, and what was printed.
    pub(super) fn typed(&self, words: &[&str]) -> (Result<u8, Failure>, String) {
        let (done, out, notes) = self.printed(words);
        (done, out + &notes)
    }

    /// Types a command, in namespace default if it names none; answers exit code or failure, the answer, and
    /// what stands beside it.
    pub(super) fn printed(&self, words: &[&str]) -> (Result<u8, Failure>, String, String) {
        let mut args = Args::try_parse_from([&["kubectl-triton"], words].concat()).unwrap();
        let (mut out, mut notes) = (Vec::new(), Vec::new());
        let mut screen = Screen {
            out: &mut out,
            notes: &mut notes,
            paint: Paint::default(),
            format: args.global.output,
            clock: || views::at(0),
        };
        let orders = Lifecycle { deploys: self.api.service.clone(), instances: self.api.host.clone() };
        let session = Session {
            api: &self.api,
            orders: &orders,
            namespace: args.global.namespace.as_deref().unwrap_or("default").parse().unwrap(),
            explicit: args.global.namespace.is_some(),
            door: Door::Operator("http://127.0.0.1:1".into()),
        };
        args.global.namespace.get_or_insert_with(|| session.namespace.to_string());
        let done = match alone(args.task, &args.global, misspelt, &mut screen) {
            Ok(None) => Ok(0),
            Ok(Some((_, asked))) => in_no_time(session.answer(asked, &mut screen)),
            Err(failure) => Err(failure),
        };
        (done, String::from_utf8(out).unwrap(), String::from_utf8(notes).unwrap())
    }

    /// Types a command that does what it says; answers what was printed.
    pub(super) fn did(&self, words: &[&str]) -> String {
        let (done, text) = self.typed(words);
        assert_eq!(done, Ok(0), "{words:?}: {text}");
        text
    }

    /// Orders this of an instance, and lets the flow that carries it out come to its end.
    pub(super) fn order(&self, action: &str, instance: &str) {
        let made = self.did(&[action, instance, "--mode", "auto"]);
        let name = made.split("flow ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap();
        assert!(!self.carry(&crate::views::id(name)), "{name}");
    }

    /// Lets time pass until the flow waits for a person or has ended; `true` when it waits.
    pub(super) fn carry(&self, id: &FlowId) -> bool {
        for _ in 0..10_000 {
            match ready(self.driver.advance(id, &mut |_, _| {})).unwrap() {
                Rest::Until(_, waiting) if waiting.asks_a_person() => return true,
                Rest::Until(until, _) => self.pass_time(until),
                Rest::Again => {}
                Rest::Done => return false,
                rest @ (Rest::Corrupt | Rest::Gone) => panic!("the flow is {rest:?}"),
            }
        }
        panic!("nothing came of it");
    }

    /// Lets the flow take the steps that it can take now.
    pub(super) fn look(&self, id: &FlowId) {
        while matches!(ready(self.driver.advance(id, &mut |_, _| {})).unwrap(), Rest::Again) {}
    }

    /// Makes a flow of this manifest as kubectl does, whatever the API would say to it.
    pub(super) fn apply(&self, manifest: &str) {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), manifest).unwrap();
        let described = super::manifest::read(file.path().to_str().unwrap()).unwrap().flows.remove(0);
        let namespace = "default".parse().unwrap();
        let flow = CreateFlow { namespace, name: described.name, draft: described.draft };
        let host = &self.api.host;
        ready(Service { store: host.clone(), names: host.clone() }.create(flow)).unwrap();
    }

    /// Lets the controller take notice of what was written last.
    pub(super) fn settle(&self) {
        let mut world = self.sim.world();
        let now = world.now();
        world.advance(now.plus(Seconds(60)));
    }

    /// A flow is gone at once, whatever it holds.
    pub(super) fn remove(&self, id: &FlowId) {
        self.sim.world().remove_flow(id);
    }

    /// How many pods there are.
    pub(super) fn pods(&self) -> usize {
        self.sim.world().workloads().map(|workload| workload.active().count()).sum()
    }

    fn pass_time(&self, until: Timestamp) {
        let mut world = self.sim.world();
        let now = world.now();
        let next = world.next_event().map_or(until, |event| event.min(until));
        world.advance(next.max(now));
    }
}

/// What is wrong with a template, in place of what knows Kubernetes.
fn misspelt(template: &Value) -> Vec<Fault> {
    let wrong = template["spec"].get("restartPolicyy").is_some();
    let fault = || Fault {
        field: "spec.application.template.spec.restartPolicyy".into(),
        message: "no field".into(),
    };
    wrong.then(fault).into_iter().collect()
}

/// What a command comes to; pauses and deadlines pass at once when nothing else happens, and so does a day of a command
/// that has no end.
fn in_no_time(command: impl Future<Output = Result<u8, Failure>>) -> Result<u8, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let day = Duration::from_secs(24 * 60 * 60);
    let done = runtime.unwrap().block_on(async { tokio::time::timeout(day, command).await });
    done.unwrap_or_else(|_| Err(Failure::new("it goes on and on")))
}

/// What a future comes to that has nothing to wait for: the simulated world answers at once.
fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("the simulated world answers at once"),
    }
}

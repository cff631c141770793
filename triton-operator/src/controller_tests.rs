use parking_lot::Mutex;
use triton_core::model::{Draft, PodChange, PodsAsSeen, Spec, Version, WorkloadChange, WorkloadView};
use triton_core::ports::{Loaded, NewFlow, PortError, Subject, TrafficRegistry, WorkloadBackend};
use triton_core::sim::{Faults, Host, Sim, Timing};

use super::*;
use crate::supervise::alive;

/// Nothing.
struct Empty;

impl Directory for Empty {
    async fn flows(&self, _: &Key) -> Vec<(FlowId, Edition)> {
        Vec::new()
    }

    fn lane(&self, _: &Key) -> Lane {
        Lane::Goes
    }

    async fn kept(&self, _: &Key) -> Option<(InstanceId, Seconds)> {
        None
    }
}

struct Deaf;

impl Listener for Deaf {
    fn moved(&self, _: &FlowId, _: &Why) {}
}

#[tokio::test(start_paused = true)]
async fn an_order_is_heard_while_the_flow_waits_after_a_failure() {
    let host = Sim::new(1, Timing::default()).faulty_host(Faults { refuse: 1000, ..Faults::NONE });
    let driver = Driver { store: host.clone(), clock: Contact::always(), adapters: host };
    let controller = Controller::new(driver, Empty, Deaf, Arc::new(Metrics::default()), 10);
    let flow = FlowId { namespace: "ns".parse().unwrap(), name: "df".parse().unwrap() };
    let queue = Queue::default();
    let first = controller.advance(&queue, &flow, 1, &mut 0).await;
    tokio::time::advance(std::time::Duration::from_millis(1)).await;
    assert_eq!(
        controller.advance(&queue, &flow, 1, &mut 0).await,
        first,
        "what failed is left alone for a while"
    );
    let second = controller.advance(&queue, &flow, 2, &mut 0).await;
    assert!(second > first, "it was tried again: {second:?} after {first:?}");
}

/// What the backend of these tests does when it is asked.
#[derive(Clone, Copy)]
enum Conduct {
    Panics,
    /// After as long as a call waits for an answer.
    Fails,
    Hangs,
    /// There is no workload.
    Answers,
}

/// A host whose backend misbehaves.
struct Odd {
    host: Host,
    conduct: Mutex<Conduct>,
}

#[async_trait::async_trait]
impl WorkloadBackend for Odd {
    async fn observe(&self, _: Subject<'_>) -> Result<Option<WorkloadView>, PortError> {
        let conduct = *self.conduct.lock();
        match conduct {
            Conduct::Panics => panic!("out of luck"),
            Conduct::Fails => {
                tokio::time::sleep(Duration::from_secs(20)).await;
                Err(PortError::new(PortErrorKind::Transient, "no answer in time"))
            }
            Conduct::Hangs => std::future::pending().await,
            Conduct::Answers => Ok(None),
        }
    }

    async fn change_workload(
        &self,
        _: Subject<'_>,
        _: &WorkloadChange,
        _: Option<&Version>,
    ) -> Result<(), PortError> {
        Err(PortError::new(PortErrorKind::Rejected, "not in this test"))
    }

    async fn change_pods(&self, _: Subject<'_>, _: &PodChange) -> Result<(), PortError> {
        Err(PortError::new(PortErrorKind::Rejected, "not in this test"))
    }

    async fn confirm(&self, _: &InstanceId, _: &Version) -> Result<(), PortError> {
        Err(PortError::new(PortErrorKind::Rejected, "not in this test"))
    }

    async fn confirm_pods(&self, _: &InstanceId, _: &WorkloadView, _: PodsAsSeen) -> Result<(), PortError> {
        Err(PortError::new(PortErrorKind::Rejected, "not in this test"))
    }
}

impl Adapters for Odd {
    fn workload(&self, _: &str) -> Option<&dyn WorkloadBackend> {
        Some(self)
    }

    fn traffic(&self, _: Option<&Spec>) -> &dyn TrafficRegistry {
        &self.host
    }
}

/// One flow, always.
struct One;

impl Directory for One {
    async fn flows(&self, _: &Key) -> Vec<(FlowId, Edition)> {
        vec![(flow(), 1)]
    }

    fn lane(&self, _: &Key) -> Lane {
        Lane::Goes
    }

    async fn kept(&self, _: &Key) -> Option<(InstanceId, Seconds)> {
        None
    }
}

/// Cannot tell.
struct Lost;

impl Directory for Lost {
    async fn flows(&self, _: &Key) -> Vec<(FlowId, Edition)> {
        panic!("the directory is lost")
    }

    fn lane(&self, _: &Key) -> Lane {
        Lane::Goes
    }

    async fn kept(&self, _: &Key) -> Option<(InstanceId, Seconds)> {
        None
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_shown_on_its_flow_counted_and_taken_up_again_later_each_time() {
    let (controller, queue) = (odd(Conduct::Panics, One).await, Queue::default());
    let mut waits = Vec::new();
    for _ in 0..3 {
        let (again, _) = controller.look(&queue, &key()).await;
        let again = again.expect("it is looked at again");
        assert_eq!(controller.look(&queue, &key()).await.0, Some(again), "left alone until then");
        waits.push(again - Instant::now());
        tokio::time::sleep_until(again).await;
    }
    assert!(waits[0] < waits[1] && waits[1] < waits[2], "{waits:?}");
    let (reason, message) = shown(&controller).await;
    assert_eq!(reason, "Panicked");
    assert!(message.contains("out of luck"), "{message}");
    let counted = r#"triton_failed_steps_total{what="Panicked"} 3"#;
    assert!(controller.metrics.text().contains(counted), "{}", controller.metrics.text());
    *controller.driver.adapters.conduct.lock() = Conduct::Answers;
    controller.look(&queue, &key()).await;
    assert_ne!(shown(&controller).await.0, "Panicked", "it goes on");
}

#[tokio::test(start_paused = true)]
async fn what_panicked_is_not_looked_at_for_ever() {
    let (controller, queue) = (Arc::new(odd(Conduct::Answers, Lost).await), Arc::new(Queue::default()));
    queue.wake(key());
    let (_tell, stop) = watch::channel(false);
    let work = Arc::clone(&controller).work(Arc::clone(&queue), stop);
    assert!(tokio::time::timeout(AFTER_PANIC * 5 / 2, work).await.is_err());
    assert_eq!(queue.len(), 1, "it is due again");
    let counted = r#"triton_failed_steps_total{what="Panicked"} 3"#;
    assert!(controller.metrics.text().contains(counted), "{}", controller.metrics.text());
}

/// The liveness probe asks every 10 s (Kubernetes: the default).
#[tokio::test(start_paused = true)]
async fn an_outage_of_half_an_hour_restarts_nothing_and_a_look_that_hangs_does() {
    for (conduct, lives) in [(Conduct::Fails, true), (Conduct::Answers, true), (Conduct::Hangs, false)] {
        let (controller, queue) = (Arc::new(odd(conduct, One).await), Arc::new(Queue::default()));
        queue.wake(key());
        let (_tell, stop) = watch::channel(false);
        let work = tokio::spawn(controller.work(Arc::clone(&queue), stop));
        let begun = Instant::now();
        let mut dead = None;
        while begun.elapsed() < Duration::from_secs(30 * 60) && dead.is_none() {
            tokio::time::sleep(Duration::from_secs(10)).await;
            dead = alive(&queue).err().map(|text| (begun.elapsed(), text));
        }
        work.abort();
        match dead {
            None => assert!(lives, "a look that hangs is not noticed"),
            Some((after, text)) => {
                assert!(!lives, "after {after:?}: {text}");
                assert!((120..=140).contains(&after.as_secs()), "after {after:?}: {text}");
            }
        }
    }
}

fn key() -> Key {
    Key::new("ns", "app")
}

fn flow() -> FlowId {
    FlowId { namespace: "ns".parse().unwrap(), name: "df".parse().unwrap() }
}

async fn odd<D: Directory>(conduct: Conduct, directory: D) -> Controller<Host, Odd, D, Deaf> {
    let host = Sim::new(1, Timing::default()).host();
    let draft = Draft {
        action: "create".into(),
        app_name: "app".into(),
        instance_name: "app".into(),
        replicas: Some(1),
        template: Some(serde_json::json!({ "spec": { "containers": [{ "name": "app", "image": "app" }] } })),
        ..Draft::default()
    };
    let new = NewFlow { id: flow(), draft, instance: "app".parse().unwrap() };
    host.create(new).await.unwrap();
    let adapters = Odd { host: host.clone(), conduct: Mutex::new(conduct) };
    let driver = Driver { store: host, clock: Contact::always(), adapters };
    Controller::new(driver, directory, Deaf, Arc::new(Metrics::default()), 10)
}

/// Reason and message of the flow's status.
async fn shown<D: Directory>(controller: &Controller<Host, Odd, D, Deaf>) -> (String, String) {
    match controller.driver.store.load(&flow()).await.unwrap() {
        Loaded::Flow(stored) => (stored.report.reason.clone(), stored.report.message.clone()),
        other => panic!("{other:?}"),
    }
}

//! Works only while every part of the process does.

use std::fmt::Display;
use std::future::Future;
use std::time::Duration;

use anyhow::anyhow;
use tokio::task::JoinSet;

use crate::doors::Open;
use crate::panics::caught;
use crate::queue::Queue;

/// Nothing may be finished for so long while something is due.
const PATIENCE: Duration = Duration::from_secs(120);

/// Adds a part that is to last.
pub fn part(
    parts: &mut JoinSet<String>,
    name: &'static str,
    work: impl Future<Output = ()> + Send + 'static,
) {
    part_that_tells(parts, name, async {
        work.await;
        "ended by itself"
    });
}

/// The same for one that tells why it ended.
pub fn part_that_tells(
    parts: &mut JoinSet<String>,
    name: &'static str,
    work: impl Future<Output = impl Display + Send> + Send + 'static,
) {
    parts.spawn(async move {
        match caught(work).await {
            Ok(why) => format!("{name} {why}"),
            Err(panic) => format!("{name} panicked: {panic}"),
        }
    });
}

/// Works until it is done, then closes the doors. `parts` are to outlast the work, each says why it ended.
///
/// # Errors
/// The first part or door that ends by itself: a process of which a part is missing is to be started again.
pub async fn supervised(
    work: impl Future<Output = ()>,
    mut parts: JoinSet<String>,
    mut doors: Open,
) -> anyhow::Result<()> {
    let missing = async {
        match parts.join_next().await {
            Some(Ok(why)) => anyhow!(why),
            Some(Err(error)) => error.into(),
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = work => {}
        error = missing => return Err(error),
        error = doors.broken() => return Err(error),
    }
    drop(parts);
    doors.closed().await
}

/// Whether looks come to an end: one that failed has done so, too.
///
/// # Errors
/// What is wrong, for people.
pub fn alive(queue: &Queue) -> Result<(), String> {
    match queue.stuck().filter(|stuck| *stuck > PATIENCE) {
        Some(stuck) => Err(format!("something is due, and nothing was finished for {} s", stuck.as_secs())),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddr};
    use std::sync::Arc;

    use triton_core::sim::{Host, Sim, Timing};

    use super::*;
    use crate::doors::{Addresses, Apis, Checks, Doors};
    use crate::stop::Stop;
    use crate::telemetry::metrics::Metrics;

    #[tokio::test]
    async fn a_part_that_ends_or_panics_ends_the_process_with_its_name() {
        let ends = |work: futures::future::BoxFuture<'static, ()>| async move {
            let mut parts = JoinSet::new();
            part(&mut parts, "what watches", std::future::pending());
            part(&mut parts, "what follows pods", work);
            let stop = Stop::on(std::future::pending());
            supervised(std::future::pending(), parts, open(&stop).await).await.unwrap_err().to_string()
        };
        assert_eq!(ends(Box::pin(async {})).await, "what follows pods ended by itself");
        let panics = ends(Box::pin(async { panic!("out of luck") })).await;
        assert_eq!(panics, "what follows pods panicked: out of luck");
    }

    #[tokio::test]
    async fn a_door_that_ends_by_itself_ends_the_process_with_its_name() {
        for (what, said) in [
            (Ok(()), "the door odd closed by itself"),
            (Err(anyhow!("no socket")), "the door odd broke down"),
        ] {
            let stop = Stop::on(std::future::pending());
            let mut doors = open(&stop).await;
            doors.add("odd", async { what });
            let error = supervised(std::future::pending(), JoinSet::new(), doors).await.unwrap_err();
            assert_eq!(error.to_string(), said);
        }
    }

    #[tokio::test]
    async fn work_that_is_done_closes_the_doors() {
        let (tell, told) = tokio::sync::oneshot::channel();
        let stop = Stop::on(async { drop(told.await) });
        let doors = open(&stop).await;
        let mut parts = JoinSet::new();
        part(&mut parts, "what follows pods", std::future::pending());
        let work = async {
            tell.send(()).unwrap();
            stop.wait().await;
        };
        let done = tokio::time::timeout(Duration::from_secs(30), supervised(work, parts, doors)).await;
        done.expect("the doors close").unwrap();
    }

    async fn open(stop: &Stop) -> Open {
        let free = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let addresses = Addresses { grpc: free, rest: free, health: free, metrics: free };
        let doors = Doors::bind(&addresses).await.unwrap();
        let host: Host = Sim::new(1, Timing::default()).host();
        let deploys = Arc::new(triton_core::service::Service { store: host.clone(), names: host.clone() });
        let lifecycle =
            triton_core::service::Lifecycle { deploys: (*deploys).clone(), instances: host.clone() };
        let apis = Apis { deploys, instances: Arc::new(host), lifecycle: Arc::new(lifecycle) };
        let checks =
            Checks { alive: Arc::new(|| Ok(())), ready: Arc::new(|| Ok(())), age: Default::default() };
        doors.open(apis, Arc::new(Metrics::default()), checks, Arc::new(|_| {}), stop)
    }
}

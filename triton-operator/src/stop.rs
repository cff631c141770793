//! When to stop, told to everybody at once.

use std::future::Future;

use tokio::sync::watch;

/// Tells when to stop.
#[derive(Clone, Debug)]
pub struct Stop(watch::Receiver<bool>);

impl Stop {
    /// Stops when that happens.
    pub fn on(shutdown: impl Future<Output = ()> + Send + 'static) -> Self {
        let (tell, told) = watch::channel(false);
        tokio::spawn(async move {
            shutdown.await;
            tell.send_replace(true);
        });
        Self(told)
    }

    /// Waits until it is time to stop.
    pub async fn wait(&self) {
        // An error means that the task above is gone, and with it the runtime.
        let _ = self.0.clone().wait_for(|stop| *stop).await;
    }

    /// Whether it is time to stop.
    #[must_use]
    pub fn is_now(&self) -> bool {
        *self.0.borrow()
    }

    /// The same as a value that changes to true.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<bool> {
        self.0.clone()
    }

    /// The same as a future of its own.
    pub fn future(&self) -> impl Future<Output = ()> + Send + 'static {
        let stop = self.clone();
        async move { stop.wait().await }
    }
}

/// Resolves when the process is asked to end: SIGTERM or SIGINT.
///
/// # Errors
/// When the signals cannot be listened to.
pub fn signals() -> std::io::Result<impl Future<Output = ()> + Send + 'static> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

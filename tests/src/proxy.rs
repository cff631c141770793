//! A TCP proxy that can fall silent without closing anything, as a network does that loses packets.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use parking_lot::Mutex;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    task::{JoinHandle, JoinSet},
};

/// Forwards connections to a port of 127.0.0.1 until it is dropped.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Shared {
    lines: Mutex<Vec<Line>>,
    /// New connections are accepted and silent.
    deaf: AtomicBool,
}

/// One connection.
#[derive(Clone, Debug)]
struct Line {
    silent: watch::Sender<bool>,
    open: Arc<AtomicBool>,
}

impl Proxy {
    /// A proxy on a free port, for connections to `target`.
    ///
    /// # Errors
    /// When it cannot listen.
    pub async fn start(target: u16) -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let (port, shared) = (listener.local_addr()?.port(), Arc::<Shared>::default());
        let task = tokio::spawn(serve(listener, target, Arc::clone(&shared)));
        Ok(Self { port, shared, task })
    }

    /// The port of 127.0.0.1 that it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The connections that are open and forwarded, by number.
    #[must_use]
    pub fn open(&self) -> Vec<usize> {
        let lines = self.shared.lines.lock();
        let live = |line: &Line| line.open.load(Ordering::Relaxed) && !*line.silent.borrow();
        lines.iter().enumerate().filter(|(_, line)| live(line)).map(|(number, _)| number).collect()
    }

    /// One connection falls silent, in both directions; nothing is closed.
    pub fn hush(&self, number: usize) {
        if let Some(line) = self.shared.lines.lock().get(number) {
            line.silent.send_replace(true);
        }
    }

    /// All connections fall silent; new ones are, too, for as long as `new` says so.
    pub fn hush_all(&self, new: bool) {
        self.hush_new(new);
        self.shared.lines.lock().iter().for_each(|line| line.silent.send_modify(|silent| *silent = true));
    }

    /// Whether new connections are silent from now on.
    pub fn hush_new(&self, silent: bool) {
        self.shared.deaf.store(silent, Ordering::Relaxed);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, target: u16, shared: Arc<Shared>) {
    let mut lines = JoinSet::new();
    while let Ok((near, _)) = listener.accept().await {
        let line = Line {
            silent: watch::Sender::new(shared.deaf.load(Ordering::Relaxed)),
            open: Arc::new(AtomicBool::new(true)),
        };
        shared.lines.lock().push(line.clone());
        lines.spawn(async move {
            if let Ok(far) = TcpStream::connect(("127.0.0.1", target)).await {
                forward(near, far, &line.silent).await;
            }
            line.open.store(false, Ordering::Relaxed);
        });
    }
}

async fn forward(near: TcpStream, far: TcpStream, silent: &watch::Sender<bool>) {
    // Without it each small answer waits for the acknowledgement of the one before.
    let _ = (near.set_nodelay(true), far.set_nodelay(true));
    let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
    let there = carry(near_in, far_out, silent.subscribe());
    let back = carry(far_in, near_out, silent.subscribe());
    tokio::join!(there, back);
}

/// Carries one direction to its end. While it is silent it neither reads nor writes nor closes.
async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut silent: watch::Receiver<bool>) {
    let mut buffer = vec![0; 16 << 10];
    loop {
        let read = from.read(&mut buffer).await;
        // The sender lives as long as this does.
        let _ = silent.wait_for(|silent| !*silent).await;
        let Ok(count @ 1..) = read else { break };
        if to.write_all(&buffer[..count]).await.is_err() {
            break;
        }
    }
    let _ = to.shutdown().await;
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const SOON: Duration = Duration::from_millis(300);

    #[tokio::test]
    async fn a_connection_that_is_hushed_is_open_and_silent_and_the_others_go_on() {
        let echo = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let target = echo.local_addr().expect("it is bound").port();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = echo.accept().await {
                tokio::spawn(async move {
                    let (mut from, mut to) = stream.split();
                    let _ = tokio::io::copy(&mut from, &mut to).await;
                });
            }
        });
        let proxy = Proxy::start(target).await.expect("a free port");
        let connect = || async { TcpStream::connect(("127.0.0.1", proxy.port())).await.expect("it listens") };
        let (mut one, mut two) = (connect().await, connect().await);
        assert!(echoes(&mut one).await && echoes(&mut two).await);
        assert_eq!(proxy.open(), [0, 1]);
        proxy.hush(0);
        assert!(!echoes(&mut one).await && echoes(&mut two).await);
        assert_eq!(proxy.open(), [1]);
        proxy.hush_all(true);
        let mut three = connect().await;
        assert!(!echoes(&mut two).await && !echoes(&mut three).await);
        proxy.hush_new(false);
        assert!(echoes(&mut connect().await).await);
    }

    /// Whether a byte comes back; an end of the connection is none.
    async fn echoes(stream: &mut TcpStream) -> bool {
        stream.write_all(b"x").await.expect("nobody closed it");
        let mut byte = [0];
        match tokio::time::timeout(SOON, stream.read(&mut byte)).await {
            Ok(Ok(count)) => {
                assert_eq!(count, 1, "it was closed");
                true
            }
            Ok(Err(error)) => panic!("it was closed: {error}"),
            Err(_) => false,
        }
    }
}

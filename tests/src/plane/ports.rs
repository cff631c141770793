//! Free loopback ports.

use std::{
    collections::hash_map::RandomState,
    hash::BuildHasher,
    net::TcpListener,
    sync::{
        OnceLock,
        atomic::{AtomicU16, Ordering},
    },
};

/// Below the range from which the kernel takes the ports of outgoing connections (32768 up on Linux).
const FIRST: u16 = 12_000;
const COUNT: u16 = 20_000;

/// Returns a port of 127.0.0.1 on which nothing listens, and which this process has not handed out before.
///
/// Each process starts at a random place, so that suites side by side do not meet.
///
/// # Panics
/// When all of the 20,000 ports it may choose from are taken.
pub fn free_port() -> u16 {
    static NEXT: OnceLock<AtomicU16> = OnceLock::new();
    let next = NEXT.get_or_init(|| {
        let random = RandomState::new().hash_one(std::process::id()) % u64::from(COUNT);
        AtomicU16::new(u16::try_from(random).unwrap_or_default())
    });
    (0..COUNT)
        .map(|_| FIRST + next.fetch_add(1, Ordering::Relaxed) % COUNT)
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .expect("20,000 loopback ports are not all taken")
}

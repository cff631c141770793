//! The gRPC door from outside: one story per file.

#![allow(missing_docs, clippy::unwrap_used, reason = "tests are sentences, and may panic")]

#[path = "grpc/api.rs"]
mod api;
#[path = "grpc/doors.rs"]
mod doors;
#[path = "support/fake.rs"]
mod fake;
#[path = "grpc/fan_out.rs"]
mod fan_out;
#[path = "grpc/orders.rs"]
mod orders;
#[path = "grpc/retry.rs"]
mod retry;
#[path = "support/rig.rs"]
mod rig;
#[path = "support/server.rs"]
mod server;
#[path = "grpc/streams.rs"]
mod streams;
#[path = "support/views.rs"]
mod views;

//! The REST door from outside: one story per file.

#![allow(missing_docs, clippy::unwrap_used, reason = "tests are sentences, and may panic")]

#[path = "rest/answers.rs"]
mod answers;
#[path = "rest/description.rs"]
mod description;
#[path = "rest/doors.rs"]
mod doors;
#[path = "support/http.rs"]
mod http;
#[path = "support/rest.rs"]
mod rest;
#[path = "support/rig.rs"]
mod rig;
#[path = "rest/streams.rs"]
mod streams;
#[path = "support/stub.rs"]
mod stub;
#[path = "rest/suite.rs"]
mod suite;
#[path = "support/views.rs"]
mod views;

//! Conformance suites for people who implement a port or the API.

pub mod api_suite;
pub mod rig;
pub mod store_suite;
pub mod traffic_suite;
pub mod workload_suite;

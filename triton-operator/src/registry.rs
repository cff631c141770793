//! Traffic registries, one file each.

pub mod readiness_gate;

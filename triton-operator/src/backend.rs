//! Workload backends, one file each.

pub mod cloneset;

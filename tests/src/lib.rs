//! Helpers that the suites share.

pub mod cloneset;
pub mod definitions;
pub mod go;
pub mod limits;
pub mod operator;
pub mod plane;
pub mod proxy;
pub mod python;
pub mod scene;
pub mod watches;

//! Against a real Kubernetes control plane: one that the suite starts itself, or the one that
//! `TRITON_KUBECONFIG` names. One story per file; each test has a namespace to itself, except the tutorial,
//! which plays where it was written for.

#[path = "cluster/actions.rs"]
mod actions;
#[path = "cluster/admission.rs"]
mod admission;
#[path = "cluster/app.rs"]
mod app;
#[path = "cluster/autoscaler.rs"]
mod autoscaler;
#[path = "cluster/bad.rs"]
mod bad;
#[path = "cluster/by_hand.rs"]
mod by_hand;
#[path = "cluster/claims.rs"]
mod claims;
#[path = "cluster/cloneset.rs"]
mod cloneset;
#[path = "cluster/conformance.rs"]
mod conformance;
#[path = "cluster/copies.rs"]
mod copies;
#[path = "cluster/crash.rs"]
mod crash;
#[path = "cluster/deletion.rs"]
mod deletion;
#[path = "cluster/direct.rs"]
mod direct;
#[path = "cluster/doors.rs"]
mod doors;
#[path = "cluster/downtime.rs"]
mod downtime;
#[path = "cluster/edits.rs"]
mod edits;
#[path = "cluster/gitops.rs"]
mod gitops;
#[path = "cluster/heals.rs"]
mod heals;
#[path = "cluster/history.rs"]
mod history;
#[path = "cluster/in_place.rs"]
mod in_place;
#[path = "cluster/input.rs"]
mod input;
#[path = "cluster/keeper.rs"]
mod keeper;
#[path = "cluster/later.rs"]
mod later;
#[path = "cluster/line.rs"]
mod line;
#[path = "cluster/losses.rs"]
mod losses;
#[path = "cluster/manifests.rs"]
mod manifests;
#[path = "cluster/mutable.rs"]
mod mutable;
#[path = "cluster/namespace.rs"]
mod namespace;
#[path = "cluster/operator.rs"]
mod operator;
#[path = "cluster/orders.rs"]
mod orders;
#[path = "cluster/quota.rs"]
mod quota;
#[path = "cluster/reach.rs"]
mod reach;
#[path = "cluster/refused.rs"]
mod refused;
#[path = "cluster/restore.rs"]
mod restore;
#[path = "cluster/reversals.rs"]
mod reversals;
#[path = "cluster/rig.rs"]
mod rig;
#[path = "cluster/safety.rs"]
mod safety;
#[path = "cluster/silence.rs"]
mod silence;
#[path = "cluster/site.rs"]
mod site;
#[path = "cluster/size.rs"]
mod size;
#[path = "cluster/terminating.rs"]
mod terminating;
#[path = "cluster/traffic.rs"]
mod traffic;
#[path = "cluster/tutorial.rs"]
mod tutorial;
#[path = "cluster/unread.rs"]
mod unread;
#[path = "cluster/watched.rs"]
mod watched;

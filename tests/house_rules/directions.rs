//! Who may name whom.

use std::{path::Path, process::Command};

use super::source::{Fault, File, code, words};

/// Modules of the core, and the modules of it that they may name.
const CORE: [(&str, &[&str]); 5] = [
    ("model", &["model"]),
    ("engine", &["engine", "model"]),
    ("ports", &["model", "ports"]),
    ("driver", &["driver", "engine", "model", "ports"]),
    ("service", &["engine", "model", "ports", "service"]),
];

/// Words that have no place in a part of the house.
const WORDS: [(&str, &[&str]); 7] = [
    ("triton-core/src/engine/", &["ports", "driver", "service", "sim", "testing", "async", "await", "std"]),
    ("triton-core/src/model/", &["async", "await", "std"]),
    ("triton-core/src/", &["tokio", "kube", "k8s_openapi", "tonic", "triton_grpc", "triton_operator"]),
    ("triton-grpc/src/", &["kube", "k8s_openapi", "triton_operator"]),
    // The command line knows the API and not the wire.
    ("triton-grpc/src/cli.rs", &["deployflow", "convert", "tonic", "prost"]),
    ("triton-grpc/src/cli/", &["deployflow", "convert", "tonic", "prost"]),
    // JSON has bodies of its own.
    ("triton-grpc/src/rest", &["prost", "prost_types", "deployflow"]),
];

/// Words that only these files may say.
const PRIVILEGES: [(&str, &[&str], &[&str]); 2] = [
    // Only the wiring knows that there is a gRPC door.
    (
        "triton-operator/src/",
        &["triton_grpc"],
        &[
            "triton-operator/src/doors.rs",
            "triton-operator/src/kubectl.rs",
            "triton-operator/src/run.rs",
            "triton-operator/src/standalone.rs",
        ],
    ),
    // The envelope of a flow is opened in one place.
    ("triton-operator/src/", &["DeployFlowSpec", "DeployFlowStatus"], &["triton-operator/src/crd"]),
];

/// Messages that carry what the core has types for; requests and replies are mere envelopes.
const MESSAGES: [&str; 13] = [
    "ApplicationSpec",
    "Batch",
    "BatchStage",
    "Deploy",
    "DeployFilter",
    "DeployMeta",
    "Instance",
    "NonUpdateStrategy",
    "PodInfo",
    "RollbackTarget",
    "TargetState",
    "UpdateStrategy",
    "Waiting",
];

pub(crate) fn check(file: &File) -> Vec<Fault> {
    let code = code(&file.text);
    let mut faults = mixed(file, &code);
    for (at, line) in code.lines().enumerate() {
        for (folder, said, by) in PRIVILEGES {
            let theirs = !file.path.starts_with(folder) || by.iter().any(|path| file.path.starts_with(path));
            let found = words(line).find(|word| !theirs && said.contains(word));
            faults.extend(found.map(|word| file.fault(at + 1, format!("only {by:?} name {word}"))));
        }
        for (folder, forbidden) in WORDS {
            let found = words(line).find(|word| file.path.starts_with(folder) && forbidden.contains(word));
            faults
                .extend(found.map(|word| file.fault(at + 1, format!("nothing under {folder} names {word}"))));
        }
        if let Some((room, may)) = CORE.iter().find(|(room, _)| is_in(&file.path, room)) {
            let named = line.split("crate::").skip(1).filter_map(|rest| words(rest).next());
            let wrong = named.filter(|name| !may.contains(name));
            faults.extend(wrong.map(|name| file.fault(at + 1, format!("{room} does not name {name}"))));
        }
    }
    faults
}

/// Outside `convert`, no file of the gRPC door names both a message with content and the core. REST and the
/// command line name no message at all.
fn mixed(file: &File, code: &str) -> Vec<Fault> {
    let without =
        ["triton-grpc/src/convert", "triton-grpc/src/rest", "triton-grpc/src/cli.rs", "triton-grpc/src/cli/"];
    let inside = file.path.starts_with("triton-grpc/src/")
        && !without.iter().any(|folder| file.path.starts_with(folder));
    if !inside || !words(code).any(|word| word == "triton_core") {
        return Vec::new();
    }
    let lines = code.lines().enumerate();
    let named = lines.filter_map(|(at, line)| Some((at, words(line).find(|word| MESSAGES.contains(word))?)));
    named.map(|(at, word)| file.fault(at + 1, format!("only convert names {word} beside the core"))).collect()
}

fn is_in(path: &str, room: &str) -> bool {
    path.strip_prefix("triton-core/src/")
        .and_then(|path| path.strip_prefix(room))
        .is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
}

/// What `cargo tree` says that the core needs when it is built alone.
pub(crate) fn dependencies_of_the_core(root: &Path) -> String {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--package", "triton-core", "--edges", "normal"])
        .args(["--prefix", "none"])
        .current_dir(root)
        .output()
        .expect("cargo runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo tree: {errors}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Crates in that tree that have no place in the core.
pub(crate) fn foreign(tree: &str) -> Vec<String> {
    let names = tree.lines().filter_map(|line| line.split(' ').next());
    let foreign = ["tokio", "kube", "k8s-openapi", "tonic", "prost", "hyper", "rand", "getrandom", "chrono"];
    names
        .filter(|name| {
            foreign.iter().any(|f| name == f || name.strip_prefix(f).is_some_and(|r| r.starts_with('-')))
        })
        .map(Into::into)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_engine_names_only_the_model() {
        let path = "triton-core/src/engine/decide.rs";
        assert_eq!(faults(path, "use crate::model::Flow;\n// ports, async\n"), 0);
        assert_eq!(faults(path, "use crate::ports::Clock;\n"), 2);
        assert_eq!(faults(path, "use crate::service::Service;\n"), 2);
        assert_eq!(faults(path, "async fn decide() {}\n"), 1);
        assert_eq!(faults("triton-core/src/engine.rs", "use crate::driver::Driver;\n"), 1);
    }

    #[test]
    fn the_model_and_the_ports_name_nothing_above_them() {
        assert_eq!(faults("triton-core/src/model/flow.rs", "use crate::engine::decide;\n"), 1);
        assert_eq!(faults("triton-core/src/ports/clock.rs", "use crate::engine::decide;\n"), 1);
        assert_eq!(faults("triton-core/src/service/api.rs", "use crate::sim::World;\n"), 1);
        assert_eq!(faults("triton-core/src/sim/host.rs", "use crate::driver::Driver;\n"), 0);
    }

    #[test]
    fn the_core_names_no_runtime_and_the_doors_no_cluster() {
        assert_eq!(faults("triton-core/src/sim/world.rs", "use tokio::time;\n"), 1);
        assert_eq!(faults("triton-grpc/src/client.rs", "use kube::Client;\n"), 1);
        assert_eq!(faults("triton-grpc/src/cli/wait.rs", "use crate::deployflow::Batch;\n"), 1);
        assert_eq!(faults("triton-grpc/src/rest/flows.rs", "use crate::deployflow::Deploy;\n"), 1);
    }

    #[test]
    fn only_the_wiring_names_the_door_and_only_convert_opens_envelopes() {
        let door = "use triton_grpc::server::Server;\n";
        assert_eq!(faults("triton-operator/src/world/cache.rs", door), 1);
        assert_eq!(faults("triton-operator/src/run.rs", door), 0);
        let envelope = "use crate::crd::DeployFlowSpec;\n";
        assert_eq!(faults("triton-operator/src/store.rs", envelope), 1);
        assert_eq!(faults("triton-operator/src/crd/convert.rs", envelope), 0);
        let both = "use triton_core::model::Flow;\nuse crate::deployflow::{Deploy, DeployReply};\n";
        assert_eq!(faults("triton-grpc/src/server/deploys.rs", both), 1);
        assert_eq!(faults("triton-grpc/src/server/deploys.rs", &both.replace("Deploy, ", "")), 0);
        assert_eq!(faults("triton-grpc/src/convert/deploy.rs", both), 0);
        assert_eq!(faults("triton-grpc/src/client.rs", both), 1);
    }

    #[test]
    fn a_runtime_in_the_tree_is_foreign() {
        assert_eq!(
            foreign("triton-core v0.1.0\ntokio v1.54.1\nkube-client v5.0.0\nserde v1\n"),
            ["tokio", "kube-client"]
        );
    }

    fn faults(path: &str, text: &str) -> usize {
        check(&File::sample(path, text)).len()
    }
}

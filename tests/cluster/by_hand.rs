//! The control plane that people start by hand: everything for an operator is on it, and it ends when it is asked to.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use triton_tests::scene::answers;

use crate::{app, rig::SETS};

#[tokio::test(flavor = "multi_thread")]
async fn a_control_plane_by_hand_takes_clonesets_and_flows_and_ends_when_it_is_asked_to() {
    // What it is started with, and what ends it: without the flag nobody needs its standard input.
    for flag in [None, Some("--until-stdin-ends")] {
        let stdin = if flag.is_some() { Stdio::piped() } else { Stdio::null() };
        let program = env!("CARGO_BIN_EXE_control-plane");
        let started = Command::new(program).arg("run").args(flag).stdin(stdin).stdout(Stdio::piped()).spawn();
        let mut plane = Running(started.expect("the program can be started"));
        let lines = BufReader::new(plane.0.stdout.take().expect("a pipe")).lines();
        let exports: Vec<String> = lines.take(2).map(|line| line.expect("a line")).collect();
        let shell = |line: &str| {
            let script = format!("{}\n{line}", exports.join("\n"));
            let output = Command::new("sh").args(["-ec", &script]).output().expect("sh starts");
            assert!(output.status.success(), "{line}: {output:?}");
            String::from_utf8(output.stdout).expect("text")
        };
        if flag.is_none() {
            let set = app::cloneset(2, "nginx:1");
            shell(&format!("echo '{set}' | kubectl apply -f -"));
            let ready = || {
                let set = shell(&format!("kubectl get {SETS} web -o json"));
                let set: Value = serde_json::from_str(&set).expect("an object");
                set["status"]["readyReplicas"].clone()
            };
            answers("the stand-in makes pods", ready, |ready| *ready == 2).await;
            let flow = app::create("first", 1, json!({}));
            shell(&format!("echo '{flow}' | kubectl apply -f -"));
            shell(&format!("kill -TERM {}", plane.0.id()));
        } else {
            shell("kubectl get df,clonesets");
            drop(plane.0.stdin.take());
        }
        let deadline = Instant::now() + Duration::from_secs(60);
        let status = loop {
            if let Some(status) = plane.0.try_wait().expect("it is our child") {
                break status;
            }
            assert!(Instant::now() < deadline, "it does not end");
            tokio::time::sleep(Duration::from_millis(50)).await;
        };
        assert!(status.success(), "{flag:?}: {status}");
    }
}

/// A program that does not outlive its test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

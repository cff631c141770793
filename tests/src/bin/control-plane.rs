//! Builds the test control plane, or runs one to try things on by hand.

use std::{future, io, thread};

use anyhow::{Context, Result};
use clap::Parser;
use tokio::sync::oneshot;
use triton_operator::{backend::cloneset::api_version::ApiVersion, stop};
use triton_tests::{
    definitions::install,
    plane::{Binaries, Plane},
};

/// A control plane to try things on, such as the tests use: a real Kubernetes API server with its controllers on
/// loopback, and stand-ins for nodes and for OpenKruise.
#[derive(Debug, Parser)]
enum Command {
    /// Build the programs (first use: some minutes) and print their folder.
    Build,
    /// Start a control plane and keep it until Ctrl-C or SIGTERM.
    ///
    /// It has the definitions of DeployFlow and CloneSet, a stand-in of OpenKruise's CloneSet controller, and nodes on
    /// which kwok plays pods: no container runs. No operator runs either: start one beside it. Standard output is for
    /// a shell: it sets KUBECONFIG and PATH.
    Run {
        /// End at the end of standard input, too: for programs that hold a pipe to it.
        #[arg(long)]
        until_stdin_ends: bool,
        /// Start no stand-in and define nothing: for a real OpenKruise, which brings its own definitions.
        #[arg(long)]
        without_stand_in: bool,
    },
}

fn main() -> Result<()> {
    match Command::parse() {
        Command::Build => {
            println!("{}", Binaries::ensure()?.folder().display());
            Ok(())
        }
        Command::Run { until_stdin_ends, without_stand_in } => run(until_stdin_ends, !without_stand_in),
    }
}

fn run(until_stdin_ends: bool, stand_in: bool) -> Result<()> {
    // Whoever gives up before everything runs ends this process, and with it all that it started.
    let plane = Plane::start_by_hand()?;
    let stand_in = stand_in.then(|| install(&plane, &[ApiVersion::V1Alpha1])).transpose()?;
    println!("export KUBECONFIG={}", plane.kubeconfig().display());
    println!("export PATH={}:$PATH", plane.binaries().folder().display());
    let has = match stand_in {
        Some(_) => "DeployFlow and CloneSet are defined, and a stand-in of OpenKruise runs",
        None => "Nothing is defined yet: install OpenKruise, and triton-operator/deploy/crd.yaml",
    };
    eprintln!(
        "{has}; with the two lines above in another terminal: cargo run --bin triton-operator -- run. Ctrl-C \
         ends the control plane."
    );
    let stdin = until_stdin_ends.then(|| {
        let (tell, ended) = oneshot::channel();
        thread::spawn(move || {
            // What can no longer be read has ended, too.
            let _ = io::copy(&mut io::stdin(), &mut io::sink());
            let _ = tell.send(());
        });
        ended
    });
    let ended = async {
        match stdin {
            Some(ended) => drop(ended.await),
            None => future::pending().await,
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let asked = stop::signals().context("listening to signals")?;
        tokio::select! {
            () = asked => {}
            () = ended => {}
        }
        Ok(())
    })
}

//! Python for tests that need packages of it, and other programs with all that they say.

use std::{
    env, fs,
    io::{self, Write},
    path::{Path, PathBuf},
    process::{Output, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use tokio::process::Command;

/// How long fetching, building or running one thing may take.
const PATIENCE: Duration = Duration::from_secs(600);

/// The programs of an environment in `folder` that has these packages; it is kept for the next time. `None`
/// where there is no Python, of which standard error is told: `who` is left out then.
///
/// # Errors
/// When a package cannot be installed; in CI (`CI=true`), when there is no Python.
pub async fn environment(folder: &Path, requirements: &str, who: &str) -> Result<Option<PathBuf>> {
    let mut look = Command::new("python3");
    look.args(["-c", "import ensurepip, venv"]).stdout(Stdio::null()).stderr(Stdio::null());
    if !look.status().await.is_ok_and(|status| status.success()) {
        ensure!(env::var("CI").as_deref() != Ok("true"), "python3 with venv is needed in CI");
        // Test harnesses capture the print macros.
        writeln!(io::stderr(), "there is no python3 with venv: {who} is not tried")?;
        return Ok(None);
    }
    let (programs, installed) = (folder.join("bin"), folder.join("requirements.txt"));
    if fs::read_to_string(&installed).is_ok_and(|installed| installed == requirements) {
        return Ok(Some(programs));
    }
    let mut make = Command::new("python3");
    make.args(["-m", "venv", "--clear"]).arg(folder);
    run(make).await?;
    let wanted = folder.join("wanted.txt");
    fs::write(&wanted, requirements)?;
    let mut install = Command::new(programs.join("python"));
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]);
    install.arg(&wanted);
    run(install).await?;
    fs::rename(&wanted, &installed)?;
    Ok(Some(programs))
}

/// What a program prints.
///
/// # Errors
/// With everything that it said, when it fails or takes longer than 10 minutes.
pub async fn run(mut command: Command) -> Result<String> {
    command.stdin(Stdio::null()).kill_on_drop(true);
    let name = format!("{:?}", command.as_std());
    let ended = tokio::time::timeout(PATIENCE, command.output()).await;
    let Output { status, stdout, stderr } = ended
        .with_context(|| format!("{name} took too long"))?
        .with_context(|| format!("starting {name}"))?;
    let (out, err) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    ensure!(status.success(), "{name}: {status}\n{out}{err}");
    Ok(out.into_owned())
}

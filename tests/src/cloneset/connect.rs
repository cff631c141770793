//! A client with a name, so that the audit log tells who called.

use std::path::Path;

use anyhow::{Context, Result};
use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};

/// Connects with a kubeconfig; `agent` is the name in the audit log.
///
/// # Errors
/// When the kubeconfig cannot be read or leads nowhere.
pub async fn connect(kubeconfig: &Path, agent: &str) -> Result<Client> {
    let file = Kubeconfig::read_from(kubeconfig)
        .with_context(|| format!("reading the kubeconfig {}", kubeconfig.display()))?;
    let mut config = Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await?;
    config.headers.push(("user-agent".parse()?, format!("{agent}/test").parse()?));
    Ok(Client::try_from(config)?)
}

//! What a kubeconfig gives: client-go takes an empty value for none, and kube for a value.

use kube::config::{AuthInfo, Cluster, Kubeconfig};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// Names of files. Where a kubeconfig names none (`""`), kube puts its own folder in the place.
const FILES: [&str; 4] = ["certificate-authority", "client-certificate", "client-key", "tokenFile"];
/// Base64, which Go reads also where it is broken into lines.
const DATA: [&str; 3] = ["certificate-authority-data", "client-certificate-data", "client-key-data"];

/// Makes kube read the clusters and users of a kubeconfig as client-go does (client-go: `clientcmd`,
/// `getUserIdentificationPartialConfig`, `getServerIdentificationPartialConfig`).
///
/// # Errors
/// None is known: what was read can be written and read again.
pub(super) fn clean(kubeconfig: &mut Kubeconfig) -> serde_json::Result<()> {
    for cluster in kubeconfig.clusters.iter_mut().filter_map(|named| named.cluster.as_mut()) {
        *cluster = cleaned::<Cluster>(cluster, |_| {})?;
    }
    for user in kubeconfig.auth_infos.iter_mut().filter_map(|named| named.auth_info.as_mut()) {
        *user = cleaned::<AuthInfo>(user, credentials)?;
    }
    Ok(())
}

/// Whether a user has a certificate.
pub(super) fn has_certificate(user: &AuthInfo) -> bool {
    user.client_certificate.is_some() || user.client_certificate_data.is_some()
}

/// Puts the scheme before a server that has none (client-go: `rest.DefaultServerURL`).
pub(super) fn complete(cluster: &mut Cluster, has_certificate: bool) {
    let Some(server) = cluster.server.as_mut().filter(|server| !server.contains("://")) else { return };
    let has_ca = cluster.certificate_authority.is_some() || cluster.certificate_authority_data.is_some();
    let secure = has_ca || has_certificate || cluster.insecure_skip_tls_verify == Some(true);
    server.insert_str(0, if secure { "https://" } else { "http://" });
}

fn cleaned<T: Serialize + DeserializeOwned>(
    entry: &T,
    more: fn(&mut Map<String, Value>),
) -> serde_json::Result<T> {
    let mut value = serde_json::to_value(entry)?;
    if let Some(fields) = value.as_object_mut() {
        for key in DATA {
            if let Some(Value::String(data)) = fields.get_mut(key) {
                data.retain(|char| !matches!(char, '\r' | '\n'));
            }
        }
        fields.retain(|key, value| {
            let folder = |text: &str| FILES.contains(&&**key) && text.ends_with(std::path::MAIN_SEPARATOR);
            value.as_str().is_none_or(|text| !text.is_empty() && !folder(text))
        });
        more(fields);
    }
    serde_json::from_value(value)
}

/// A key without its certificate is none, and a user without a password has an empty one (client-go: `HasCertAuth`,
/// `HasBasicAuth`).
fn credentials(fields: &mut Map<String, Value>) {
    if !fields.contains_key("client-certificate") && !fields.contains_key("client-certificate-data") {
        fields.remove("client-key");
        fields.remove("client-key-data");
    }
    if fields.contains_key("username") {
        fields.entry("password").or_insert_with(|| "".into());
    }
}

//! Keys, certificate, token and kubeconfig of one plane.

use std::{
    collections::hash_map::RandomState,
    fs,
    hash::BuildHasher,
    path::{Path, PathBuf},
};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use serde_json::json;

use super::error::{Doing, PlaneError};

/// The files the API server and its clients are started with.
#[derive(Debug)]
pub(super) struct Credentials {
    pub(super) server_cert: PathBuf,
    pub(super) server_key: PathBuf,
    pub(super) service_account_public: PathBuf,
    pub(super) service_account_key: PathBuf,
    pub(super) tokens: PathBuf,
    pub(super) kubeconfig: PathBuf,
}

impl Credentials {
    /// Writes all of them into `home` for an API server on `port` of 127.0.0.1.
    pub(super) fn create(home: &Path, port: u16) -> Result<Self, PlaneError> {
        let write = |name: &str, text: &str| {
            let path = home.join(name);
            fs::write(&path, text).at("writing", &path)?;
            Ok::<_, PlaneError>(path)
        };

        let ca_key = KeyPair::generate()?;
        let mut ca = CertificateParams::new(Vec::new())?;
        ca.distinguished_name.push(DnType::CommonName, "triton test plane");
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        let ca_path = write("ca.crt", &ca.self_signed(&ca_key)?.pem())?;

        let key = KeyPair::generate()?;
        let names = ["127.0.0.1", "localhost", "kubernetes.default.svc"].map(str::to_owned);
        let mut server = CertificateParams::new(names)?;
        server.distinguished_name.push(DnType::CommonName, "kube-apiserver");
        server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let cert = server.signed_by(&key, &Issuer::from_params(&ca, &ca_key))?;

        let service_accounts = KeyPair::generate()?;
        let token = random_token();
        Ok(Self {
            server_cert: write("apiserver.crt", &cert.pem())?,
            server_key: write("apiserver.key", &key.serialize_pem())?,
            service_account_public: write("service-accounts.pub", &service_accounts.public_key_pem())?,
            service_account_key: write("service-accounts.key", &service_accounts.serialize_pem())?,
            tokens: write("tokens.csv", &format!("{token},admin,admin,system:masters\n"))?,
            kubeconfig: write("kubeconfig", &kubeconfig(port, &ca_path, &token))?,
        })
    }
}

/// A kubeconfig may be JSON, and paths need no care for YAML then.
fn kubeconfig(port: u16, ca: &Path, token: &str) -> String {
    json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "test",
        "clusters": [{"name": "test", "cluster": {
            "server": format!("https://127.0.0.1:{port}"),
            "certificate-authority": ca.to_string_lossy(),
        }}],
        "users": [{"name": "admin", "user": {"token": token}}],
        "contexts": [{"name": "test", "context": {
            "cluster": "test", "user": "admin", "namespace": "default",
        }}],
    })
    .to_string()
}

/// The standard library's hash keys are random, and enough for a door on loopback.
fn random_token() -> String {
    format!("{:016x}{:016x}", RandomState::new().hash_one(0), RandomState::new().hash_one(1))
}

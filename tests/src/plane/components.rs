//! The command lines of the control plane's components.

use std::{fs, path::Path};

use super::{
    credentials::Credentials,
    error::{Doing, PlaneError},
    folders,
};

/// What a rollout needs: pods get nodes that are ready, services get EndpointSlices, owned and
/// orphaned objects go away, claims get volumes and are kept while pods use them, and namespaces get their default
/// service account. Quotas and autoscalers stand in the way of some.
const CONTROLLERS: &str = "node-lifecycle-controller,endpoints-controller,endpointslice-controller,\
    garbage-collector-controller,namespace-controller,serviceaccount-controller,\
    pod-garbage-collector-controller,resourcequota-controller,horizontal-pod-autoscaler-controller,\
    persistentvolume-binder-controller,persistentvolumeclaim-protection-controller,\
    persistentvolume-protection-controller";

/// Client-side throttling off: tests measure triton, not the components' manners.
const QPS: u32 = 5_000;

pub(super) fn etcd(home: &Path, data: &str, client_port: u16, peer_port: u16) -> Vec<String> {
    let client = format!("http://127.0.0.1:{client_port}");
    let peer = format!("http://127.0.0.1:{peer_port}");
    vec![
        "--name=test".to_owned(),
        format!("--data-dir={}", home.join(data).display()),
        // A test's data need not survive a power cut.
        "--unsafe-no-fsync".to_owned(),
        "--log-level=warn".to_owned(),
        format!("--listen-client-urls={client}"),
        format!("--advertise-client-urls={client}"),
        format!("--listen-peer-urls={peer}"),
        format!("--initial-advertise-peer-urls={peer}"),
        format!("--initial-cluster=test={peer}"),
    ]
}

pub(super) fn apiserver(home: &Path, port: u16, etcd_port: u16, files: &Credentials) -> Vec<String> {
    vec![
        format!("--etcd-servers=http://127.0.0.1:{etcd_port}"),
        "--bind-address=127.0.0.1".to_owned(),
        format!("--secure-port={port}"),
        // Never used, but looked for on the network interfaces of the machine when not given.
        "--advertise-address=10.0.0.1".to_owned(),
        "--endpoint-reconciler-type=none".to_owned(),
        format!("--cert-dir={}", home.join("certificates").display()),
        format!("--tls-cert-file={}", files.server_cert.display()),
        format!("--tls-private-key-file={}", files.server_key.display()),
        format!("--token-auth-file={}", files.tokens.display()),
        "--authorization-mode=RBAC".to_owned(),
        "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
        format!("--service-account-key-file={}", files.service_account_public.display()),
        format!("--service-account-signing-key-file={}", files.service_account_key.display()),
        "--service-cluster-ip-range=10.0.0.0/16".to_owned(),
        format!("--audit-policy-file={}", folders::sources().join("audit-policy.yaml").display()),
        format!("--audit-log-path={}", home.join("audit.log").display()),
        // No server-side throttling either: without priority and fairness 0 means no limit.
        "--enable-priority-and-fairness=false".to_owned(),
        "--max-requests-inflight=0".to_owned(),
        "--max-mutating-requests-inflight=0".to_owned(),
        "--profiling=false".to_owned(),
    ]
}

pub(super) fn controller_manager(files: &Credentials) -> Vec<String> {
    vec![
        format!("--kubeconfig={}", files.kubeconfig.display()),
        format!("--controllers={CONTROLLERS}"),
        "--leader-elect=false".to_owned(),
        "--secure-port=0".to_owned(),
        // A busy machine delays heartbeats; no test wants its nodes declared dead for that.
        "--node-monitor-grace-period=1h".to_owned(),
        "--node-monitor-period=1s".to_owned(),
        "--concurrent-service-endpoint-syncs=10".to_owned(),
        "--horizontal-pod-autoscaler-sync-period=1s".to_owned(),
        format!("--kube-api-qps={QPS}"),
        format!("--kube-api-burst={QPS}"),
        "--profiling=false".to_owned(),
    ]
}

pub(super) fn scheduler(home: &Path, files: &Credentials) -> Result<Vec<String>, PlaneError> {
    let path = home.join("scheduler.yaml");
    let config = format!(
        "apiVersion: kubescheduler.config.k8s.io/v1\n\
         kind: KubeSchedulerConfiguration\n\
         clientConnection: {{kubeconfig: {}, qps: {QPS}, burst: {QPS}}}\n\
         leaderElection: {{leaderElect: false}}\n\
         podInitialBackoffSeconds: 1\n\
         podMaxBackoffSeconds: 1\n",
        files.kubeconfig.display(),
    );
    fs::write(&path, config).at("writing", &path)?;
    Ok(vec![format!("--config={}", path.display()), "--secure-port=0".to_owned()])
}

pub(super) fn kwok(home: &Path, files: &Credentials) -> Result<Vec<String>, PlaneError> {
    let path = home.join("kwok.yaml");
    let config = "apiVersion: config.kwok.x-k8s.io/v1alpha1\n\
                  kind: KwokConfiguration\n\
                  options: {podPlayStageParallelism: 16, nodePlayStageParallelism: 4, \
                  nodeLeaseParallelism: 4, podsOnNodeSyncParallelism: 4}\n";
    fs::write(&path, config).at("writing", &path)?;
    let mut args = vec![
        format!("--kubeconfig={}", files.kubeconfig.display()),
        "--manage-all-nodes=true".to_owned(),
        // The node controller trusts status heartbeats as much as leases, and these are rare.
        "--node-lease-duration-seconds=0".to_owned(),
        "--node-ip=127.0.0.1".to_owned(),
        "--node-port=0".to_owned(),
        format!("--config={}", path.display()),
    ];
    let stages = folders::sources().join("stages");
    for entry in fs::read_dir(&stages).at("reading", &stages)? {
        let entry = entry.at("reading", &stages)?;
        args.push(format!("--config={}", entry.path().display()));
    }
    Ok(args)
}

use super::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

/// A name that only the proxies of this file know.
const FAR: &str = "http://api.cluster.test:6443";

#[tokio::test]
async fn the_api_server_is_reached_over_the_proxy_that_the_kubeconfig_names() {
    let server = api_server().await;
    for (scheme, user, asks) in
        [("http", "", None), ("http", "jo:pa%40ss@", Some("Basic am86cGFAc3M=")), ("socks5", "", None)]
    {
        let proxy = proxy(scheme == "socks5", server, asks).await;
        let config = config(FAR, Some(&format!("{scheme}://{user}{}", proxy.address))).await.unwrap();
        let told = version(config).await;
        assert_eq!((told, proxy.used.load(Ordering::Relaxed)), (Ok("37".into()), 1), "{scheme} {user}");
    }
}

#[tokio::test]
async fn no_proxy_is_asked_where_none_is_named() {
    let server = api_server().await;
    let config = config(&format!("http://{server}"), None).await.unwrap();
    assert_eq!(version(config).await, Ok("37".into()));
}

#[tokio::test]
async fn a_proxy_that_cannot_be_used_is_named() {
    let error = config(FAR, Some("ftp://proxy")).await.unwrap_err().to_string();
    assert!(error.contains("proxy-url") && error.contains("ftp://proxy"), "{error}");
}

/// What the kubeconfig says of user and cluster, and what is sent. Beside it is a file `token`, and one that is `empty`.
#[tokio::test]
async fn a_kubeconfig_that_kubectl_takes_is_read_as_kubectl_reads_it() {
    let server = api_server().await;
    let (jo, none) = ("Basic am86", json!({}));
    let inline = "inline";
    let rows = [
        (none.clone(), none.clone(), ""),
        (json!({ "token": inline }), none.clone(), "Bearer inline"),
        (json!({ "tokenFile": "token" }), none.clone(), "Bearer filed"),
        (json!({ "tokenFile": "token", "token": inline }), none.clone(), "Bearer filed"),
        (json!({ "tokenFile": "token", "token": "" }), none.clone(), "Bearer filed"),
        (json!({ "tokenFile": "missing", "token": inline }), none.clone(), "Bearer inline"),
        (json!({ "tokenFile": "empty", "token": inline }), none.clone(), "Bearer inline"),
        (json!({ "tokenFile": "", "token": inline }), none.clone(), "Bearer inline"),
        (json!({ "username": "", "password": "", "token": inline }), none.clone(), "Bearer inline"),
        (json!({ "username": "", "password": "", "tokenFile": "token" }), none.clone(), "Bearer filed"),
        (json!({ "username": "jo", "password": "" }), none.clone(), jo),
        (json!({ "username": "jo" }), none.clone(), jo),
        (json!({ "as": "", "as-uid": "", "token": inline }), none.clone(), "Bearer inline"),
        (
            json!({ "client-certificate-data": "", "client-key-data": "", "token": inline }),
            none.clone(),
            "Bearer inline",
        ),
        (
            json!({ "client-certificate": "", "client-key": "", "token": inline }),
            none.clone(),
            "Bearer inline",
        ),
        (json!({ "client-key": "missing", "token": inline }), none.clone(), "Bearer inline"),
        (none.clone(), json!({ "certificate-authority": "" }), ""),
        (
            none.clone(),
            json!({ "certificate-authority-data": "", "tls-server-name": "", "proxy-url": "" }),
            "",
        ),
        (none.clone(), json!({ "certificate-authority-data": "aGVs\nbG8=\n" }), ""),
    ];
    let mut wrong = Vec::new();
    for (user, mut cluster, wanted) in rows {
        cluster["server"] = format!("http://{server}").into();
        let sent = sent(&kubeconfig(&cluster, &user)).await.map_err(|error| format!("{error:#}"));
        if sent.as_deref() != Ok(wanted) {
            wrong.push(format!("{user} {cluster}: {sent:?} instead of {wanted:?}"));
        }
    }
    assert_eq!(wrong, [""; 0]);
}

#[tokio::test]
async fn a_token_file_that_gives_no_token_is_named() {
    for file in ["missing", "empty"] {
        let kubeconfig = kubeconfig(&json!({ "server": FAR }), &json!({ "tokenFile": file }));
        let error = format!("{:#}", sent(&kubeconfig).await.unwrap_err());
        assert!(error.contains("tokenFile") && error.contains(file), "{error}");
    }
}

#[tokio::test]
async fn a_token_that_cannot_be_sent_is_an_error() {
    let kubeconfig = kubeconfig(&json!({ "server": FAR }), &json!({ "token": "inline\n" }));
    let error = format!("{:#}", sent(&kubeconfig).await.unwrap_err());
    assert!(error.contains("token of the kubeconfig") && error.contains("end of a line"), "{error}");
}

#[tokio::test]
async fn a_server_without_a_scheme_gets_that_of_its_credentials() {
    let (none, ca) = (json!({}), json!("aGVsbG8="));
    let rows = [
        (none.clone(), none.clone(), "http"),
        (json!({ "certificate-authority-data": ca }), none.clone(), "https"),
        (json!({ "insecure-skip-tls-verify": true }), none.clone(), "https"),
        (json!({ "insecure-skip-tls-verify": false }), none.clone(), "http"),
        (none, json!({ "client-certificate-data": ca, "client-key-data": ca }), "https"),
    ];
    for (mut cluster, user, scheme) in rows {
        for server in ["10.0.0.1:6443", "localhost:6443", "api.test/path", "http://api.test"] {
            cluster["server"] = server.into();
            let kubeconfig = serde_json::from_value(kubeconfig(&cluster, &user)).unwrap();
            let url = of_kubeconfig(kubeconfig, None).await.unwrap().cluster_url;
            let wanted = if server.contains("://") { "http" } else { scheme };
            assert_eq!(url.scheme_str(), Some(wanted), "{cluster} {user}");
            assert!(server.contains(url.host().unwrap()), "{cluster} {url}");
        }
    }
}

/// Of two files, the first names no context.
#[tokio::test]
async fn the_first_file_that_names_a_context_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, current: &str| {
        let mut kubeconfig = kubeconfig(&json!({ "server": format!("http://{name}.test") }), &json!({}));
        kubeconfig["current-context"] = current.into();
        let path = folder.path().join(name);
        std::fs::write(&path, kubeconfig.to_string()).unwrap();
        path
    };
    let files = [file("one", ""), file("two", "far"), file("three", "other")];
    assert_eq!(merged(&files).unwrap().current_context.as_deref(), Some("far"));
    let config = of_kubeconfig(merged(&files).unwrap(), None).await.unwrap();
    assert_eq!(config.cluster_url.host(), Some("one.test"));
    let missing = folder.path().join("missing");
    let error = format!("{:#}", merged(&[missing]).unwrap_err());
    assert!(error.contains("missing"), "{error}");
}

/// The credentials that the API server is told with this kubeconfig, which is read of a file.
async fn sent(kubeconfig: &serde_json::Value) -> anyhow::Result<String> {
    let folder = tempfile::tempdir()?;
    for (file, text) in [("token", "filed\n"), ("empty", "\n"), ("config", &kubeconfig.to_string())] {
        std::fs::write(folder.path().join(file), text)?;
    }
    let asked = client(of_kubeconfig(merged(&[folder.path().join("config")])?, None).await?)?;
    Ok(tokio::time::timeout(Duration::from_secs(20), asked.apiserver_version()).await??.git_commit)
}

async fn version(config: kube::Config) -> Result<String, String> {
    let asked = client(config).map_err(|error| error.to_string())?;
    let answer = tokio::time::timeout(Duration::from_secs(20), asked.apiserver_version()).await;
    answer
        .map_err(|error| error.to_string())?
        .map(|version| version.minor)
        .map_err(|error| format!("{error:?}"))
}

async fn config(server: &str, proxy: Option<&str>) -> anyhow::Result<kube::Config> {
    let mut cluster = json!({ "server": server });
    if let Some(proxy) = proxy {
        cluster["proxy-url"] = proxy.into();
    }
    let kubeconfig = kubeconfig(&cluster, &json!({}));
    of_kubeconfig(serde_json::from_value(kubeconfig).unwrap(), None).await
}

fn kubeconfig(cluster: &serde_json::Value, user: &serde_json::Value) -> serde_json::Value {
    json!({
        "current-context": "far",
        "contexts": [{ "name": "far", "context": { "cluster": "far", "user": "jo" } }],
        "clusters": [{ "name": "far", "cluster": cluster }],
        "users": [{ "name": "jo", "user": user }],
    })
}

/// Tells its version, whatever it is asked, and as commit the credentials that it was told.
async fn api_server() -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let head = head(&mut stream).await;
            let told = head.lines().find_map(|line| line.strip_prefix("authorization: "));
            let body = json!({
                "major": "1", "minor": "37", "gitVersion": "v1.37.2", "gitCommit": told.unwrap_or_default(),
                "gitTreeState": "",
                "buildDate": "", "goVersion": "", "compiler": "", "platform": "",
            })
            .to_string();
            let length = body.len();
            let answer = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
            );
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    address
}

struct Running {
    address: std::net::SocketAddr,
    /// Connections that it made.
    used: Arc<AtomicUsize>,
}

/// A proxy for which every name is that of `server`.
async fn proxy(socks: bool, server: std::net::SocketAddr, asks: Option<&'static str>) -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, used) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&used);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let (known, asked) = if socks {
                (true, greet(&mut stream).await)
            } else {
                let head = head(&mut stream).await;
                (asks.is_none_or(|asks| head.contains(asks)), head)
            };
            if !known || !asked.contains("api.cluster.test") {
                continue;
            }
            counted.fetch_add(1, Ordering::Relaxed);
            let answer: &[u8] =
                if socks { &[5, 0, 0, 1, 0, 0, 0, 0, 0, 0] } else { b"HTTP/1.1 200 OK\r\n\r\n" };
            let _ = stream.write_all(answer).await;
            let mut there = TcpStream::connect(server).await.unwrap();
            tokio::spawn(async move { copy_bidirectional(&mut stream, &mut there).await });
        }
    });
    Running { address, used }
}

/// The head of a request.
async fn head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let Ok(byte) = stream.read_u8().await else { break };
        head.push(byte);
    }
    String::from_utf8_lossy(&head).into_owned()
}

/// The name that is asked for (RFC 1928).
async fn greet(stream: &mut TcpStream) -> String {
    let mut methods = [0; 2];
    let _ = stream.read_exact(&mut methods).await;
    let mut skipped = vec![0; methods[1].into()];
    let _ = stream.read_exact(&mut skipped).await;
    let _ = stream.write_all(&[5, 0]).await;
    let mut request = [0; 5];
    let _ = stream.read_exact(&mut request).await;
    let mut name = vec![0; usize::from(request[4]) + 2];
    let _ = stream.read_exact(&mut name).await;
    String::from_utf8_lossy(&name).into_owned()
}

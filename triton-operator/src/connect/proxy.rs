//! Which proxy leads to a server: the rules of Go's `golang.org/x/net/http/httpproxy`, by which kubectl goes.

use std::net::IpAddr;

use axum::http::Uri;

/// A proxy that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{from} names the proxy {proxy:?}: write http://HOST:PORT, https://HOST:PORT or socks5://HOST:PORT")]
pub(super) struct WrongProxy {
    /// Where it stands.
    from: &'static str,
    proxy: String,
}

/// The address of a proxy: scheme `http`, `https` or `socks5`, and a port where that has no usual one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Proxy(Uri);

impl Proxy {
    /// `proxy-url` of a cluster. Where it stands, the environment says nothing, and `NO_PROXY` neither.
    pub(super) fn of_kubeconfig(text: &str) -> Result<Self, WrongProxy> {
        Self::parse("proxy-url of the kubeconfig", text)
    }

    pub(super) fn into_uri(self) -> Uri {
        self.0
    }

    fn parse(from: &'static str, text: &str) -> Result<Self, WrongProxy> {
        let wrong = || WrongProxy { from, proxy: shown(text).to_owned() };
        let (scheme, rest) = text.split_once("://").ok_or_else(wrong)?;
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "http" => "http",
            "https" => "https",
            // Names are looked up by the proxy either way.
            "socks5" | "socks5h" => "socks5",
            _ => return Err(wrong()),
        };
        let uri: Uri = format!("{scheme}://{rest}").parse().map_err(|_| wrong())?;
        let Some(authority) = uri.authority().filter(|authority| !authority.host().is_empty()) else {
            return Err(wrong());
        };
        if scheme == "socks5" && authority.port().is_none() {
            return format!("{scheme}://{authority}:1080").parse().map(Self).map_err(|_| wrong());
        }
        Ok(Self(uri))
    }
}

/// Without a password.
fn shown(text: &str) -> &str {
    text.rsplit_once('@').map_or(text, |(_, host)| host)
}

/// What the environment says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Environment {
    /// `HTTPS_PROXY`, else `https_proxy`.
    pub(super) https: String,
    /// `HTTP_PROXY`, else `http_proxy`.
    pub(super) http: String,
    /// `NO_PROXY`, else `no_proxy`.
    pub(super) none: String,
}

impl Environment {
    pub(super) fn read() -> Self {
        let of = |name: &str| {
            let names = [name.to_owned(), name.to_ascii_lowercase()];
            names
                .iter()
                .filter_map(|name| std::env::var(name).ok())
                .find(|text| !text.is_empty())
                .unwrap_or_default()
        };
        Self { https: of("HTTPS_PROXY"), http: of("HTTP_PROXY"), none: of("NO_PROXY") }
    }

    /// The proxy that leads to this server; `None` where none does.
    pub(super) fn proxy_for(&self, server: &Uri) -> Result<Option<Proxy>, WrongProxy> {
        let is_https = server.scheme_str() == Some("https");
        let (from, proxy) = if is_https { ("HTTPS_PROXY", &self.https) } else { ("HTTP_PROXY", &self.http) };
        let port = server.port_u16().unwrap_or(if is_https { 443 } else { 80 });
        if proxy.is_empty() || self.excludes(server.host().unwrap_or_default(), port) {
            return Ok(None);
        }
        let proxy = if proxy.contains("://") { proxy.clone() } else { format!("http://{proxy}") };
        Proxy::parse(from, &proxy).map(Some)
    }

    /// Whether `NO_PROXY` names this server. This machine is reached without a proxy, whatever it says.
    fn excludes(&self, host: &str, port: u16) -> bool {
        let host = bare(host).trim_end_matches('.').to_ascii_lowercase();
        let address: Option<IpAddr> = host.parse().ok().map(|address: IpAddr| address.to_canonical());
        if host == "localhost" || address.is_some_and(|address| address.is_loopback()) {
            return true;
        }
        self.none.split(',').map(|entry| entry.trim().to_ascii_lowercase()).any(|entry| {
            if entry == "*" {
                return true;
            }
            if let Some((network, bits)) = network(&entry) {
                return address.is_some_and(|address| within(address, network, bits));
            }
            let (name, of_port) = split(&entry);
            let is_port = of_port.is_none_or(|of| of == port.to_string());
            let name = bare(name);
            match (address, name.parse::<IpAddr>()) {
                (Some(address), Ok(named)) => is_port && address == named.to_canonical(),
                (None, Err(_)) => is_port && below(&host, name),
                _ => false,
            }
        })
    }
}

/// Whether a host is this domain or lies below it; `.a.b` and `*.a.b` mean only what lies below.
fn below(host: &str, name: &str) -> bool {
    let name = name.strip_prefix('*').filter(|name| name.starts_with('.')).unwrap_or(name);
    let (itself, domain) = name.strip_prefix('.').map_or((true, name), |domain| (false, domain));
    let rest = if domain.is_empty() { None } else { host.strip_suffix(domain) };
    rest.is_some_and(|rest| if rest.is_empty() { itself } else { rest.ends_with('.') })
}

/// `a.b:80` or `[::1]:80` into its two parts; an address of IPv6 without brackets has no port.
fn split(entry: &str) -> (&str, Option<&str>) {
    match entry.rsplit_once(':') {
        Some((name, port)) if !name.contains(':') || name.ends_with(']') => (name, Some(port)),
        _ => (entry, None),
    }
}

/// Without the brackets of an address of IPv6.
fn bare(host: &str) -> &str {
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

/// `10.0.0.0/8`.
fn network(entry: &str) -> Option<(IpAddr, u8)> {
    let (network, bits) = entry.split_once('/')?;
    let network: IpAddr = network.parse().ok()?;
    let bits: u8 = bits.parse().ok()?;
    let most = if network.is_ipv4() { 32 } else { 128 };
    (bits <= most).then_some((network, bits))
}

fn within(address: IpAddr, network: IpAddr, bits: u8) -> bool {
    match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) => {
            let differ = address.to_bits() ^ network.to_bits();
            differ.leading_zeros() >= bits.into()
        }
        (IpAddr::V6(address), IpAddr::V6(network)) => {
            let differ = address.to_bits() ^ network.to_bits();
            differ.leading_zeros() >= bits.into()
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_reached_without_a_proxy_where_no_proxy_names_it() {
        let cases = [
            // Names and what lies below them.
            ("cluster.test", "https://cluster.test:6443", true),
            ("cluster.test", "https://api.cluster.test", true),
            ("cluster.test", "https://mycluster.test", false),
            (".cluster.test", "https://api.cluster.test", true),
            (".cluster.test", "https://cluster.test", false),
            ("*.cluster.test", "https://api.cluster.test", true),
            ("*.cluster.test", "https://cluster.test", false),
            ("Cluster.TEST", "https://cluster.test", true),
            ("cluster.test", "https://CLUSTER.test", true),
            ("cluster", "https://cluster.test", false),
            ("*cluster.test", "https://api.cluster.test", false),
            // Ports.
            ("cluster.test:6443", "https://cluster.test:6443", true),
            ("cluster.test:6443", "https://cluster.test", false),
            ("cluster.test:443", "https://cluster.test", true),
            (".test:6443", "https://cluster.test:6443", true),
            ("10.0.0.1:6443", "https://10.0.0.1:6443", true),
            ("10.0.0.1:6443", "https://10.0.0.1:443", false),
            ("[fd00::1]:6443", "https://[fd00::1]:6443", true),
            ("[fd00::1]:6443", "https://[fd00::1]", false),
            // Addresses and networks.
            ("10.0.0.1", "https://10.0.0.1:6443", true),
            ("10.0.0.1", "https://10.0.0.10", false),
            ("fd00::1", "https://[fd00::1]:6443", true),
            ("[fd00::1]", "https://[fd00::1]", true),
            ("10.0.0.0/8", "https://10.200.3.4", true),
            ("10.0.0.0/8", "https://11.0.0.1", false),
            ("10.0.0.5/31", "https://10.0.0.4", true),
            ("0.0.0.0/0", "https://10.0.0.4", true),
            ("fd00::/8", "https://[fd12::1]", true),
            ("fd00::/8", "https://10.0.0.1", false),
            ("10.0.0.0/8", "https://cluster.test", false),
            ("10.0.0.0/33", "https://10.0.0.1", false),
            // Lists, and what is no entry.
            (" a.test , cluster.test ,", "https://cluster.test", true),
            ("a.test,,b.test", "https://cluster.test", false),
            ("a.test,*", "https://cluster.test", true),
            ("*", "https://10.0.0.1", true),
            ("", "https://cluster.test", false),
            (":6443", "https://cluster.test:6443", false),
            (".", "https://cluster.test", false),
            ("http://cluster.test", "https://cluster.test", false),
            ("a.test cluster.test", "https://cluster.test", false),
            // This machine.
            ("", "https://localhost:6443", true),
            ("", "https://127.0.0.1:6443", true),
            ("", "https://127.8.9.1", true),
            ("", "https://[::1]:6443", true),
            ("", "https://localhost.test", false),
        ];
        for (none, server, direct) in cases {
            let environment = Environment {
                https: "http://proxy:3128".into(),
                none: none.into(),
                ..Environment::default()
            };
            let proxy = environment.proxy_for(&server.parse().unwrap()).unwrap();
            assert_eq!(proxy.is_none(), direct, "{none:?} {server}");
        }
    }

    #[test]
    fn each_scheme_has_a_variable_of_its_own_and_an_address_may_lack_its_scheme() {
        let environment =
            Environment { https: "secure:1".into(), http: "plain:2".into(), none: String::new() };
        let proxy = |server: &str| {
            environment.proxy_for(&server.parse().unwrap()).unwrap().unwrap().into_uri().to_string()
        };
        assert_eq!(proxy("https://cluster.test"), "http://secure:1/");
        assert_eq!(proxy("http://cluster.test"), "http://plain:2/");
        let none = Environment { https: "secure:1".into(), ..Environment::default() };
        assert_eq!(none.proxy_for(&"http://cluster.test".parse().unwrap()), Ok(None));
    }

    #[test]
    fn an_address_that_is_none_is_refused_without_its_password() {
        for (text, read) in [
            ("http://proxy:3128", Some("http://proxy:3128/")),
            ("HTTP://proxy", Some("http://proxy/")),
            ("https://user:secret@proxy:3129/", Some("https://user:secret@proxy:3129/")),
            ("socks5://proxy", Some("socks5://proxy:1080/")),
            ("socks5h://proxy:9", Some("socks5://proxy:9/")),
            ("http://[fd00::1]:3128", Some("http://[fd00::1]:3128/")),
            ("ftp://proxy", None),
            ("socks4://proxy", None),
            ("proxy:3128", None),
            ("http://", None),
            ("http://user:secret@pro xy", None),
        ] {
            let parsed = Proxy::of_kubeconfig(text).map(|proxy| proxy.into_uri().to_string());
            match read {
                Some(read) => assert_eq!(parsed.as_deref(), Ok(read), "{text}"),
                None => {
                    let error = parsed.unwrap_err().to_string();
                    assert!(error.contains("proxy-url") && !error.contains("secret"), "{error}");
                }
            }
        }
    }
}

//! Resolves the URL of an endpoint to allowed addresses.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::{fmt, io};

use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;
use ureq::{Error, Proxy};

use super::deadline::Deadline;
use super::dns_cache::{DnsCache, NoAddress};
use super::guard::{self, AddressRules};

/// The maximum number of addresses tried for one endpoint, which is also ureq's limit.
const MAX_ADDRESSES: usize = 16;

/// The resolver of one endpoint.
#[derive(Debug)]
pub(crate) struct GuardedResolver {
    names: Arc<DnsCache>,
    rules: AddressRules,
    /// Exempt from the rules, because the operator chooses the proxy and it is often in a private network.
    proxy: Option<Proxy>,
}

impl GuardedResolver {
    /// Creates a resolver that applies `rules`, except to `proxy`.
    pub(crate) const fn new(names: Arc<DnsCache>, rules: AddressRules, proxy: Option<Proxy>) -> Self {
        Self { names, rules, proxy }
    }

    /// Returns `true` if `address` belongs to the host, or if no recent lookup has succeeded.
    pub(super) fn may_be(&self, uri: &Uri, address: IpAddr) -> bool {
        let Some(host) = uri.host().filter(|host| literal(host).is_none()) else { return true };
        self.names.known(host).is_none_or(|addresses| addresses.contains(&address))
    }
}

impl Resolver for GuardedResolver {
    fn resolve(&self, uri: &Uri, _config: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        let host = uri.host().ok_or(Error::HostNotFound)?;
        let port = port(uri).ok_or(Error::HostNotFound)?;
        let addresses = if let Some(address) = literal(host) {
            Arc::from([address])
        } else {
            let deadline = Deadline::of(timeout).at;
            self.names.addresses(host, deadline).map_err(|error| match error {
                NoAddress::TimedOut => Error::Timeout(timeout.reason),
                NoAddress::Failed(reason) => refusal(format_args!("no address for {host}: {reason}")),
            })?
        };
        let is_proxy = self.proxy.as_ref().is_some_and(|proxy| proxy.uri() == uri);
        let mut allowed = self.empty();
        let mut refused = None;
        for &address in addresses.iter().take(MAX_ADDRESSES) {
            match guard::check(address, self.rules) {
                Err(why) if !is_proxy => refused = refused.or(Some((address, why))),
                _ => allowed.push(SocketAddr::new(address, port)),
            }
        }
        match refused {
            Some((address, why)) if allowed.is_empty() => Err(refusal(explain(host, address, why))),
            _ => Ok(allowed),
        }
    }
}

/// Returns the reason that nothing is sent to `uri`, if its host is an address that `rules` refuse. Requests through a proxy
/// need this check because they do not use the resolver.
pub(crate) fn refused_literal(uri: &Uri, rules: AddressRules) -> Option<String> {
    let host = uri.host()?;
    let address = literal(host)?;
    let why = guard::check(address, rules).err()?;
    Some(explain(host, address, why))
}

/// Parses a host that is an IP address, with or without brackets.
fn literal(host: &str) -> Option<IpAddr> {
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host).parse().ok()
}

fn port(uri: &Uri) -> Option<u16> {
    uri.port_u16().or_else(|| match uri.scheme_str()? {
        "http" => Some(80),
        "https" => Some(443),
        "socks" | "socks4" | "socks4a" | "socks5" | "socks5h" => Some(1080),
        _ => None,
    })
}

/// Returns the reason that `address` is refused, for the operator.
fn explain(host: &str, address: IpAddr, why: guard::AddressRefusal) -> String {
    match literal(host) {
        Some(_) => format!("refused to connect: {address} is {why}"),
        None => format!("refused to connect to {host}: {address} is {why}"),
    }
}

fn refusal(reason: impl fmt::Display) -> Error {
    Error::Io(io::Error::new(io::ErrorKind::PermissionDenied, reason.to_string()))
}

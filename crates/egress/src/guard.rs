//! Which addresses may be reached. The guard looks at what a name resolves to at the moment of the connection, so
//! that a name cannot be public when it is checked and private when it is used.

use std::error::Error;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

use crate::EgressError;

/// Whose word a URL is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guard {
    /// The operator's, from the configuration: it may be anywhere, a private network included.
    Operator,
    /// Anybody's, through an API: only addresses of the public internet.
    Public,
}

/// Why an address is refused. It names no address: whoever gave the URL shall not learn our names' addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the host is in {0}, not on the public internet")]
pub(crate) struct Refused(&'static str);

/// Refuses what can be refused before a connection: schemes other than the web's, and addresses written as such.
/// `Url` has turned forms like `0x7f.1` or `2130706433` into addresses already.
pub(crate) fn allow(guard: Guard, url: &Url) -> Result<(), EgressError> {
    if !matches!(url.scheme(), "http" | "https") {
        return Err(EgressError::Forbidden("the URL is neither http nor https".to_owned()));
    }
    let range = match (guard, url.host()) {
        (_, None) => return Err(EgressError::Forbidden("the URL has no host".to_owned())),
        (Guard::Public, Some(Host::Ipv4(address))) => special_v4(address),
        (Guard::Public, Some(Host::Ipv6(address))) => special_v6(address),
        (Guard::Public, Some(Host::Domain(_))) | (Guard::Operator, _) => None,
    };
    range.map_or(Ok(()), |range| Err(EgressError::Forbidden(Refused(range).to_string())))
}

/// The guard's refusal among the causes of an error.
pub(crate) fn refusal<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e Refused> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(refused) = error.downcast_ref() {
            return Some(refused);
        }
        cause = error.source();
    }
    None
}

/// Resolves names as the system does and keeps only public addresses.
#[derive(Debug)]
pub(crate) struct GuardedResolver;

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            Ok(Box::new(public(found)?.into_iter()) as Addrs)
        })
    }
}

fn public(found: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, Refused> {
    let range = |address: &SocketAddr| special(address.ip());
    let refused = found.iter().find_map(range);
    let kept: Vec<SocketAddr> = found.into_iter().filter(|address| range(address).is_none()).collect();
    match refused {
        Some(range) if kept.is_empty() => Err(Refused(range)),
        _ => Ok(kept),
    }
}

fn special(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => special_v4(address),
        IpAddr::V6(address) => special_v6(address),
    }
}

/// The range of an IPv4 address that is not on the public internet (IANA's special-purpose registry, RFC 6890).
fn special_v4(address: Ipv4Addr) -> Option<&'static str> {
    match address.octets() {
        [0, ..] => Some("the range of this host"),
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => Some("a private network"),
        [100, 64..=127, ..] => Some("a provider's shared network"),
        [127, ..] => Some("the loopback range"),
        [169, 254, ..] => Some("the link-local range"),
        // Azure's wire server has a public address that only virtual machines reach.
        [168, 63, 129, 16] => Some("a cloud's metadata service"),
        [192, 0, 0, _] | [192, 88, 99, _] => Some("a protocol's range"),
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => Some("a documentation range"),
        [198, 18..=19, ..] => Some("a benchmark range"),
        [224..=239, ..] => Some("a multicast range"),
        [240..=255, ..] => Some("a reserved range"),
        _ => None,
    }
}

/// The range of an IPv6 address that is not on the public internet: all but 2000::/3, and there the special ones
/// (RFC 6890). Where an IPv4 address is wrapped up, that one counts.
fn special_v6(address: Ipv6Addr) -> Option<&'static str> {
    let wrapped = || {
        let [.., a, b, c, d] = address.octets();
        Ipv4Addr::new(a, b, c, d)
    };
    match address.segments() {
        [0, 0, 0, 0, 0, 0xffff, ..] | [0x64, 0xff9b, 0, 0, 0, 0, ..] => special_v4(wrapped()),
        [0, 0, 0, 0, 0, 0, 0, 1] => Some("the loopback range"),
        [0xfc00..=0xfdff, ..] => Some("a private network"),
        [0xfe80..=0xfebf, ..] => Some("the link-local range"),
        [0xff00..=0xffff, ..] => Some("a multicast range"),
        // Teredo, ORCHID and others; and 6to4, which wraps up an IPv4 address that a relay would reach for us.
        [0x2001, 0..=0x1ff, ..] | [0x2002, ..] => Some("a protocol's range"),
        [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => Some("a documentation range"),
        [0x2000..=0x3fff, ..] => None,
        _ => Some("a reserved range"),
    }
}

#[cfg(test)]
mod tests;

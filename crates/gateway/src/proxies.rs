//! `trusted_proxies`: who the client is when it comes through a proxy of ours.
//!
//! Anybody can write `Forwarded` or `X-Forwarded-For`; only what a trusted proxy has added at the end is believed. So the
//! addresses are read from the right, as long as each one is a trusted proxy's: the first that is not is the client.

use std::{
    net::{IpAddr, Ipv6Addr, SocketAddr},
    sync::atomic::{AtomicBool, Ordering},
};

use http::{HeaderMap, HeaderName, header::FORWARDED};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Networks whose word is believed.
#[derive(Debug, Default)]
pub(crate) struct Proxies {
    networks: Vec<Network>,
    /// Whether a proxy that is not among them was told of.
    told: AtomicBool,
}

/// An address, and how many of its leading bits count.
#[derive(Debug, Clone, Copy)]
struct Network {
    address: IpAddr,
    bits: u32,
}

impl Proxies {
    /// Reads networks such as `10.0.0.0/8`, or single addresses. The error is the place of the first that is none.
    pub(crate) fn read(networks: &[String]) -> Result<Self, usize> {
        let read = |(nth, text): (usize, &String)| Network::read(text.trim()).ok_or(nth);
        let networks = networks.iter().enumerate().map(read).collect::<Result<_, _>>()?;
        Ok(Self { networks, told: AtomicBool::new(false) })
    }

    /// The client of a request that came from `peer`. Where the two headers name different ones, neither is believed:
    /// a proxy writes the one that it knows, and lets the other pass as it came.
    pub(crate) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let peer = peer.to_canonical();
        if !self.trusts(peer) {
            return peer;
        }
        let forwarded = self.last(peer, chain(headers, &FORWARDED, forwarded));
        let listed = self.last(peer, chain(headers, &X_FORWARDED_FOR, listed));
        match (forwarded, listed) {
            (Some(one), Some(other)) if one != other => peer,
            (Some(client), _) | (None, Some(client)) => client,
            (None, None) => peer,
        }
    }

    /// Tells once that clients of a proven request's sender cannot be told apart.
    pub(crate) fn tell(&self, peer: IpAddr, headers: &HeaderMap) {
        if self.is_news(peer, headers) {
            tracing::warn!(
                peer = %peer,
                "{peer} names the clients that it forwards, and is none of `gateway.trusted_proxies`: all of them count as \
                 one client; if it is your proxy, name it there"
            );
        }
    }

    /// Whether a proven request came through somebody who speaks for others and is not named: then all its clients are
    /// one to us. True once, for one such proxy is most likely all of them.
    fn is_news(&self, peer: IpAddr, headers: &HeaderMap) -> bool {
        !self.told.load(Ordering::Relaxed)
            && (headers.contains_key(FORWARDED) || headers.contains_key(X_FORWARDED_FOR))
            && !self.trusts(peer.to_canonical())
            && !self.told.swap(true, Ordering::Relaxed)
    }

    /// The first from the right that is not trusted; the one before it where somebody wrote no address at all.
    fn last(&self, peer: IpAddr, chain: Option<Vec<Option<IpAddr>>>) -> Option<IpAddr> {
        let mut client = peer;
        for hop in chain?.into_iter().rev() {
            let Some(address) = hop else { break };
            client = address;
            if !self.trusts(address) {
                break;
            }
        }
        Some(client)
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|network| network.has(address))
    }
}

impl Network {
    fn read(text: &str) -> Option<Self> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address.parse::<IpAddr>().ok()?, Some(bits.parse::<u32>().ok()?)),
            None => (text.parse().ok()?, None),
        };
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.unwrap_or(most);
        (bits <= most).then_some(Self { address, bits })
    }

    fn has(self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                (own.to_bits() ^ other.to_bits()).checked_shr(32 - self.bits).unwrap_or(0) == 0
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                (own.to_bits() ^ other.to_bits()).checked_shr(128 - self.bits).unwrap_or(0) == 0
            }
            _ => false,
        }
    }
}

/// Every hop of all headers of a name, in order. `None`: there is no such header. A value that is no text stands for one
/// hop that nobody can read.
fn chain(
    headers: &HeaderMap,
    name: &HeaderName,
    hops: impl Fn(&str) -> Vec<Option<IpAddr>>,
) -> Option<Vec<Option<IpAddr>>> {
    let mut values = headers.get_all(name).iter().peekable();
    values.peek()?;
    Some(values.flat_map(|value| value.to_str().map_or_else(|_| vec![None], &hops)).collect())
}

/// `X-Forwarded-For: client, proxy, proxy`
fn listed(value: &str) -> Vec<Option<IpAddr>> {
    value.split(',').map(|hop| address(hop.trim())).collect()
}

/// `Forwarded: for=client;proto=https, for="[2001:db8::1]:4711"` (RFC 7239)
fn forwarded(value: &str) -> Vec<Option<IpAddr>> {
    parted(value, ',').into_iter().map(|element| node(element).and_then(address)).collect()
}

/// The one `for` of an element; two of them are nobody's.
fn node(element: &str) -> Option<&str> {
    let mut nodes = parted(element, ';').into_iter().filter_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        name.trim().eq_ignore_ascii_case("for").then_some(value.trim())
    });
    let node = nodes.next()?;
    if nodes.next().is_some() {
        return None;
    }
    match node.strip_prefix('"') {
        Some(quoted) => quoted.strip_suffix('"'),
        None => Some(node),
    }
}

/// Parts between separators that do not stand in quotes. A quote that never ends takes the rest along, which then is no
/// address.
fn parted(text: &str, separator: char) -> Vec<&str> {
    let (mut parts, mut start, mut quoted, mut escaped) = (Vec::new(), 0, false, false);
    for (at, letter) in text.char_indices() {
        match letter {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ if letter == separator && !quoted => {
                parts.push(&text[start..at]);
                start = at + separator.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

/// An address, with or without a port and brackets. `unknown`, names and hidden names are none.
fn address(text: &str) -> Option<IpAddr> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(address.to_canonical());
    }
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Some(address.ip().to_canonical());
    }
    let bare = text.strip_prefix('[')?.strip_suffix(']')?;
    bare.parse::<Ipv6Addr>().ok().map(|address| IpAddr::V6(address).to_canonical())
}

#[cfg(test)]
mod tests;

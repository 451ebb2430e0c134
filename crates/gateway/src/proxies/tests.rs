//! Honest, odd and forged headers.

use super::*;

fn trusted() -> Proxies {
    Proxies::read(&["10.0.0.0/8", "192.0.2.7", "2001:db8:1::/48"].map(str::to_owned)).unwrap()
}

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    let pair = |(name, value): &(&'static str, &str)| {
        (HeaderName::from_static(name), http::HeaderValue::from_bytes(value.as_bytes()).unwrap())
    };
    pairs.iter().map(pair).collect()
}

#[track_caller]
fn check(peer: &str, pairs: &[(&'static str, &str)], client: &str) {
    let found = trusted().client(peer.parse().unwrap(), &headers(pairs));
    assert_eq!(found, client.parse::<IpAddr>().unwrap(), "from {peer}: {pairs:?}");
}

#[test]
fn a_stranger_is_itself_whatever_it_claims() {
    check("203.0.113.9", &[("x-forwarded-for", "198.51.100.1")], "203.0.113.9");
    check("203.0.113.9", &[("forwarded", "for=198.51.100.1")], "203.0.113.9");
    check("192.0.2.8", &[("x-forwarded-for", "198.51.100.1")], "192.0.2.8");
    check("2001:db8:2::1", &[("x-forwarded-for", "198.51.100.1")], "2001:db8:2::1");
}

#[test]
fn through_trusted_proxies_the_rightmost_stranger_is_the_client() {
    check("10.1.2.3", &[], "10.1.2.3");
    check("10.1.2.3", &[("x-forwarded-for", "198.51.100.1")], "198.51.100.1");
    // What stands further left was written by the client itself.
    check("10.1.2.3", &[("x-forwarded-for", "1.1.1.1, 198.51.100.1")], "198.51.100.1");
    check("10.1.2.3", &[("x-forwarded-for", "1.1.1.1,198.51.100.1 , 10.9.9.9,192.0.2.7")], "198.51.100.1");
    // Several headers are one list.
    check(
        "10.1.2.3",
        &[("x-forwarded-for", "198.51.100.1"), ("x-forwarded-for", "10.9.9.9")],
        "198.51.100.1",
    );
    check(
        "10.1.2.3",
        &[("x-forwarded-for", "198.51.100.1"), ("x-forwarded-for", "203.0.113.9")],
        "203.0.113.9",
    );
    // All of them are ours: the outermost.
    check("10.1.2.3", &[("x-forwarded-for", "10.7.7.7, 10.9.9.9")], "10.7.7.7");
    check("2001:db8:1::5", &[("x-forwarded-for", "2001:db8:9::1")], "2001:db8:9::1");
    check("::ffff:10.1.2.3", &[("x-forwarded-for", "::ffff:198.51.100.1")], "198.51.100.1");
}

#[test]
fn forwarded_is_read_as_rfc_7239_writes_it() {
    let says = |value, client| check("10.1.2.3", &[("forwarded", value)], client);
    says("for=198.51.100.1", "198.51.100.1");
    says("For=198.51.100.1:4711;proto=https;by=10.1.2.3", "198.51.100.1");
    says(r#"for="198.51.100.1:4711""#, "198.51.100.1");
    says(r#"for="[2001:db8:cafe::17]:4711""#, "2001:db8:cafe::17");
    says(r#"for="[2001:db8:cafe::17]""#, "2001:db8:cafe::17");
    says("for=1.1.1.1, for=198.51.100.1;host=\"a,b;for=8.8.8.8\", for=10.9.9.9", "198.51.100.1");
    says("proto=https;for=198.51.100.1 , by=x; for=10.9.9.9", "198.51.100.1");
}

#[test]
fn where_somebody_wrote_no_address_the_last_known_one_stands() {
    for odd in [
        "unknown",
        "_hidden",
        "",
        ",",
        "198.51.100.1.",
        "198.51.100.256",
        "localhost",
        "198.51.100.1 10.9.9.9",
        "[198.51.100.1]",
        "[::1",
        "198.51.100.1:99999",
        "%31",
        "<script>",
        "1",
        "0x7f000001",
    ] {
        check("10.1.2.3", &[("x-forwarded-for", odd)], "10.1.2.3");
        check("10.1.2.3", &[("x-forwarded-for", &format!("8.8.8.8, {odd}, 10.9.9.9"))], "10.9.9.9");
    }
    for odd in [
        "",
        "for",
        "for=",
        "for=unknown",
        "for=_hidden",
        "by=198.51.100.1",
        "for=\"198.51.100.1",
        "for=198.51.100.1\"",
        "for=\"[::1\"",
        "for=2001:db8::1;for=1.1.1.1",
        "proto=https",
        "=198.51.100.1",
        "for=\"\\\"",
        ";;;",
        "for==1.1.1.1",
    ] {
        check("10.1.2.3", &[("forwarded", odd)], "10.1.2.3");
    }
}

#[test]
fn a_header_that_is_no_text_is_a_hop_that_nobody_can_read() {
    check("10.1.2.3", &[("x-forwarded-for", "8.8.8.8, ä, 10.9.9.9")], "10.1.2.3");
    check("10.1.2.3", &[("x-forwarded-for", "ä"), ("x-forwarded-for", "10.9.9.9")], "10.9.9.9");
}

#[test]
fn two_headers_that_disagree_are_both_forgeable() {
    let both = |one, other, client| {
        check("10.1.2.3", &[("forwarded", one), ("x-forwarded-for", other)], client);
    };
    both("for=198.51.100.1", "198.51.100.1", "198.51.100.1");
    both("for=8.8.8.8", "198.51.100.1", "10.1.2.3");
    both("for=unknown", "198.51.100.1", "10.1.2.3");
}

#[test]
fn a_network_is_its_leading_bits() {
    let has = |network: &str, address: &str| {
        Proxies::read(&[network.to_owned()]).unwrap().trusts(address.parse().unwrap())
    };
    assert!(has("0.0.0.0/0", "203.0.113.9") && !has("0.0.0.0/0", "::1"));
    assert!(has("::/0", "2001:db8::1") && !has("::/0", "10.0.0.1"));
    assert!(has("10.1.2.3/8", "10.255.0.1") && !has("10.1.2.3/8", "11.0.0.1"));
    assert!(has("10.0.0.0/31", "10.0.0.1") && !has("10.0.0.0/31", "10.0.0.2"));
    assert!(has("10.0.0.1", "10.0.0.1") && !has("10.0.0.1", "10.0.0.0"));
    assert!(has("2001:db8::/33", "2001:db8:7fff::1") && !has("2001:db8::/33", "2001:db8:8000::1"));
    for (nth, wrong) in
        ["10.0.0.0/33", "::/129", "10.0.0/8", "proxy", "", "10.0.0.0/", "10.0.0.0/-1"].iter().enumerate()
    {
        let mut list = vec!["127.0.0.1".to_owned(); nth];
        list.push((*wrong).to_owned());
        assert_eq!(Proxies::read(&list).unwrap_err(), nth, "{wrong}");
    }
}

/// Whatever stands in the headers: the client is the peer, or an address that stands there.
#[test]
fn no_header_panics_or_invents_an_address() {
    let mut random = fastrand::Rng::with_seed(3);
    let words = ["for=", "\"", "[", "]", ",", ";", "198.51.100.1", "10.9.9.9", ":", "\\", " ", "x", "="];
    let known: Vec<IpAddr> =
        ["10.1.2.3", "198.51.100.1", "10.9.9.9"].map(|text| text.parse().unwrap()).into();
    for _ in 0..20_000 {
        let value: String = (0..random.usize(0..12)).map(|_| words[random.usize(..words.len())]).collect();
        for name in ["forwarded", "x-forwarded-for"] {
            let client = trusted().client(known[0], &headers(&[(name, value.as_str())]));
            assert!(
                known.contains(&client) || client.is_ipv6() || value.contains(&client.to_string()),
                "{value:?}: {client}"
            );
        }
    }
}

#[test]
fn a_proxy_that_is_not_named_is_news_once() {
    let proxies = trusted();
    let (named, other): (IpAddr, IpAddr) = ("10.1.2.3".parse().unwrap(), "192.0.2.9".parse().unwrap());
    let forwarded = headers(&[("x-forwarded-for", "198.51.100.1")]);
    assert!(!proxies.is_news(named, &forwarded));
    assert!(!proxies.is_news(other, &headers(&[])));
    assert!(proxies.is_news(other, &forwarded));
    assert!(!proxies.is_news(other, &forwarded));
    assert!(trusted().is_news(other, &headers(&[("forwarded", "for=198.51.100.1")])));
}

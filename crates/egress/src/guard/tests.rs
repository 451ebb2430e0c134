//! Addresses inside and outside, however they are written.

use super::*;

#[track_caller]
fn check(url: &str, public: bool) {
    let url: Url = url.parse().unwrap();
    assert_eq!(allow(Guard::Public, &url).is_ok(), public, "{url}");
    assert!(allow(Guard::Operator, &url).is_ok(), "an operator may reach {url}");
}

#[test]
fn private_and_special_ipv4_is_refused_at_both_ends_of_each_range() {
    for inside in [
        "0.0.0.0",
        "0.255.255.255",
        "10.0.0.0",
        "10.255.255.255",
        "100.64.0.0",
        "100.127.255.255",
        "127.0.0.1",
        "127.255.255.255",
        "168.63.129.16",
        "169.254.0.0",
        "169.254.169.254",
        "172.16.0.0",
        "172.31.255.255",
        "192.0.0.192",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.0.0",
        "192.168.255.255",
        "198.18.0.0",
        "198.19.255.255",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
    ] {
        check(&format!("http://{inside}/"), false);
    }
    for outside in [
        "1.1.1.1",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.0",
        "169.253.255.255",
        "169.255.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "192.0.1.0",
        "192.167.255.255",
        "192.169.0.0",
        "198.17.255.255",
        "198.20.0.0",
        "223.255.255.255",
    ] {
        check(&format!("https://{outside}/"), true);
    }
}

#[test]
fn private_and_special_ipv6_is_refused() {
    for inside in [
        "::",
        "::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "febf::1",
        "fec0::1",
        "ff02::1",
        "2001::1",
        "2001:db8::1",
        "2001:1ff::1",
        "3fff::1",
        "100::1",
        "5f00::1",
        "64:ff9b:1::1",
        "4000::1",
    ] {
        check(&format!("http://[{inside}]/"), false);
    }
    for outside in
        ["2606:4700:4700::1111", "2a00:1450::1", "2001:200::1", "2001:4860:4860::8888", "3fff:1000::1"]
    {
        check(&format!("http://[{outside}]/"), true);
    }
}

#[test]
fn an_ipv4_address_wrapped_into_ipv6_counts_as_itself() {
    for inside in [
        "::ffff:127.0.0.1",
        "::ffff:a00:1",
        "::ffff:169.254.169.254",
        "64:ff9b::10.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "2002:a00:1::1",
        "::127.0.0.1",
    ] {
        check(&format!("http://[{inside}]/"), false);
    }
    check("http://[::ffff:1.1.1.1]/", true);
    check("http://[64:ff9b::1.1.1.1]/", true);
}

#[test]
fn other_spellings_of_an_address_are_seen_through() {
    for spelling in
        ["2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "127.1", "127.0.0.1.", "１２７.0.0.1"]
    {
        check(&format!("http://{spelling}:8080/hook"), false);
    }
}

#[test]
fn only_the_web_is_a_way_out() {
    for url in ["ftp://example.com/", "file:///etc/passwd", "gopher://example.com/", "data:text/plain,hi"] {
        let refused = allow(Guard::Operator, &url.parse().unwrap()).unwrap_err();
        assert_eq!(refused.reason(), "forbidden", "{url}");
    }
}

#[test]
fn of_several_addresses_only_the_public_ones_are_used() {
    let address = |text: &str| -> SocketAddr { format!("{text}:0").parse().unwrap() };
    let mixed = vec![address("10.0.0.1"), address("1.1.1.1")];
    assert_eq!(public(mixed), Ok(vec![address("1.1.1.1")]));
    assert_eq!(public(vec![address("10.0.0.1")]), Err(Refused("a private network")));
    assert_eq!(public(Vec::new()), Ok(Vec::new()), "no address at all is a matter of the connection");
}

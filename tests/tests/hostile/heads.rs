//! Heads: what is no HTTP, what is it in an odd way, and what is said twice.

use anyhow::{Result, ensure};

use crate::{
    line::Line,
    world::{World, good},
};

fn post(path: &str, more: &str) -> Vec<u8> {
    format!("POST {path} HTTP/1.1\r\nhost: x\r\n{more}content-length: 2\r\n\r\n{{}}").into_bytes()
}

/// No HTTP: 400, or the connection is closed.
pub async fn malformed(world: &World) -> Result<()> {
    let long = "y".repeat(200_000);
    let many: String = (0..5_000).map(|number| format!("x-{number}: 1\r\n")).collect();
    for (what, bytes, statuses) in [
        // Closed without a word: an answer in HTTP/1.1 would be noise to who speaks HTTP/2.
        ("HTTP/2 at once", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec(), [].as_slice()),
        ("TLS", b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03".repeat(20), &[400]),
        ("HTTP/0.9", b"GET /\r\n\r\n".to_vec(), &[400]),
        ("HTTP/9.9", b"POST /in/open HTTP/9.9\r\n\r\n".to_vec(), &[400]),
        ("a lower-case version", b"POST /in/open http/1.1\r\n\r\n".to_vec(), &[400]),
        ("line feeds alone", b"POST /in/nobody HTTP/1.1\nhost: x\n\n".to_vec(), &[400, 404]),
        ("a method of its own", b"P\xffST /in/open HTTP/1.1\r\n\r\n".to_vec(), &[400]),
        ("a carriage return in a value", post("/in/open", "x: a\rb\r\n"), &[400]),
        ("NUL in a value", post("/in/open", "x: a\0b\r\n"), &[400]),
        ("a folded value", post("/in/open", "x: a\r\n b\r\n"), &[400]),
        ("a blank before the colon", post("/in/open", "x : a\r\n"), &[400]),
        ("a name of nothing", post("/in/open", ": a\r\n"), &[400]),
        ("a line without a colon", post("/in/open", "xyz\r\n"), &[400]),
        ("bytes in a name", post("/in/open", "x\u{e9}: a\r\n"), &[400]),
        ("an endless name", post("/in/open", &format!("{long}: a\r\n")), &[400, 431]),
        ("an endless value", post("/in/open", &format!("x: {long}\r\n")), &[431]),
        ("5,000 headers", post("/in/open", &many), &[431]),
        ("an endless method", format!("{long} / HTTP/1.1\r\n\r\n").into_bytes(), &[400, 431]),
        ("a length of words", post("/in/open", "content-length: many\r\n"), &[400]),
        ("a length below nothing", post("/in/open", "content-length: -1\r\n"), &[400]),
        ("a length with a sign", post("/in/open", "content-length: +2\r\n"), &[400]),
        ("lengths in a list", post("/in/open", "content-length: 2, 3\r\n"), &[400]),
        ("another coding", post("/in/open", "transfer-encoding: gzip\r\n"), &[400]),
        ("chunked and then not", post("/in/open", "transfer-encoding: chunked, identity\r\n"), &[400]),
        ("chunked as it is not spelt", post("/in/open", "transfer-encoding: xchunked\r\n"), &[400]),
    ] {
        world.expect(what, &bytes, statuses).await?;
    }
    // Half a head, and nothing more.
    let mut line = Line::open(world.address).await?;
    line.say(b"POST /in/open HT").await?;
    line.hush().await?;
    let heard = line.hear(1).await;
    world.note(&heard)?;
    ensure!(heard.closed || heard.statuses() == [400], "half a head: {heard:?}");
    Ok(())
}

/// Targets in every form. Only the doors are doors.
pub async fn targets(world: &World) -> Result<()> {
    let long = "a".repeat(60_000);
    for (target, statuses) in [
        ("http://elsewhere.example/in/open", [202].as_slice()),
        ("http://elsewhere.example/", &[404]),
        ("/in/open?x=1&in=/in/nobody", &[202]),
        ("/in/open/", &[404]),
        ("//in/open", &[400, 404]),
        ("/in//open", &[404]),
        ("/in/../in/open", &[404]),
        ("/in/%6fpen", &[404]),
        ("/in/open%00", &[404]),
        ("/in/open;x=1", &[404]),
        ("/IN/OPEN", &[404]),
        ("/in/\u{e9}", &[400, 404]),
        ("*", &[404]),
        ("open", &[400, 404]),
        ("", &[400]),
        ("/in/open#x", &[400, 202, 404]),
    ] {
        world.expect(target, &post(target, ""), statuses).await?;
    }
    world.expect("a long path", &post(&format!("/in/{long}"), ""), &[404, 414, 431]).await?;
    world.expect("a longer path", &post(&format!("/in/{}", long.repeat(5)), ""), &[414, 431]).await?;
    for (method, target, statuses) in [
        ("OPTIONS", "*", [404].as_slice()),
        ("CONNECT", "elsewhere.example:443", &[404, 405]),
        ("TRACE", "/in/open", &[405]),
        ("GET", "/in/open", &[405]),
        ("HEAD", "/in/open", &[405]),
        ("PUT", "/in/open", &[405]),
        ("DELETE", "/in/open", &[405]),
        ("post", "/in/open", &[405]),
        ("MKCOL", "/in/open", &[405]),
        ("GET", "/metrics", &[404]),
        ("GET", "/readyz", &[404]),
    ] {
        let request = format!("{method} {target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        // An answer to HEAD has a length and no body: the connection's end is its end.
        let heard = world.talk(request.as_bytes(), 1).await?;
        let status = heard.answers.first().map(|answer| answer.status);
        let fits = if method == "HEAD" {
            heard.closed
        } else {
            status.is_some_and(|status| statuses.contains(&status))
        };
        ensure!(fits, "{method} {target}: {heard:?}");
    }
    Ok(())
}

/// Headers that are there twice prove nothing, or say nothing.
pub async fn said_twice(world: &World) -> Result<()> {
    let body = good("twice");
    for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        let signature = world.signature("msg-twice", &body)?;
        let value = signature.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
        let other = value.unwrap_or_default().replace(['A', '1', 'm'], "2");
        let more = format!("{name}: {other}\r\n");
        world.expect(&format!("{name} twice"), &world.signed("msg-twice", &body, &more)?, &[401]).await?;
    }
    for (what, more, statuses) in [
        ("host twice", "host: elsewhere.example\r\n", [202, 400].as_slice()),
        ("the same length twice", &format!("content-length: {}\r\n", body.len()), &[202, 400]),
        ("another length", "content-length: 7\r\n", &[400]),
        ("a media type twice", "content-type: application/json\r\ncontent-type: text/html\r\n", &[415]),
        (
            "a connection that is all",
            "connection: close, keep-alive, upgrade, x\r\nupgrade: h2c\r\nhttp2-settings: AA\r\n",
            &[202],
        ),
        ("a websocket", "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-key: x\r\n", &[202]),
        (
            "addresses of others",
            "x-forwarded-for: 127.0.0.1, ::1, nonsense\r\nforwarded: for=\"[::1\"\r\n",
            &[202],
        ),
        ("a trace that is none", "traceparent: 00-zz-1-99\r\ntraceparent: 00\r\n", &[202]),
    ] {
        let id = format!("msg {what}");
        world.expect(what, &world.signed(&id, &body, more)?, statuses).await?;
    }
    Ok(())
}

/// `Expect`: who asks first is told, and who expects something else is not waited for in vain.
pub async fn expectations(world: &World) -> Result<()> {
    let body = good("expected");
    let asking = world.signed("msg-expected", &body, "expect: 100-continue\r\n")?;
    let (head, body) = asking.split_at(asking.len() - body.len());
    let mut line = Line::open(world.address).await?;
    line.say(head).await?;
    let end = tokio::time::Instant::now() + std::time::Duration::from_millis(1500);
    let heard = line.hear_until(1, end).await;
    ensure!(heard.go_on && heard.answers.is_empty(), "it is told to go on: {heard:?}");
    line.say(body).await?;
    let heard = line.hear(1).await;
    world.note(&heard)?;
    ensure!(heard.statuses() == [202], "{heard:?}");

    let refused =
        b"POST /in/nobody HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 100000\r\n\r\n";
    let heard = world.expect("asked in vain", refused, &[404]).await?;
    ensure!(!heard.go_on, "nobody is told to send what is refused: {heard:?}");
    let too_large =
        b"POST /in/open HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 99999999\r\n\r\n";
    world.expect("asked with too much", too_large, &[413]).await?;
    for more in ["expect: 200-maybe\r\n", "expect: 100-continue, 100-continue\r\n", "expect: \r\n"] {
        world.expect(more, &world.open(b"{}", more), &[202, 417]).await?;
    }
    // It never sends what it asked for.
    let silent = b"POST /in/open HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 10\r\n\r\n";
    world.expect("asked and never sent", silent, &[408]).await?;
    Ok(())
}

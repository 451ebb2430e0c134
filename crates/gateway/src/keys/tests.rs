//! Keys that an issuer's server gives, or does not.

use std::sync::{Arc, Mutex};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::*;

const JWKS: &str = include_str!("../../../sources/fixtures/vectors/jwks.json");

/// An issuer's server, and what it answers at the moment.
async fn issuer() -> (Url, Arc<Mutex<(u16, String)>>) {
    let answer = Arc::new(Mutex::new((200, JWKS.to_owned())));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Url::parse(&format!("http://{}/keys", listener.local_addr().unwrap())).unwrap();
    let said = answer.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = [0; 4096];
            let _ = stream.read(&mut head).await;
            let (status, body) = said.lock().unwrap().clone();
            let length = body.len();
            let text =
                format!("HTTP/1.1 {status} x\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
            let _ = stream.write_all(text.as_bytes()).await;
        }
    });
    (url, answer)
}

fn client() -> Client {
    Client::new(ClientOptions {
        guard: Guard::Operator,
        response_bytes_max: KEYS_BYTES_MAX,
        ..ClientOptions::default()
    })
    .unwrap()
}

#[tokio::test]
async fn what_is_known_stays_while_the_issuer_is_in_trouble() {
    let (url, answer) = issuer().await;
    let (keys, client) = (Keys::default(), client());
    assert!(keys.learned().is_empty());
    keys.fetch(&client, &url).await.unwrap();
    assert!(!keys.learned().is_empty());
    for (status, body) in
        [(500, JWKS), (302, JWKS), (200, "<html>"), (200, "{\"keys\":[]}"), (200, "\u{feff}")]
    {
        *answer.lock().unwrap() = (status, body.to_owned());
        assert!(keys.fetch(&client, &url).await.is_err(), "{status} {body}");
        assert!(!keys.learned().is_empty());
    }
    *answer.lock().unwrap() = (200, format!("{}{}", " ".repeat(KEYS_BYTES_MAX), JWKS));
    assert!(keys.fetch(&client, &url).await.unwrap_err().contains("bytes"), "too large");
}

#[tokio::test]
async fn the_gateway_is_ready_once_it_has_keys() {
    let (url, _) = issuer().await;
    let house = House::new(boot::system_clock());
    let check = house.health.check("keys of sso");
    let (keys, client) = (Keys::default(), client());
    assert!(!house.report().ready);
    tokio::select! {
        () = keep(&keys, &client, &url, &check, "sso") => {}
        () = crate::tests::until("keys", || !keys.learned().is_empty() && house.report().ready) => {}
    }
    assert!(!keys.learned().is_empty());
}

#[tokio::test]
async fn an_issuer_that_does_not_answer_is_named() {
    let (url, answer) = issuer().await;
    *answer.lock().unwrap() = (503, String::new());
    let house = House::new(boot::system_clock());
    let check = house.health.check("keys of sso");
    let (keys, client) = (Keys::default(), client());
    let said = || format!("{:?}", house.report());
    tokio::select! {
        () = keep(&keys, &client, &url, &check, "sso") => {}
        () = crate::tests::until("a reason", || said().contains("answered 503")) => {}
    }
    assert!(said().contains("sources.sso.verify.jwks.url"), "{}", said());
}

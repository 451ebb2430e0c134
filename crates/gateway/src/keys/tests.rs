//! Keys that an issuer's server gives, or does not.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::*;

const JWKS: &str = include_str!("../../../sources/fixtures/vectors/jwks.json");

/// An issuer's server, and what it answers at the moment.
async fn issuer() -> (Url, Arc<Mutex<(u16, String)>>, Arc<AtomicUsize>) {
    let answer = Arc::new(Mutex::new((200, JWKS.to_owned())));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Url::parse(&format!("http://{}/keys", listener.local_addr().unwrap())).unwrap();
    let (said, answered) = (answer.clone(), Arc::<AtomicUsize>::default());
    let count = answered.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = [0; 4096];
            let _ = stream.read(&mut head).await;
            let (status, body) = said.lock().unwrap().clone();
            let length = body.len();
            let text =
                format!("HTTP/1.1 {status} x\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
            let _ = stream.write_all(text.as_bytes()).await;
            count.fetch_add(1, Ordering::SeqCst);
        }
    });
    (url, answer, answered)
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
    let (url, answer, _) = issuer().await;
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
async fn keys_are_fetched_at_the_start_and_only_their_source_waits_for_them() {
    let (url, answer, answered) = issuer().await;
    let house = House::new(boot::system_clock());
    let section = format!(
        "kind = \"okr\"\nverify = {{ scheme = \"jwt\", issuer = \"us\", audience = \"okr\", jwks = {{ url = \"{url}\" }} }}"
    );
    let build = |text: &str| Source::build("sso", &toml::from_str(text).unwrap()).unwrap();
    let open = build("kind = \"okr\"\nverify = { scheme = \"none\" }");
    assert!(watch(&open, &house).unwrap().is_none());
    *answer.lock().unwrap() = (503, String::new());
    let before = house.report();
    let watched = watch(&build(&section), &house).unwrap().unwrap();
    crate::tests::until("two refusals", || answered.load(Ordering::SeqCst) > 1).await;
    assert_eq!(house.report(), before, "an issuer is no part of the gateway's readiness");
    assert!(watched.keys().learned().is_empty());
    *answer.lock().unwrap() = (200, JWKS.to_owned());
    crate::tests::until("keys", || !watched.keys().learned().is_empty()).await;
    assert_eq!(house.tasks.running(), ["gateway keys"]);
    drop(watched);
    crate::tests::until("an end of the looking", || house.tasks.running().is_empty()).await;
}

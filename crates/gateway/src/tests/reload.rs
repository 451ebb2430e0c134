//! An issuer's keys at another address, which a reload brings.

use std::time::Duration;

use boot::House;
use sources::{Source, SourceConfig};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    time::sleep,
};

use super::{Stage, stage};
use crate::Handle;

const JWKS: &str = include_str!("../../../sources/fixtures/vectors/jwks.json");

/// An issuer that takes its time, and its address.
async fn issuer(pause: Duration) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/keys", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = [0; 4096];
            let _ = stream.read(&mut head).await;
            sleep(pause).await;
            let (head, length) = ("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: ", JWKS.len());
            let _ = stream.write_all(format!("{head}{length}\r\n\r\n{JWKS}").as_bytes()).await;
        }
    });
    url
}

fn source(url: &str) -> Source {
    let section = format!(
        "kind = \"okr\"\nverify = {{ scheme = \"jwt\", issuer = \"us\", audience = \"okr\", jwks = {{ url = \"{url}\" }} }}"
    );
    Source::build("sso", &toml::from_str::<SourceConfig>(&section).unwrap()).unwrap()
}

async fn reload(stage: &Stage, house: &House, url: &str) {
    let handle = Handle { door: stage.door.clone(), house: house.clone() };
    let preparing = tokio::time::timeout(Duration::from_secs(60), handle.prepare(vec![source(url)], None));
    preparing.await.expect("it ends").unwrap().apply();
}

fn has_keys(stage: &Stage) -> bool {
    !stage.door.entrances().take().get("sso").unwrap().keys().unwrap().learned().is_empty()
}

#[tokio::test]
async fn keys_are_there_before_a_new_address_counts_and_are_never_those_of_another() {
    let (stage, house) = (stage().await, House::new(boot::system_clock()));
    let first = issuer(Duration::from_millis(50)).await;
    reload(&stage, &house, &first).await;
    assert!(has_keys(&stage));
    // One that does not answer in time holds nothing up, and gets no keys of before.
    let late = issuer(Duration::from_secs(3_600)).await;
    reload(&stage, &house, &late).await;
    assert!(!has_keys(&stage));
    // And the other way round.
    reload(&stage, &house, &issuer(Duration::from_millis(50)).await).await;
    assert!(has_keys(&stage));
    house.shutdown.cancel();
}

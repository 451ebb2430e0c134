//! Connections over TLS: the pair that is in force, another one, and none that can be used.

use std::{path::Path, sync::Arc};

use boot::{House, SecretRef};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

use super::{Stage, stage, until};
use crate::tls::{Material, Tls, TlsConfig, watch};

const ONE: (&str, &str) =
    (include_str!("../../fixtures/tls/one.crt"), include_str!("../../fixtures/tls/one.key"));
const TWO: (&str, &str) =
    (include_str!("../../fixtures/tls/two.crt"), include_str!("../../fixtures/tls/two.key"));

/// A folder with a pair, and the section that names it.
fn pair((certificate, key): (&str, &str)) -> (tempfile::TempDir, TlsConfig) {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), certificate, key);
    let config =
        TlsConfig { certificate: folder.path().join("tls.crt"), key: place(&folder.path().join("tls.key")) };
    (folder, config)
}

fn write(folder: &Path, certificate: &str, key: &str) {
    std::fs::write(folder.join("tls.crt"), certificate).unwrap();
    std::fs::write(folder.join("tls.key"), key).unwrap();
}

fn place(file: &Path) -> SecretRef {
    SecretRef::Literal(file.display().to_string())
}

/// A client that trusts this certificate alone.
fn connector(certificate: &str, protocols: &[&[u8]]) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()).unwrap();
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    TlsConnector::from(Arc::new(config))
}

/// The status of a request on a connection of its own; none if the certificate is another one.
async fn status(stage: &Stage, certificate: &str) -> Option<u16> {
    let stream = TcpStream::connect(stage.address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let mut stream = connector(certificate, &[b"http/1.1"]).connect(name, stream).await.ok()?;
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    stream
        .write_all(b"POST /in/nobody HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
        .await
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer.split(' ').nth(1)?.parse().ok()
}

#[track_caller]
fn refused(config: &TlsConfig, path: &str, words: &str) {
    let error = Material::load(config).unwrap_err().to_string();
    assert!(error.contains(&format!("`gateway.tls.{path}`")) && error.contains(words), "{error}");
    assert!(!error.contains("PRIVATE") && !error.contains("MIGH"), "{error}");
}

#[test]
fn a_pair_that_cannot_be_used_is_refused_with_its_reason() {
    let (folder, config) = pair(ONE);
    Material::load(&config).unwrap();
    write(folder.path(), ONE.0, TWO.1);
    refused(&config, "key", "does not belong to the certificate");
    write(folder.path(), ONE.1, ONE.1);
    refused(&config, "certificate", "holds no certificate");
    write(folder.path(), ONE.0, ONE.0);
    refused(&config, "key", "holds no private key");
    std::fs::remove_file(folder.path().join("tls.key")).unwrap();
    refused(&config, "key", "cannot read the secret file");
    refused(
        &TlsConfig { key: SecretRef::Literal(ONE.1.to_owned()), ..config.clone() },
        "key",
        "is the key itself",
    );
    std::fs::remove_file(folder.path().join("tls.crt")).unwrap();
    refused(&config, "certificate", "cannot be read");
}

#[tokio::test]
async fn the_pair_in_force_is_shown_and_plain_words_are_not_understood() {
    let stage = stage().await;
    assert_eq!(stage.send("open", b"{}").await.status, 202, "without a pair it is plain HTTP");
    let (_folder, config) = pair(ONE);
    stage.door.tls().exchange(Some(Material::load(&config).unwrap()));
    assert_eq!(status(&stage, ONE.0).await, Some(404));
    assert_eq!(status(&stage, TWO.0).await, None, "nobody else is believed");
    let mut plain = TcpStream::connect(stage.address).await.unwrap();
    plain.write_all(b"POST /in/open HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
}

#[tokio::test]
async fn a_connection_that_does_not_agree_on_keys_is_ended() {
    let stage = stage().await;
    let (_folder, config) = pair(ONE);
    stage.door.tls().exchange(Some(Material::load(&config).unwrap()));
    let mut silent = TcpStream::connect(stage.address).await.unwrap();
    let mut answer = Vec::new();
    silent.read_to_end(&mut answer).await.unwrap();
    assert!(answer.is_empty());
}

#[tokio::test]
async fn files_that_change_are_shown_to_new_connections_and_broken_ones_are_not() {
    let (stage, house) = (stage().await, House::new(boot::system_clock()));
    let (folder, config) = pair(ONE);
    stage.door.tls().exchange(Some(Material::load(&config).unwrap()));
    watch(stage.door.clone(), &house);
    // Half of a new pair, as between two writes.
    write(folder.path(), TWO.0, ONE.1);
    let told = || {
        boot::metrics_handle().render().contains("okr_gateway_certificate_loads_total{outcome=\"refused\"}")
    };
    until("a refusal", told).await;
    assert_eq!(status(&stage, ONE.0).await, Some(404), "the one before stays");
    write(folder.path(), TWO.0, TWO.1);
    let before = stage.door.tls().material().unwrap();
    until("the new pair", || !Arc::ptr_eq(&before, &stage.door.tls().material().unwrap())).await;
    assert_eq!(status(&stage, TWO.0).await, Some(404));
    assert_eq!(status(&stage, ONE.0).await, None);
    house.shutdown.cancel();
}

#[test]
fn what_was_read_with_a_newer_configuration_is_not_overwritten() {
    let ((_one, one), (_two, two)) = (pair(ONE), pair(TWO));
    let tls = Tls::default();
    tls.exchange(Some(Material::load(&one).unwrap()));
    let before = tls.material().unwrap();
    tls.exchange(Some(Material::load(&two).unwrap()));
    let newer = tls.material().unwrap();
    assert!(!tls.renew(&before, Material::load(&one).unwrap()));
    assert!(Arc::ptr_eq(&newer, &tls.material().unwrap()));
}

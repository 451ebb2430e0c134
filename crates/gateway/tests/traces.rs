//! Whose spans are recorded: a sender decides for its requests once they are proven, and nobody else.
//!
//! Recording is switched on for a whole process, so this is a process of its own.

#![allow(clippy::unwrap_used)] // The helpers below are tests, too, which clippy does not see.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use boot::trace::{Answer, Collector, Exporter, Traces};
use boot::{House, SecretRef};
use bytes::Bytes;
use gateway::{Context, DepartmentsConfig, Gateway, GatewayConfig, TlsConfig};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest, common::v1::any_value::Value, trace::v1::Span,
};
use prost::Message;
use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};
use sources::{Source, SourceConfig};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

/// Where nobody listens: what is proven cannot be stored, and is answered 503.
const NOWHERE: &str = "127.0.0.1:9";
/// A certificate of `localhost`, and its key.
const PAIR: (&str, &str) = (
    concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/tls/one.crt"),
    concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/tls/one.key"),
);
const SENDERS: &str = "0af7651916cd43dd8448eb211c80319c";
/// Refusals, of which about half are recorded; none or all would be a chance of 1 in 2^99.
const REFUSED: usize = 100;

#[derive(Clone, Default)]
struct Collected(Arc<Mutex<Vec<Span>>>);

#[async_trait]
impl Collector for Collected {
    async fn post(&self, body: Bytes) -> Result<Answer, String> {
        let request = ExportTraceServiceRequest::decode(body).map_err(|error| error.to_string())?;
        let scopes = request.resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
        self.0.lock().unwrap().extend(scopes.flat_map(|scope| scope.spans));
        Ok(Answer { status: 200, ..Answer::default() })
    }
}

fn attribute(span: &Span, key: &str) -> Option<Value> {
    span.attributes.iter().find(|pair| pair.key == key)?.value.clone()?.value
}

fn status(span: &Span) -> i64 {
    match attribute(span, "http.response.status_code") {
        Some(Value::IntValue(status)) => status,
        other => panic!("{other:?}"),
    }
}

/// Posts, and gives the status, and when the body was sent: once the gateway had asked for it.
async fn post(address: SocketAddr, path: &str, token: &str, traceparent: &str) -> (i64, SystemTime) {
    post_over(TcpStream::connect(address).await.unwrap(), path, token, traceparent).await
}

async fn post_over(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    path: &str,
    token: &str,
    traceparent: &str,
) -> (i64, SystemTime) {
    let body = br#"{"type":"custom.updated","subject":{"id":"1"}}"#;
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\nexpect: 100-continue\r\n\
         authorization: Bearer {token}\r\ntraceparent: {traceparent}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        answer.push(stream.read_u8().await.unwrap());
    }
    let asked_at = SystemTime::now();
    if answer.starts_with(b"HTTP/1.1 100 ") {
        answer.clear();
        stream.write_all(body).await.unwrap();
    }
    stream.read_to_end(&mut answer).await.unwrap();
    let status = std::str::from_utf8(&answer).unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    (status, asked_at)
}

/// A connection over TLS to the gateway of [`PAIR`].
async fn encrypted(address: SocketAddr) -> impl AsyncRead + AsyncWrite + Unpin {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(PAIR.0).unwrap()).unwrap();
    let config = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let stream = TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap()
}

async fn gateway(house: &House, tls: Option<TlsConfig>) -> Gateway {
    egress::install_crypto();
    let config = GatewayConfig {
        listen: ([127, 0, 0, 1], 0).into(),
        request_deadline: boot::Span::seconds(2),
        tls,
        ..GatewayConfig::default()
    };
    let settings = bus::Settings::new(vec![NOWHERE.to_owned()], "test");
    let section = "kind = \"okr\"\nverify = { scheme = \"bearer\", secrets = [\"t0ken\"] }";
    let source = Source::build("acme", &toml::from_str::<SourceConfig>(section).unwrap()).unwrap();
    Gateway::bind(Context {
        memory: None,
        producer: bus::Producer::new(&settings, config.message_timeout()).unwrap(),
        config,
        departments: DepartmentsConfig::default(),
        sources: vec![source],
        settings,
        registry: wire::Registry::new(&format!("http://{NOWHERE}"), Duration::ZERO).unwrap(),
        partitions: 1,
        house: house.clone(),
    })
    .await
    .unwrap()
}

#[test]
fn a_sender_decides_what_is_recorded_once_it_is_proven() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(check());
    // Kafka's client is still looking for its broker, which nobody needs to wait for.
    runtime.shutdown_background();
}

async fn check() {
    let collected = Collected::default();
    let exporter = Exporter::start(Traces {
        collector: Arc::new(collected.clone()),
        resource: Vec::new(),
        sample_ratio: 0.5,
        queue_max: 10_000,
    });
    let house = House::new(boot::system_clock());
    let tls = TlsConfig { certificate: PAIR.0.into(), key: SecretRef::Literal(PAIR.1.to_owned()) };
    let (secure, gateway) = (gateway(&house, Some(tls)).await, gateway(&house, None).await);
    let (address, secure_address) = (gateway.address(), secure.address());
    let serving = tokio::spawn(async { tokio::join!(gateway.serve(), secure.serve()) });
    let (yes, no) =
        (format!("00-{SENDERS}-b7ad6b7169203331-01"), format!("00-{SENDERS}-b7ad6b7169203331-00"));
    for _ in 0..REFUSED / 2 {
        assert_eq!(post(address, "/in/acme", "guessed", &yes).await.0, 401);
        assert_eq!(post(address, "/in/nobody", "t0ken", &yes).await.0, 404);
    }
    assert_eq!(post(address, "/in/acme", "t0ken", &no).await.0, 503);
    let (answered, asked_at) = post(address, "/in/acme", "t0ken", &yes).await;
    assert_eq!(answered, 503);
    let stream = encrypted(secure_address).await;
    assert_eq!(post_over(stream, "/in/acme/batch", "t0ken", &yes).await.0, 503);
    house.shutdown.cancel();
    serving.await.unwrap();
    exporter.unwrap().finish().await;

    let spans = collected.0.lock().unwrap();
    let of = |wanted: i64| spans.iter().filter(|span| status(span) == wanted).collect::<Vec<_>>();
    let refused = [of(401), of(404)].concat();
    assert!((1..REFUSED).contains(&refused.len()), "{} of {REFUSED} are recorded", refused.len());
    for span in refused {
        assert!(hex(&span.trace_id) != SENDERS && span.parent_span_id.is_empty(), "{span:?}");
    }
    let mut proven = of(503);
    proven.sort_by_key(|span| span.start_time_unix_nano);
    assert_eq!(proven.len(), 2, "{proven:?}");
    for (span, scheme) in proven.iter().zip(["http", "https"]) {
        assert_eq!(attribute(span, "url.scheme"), Some(Value::StringValue(scheme.to_owned())));
    }
    let [trace, parent] = [&proven[0].trace_id, &proven[0].parent_span_id].map(|id| hex(id));
    assert_eq!((trace.as_str(), parent.as_str()), (SENDERS, "b7ad6b7169203331"));
    let text = |key| attribute(proven[0], key);
    assert_eq!(text("client.address"), Some(Value::StringValue("127.0.0.1".to_owned())));
    assert_eq!(text("http.route"), Some(Value::StringValue("/in/{source}".to_owned())));
    let began = SystemTime::UNIX_EPOCH + Duration::from_nanos(proven[0].start_time_unix_nano);
    assert!(began < asked_at, "it begins with its request and not with the proof");
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

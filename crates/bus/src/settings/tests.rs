use rdkafka::{ClientConfig, config::FromClientConfig, consumer::BaseConsumer, producer::BaseProducer};

use super::*;

fn settings(security: Option<Security>) -> Settings {
    Settings { security, ..Settings::new(vec!["a:1".into(), "b:2".into()], "okr-router-gateway") }
}

#[track_caller]
fn check(config: &ClientConfig, expected: &[(&str, &str)]) {
    for (key, value) in expected {
        assert_eq!(config.get(key), Some(*value), "{key}");
    }
}

#[test]
fn a_producer_is_idempotent_bounded_and_fits_dead_letters() {
    let settings = Settings { linger: Duration::from_micros(500), ..settings(None) };
    let config = producer(&settings, Duration::from_secs(9)).unwrap();
    check(
        &config,
        &[
            ("bootstrap.servers", "a:1,b:2"),
            ("enable.idempotence", "true"),
            ("acks", "all"),
            ("linger.ms", "0.5"),
            ("message.timeout.ms", "9000"),
            ("message.max.bytes", "16777216"),
            ("queue.buffering.max.kbytes", "65536"),
            ("allow.auto.create.topics", "false"),
        ],
    );
    assert!(BaseProducer::from_config(&config).is_ok(), "librdkafka takes it");
}

#[test]
fn a_consumer_commits_nothing_by_itself_and_has_its_own_client_id() {
    let one = consumer(&settings(None)).unwrap();
    let two = consumer(&settings(None)).unwrap();
    check(&one, &[("enable.auto.commit", "false"), ("enable.auto.offset.store", "false")]);
    // Half a mebibyte at a time, of which a partition gives a quarter: it may unpack to ten times as much.
    check(
        &one,
        &[
            ("fetch.max.bytes", "524288"),
            ("fetch.message.max.bytes", "131072"),
            ("queued.max.messages.kbytes", "4096"),
        ],
    );
    assert_ne!(one.get("client.id"), two.get("client.id"));
    assert!(one.get("client.id").unwrap().starts_with("okr-router-gateway-"));
    assert!(BaseConsumer::<rdkafka::consumer::DefaultConsumerContext>::from_config(&one).is_ok());
}

#[test]
fn every_protocol_and_mechanism_becomes_the_keys_that_librdkafka_takes() {
    for mechanism in [Mechanism::Plain, Mechanism::ScramSha256, Mechanism::ScramSha512] {
        for protocol in [Protocol::SaslPlaintext, Protocol::SaslSsl] {
            let security = Security {
                mechanism: Some(mechanism),
                username: Some("okr".into()),
                password: Some("secret".into()),
                ..Security::new(protocol)
            };
            let config = base(&settings(Some(security))).unwrap();
            check(
                &config,
                &[
                    ("security.protocol", protocol.name()),
                    ("sasl.mechanisms", mechanism.name()),
                    ("sasl.username", "okr"),
                    ("sasl.password", "secret"),
                ],
            );
            assert!(BaseProducer::from_config(&config).is_ok(), "{protocol:?} {mechanism:?}");
        }
    }
}

#[test]
fn tls_without_a_login_names_its_files() {
    let security = Security {
        ca_file: Some("/etc/ca.pem".into()),
        certificate_file: Some("/etc/us.pem".into()),
        key_file: Some("/etc/us.key".into()),
        key_password: Some("open".into()),
        ..Security::new(Protocol::Ssl)
    };
    check(
        &base(&settings(Some(security))).unwrap(),
        &[
            ("security.protocol", "ssl"),
            ("ssl.ca.location", "/etc/ca.pem"),
            ("ssl.certificate.location", "/etc/us.pem"),
            ("ssl.key.location", "/etc/us.key"),
            ("ssl.key.password", "open"),
        ],
    );
}

#[test]
fn a_login_without_a_password_is_refused_before_anything_is_tried() {
    let security = Security { username: Some("okr".into()), ..Security::new(Protocol::SaslSsl) };
    let error = base(&settings(Some(security))).unwrap_err();
    assert!(error.to_string().contains("sasl_ssl needs a mechanism"), "{error}");
}

#[test]
fn secrets_are_not_printed() {
    let security = Security {
        password: Some("hush-1".into()),
        key_password: Some("hush-2".into()),
        ..Security::new(Protocol::SaslSsl)
    };
    assert!(!format!("{:?}", settings(Some(security))).contains("hush"));
}

#[test]
fn names_are_read_in_any_case_and_unknown_ones_are_not() {
    assert_eq!(Protocol::parse("SASL_SSL"), Some(Protocol::SaslSsl));
    assert_eq!(Mechanism::parse("scram-sha-512"), Some(Mechanism::ScramSha512));
    assert_eq!((Protocol::parse("tls"), Mechanism::parse("GSSAPI")), (None, None));
}

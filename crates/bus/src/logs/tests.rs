use super::*;

#[test]
fn the_last_cause_is_kept_until_a_broker_answers() {
    let quiet = Quiet::default();
    let told = |code, reason: &str| quiet.error(KafkaError::Global(code), reason);
    told(
        Code::Authentication,
        "sasl_ssl://b:1/bootstrap: SASL authentication error: nope (after 3ms in state AUTH_REQ)",
    );
    told(Code::AllBrokersDown, "1/1 brokers are down");
    let why = "sasl_ssl://b:1/bootstrap: SASL authentication error: nope".to_owned();
    assert_eq!(quiet.cause(), Some(Cause { code: Code::Authentication, why }));
    quiet.well();
    assert_eq!(quiet.cause(), None);
}

#[test]
fn a_closed_connection_is_a_cause_only_for_want_of_another() {
    let quiet = Quiet::default();
    let closed = |why: &str| quiet.log(RDKafkaLogLevel::Info, "FAIL", why);
    closed(
        "[thrd:b:1/bootstrap]: b:1/bootstrap: Disconnected: connecting to a SSL listener? (after 1ms in state UP)",
    );
    closed("another");
    let why = format!("b:1/bootstrap: Disconnected: connecting to a SSL listener?{WANTS_MORE}");
    assert_eq!(quiet.cause().map(|cause| cause.why), Some(why));
    quiet.error(KafkaError::Global(Code::SSL), "handshake failed");
    closed("another");
    assert_eq!(quiet.cause().map(|cause| cause.code), Some(Code::SSL));
}

#[test]
fn a_handshake_that_fails_at_once_is_still_one_of_tls() {
    let quiet = Quiet::default();
    let why = "ssl://b:1/bootstrap: error:0A000086:SSL routines::certificate verify failed";
    quiet.error(
        KafkaError::Global(Code::BrokerTransportFailure),
        &format!("{why} (after 4ms in state CONNECT)"),
    );
    assert_eq!(quiet.cause(), Some(Cause { code: Code::SSL, why: why.to_owned() }));
    quiet.error(KafkaError::Global(Code::BrokerTransportFailure), "b:1/bootstrap: Connect failed: refused");
    assert_eq!(quiet.cause().map(|cause| cause.code), Some(Code::BrokerTransportFailure));
}

#[test]
fn without_tokens_a_login_by_token_says_so() {
    let error = token(None).err().map(|error| error.to_string());
    assert_eq!(error.as_deref(), Some("no tokens are configured"));
}

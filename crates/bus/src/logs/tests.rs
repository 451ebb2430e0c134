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
fn without_tokens_a_login_by_token_says_so() {
    let error = token(None).err().map(|error| error.to_string());
    assert_eq!(error.as_deref(), Some("no tokens are configured"));
}

//! Values that fit each other, and those that do not.

use boot::{Bytes, Span};

use super::{GatewayConfig, KEYS};

#[track_caller]
fn check(config: GatewayConfig, path: &str) {
    let error = config.check().unwrap_err().to_string();
    assert!(error.starts_with(&format!("`{path}`")), "{error}");
}

#[test]
fn the_defaults_fit_and_leave_a_second_for_the_answer() {
    let config = GatewayConfig::default();
    assert!(config.check().is_ok());
    assert_eq!(config.message_timeout(), std::time::Duration::from_secs(9));
}

#[test]
fn a_permitted_body_can_always_be_produced() {
    let body_max = |bytes| GatewayConfig { body_max: Bytes(bytes), ..GatewayConfig::default() };
    assert!(body_max(2 * 1024 * 1024 - 48 * 1024).check().is_ok());
    check(body_max(2 * 1024 * 1024 - 48 * 1024 + 1), "gateway.body_max");
    check(body_max(u64::MAX), "gateway.body_max");
    check(body_max(0), "gateway.body_max");
    assert_eq!(u64::from(bus::topic("okr.events").unwrap().max_message_bytes), super::RECORD_BYTES_MAX);
    assert_eq!(u64::from(bus::topic("okr.arrivals").unwrap().max_message_bytes), super::RECORD_BYTES_MAX);
}

#[test]
fn nothing_may_be_zero() {
    check(
        GatewayConfig { request_deadline: Span::millis(1999), ..GatewayConfig::default() },
        "gateway.request_deadline",
    );
    check(GatewayConfig { connections_max: 0, ..GatewayConfig::default() }, "gateway.connections_max");
    check(GatewayConfig { headers_max: 0, ..GatewayConfig::default() }, "gateway.headers_max");
    check(
        GatewayConfig { duplicate_entries_max: 0, ..GatewayConfig::default() },
        "gateway.duplicate_entries_max",
    );
}

#[test]
fn the_listed_defaults_are_the_defaults() {
    let listed: String = KEYS
        .iter()
        .filter_map(|key| Some(format!("{} = {}\n", key.path.strip_prefix("gateway.")?, key.default?)))
        .collect();
    let read: GatewayConfig = toml::from_str(&listed).unwrap();
    assert_eq!(format!("{read:?}"), format!("{:?}", GatewayConfig::default()));
}

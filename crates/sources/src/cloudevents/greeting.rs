//! The handshake of CloudEvents webhooks: a sender asks with OPTIONS whether it may deliver here.
//!
//! <https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/http-webhook.md#4-abuse-protection>

use http::{HeaderMap, Method};

use crate::{Greeting, source::RATE_ALLOWED};

/// The longest name that DNS knows.
const ORIGIN_BYTES_MAX: usize = 253;

/// Says yes to exactly the shape that is documented; whether a delivery counts is decided by its verification.
pub(super) fn answer(method: &Method, headers: &HeaderMap) -> Option<Greeting> {
    if method != Method::OPTIONS {
        return None;
    }
    let mut asked = headers.get_all("webhook-request-origin").iter();
    let origin = asked.next()?.to_str().ok()?.trim();
    let named = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':');
    if asked.next().is_some()
        || origin.is_empty()
        || origin.len() > ORIGIN_BYTES_MAX
        || !origin.bytes().all(named)
    {
        return None;
    }
    let mut answer = Greeting {
        status: 200,
        headers: vec![("allow", "POST".to_owned()), ("webhook-allowed-origin", origin.to_owned())],
    };
    if headers.contains_key("webhook-request-rate") {
        // Without a limit of the source.
        answer.headers.push((RATE_ALLOWED, "*".to_owned()));
    }
    Some(answer)
}

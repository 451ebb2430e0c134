//! Trace contexts that are passed on, and those that are not. How one is read is tested where it is read.

use http::HeaderValue;

use super::*;

/// The `traceparent` and `tracestate` of a record of a request with these headers, while nothing is recorded.
fn carried(headers: &[(&'static str, &str)]) -> (Option<String>, Option<String>) {
    let mut all = HeaderMap::new();
    for (name, value) in headers {
        all.append(*name, HeaderValue::from_str(value).unwrap());
    }
    let mut trail = Trail::of(&all);
    let span = trail.enter(&Entry { method: &Method::POST, route: ROUTE, scheme: "http" }, Instant::now());
    assert!(
        span.context().is_none() && trail.send().context().is_none(),
        "a span without anybody who records"
    );
    let mut record = Headers::new();
    trail.push(&mut record, &trail.send());
    let text = |name| record.get_str(name).map(str::to_owned);
    (text(header::TRACEPARENT), text(header::TRACESTATE))
}

const GOOD: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

#[test]
fn a_valid_trace_context_is_passed_on_as_it_is() {
    assert_eq!(carried(&[("traceparent", GOOD)]), (Some(GOOD.into()), None));
    let later = format!("cc{}-what-the-future-will-be-like", &GOOD[2..]);
    assert_eq!(carried(&[("traceparent", &later)]).0, Some(later));
    let states = [("traceparent", GOOD), ("tracestate", "a=1"), ("tracestate", "b=2, c=3")];
    assert_eq!(carried(&states).1.as_deref(), Some("a=1,b=2, c=3"));
}

#[test]
fn any_other_is_not() {
    let none = (None, None);
    assert_eq!(carried(&[]), none);
    assert_eq!(carried(&[("tracestate", "a=1")]), none);
    assert_eq!(carried(&[("traceparent", GOOD), ("traceparent", GOOD)]), none);
    for bad in ["", "x", &GOOD[..54], &GOOD.to_uppercase(), &format!("ff{}", &GOOD[2..])] {
        assert_eq!(carried(&[("traceparent", bad), ("tracestate", "a=1")]), none, "{bad}");
    }
}

#[test]
fn a_state_that_is_long_or_odd_is_let_go() {
    let carried = |state: &str| carried(&[("traceparent", GOOD), ("tracestate", state)]);
    assert_eq!(carried(&"a".repeat(STATE_BYTES_MAX)).1.map(|state| state.len()), Some(STATE_BYTES_MAX));
    for state in [&"a".repeat(STATE_BYTES_MAX + 1), " ", "é=1"] {
        assert_eq!(carried(state), (Some(GOOD.into()), None), "{state}");
    }
}

use super::*;

#[track_caller]
fn span(text: &str, millis: Option<u64>) {
    assert_eq!(text.parse::<Span>().ok(), millis.map(Span::millis), "{text}");
}

#[track_caller]
fn bytes(text: &str, expected: Option<u64>) {
    assert_eq!(text.parse::<Bytes>().ok(), expected.map(Bytes), "{text}");
}

#[track_caller]
fn rate(text: &str, expected: Option<f64>) {
    assert_eq!(text.parse::<Rate>().ok().map(|rate| rate.per_second), expected, "{text}");
}

#[test]
fn a_duration_names_its_unit() {
    span("250ms", Some(250));
    span("10s", Some(10_000));
    span("5m", Some(300_000));
    span("2h", Some(7_200_000));
    span("7d", Some(604_800_000));
    span("1w", Some(604_800_000));
    span("1h30m", Some(5_400_000));
    span(" 1h 30m ", Some(5_400_000));
    span("0s", Some(0));
    for wrong in
        ["", "10", "s", "10 parsecs", "1.5s", "-1s", "10s5", "99999999999999999999s", "9999999999999999w"]
    {
        span(wrong, None);
    }
}

#[test]
fn a_size_may_name_its_unit() {
    bytes("512KiB", Some(524_288));
    bytes("2 MiB", Some(2_097_152));
    bytes("1GB", Some(1_000_000_000));
    bytes("17", Some(17));
    bytes("17B", Some(17));
    for wrong in ["", "KiB", "1.5MiB", "-1", "1 kilobyte", "99999999999GiB"] {
        bytes(wrong, None);
    }
}

#[test]
fn a_rate_is_so_many_in_a_time_or_none() {
    rate("1/s", Some(1.0));
    rate("50 / s", Some(50.0));
    rate("30/m", Some(0.5));
    rate("0.5/s", Some(0.5));
    rate("none", Some(f64::INFINITY));
    for wrong in ["", "1", "/s", "0/s", "-1/s", "NaN/s", "inf/s", "1/week", "1e-300/s"] {
        rate(wrong, None);
    }
    assert_eq!(Rate::per_second(4.0).interval(), Duration::from_millis(250));
    assert_eq!(Rate::NONE.interval(), Duration::ZERO);
}

#[test]
fn what_is_printed_reads_back_as_the_same() {
    for text in ["250ms", "90s", "5m", "36h", "6d", "1w"] {
        assert_eq!(text.parse::<Span>().unwrap().to_string(), text);
    }
    for text in ["17B", "512KiB", "3MiB", "16GiB", "1000001B"] {
        assert_eq!(text.parse::<Bytes>().unwrap().to_string(), text);
    }
    for text in ["1/s", "50/s", "30/m", "1/h", "7/d", "none", "2.5/s"] {
        let rate = text.parse::<Rate>().unwrap();
        assert_eq!(rate.to_string().parse::<Rate>().unwrap(), rate, "{text} printed as {rate}");
    }
    assert_eq!(Span::seconds(0).to_string().parse(), Ok(Span::seconds(0)));
    assert_eq!(Bytes(0).to_string().parse(), Ok(Bytes(0)));
}

#[test]
fn the_error_says_what_would_be_right() {
    let error = "10 parsecs".parse::<Span>().unwrap_err();
    assert_eq!(error.to_string(), "must be a duration such as \"10s\" or \"5m\", not `10 parsecs`");
}

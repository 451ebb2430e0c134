//! Where spans go to, by file and by environment.

use super::*;

fn env(set: &'static [(&'static str, &'static str)]) -> impl Fn(&str) -> Option<String> {
    |name| set.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
}

fn config(endpoint: &str) -> TracesConfig {
    TracesConfig { endpoint: Some(endpoint.to_owned()), ..TracesConfig::default() }
}

#[track_caller]
fn check(config: &TracesConfig, set: &'static [(&'static str, &'static str)], expected: Option<&str>) {
    let target = config.target(&env(set)).unwrap();
    assert_eq!(target.map(|target| target.url.to_string()).as_deref(), expected, "{config:?} {set:?}");
}

#[test]
fn without_an_endpoint_there_are_no_traces() {
    check(&TracesConfig::default(), &[], None);
    check(
        &TracesConfig::default(),
        &[("OTEL_EXPORTER_OTLP_ENDPOINT", " "), ("OTEL_SERVICE_NAME", "x")],
        None,
    );
    check(&config("http://collector:4318"), &[("OTEL_SDK_DISABLED", "TRUE")], None);
}

#[test]
fn a_path_is_added_where_there_is_none() {
    check(&config("http://collector:4318"), &[], Some("http://collector:4318/v1/traces"));
    check(&config("https://collector/"), &[], Some("https://collector/v1/traces"));
    check(&config("https://collector/otlp/v1/traces"), &[], Some("https://collector/otlp/v1/traces"));
}

#[test]
fn the_standard_variables_stand_in_for_the_key() {
    const COMMON: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://common:4318/base");
    const TRACES: (&str, &str) = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://traces:4318/in");
    check(&TracesConfig::default(), &[COMMON], Some("http://common:4318/base/v1/traces"));
    check(&TracesConfig::default(), &[COMMON, TRACES], Some("http://traces:4318/in"));
    check(&config("http://own:4318"), &[COMMON, TRACES], Some("http://own:4318/v1/traces"));
}

#[test]
fn what_cannot_be_posted_to_is_refused_by_name_and_never_quoted() {
    let words = |config: &TracesConfig, set| config.target(&env(set)).unwrap_err().to_string();
    for (endpoint, part) in [
        ("collector:4318", "must begin with"),
        ("grpc://collector:4317", "must begin with"),
        ("http://", "is no URL"),
        ("", "is no URL"),
        ("http://user:t0ken@collector", "must not hold a login"),
    ] {
        let said = words(&config(endpoint), &[]);
        assert!(said.starts_with("`traces.endpoint` ") && said.contains(part), "{endpoint}: {said}");
        assert!(!said.contains("t0ken"), "{said}");
        assert_eq!(config(endpoint).wrong().len(), 1, "{endpoint}");
    }
    let said = words(&TracesConfig::default(), &[("OTEL_EXPORTER_OTLP_ENDPOINT", "nowhere")]);
    assert!(said.starts_with("OTEL_EXPORTER_OTLP_ENDPOINT is no URL"), "{said}");
    let grpc = &[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4317"), ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")];
    let said = words(&TracesConfig::default(), grpc);
    assert!(said.starts_with("OTEL_EXPORTER_OTLP_PROTOCOL asks for a protocol other"), "{said}");
}

#[test]
fn numbers_out_of_range_are_findings() {
    let ratio = |sample_ratio| TracesConfig { sample_ratio, ..TracesConfig::default() }.wrong().len();
    assert_eq!([ratio(0.0), ratio(1.0), ratio(-0.1), ratio(1.1), ratio(f64::NAN)], [0, 0, 1, 1, 1]);
    assert_eq!(TracesConfig { queue_max: 0, ..TracesConfig::default() }.wrong()[0].0, "traces.queue_max");
}

#[test]
fn headers_come_from_both_and_the_file_wins() {
    const SET: &[(&str, &str)] = &[
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "Authorization=Basic%20abc+/=,x-tenant = 7,broken,=x, a=100%"),
    ];
    let headers = |config: &TracesConfig| {
        let target = config.target(&env(SET)).unwrap().unwrap();
        let shown = target.headers.iter().map(|(name, value)| format!("{name}: {}", value.expose()));
        shown.collect::<Vec<_>>()
    };
    let mut config = TracesConfig::default();
    assert_eq!(headers(&config), ["Authorization: Basic abc+/=", "x-tenant: 7", "a: 100%"]);
    config.headers.insert("authorization".into(), SecretRef::from("Bearer t0ken"));
    assert_eq!(headers(&config), ["x-tenant: 7", "a: 100%", "authorization: Bearer t0ken"]);
    config.endpoint = Some("http://own:4318".into());
    assert_eq!(headers(&config), ["authorization: Bearer t0ken"]);
    let shown = format!("{:?}", config.target(&env(SET)).unwrap());
    assert!(!shown.contains("t0ken"), "{shown}");
}

#[test]
fn a_role_says_who_it_is() {
    let named = |set| {
        let resource = resource("gateway", "one", &env(set));
        resource.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>()
    };
    let version = concat!("service.version=", env!("CARGO_PKG_VERSION"));
    assert_eq!(named(&[]), ["service.name=okr-router-gateway", version, "service.instance.id=one"]);
    let set = &[
        ("OTEL_RESOURCE_ATTRIBUTES", "service.name=a,deployment.environment=prod%2Feu"),
        ("OTEL_SERVICE_NAME", "b"),
    ];
    assert_eq!(
        named(set),
        [version, "service.instance.id=one", "deployment.environment=prod/eu", "service.name=b"]
    );
}

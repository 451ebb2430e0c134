//! The whole file, checked as every role does: all sections, no secret.

use boot::{ConfigErrors, Document, Finding, SecretRef};
use serde::de::DeserializeOwned;

use crate::config::Whole;

/// Everything that is wrong in the sections that services read.
pub fn all(whole: &Whole) -> Result<(), ConfigErrors> {
    let document = &whole.document;
    let mut findings = Vec::new();
    addresses(whole, &mut findings);
    gateway_sections(document, &mut findings);
    source_sections(whole, &mut findings);
    destination_sections(document, &mut findings);
    route_sections(document, &mut findings);
    collect(document.section::<notifier::NotifierConfig>("notifier"), &mut findings);
    collect(document.section::<worker::WorkerConfig>("worker"), &mut findings);
    collect(document.section::<outbox::OutboxConfig>("outbox"), &mut findings);
    warehouse_section(document, &mut findings);
    if findings.is_empty() { Ok(()) } else { Err(ConfigErrors(findings)) }
}

fn warehouse_section(document: &Document, findings: &mut Vec<Finding>) {
    let config = collect(document.section::<warehouse::WarehouseConfig>("warehouse"), findings);
    let faults = config.map(|config| config.faults()).unwrap_or_default();
    findings.extend(faults.into_iter().map(|(path, message)| Finding { at: document.at(path), message }));
}

/// Addresses that are written out; of others only their roles know the value.
fn addresses(whole: &Whole, findings: &mut Vec<Finding>) {
    let mut check = |path: &str, wrong: Option<String>| {
        if let Some(wrong) = wrong {
            findings.push(Finding { at: whole.document.at(path), message: format!("`{path}`: {wrong}") });
        }
    };
    if let SecretRef::Literal(url) = whole.shared.store_url() {
        check("store.url", store::check_url(&url).err().map(|error| error.to_string()));
    }
    if let SecretRef::Literal(url) = &whole.shared.registry.url {
        check("registry.url", wire::Registry::check_url(url).err().map(|error| error.to_string()));
    }
}

fn gateway_sections(document: &Document, findings: &mut Vec<Finding>) {
    let mut check = |faults: Vec<gateway::GatewayError>| {
        for error in faults {
            let path = match &error {
                gateway::GatewayError::Config { path, .. } => path.as_str(),
                gateway::GatewayError::Bind { .. } => "gateway.listen",
            };
            findings.push(Finding { at: document.at(path), message: error.to_string() });
        }
    };
    let gateway = document
        .section::<gateway::GatewayConfig>("gateway")
        .map(|config| check(config.check().err().into_iter().collect()));
    let departments = document
        .section::<gateway::DepartmentsConfig>("departments")
        .map(|config| check(config.check().err().unwrap_or_default()));
    collect(gateway, findings);
    collect(departments, findings);
}

fn source_sections(whole: &Whole, findings: &mut Vec<Finding>) {
    let document = &whole.document;
    for (name, config) in named::<sources::SourceConfig>(document, "sources", findings) {
        if let Err(error) = sources::Source::check(&name, &config) {
            findings.push(Finding { at: document.at(&error.path), message: error.to_string() });
        } else if sources::Source::must_learn(&config) && whole.shared.store.seal.is_none() {
            let path = format!("sources.{name}");
            let message = format!(
                "`{path}` brings its secrets itself, and they are kept sealed: write [store] seal = {{ env = \"NAME\" }} \
                 (`openssl rand -base64 32` prints a good key), or give them as `secrets` if you have them"
            );
            findings.push(Finding { at: document.at(&path), message });
        }
    }
}

fn destination_sections(document: &Document, findings: &mut Vec<Finding>) {
    for (name, config) in named::<destinations::DestinationConfig>(document, "destinations", findings) {
        if let Err(error) = destinations::check(&name, &config) {
            findings.push(Finding { at: document.at(&error.path), message: error.to_string() });
        }
    }
}

fn route_sections(document: &Document, findings: &mut Vec<Finding>) {
    let Some(configs) = collect(document.section::<Vec<notifier::RouteConfig>>("routes"), findings) else {
        return;
    };
    if let Err(errors) = notifier::Routes::compile(&configs, &document.names("destinations")) {
        findings.extend(
            errors.iter().map(|error| Finding { at: document.at(&error.path), message: error.to_string() }),
        );
    }
}

/// The tables of a section that can be read; one that cannot does not hide the faults of the others.
fn named<T: DeserializeOwned>(
    document: &Document,
    section: &str,
    findings: &mut Vec<Finding>,
) -> Vec<(String, T)> {
    let read = |name: String| {
        let config = collect(document.entry(section, &name), findings)?;
        Some((name, config))
    };
    document.names(section).into_iter().filter_map(read).collect()
}

fn collect<T>(read: Result<T, ConfigErrors>, findings: &mut Vec<Finding>) -> Option<T> {
    read.map_err(|errors| findings.extend(errors.0)).ok()
}

//! What a new configuration changes in a running role, and what needs a restart. Pure.

use boot::Document;

/// A service that a role runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    Gateway,
    Notifier,
    Warehouse,
}

/// What becomes of a new configuration; keys by their paths, named sections as one.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// In force from now on.
    pub live: Vec<String>,
    /// Not before the next start.
    pub restart: Vec<String>,
}

/// Sections that not every service reads, the longest path first, and whether it exchanges them while it runs. What is
/// not here is read by every role, at its start.
const SECTIONS: &[(&str, &[Service], bool)] = &[
    ("sources", &[Service::Gateway], true),
    ("gateway.tls", &[Service::Gateway], true),
    ("gateway", &[Service::Gateway], false),
    ("departments", &[Service::Gateway], false),
    ("routes", &[Service::Notifier], true),
    ("destinations", &[Service::Notifier], true),
    ("notifier", &[Service::Notifier], true),
    ("worker", &[Service::Notifier, Service::Warehouse], false),
    ("outbox", &[Service::Notifier], false),
    ("warehouse", &[Service::Warehouse], false),
];

/// Compares the new configuration with the one in force, and, for what is read once, with the one of the start: a key
/// that waits for a restart is named again until there is one.
pub fn plan(services: &[Service], started: &Document, current: &Document, new: &Document) -> Change {
    let fates = |before: &Document, is_live: bool| {
        let mut paths: Vec<String> = before
            .differences(new)
            .into_iter()
            .filter(|path| fate(services, path) == Some(is_live))
            .map(|path| shown(&path))
            .collect();
        paths.dedup();
        paths
    };
    Change { live: fates(current, true), restart: fates(started, false) }
}

/// Whether a key counts at once; none if no service of this role reads it.
fn fate(services: &[Service], path: &str) -> Option<bool> {
    match SECTIONS.iter().find(|(section, ..)| is_within(path, section)) {
        Some((_, readers, is_live)) => {
            readers.iter().any(|reader| services.contains(reader)).then_some(*is_live)
        }
        None => Some(false),
    }
}

fn is_within(path: &str, section: &str) -> bool {
    path.strip_prefix(section).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// A source or a destination is named as one; nobody wants to read all of its keys.
fn shown(path: &str) -> String {
    let named = ["sources.", "destinations."].into_iter().find(|section| path.starts_with(section));
    let Some(section) = named else { return path.to_owned() };
    let rest = &path[section.len()..];
    let end = match rest.strip_prefix('"') {
        Some(quoted) => quoted.find('"').map_or(rest.len(), |end| end + 2),
        None => rest.find('.').unwrap_or(rest.len()),
    };
    path[..section.len() + end].to_owned()
}

#[cfg(test)]
mod tests;

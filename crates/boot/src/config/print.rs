//! The merged configuration as TOML, defaults included, secrets left out.

use std::collections::BTreeMap;

use super::spec::Spec;
use super::tree::{Node, Place, Step, Value, quoted, show_path};
use crate::Kind;

/// What stands in place of a secret.
const HIDDEN: &str = "…";

/// The whole tree. Each value that is not from the file says where it is from.
pub(super) fn print(root: &Node, spec: &Spec) -> String {
    let mut printer = Printer { out: String::new(), path: Vec::new(), named: false };
    printer.table(spec, Some(root), None);
    printer.out
}

struct Printer {
    out: String,
    path: Vec<Step>,
    /// Whether a free name or a list item lies on the path: what is absent there stays absent.
    named: bool,
}

impl Printer {
    fn table(&mut self, spec: &Spec, node: Option<&Node>, header: Option<String>) {
        let values = node.and_then(Node::table);
        let mut lines = String::new();
        for (name, child) in leaves(spec, node) {
            let value = values.and_then(|table| table.get(name));
            let (shown, note) = match (value, child.key) {
                (Some(node), key) => (show(node, key.map(|key| key.kind)), note(&node.place)),
                (None, Some(key)) => match key.default {
                    Some(default) => (default.to_owned(), "  # default".to_owned()),
                    None => continue,
                },
                (None, None) => continue,
            };
            lines.push_str(&format!("{} = {shown}{note}\n", quoted(name)));
        }
        // A table that holds only tables is implied by theirs; an empty one, and each item of a list, is not.
        let needed = |header: &String| {
            !lines.is_empty() || header.starts_with("[[") || values.is_some_and(BTreeMap::is_empty)
        };
        if let Some(header) = header.filter(needed) {
            if !self.out.is_empty() {
                self.out.push('\n');
            }
            self.out.push_str(&header);
            self.out.push('\n');
        }
        self.out.push_str(&lines);
        for (name, child) in &spec.children {
            self.step(name, child, values.and_then(|table| table.get(*name)));
        }
        let Some(any) = spec.any.as_deref() else { return };
        let named = std::mem::replace(&mut self.named, true);
        for (name, node) in values.into_iter().flatten().filter(|(name, _)| !spec.is_literal(name)) {
            self.step(name, any, Some(node));
        }
        self.named = named;
    }

    fn step(&mut self, name: &str, spec: &Spec, node: Option<&Node>) {
        // A plain value, printed with the leaves.
        if spec.is_leaf() || node.is_some_and(|node| node.table().is_none() && node.list().is_none()) {
            return;
        }
        if node.is_none() && self.named {
            return;
        }
        self.path.push(Step::Name(name.to_owned()));
        let path = show_path(&self.path);
        match &spec.item {
            Some(item) => {
                let named = std::mem::replace(&mut self.named, true);
                for node in node.and_then(Node::list).into_iter().flatten() {
                    self.table(item, Some(node), Some(format!("[[{path}]]")));
                }
                self.named = named;
            }
            None => self.table(spec, node, Some(format!("[{path}]"))),
        }
        self.path.pop();
    }
}

/// What stands on a line of its own in a table: leaves, free names that are leaves, and tables written as a value.
fn leaves<'a>(spec: &'a Spec, node: Option<&'a Node>) -> Vec<(&'a str, &'a Spec)> {
    let table = node.and_then(Node::table);
    let plain = |name: &str| {
        table
            .and_then(|table| table.get(name))
            .is_some_and(|node| node.table().is_none() && node.list().is_none())
    };
    let known = spec.children.iter().map(|(name, child)| (*name, child));
    let mut leaves: Vec<_> = known.filter(|(name, child)| child.is_leaf() || plain(name)).collect();
    if let Some(any) = spec.any.as_deref().filter(|any| any.is_leaf()) {
        let free = table.into_iter().flatten().filter(|(name, _)| !spec.is_literal(name));
        leaves.extend(free.map(|(name, _)| (name.as_str(), any)));
    }
    leaves
}

fn note(place: &Place) -> String {
    match place {
        Place::File | Place::Line(_) => String::new(),
        Place::Env(_) | Place::Flag(_) => format!("  # {}", place.show("")),
    }
}

fn show(node: &Node, kind: Option<Kind>) -> String {
    to_toml(node, kind).to_string()
}

fn to_toml(node: &Node, kind: Option<Kind>) -> toml::Value {
    match (&node.value, kind) {
        (Value::Text(_), Some(Kind::Secret | Kind::Secrets)) => HIDDEN.into(),
        (Value::Text(text), Some(Kind::TextOrSecret)) => without_secrets(text).into(),
        (Value::Text(text) | Value::Time(text), _) => text.as_str().into(),
        (Value::Integer(number), _) => (*number).into(),
        (Value::Number(number), _) => (*number).into(),
        (Value::Flag(flag), _) => (*flag).into(),
        (Value::List(items), _) => items.iter().map(|item| to_toml(item, kind)).collect::<Vec<_>>().into(),
        (Value::Table(table), _) => {
            let entry =
                |(name, node): (&String, &Node)| (name.clone(), to_toml(node, inner_kind(name, kind)));
            toml::Value::Table(table.iter().map(entry).collect())
        }
    }
}

/// In `{ env = "NAME" }` the name is no secret; in a free table, what is called one is.
fn inner_kind(name: &str, kind: Option<Kind>) -> Option<Kind> {
    match kind {
        Some(Kind::Secret | Kind::Secrets | Kind::TextOrSecret) => None,
        _ if ["secret", "password", "token"].iter().any(|word| name.to_lowercase().contains(word)) => {
            Some(Kind::Secret)
        }
        _ => kind,
    }
}

/// A URL without its password, its query and (for the web, where it may be a token) its path; any other text not at all.
fn without_secrets(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once(':') else { return HIDDEN.to_owned() };
    if scheme == "file" {
        return url.to_owned();
    }
    let Some(rest) = rest.strip_prefix("//") else { return HIDDEN.to_owned() };
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let host = match authority.rsplit_once('@') {
        Some((user, host)) => match user.split_once(':') {
            Some((user, _)) => format!("{user}:{HIDDEN}@{host}"),
            None => format!("{user}@{host}"),
        },
        None => authority.to_owned(),
    };
    let path = match path.split_once(['?', '#']) {
        _ if path.len() > 1 && scheme.starts_with("http") => format!("/{HIDDEN}"),
        Some((path, _)) => format!("{path}?{HIDDEN}"),
        None => path.to_owned(),
    };
    format!("{scheme}://{host}{path}")
}

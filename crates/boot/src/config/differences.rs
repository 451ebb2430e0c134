//! What another configuration says otherwise, key by key. Where it is written and in which order does not matter.

use std::collections::{BTreeMap, BTreeSet};

use super::parse::parse_value;
use super::spec::Spec;
use super::tree::{Node, Place, Step, Value, show_path};

/// The paths at which the two differ. What nobody wrote counts as its default; a list differs as a whole.
pub(super) fn differences(one: &Node, other: &Node, spec: &Spec) -> Vec<String> {
    let mut walk = Walk { path: Vec::new(), found: Vec::new() };
    walk.node(Some(one), Some(other), Some(spec));
    walk.found
}

struct Walk {
    path: Vec<Step>,
    found: Vec<String>,
}

impl Walk {
    fn node(&mut self, one: Option<&Node>, other: Option<&Node>, spec: Option<&Spec>) {
        let tables = [one, other].map(|node| node.and_then(Node::table));
        let is_table = |node: Option<&Node>| node.is_none_or(|node| node.table().is_some());
        let has_names = tables.iter().flatten().any(|table| !table.is_empty());
        if !has_names || !is_table(one) || !is_table(other) {
            // A section without a key says nothing, but a name by itself may mean something.
            let is_section = self.path.len() <= 1 && is_table(one) && is_table(other);
            if !is_section && !same(one, other, spec) {
                self.found.push(show_path(&self.path));
            }
            return;
        }
        let names: BTreeSet<&String> = tables.iter().flatten().flat_map(|table| table.keys()).collect();
        for name in names {
            let [one, other] =
                tables.map(|table: Option<&BTreeMap<_, _>>| table.and_then(|table| table.get(name)));
            self.path.push(Step::Name(name.clone()));
            self.node(one, other, spec.and_then(|spec| spec.child(name)));
            self.path.pop();
        }
    }
}

fn same(one: Option<&Node>, other: Option<&Node>, spec: Option<&Spec>) -> bool {
    let default = || parse_value(spec?.key?.default?, &Place::File);
    let [one, other] = [one, other].map(|node| node.cloned().or_else(default));
    match (one, other) {
        (Some(one), Some(other)) => alike(&one.value, &other.value),
        (one, other) => one.is_none() == other.is_none(),
    }
}

fn alike(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::List(one), Value::List(other)) => {
            one.len() == other.len()
                && one.iter().zip(other).all(|(one, other)| alike(&one.value, &other.value))
        }
        (Value::Table(one), Value::Table(other)) => {
            one.len() == other.len()
                && one
                    .iter()
                    .zip(other)
                    .all(|((name, one), (also, other))| name == also && alike(&one.value, &other.value))
        }
        (one, other) => one == other,
    }
}

//! Every value against the list of keys: unknown keys and wrong kinds, all of them at once.

use crate::{Key, Kind};

use super::kinds::fault;
use super::parse::{Fault, parse_value};
use super::spec::{Spec, nearest};
use super::tree::{Node, Place, Step, Value, show_path};

/// How many known names an error lists before it says "and others".
const NAMES_SHOWN_MAX: usize = 12;

/// Everything in the tree that the keys do not allow.
pub(super) fn check(root: &Node, spec: &Spec) -> Vec<Fault> {
    let mut walk = Walk { path: Vec::new(), faults: Vec::new() };
    walk.node(root, spec);
    walk.faults
}

/// Keys whose own default is not of their kind: a mistake of ours, found by the first test that reads a configuration.
pub(super) fn check_defaults(keys: &[Key]) -> Vec<Fault> {
    let wrong = |key: &Key| {
        let default = key.default?;
        let fault = match parse_value(default, &Place::File) {
            Some(node) => fault(key.kind, &node)?,
            None => "must be written as TOML".to_owned(),
        };
        Some((Place::File, format!("the default of `{}` {fault}", key.path)))
    };
    keys.iter().filter_map(wrong).collect()
}

struct Walk {
    path: Vec<Step>,
    faults: Vec<Fault>,
}

impl Walk {
    fn node(&mut self, node: &Node, spec: &Spec) {
        if spec.is_leaf() {
            if let Some(wrong) = spec.key.and_then(|key| fault(key.kind, node)) {
                self.fault(node, &wrong);
            }
            return;
        }
        match (&node.value, &spec.item) {
            (Value::List(items), Some(item)) => {
                for (index, node) in items.iter().enumerate() {
                    self.path.push(Step::Index(index));
                    self.node(node, item);
                    self.path.pop();
                }
            }
            (_, Some(_)) if spec.children.is_empty() && spec.any.is_none() => {
                let header = show_path(&self.path);
                self.fault(node, &format!("is a list of tables, each of them begins with [[{header}]]"));
            }
            (Value::Table(table), _) => {
                for (name, node) in table {
                    self.path.push(Step::Name(name.clone()));
                    self.child(name, node, spec);
                    self.path.pop();
                }
            }
            // A key that may be a plain value or a table.
            _ if spec.key.is_some_and(|key| key.kind != Kind::Table && fault(key.kind, node).is_none()) => {}
            _ => self.fault(node, &format!("must be a table, not {}", node.what())),
        }
    }

    fn child(&mut self, name: &str, node: &Node, spec: &Spec) {
        let Some(known) = spec.child(name) else { return self.unknown(name, node, spec) };
        // Where names are free but stand for tables, a plain value is more likely a mistyped key.
        let mistyped = !spec.is_literal(name) && !spec.children.is_empty() && !known.is_leaf();
        if mistyped && node.table().is_none() {
            self.unknown(name, node, spec)
        } else {
            self.node(node, known)
        }
    }

    fn unknown(&mut self, name: &str, node: &Node, spec: &Spec) {
        let known = || spec.children.iter().map(|(known, _)| *known);
        let what = if self.path.len() == 1 && node.table().is_some() { "section" } else { "key" };
        let path = show_path(&self.path);
        let hint = match nearest(name, known()) {
            Some(near) => format!(", did you mean `{near}`?"),
            None if known().count() == 0 => String::new(),
            None => {
                let names: Vec<String> =
                    known().take(NAMES_SHOWN_MAX).map(|name| format!("`{name}`")).collect();
                let others = if known().count() > NAMES_SHOWN_MAX { " and others" } else { "" };
                format!("; known here: {}{others}", names.join(", "))
            }
        };
        self.faults.push((node.place.clone(), format!("unknown {what} `{path}`{hint}")));
    }

    fn fault(&mut self, node: &Node, wrong: &str) {
        self.faults.push((node.place.clone(), format!("`{}` {wrong}", show_path(&self.path))));
    }
}

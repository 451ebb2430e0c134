//! The list of keys as a tree, for walking beside the values.

use crate::{Key, Kind};

use super::tree::{Node, Step, Value};

/// What is known of one place in the configuration.
#[derive(Debug, Clone, Default)]
pub(super) struct Spec {
    /// The key that ends here.
    pub(super) key: Option<Key>,
    /// Keys under it, in the order of the list.
    pub(super) children: Vec<(&'static str, Spec)>,
    /// What holds for any other name under it (`*`).
    pub(super) any: Option<Box<Spec>>,
    /// What holds for each item (`[]`).
    pub(super) item: Option<Box<Spec>>,
}

impl Spec {
    pub(super) fn of(keys: &[Key]) -> Self {
        let mut root = Self::default();
        for key in keys {
            let mut spec = &mut root;
            for part in key.path.split('.') {
                let name = part.trim_end_matches("[]");
                spec = spec.child_mut(name);
                for _ in 0..(part.len() - name.len()) / 2 {
                    spec = spec.item.get_or_insert_default();
                }
            }
            spec.key = Some(*key);
        }
        root
    }

    fn child_mut(&mut self, name: &'static str) -> &mut Self {
        if name == "*" {
            return self.any.get_or_insert_default();
        }
        let index = match self.children.iter().position(|(known, _)| *known == name) {
            Some(index) => index,
            None => {
                self.children.push((name, Self::default()));
                self.children.len() - 1
            }
        };
        &mut self.children[index].1
    }

    /// Whether nothing lies under it.
    pub(super) fn is_leaf(&self) -> bool {
        self.children.is_empty() && self.any.is_none() && self.item.is_none()
    }

    /// The kind of a leaf.
    pub(super) fn kind(&self) -> Option<Kind> {
        if self.is_leaf() { self.key.map(|key| key.kind) } else { None }
    }

    pub(super) fn child(&self, name: &str) -> Option<&Self> {
        let literal = self.children.iter().find(|(known, _)| *known == name).map(|(_, spec)| spec);
        literal.or(self.any.as_deref())
    }

    pub(super) fn is_literal(&self, name: &str) -> bool {
        self.children.iter().any(|(known, _)| *known == name)
    }

    /// Calls `visit` for each leaf that `node` has a value for, with its path.
    pub(super) fn each_leaf<'n>(
        &self,
        node: &'n Node,
        path: &mut Vec<Step>,
        visit: &mut dyn FnMut(Kind, &'n Node, &[Step]),
    ) {
        if let Some(kind) = self.kind() {
            return visit(kind, node, path);
        }
        let steps: Vec<(Step, &Node, Option<&Self>)> = match &node.value {
            Value::Table(table) => {
                table.iter().map(|(name, node)| (Step::Name(name.clone()), node, self.child(name))).collect()
            }
            Value::List(list) => list
                .iter()
                .enumerate()
                .map(|(at, node)| (Step::Index(at), node, self.item.as_deref()))
                .collect(),
            _ => Vec::new(),
        };
        for (step, node, spec) in steps {
            let Some(spec) = spec else { continue };
            path.push(step);
            spec.each_leaf(node, path, visit);
            path.pop();
        }
    }
}

/// The known name that a mistyped one most likely means.
pub(super) fn nearest<'k>(name: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    let folded = fold(name);
    let allowed = name.chars().count().div_ceil(3).max(1);
    known
        .map(|known| (strsim::damerau_levenshtein(&folded, &fold(known)), known))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

/// A name as the environment can spell it: `sales-slack`, `SALES_SLACK` and `SalesSlack` are one.
pub(super) fn fold(name: &str) -> String {
    name.chars().filter(|c| *c != '-' && *c != '_').flat_map(char::to_lowercase).collect()
}

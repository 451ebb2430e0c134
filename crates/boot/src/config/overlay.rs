//! What the environment and the command line say, laid over the file.

use crate::Kind;

use super::kinds::fault;
use super::parse::{Fault, parse_value};
use super::spec::{Spec, fold};
use super::tree::{Node, Place, Step, Value, read_path, show_path};

/// What a variable must begin with to be ours.
pub(super) const PREFIX: &str = "OKR_ROUTER__";

/// Lays environment variables over the tree. Those without the prefix are not ours.
pub(super) fn lay_env(root: &mut Node, spec: &Spec, env: &[(String, String)]) -> Vec<Fault> {
    let mut ours: Vec<_> =
        env.iter().filter_map(|(name, raw)| Some((name, name.strip_prefix(PREFIX)?, raw))).collect();
    ours.sort();
    let mut faults = Vec::new();
    for (name, rest, raw) in ours {
        let steps: Vec<Step> = rest.split("__").map(|part| Step::Name(part.to_lowercase())).collect();
        faults.extend(lay(root, spec, &steps, raw, Place::Env(name.as_str().into())));
    }
    faults
}

/// Lays flags, `(dotted path, value)`, over the tree.
pub(super) fn lay_flags(root: &mut Node, spec: &Spec, flags: &[(String, String)]) -> Vec<Fault> {
    let lay = |(path, raw): &(String, String)| {
        lay(root, spec, &read_path(path), raw, Place::Flag(path.as_str().into()))
    };
    flags.iter().filter_map(lay).collect()
}

fn lay(root: &mut Node, spec: &Spec, steps: &[Step], raw: &str, place: Place) -> Option<Fault> {
    let (path, kind, rest) = resolve(root, spec, steps);
    let node = match rest {
        // `…__URL__ENV = "NAME"` is `url = { env = "NAME" }`.
        Some(field) => {
            let mut table = Node::empty_table(place.clone());
            // An empty table takes any name, so this cannot be refused.
            table.set(&[field], Node::text(raw, place.clone())).ok()?;
            if kind == Some(Kind::Secrets) {
                Node::new(Value::List(vec![table]), place.clone())
            } else {
                table
            }
        }
        None => read(kind, raw, &place),
    };
    let length = root.set(&path, node).err()?;
    let obstacle = show_path(&path[..length]);
    Some((place, format!("cannot set `{}`: `{obstacle}` does not hold it", show_path(&path))))
}

/// Finds the names that are meant. Whatever is unknown is kept as it is, for the check to refuse by name.
fn resolve(root: &Node, spec: &Spec, steps: &[Step]) -> (Vec<Step>, Option<Kind>, Option<Step>) {
    let mut path = Vec::new();
    let (mut spec, mut node) = (Some(spec), Some(root));
    for (at, step) in steps.iter().enumerate() {
        let kind = spec.and_then(Spec::kind);
        if at + 1 == steps.len() && kind.is_some_and(Kind::is_secret) {
            return (path, kind, Some(step.clone()));
        }
        let found = meant(step, spec, node);
        spec = spec.and_then(|spec| match &found {
            Step::Name(name) => spec.child(name),
            Step::Index(_) => spec.item.as_deref(),
        });
        node = node.and_then(|node| node.step(&found));
        path.push(found);
    }
    (path, spec.and_then(Spec::kind), None)
}

fn meant(step: &Step, spec: Option<&Spec>, node: Option<&Node>) -> Step {
    let Step::Name(given) = step else { return step.clone() };
    if let (true, Ok(index)) = (spec.is_some_and(|spec| spec.item.is_some()), given.parse()) {
        return Step::Index(index);
    }
    let known = spec.into_iter().flat_map(|spec| spec.children.iter().map(|(name, _)| *name));
    let present = node.and_then(Node::table).into_iter().flatten().map(|(name, _)| name.as_str());
    let folded = fold(given);
    let same = known.chain(present).find(|name| fold(name) == folded);
    Step::Name(same.unwrap_or(given).to_owned())
}

/// Reads a value as TOML if that is of the right kind, else as the bare text; lists may be a bare `a,b`.
fn read(kind: Option<Kind>, raw: &str, place: &Place) -> Node {
    let parsed = parse_value(raw, place);
    let bare = || Node::text(raw, place.clone());
    let Some(kind) = kind else { return parsed.unwrap_or_else(bare) };
    let fits = |node: &Node| fault(kind, node).is_none();
    if let Some(node) = parsed.as_ref().filter(|node| fits(node)) {
        return node.clone();
    }
    let listed = match kind {
        Kind::TextList => {
            let items = raw.split(',').map(str::trim).filter(|item| !item.is_empty());
            Some(items.map(|item| Node::text(item, place.clone())).collect())
        }
        Kind::Secrets => Some(vec![parsed.clone().unwrap_or_else(bare)]),
        Kind::Integers => {
            parse_value(&format!("[{raw}]"), place).and_then(|node| Some(node.list()?.to_vec()))
        }
        _ => None,
    };
    let listed = listed.map(|items| Node::new(Value::List(items), place.clone()));
    let bare = bare();
    listed.filter(fits).or_else(|| Some(bare.clone()).filter(fits)).or(parsed).unwrap_or(bare)
}

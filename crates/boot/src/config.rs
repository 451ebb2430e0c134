//! The merged configuration: the file, over it the environment, over it the command line.

mod check;
mod differences;
mod kinds;
mod overlay;
mod parse;
mod print;
mod schema;
mod section;
mod spec;
mod tree;

use std::fmt;

use serde::de::DeserializeOwned;

pub use self::schema::{schema, table};
use self::section::Reader;
use self::spec::Spec;
use self::tree::{Node, Place, Value, quoted, read_path, show_path};
use crate::{Key, UNBUILT};

/// The merged and checked configuration. It remembers where each value was written.
///
/// Paths are dotted (`gateway.listen`, `routes[0].when`); the empty path is the whole.
#[derive(Clone)]
pub struct Document {
    root: Node,
    spec: Spec,
    origin: String,
}

/// One thing that is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// `okr-router.toml:12`, `environment OKR_ROUTER__…` or `command line gateway.listen`.
    pub at: String,
    /// What is wrong, and what would be right.
    pub message: String,
}

/// Everything that is wrong, in the order of the file, then the environment, then the command line.
/// Shown one finding a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigErrors(pub Vec<Finding>);

impl ConfigErrors {
    /// One finding at a place that [`Document::at`] gave.
    pub fn one(at: impl Into<String>, message: impl Into<String>) -> Self {
        Self(vec![Finding { at: at.into(), message: message.into() }])
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.at, self.message)
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.0.iter().map(Finding::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

impl std::error::Error for ConfigErrors {}

impl Document {
    /// Reads, merges and checks.
    ///
    /// `origin` is what errors call the file. Of `env` only names that begin with `OKR_ROUTER__` count; double
    /// underscores nest, case does not matter, and `_` also stands for `-` in names that the file has. `flags` are
    /// `(dotted path, value)`. Values of both are TOML, or else bare text. `keys` is all that may occur.
    pub fn read(
        text: &str,
        origin: &str,
        env: &[(String, String)],
        flags: &[(String, String)],
        keys: &[Key],
    ) -> Result<Self, ConfigErrors> {
        let spec = Spec::of(keys);
        let refuse = |mut faults: Vec<parse::Fault>| {
            faults.sort_by(|one, other| one.0.cmp(&other.0));
            let finding = |(place, message): (Place, String)| Finding { at: place.show(origin), message };
            ConfigErrors(faults.into_iter().map(finding).collect())
        };
        let mut root = parse::parse_file(text).map_err(refuse)?;
        let mut faults = check::check_defaults(keys);
        faults.extend(overlay::lay_env(&mut root, &spec, env));
        faults.extend(overlay::lay_flags(&mut root, &spec, flags));
        faults.extend(check::check(&root, &spec));
        if faults.is_empty() {
            Ok(Self { root, spec, origin: origin.to_owned() })
        } else {
            Err(refuse(faults))
        }
    }

    /// Reads the value at a path through serde. What is absent reads as an empty table (or list, or `None`), so that
    /// serde's defaults apply; errors name the key and where it was written.
    pub fn section<T: DeserializeOwned>(&self, path: &str) -> Result<T, ConfigErrors> {
        let steps = read_path(path);
        let reader = Reader { node: self.root.get(&steps), path: steps };
        T::deserialize(reader).map_err(|error| {
            let (place, path) = error.at.unwrap_or_default();
            let at = place.unwrap_or(Place::File).show(&self.origin);
            let path = show_path(&path);
            let message = error.message;
            ConfigErrors::one(at, if path.is_empty() { message } else { format!("`{path}`: {message}") })
        })
    }

    /// Reads one table of those that a section holds by name; the name may have dots.
    pub fn entry<T: DeserializeOwned>(&self, section: &str, name: &str) -> Result<T, ConfigErrors> {
        self.section(&format!("{section}.{}", quoted(name)))
    }

    /// Whether somebody wrote a value there.
    pub fn has(&self, path: &str) -> bool {
        self.root.get(&read_path(path)).is_some()
    }

    /// The line of the file where the value was written, counted from 1.
    pub fn line(&self, path: &str) -> Option<usize> {
        match self.root.get(&read_path(path))?.place {
            Place::Line(line) => Some(line),
            _ => None,
        }
    }

    /// Where the value was written, in words: `okr-router.toml:12`, `environment OKR_ROUTER__…`. For what nobody wrote
    /// it is the place of the table that lacks it; the file alone if that is missing too.
    pub fn at(&self, path: &str) -> String {
        let steps = read_path(path);
        let above = (1..=steps.len()).rev().find_map(|length| self.root.get(&steps[..length]));
        above.map_or(&Place::File, |node| &node.place).show(&self.origin)
    }

    /// Whether the environment or the command line says anything beside the file.
    pub fn is_overlaid(&self) -> bool {
        self.root.is_overlaid()
    }

    /// The names in the table at a path, sorted: the configured sources, destinations, departments.
    pub fn names(&self, path: &str) -> Vec<String> {
        let node = self.root.get(&read_path(path));
        node.and_then(Node::table).into_iter().flatten().map(|(name, _)| name.clone()).collect()
    }

    /// The keys at which another configuration says otherwise, sorted, whatever its file looks like. A key that is left
    /// out says its default; a list differs as a whole. Values are not told: they may be secrets.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        differences::differences(&self.root, &other.root, &self.spec)
    }

    /// Paths of secrets (and of texts that may be kept like one) that are written into the configuration itself.
    pub fn literals(&self) -> Vec<String> {
        let mut found = Vec::new();
        self.spec.each_leaf(&self.root, &mut Vec::new(), &mut |kind, node, path| {
            let mut note = |node: &Node, suffix: &str| {
                if matches!(node.value, Value::Text(_)) {
                    found.push(format!("{}{suffix}", show_path(path)));
                }
            };
            match node.list() {
                _ if !kind.is_secret() => {}
                Some(items) => items.iter().enumerate().for_each(|(at, item)| note(item, &format!("[{at}]"))),
                None => note(node, ""),
            }
        });
        found
    }

    /// Sections in use whose room is not built yet; the role warns once for each.
    pub fn unbuilt(&self) -> Vec<&'static str> {
        UNBUILT.iter().map(|(section, _)| *section).filter(|section| self.has(section)).collect()
    }

    /// The merged configuration as TOML: every default is shown and marked, what comes from the environment or the
    /// command line says so, and secrets are shown as their place or as "…".
    pub fn print(&self) -> String {
        print::print(&self.root, &self.spec)
    }
}

impl fmt::Debug for Document {
    /// Only the origin: the tree may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Document").field("origin", &self.origin).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;

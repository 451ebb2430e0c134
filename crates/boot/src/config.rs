//! The merged configuration: file, then environment, then flags.

use serde::de::DeserializeOwned;

use crate::Key;

/// The merged configuration. It remembers where each value came from.
#[derive(Clone, Debug)]
pub struct Document;

/// One thing that is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// `okr-router.toml:12`, `environment OKR_ROUTER__…` or `flag --…`.
    pub at: String,
    /// What is wrong and what would be right.
    pub message: String,
}

/// Everything that is wrong, in the order of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigErrors(pub Vec<Finding>);

impl std::fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.0)
    }
}
impl std::error::Error for ConfigErrors {}

impl Document {
    /// Reads, merges and checks.
    pub fn read(
        _text: &str,
        _origin: &str,
        _env: &[(String, String)],
        _flags: &[(String, String)],
        _keys: &[Key],
    ) -> Result<Self, ConfigErrors> {
        todo!()
    }
    /// One section as a struct.
    pub fn section<T: DeserializeOwned>(&self, _path: &str) -> Result<T, ConfigErrors> {
        todo!()
    }
    /// Whether a value was given.
    pub fn has(&self, _path: &str) -> bool {
        todo!()
    }
    /// Line in the file.
    pub fn line(&self, _path: &str) -> Option<usize> {
        todo!()
    }
    /// Where a value came from.
    pub fn at(&self, _path: &str) -> String {
        todo!()
    }
    /// Names in a table, or indexes of a list.
    pub fn names(&self, _path: &str) -> Vec<String> {
        todo!()
    }
    /// Literal secrets.
    pub fn literals(&self) -> Vec<String> {
        todo!()
    }
    /// Sections in use whose room is not built.
    pub fn unbuilt(&self) -> Vec<&'static str> {
        todo!()
    }
    /// The merged TOML.
    pub fn print(&self) -> String {
        todo!()
    }
}
/// JSON Schema.
pub fn schema(_keys: &[Key]) -> serde_json::Value {
    todo!()
}
/// Markdown table.
pub fn table(_keys: &[Key]) -> String {
    todo!()
}

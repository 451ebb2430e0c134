//! Whose event it is: from a tool's text to a department's canonical name and the range of its partitions.

use std::collections::HashMap;

/// The name of the range of everything unknown.
pub const OTHERS: &str = "others";

/// One configured department.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Department {
    /// The canonical name: the key of its section in the config.
    pub name: String,
    /// Other texts that mean it.
    pub aliases: Vec<String>,
}

/// Two departments claim the same text, compared trimmed and without regard to case.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("departments `{first}` and `{second}` both claim the text `{text}`")]
pub struct AmbiguousDepartment {
    /// The text as the second one writes it.
    pub text: String,
    /// The department that had it first.
    pub first: String,
    /// The department that claims it as well.
    pub second: String,
}

/// All configured departments, looked up by any of their texts.
#[derive(Debug, Clone, Default)]
pub struct Departments {
    names: HashMap<String, String>,
}

/// What became of a tool's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved<'a> {
    /// The canonical name where it is known, else the tool's text (trimmed), else nothing.
    pub department: Option<String>,
    /// The name of the range whose partitions hold it: a department's name, or [`OTHERS`].
    pub range: &'a str,
}

impl Departments {
    /// Takes the configured departments; the same text may not mean two of them.
    pub fn new(departments: Vec<Department>) -> Result<Self, AmbiguousDepartment> {
        let mut names: HashMap<String, String> = HashMap::new();
        for department in departments {
            for text in std::iter::once(&department.name).chain(&department.aliases) {
                match names.insert(fold(text), department.name.clone()) {
                    Some(first) if first != department.name => {
                        let (text, second) = (text.clone(), department.name);
                        return Err(AmbiguousDepartment { text, first, second });
                    }
                    _ => {}
                }
            }
        }
        Ok(Self { names })
    }

    /// Finds the department that a tool's text means. Spaces around it and its case do not count; text of spaces
    /// alone is no text.
    pub fn resolve(&self, text: Option<&str>) -> Resolved<'_> {
        let text = text.map(str::trim).filter(|text| !text.is_empty());
        match text.and_then(|text| self.names.get(&fold(text))) {
            Some(name) => Resolved { department: Some(name.clone()), range: name },
            None => Resolved { department: text.map(str::to_owned), range: OTHERS },
        }
    }
}

/// One form for all spellings that differ in case alone. Through upper case, so that ß meets SS and ς meets σ.
fn fold(text: &str) -> String {
    text.trim().chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests;

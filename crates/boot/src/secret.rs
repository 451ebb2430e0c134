//! Secrets: where they are kept, and how they are held without being shown.

use std::fmt;
use std::path::PathBuf;

use serde::Deserialize;
use subtle::ConstantTimeEq;

/// Where a secret is to be found: `{ env = "NAME" }`, `{ file = "/run/secrets/name" }`, or the text itself.
///
/// Its `Debug` names the place and never shows a literal.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged, expecting = "a text, { env = \"NAME\" } or { file = \"PATH\" }")]
pub enum SecretRef {
    /// The environment variable that holds it.
    Env {
        /// Name of the variable.
        env: String,
    },
    /// The file that holds it; a newline at its end does not belong to the secret.
    File {
        /// Path of the file, relative to the working folder.
        file: PathBuf,
    },
    /// The secret itself, written into the configuration.
    Literal(String),
}

impl SecretRef {
    /// Fetches the secret.
    ///
    /// Fails if the variable or file is missing, unreadable, not UTF-8 or blank; the message names it and says what to do.
    pub fn resolve(&self) -> Result<Secret, SecretError> {
        let (text, place) = match self {
            Self::Env { env } => match std::env::var(env) {
                Ok(text) => (text, format!("the environment variable {env}")),
                Err(std::env::VarError::NotPresent) => return Err(SecretError::EnvMissing(env.clone())),
                Err(std::env::VarError::NotUnicode(_)) => {
                    return Err(SecretError::NotText(format!("the environment variable {env}")));
                }
            },
            Self::File { file } => {
                let place = format!("the file {}", file.display());
                let bytes = std::fs::read(file)
                    .map_err(|error| SecretError::FileUnreadable { file: file.clone(), error })?;
                let text = String::from_utf8(bytes).map_err(|_| SecretError::NotText(place.clone()))?;
                (text.trim_end_matches(['\r', '\n']).to_owned(), place)
            }
            Self::Literal(text) => (text.clone(), "the configuration".to_owned()),
        };
        // Blanks alone are a mistake in filling it in, and as a key they would be guessed at once.
        if text.trim().is_empty() {
            return Err(SecretError::Empty(place));
        }
        Ok(Secret(text))
    }

    /// Whether the secret is written in the configuration itself.
    pub fn is_literal(&self) -> bool {
        matches!(self, Self::Literal(_))
    }
}

impl From<&str> for SecretRef {
    fn from(text: &str) -> Self {
        Self::Literal(text.to_owned())
    }
}

impl fmt::Debug for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env { env } => write!(f, "{{ env = {env:?} }}"),
            Self::File { file } => write!(f, "{{ file = {file:?} }}"),
            Self::Literal(_) => f.write_str("Literal(…)"),
        }
    }
}

/// A secret in memory. It has no `Display`, and its `Debug` is `Secret(…)`. How long a comparison takes says nothing of
/// what is in it, but its length.
#[derive(Clone, Eq)]
pub struct Secret(String);

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl Secret {
    /// Wraps a secret that is already at hand.
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The secret itself; call it at the last moment, and never into a log or an error.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// A secret that could not be had. No message carries the secret or a part of it.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The variable is not set.
    #[error("the environment variable {0} is not set; set it to the secret before the start")]
    EnvMissing(String),
    /// The file cannot be read.
    #[error("cannot read the secret file {}: {error}; create it, or correct `file = …`", file.display())]
    FileUnreadable {
        /// The file as the configuration names it.
        file: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// It is there but has no characters.
    #[error("{0} holds an empty secret; fill it in")]
    Empty(String),
    /// It is not UTF-8.
    #[error("{0} does not hold UTF-8 text")]
    NotText(String),
}

impl SecretError {
    /// A stable label for metrics and tests.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::EnvMissing(_) => "env_missing",
            Self::FileUnreadable { .. } => "file_unreadable",
            Self::Empty(_) => "empty",
            Self::NotText(_) => "not_text",
        }
    }
}

#[cfg(test)]
mod tests;

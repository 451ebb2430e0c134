//! What `store.url` may say.

use std::path::PathBuf;

use crate::StoreError;

/// Whether `store.url` may say this; nothing is opened.
///
/// # Errors
/// It is neither `file:PATH` nor `postgres://…`; the error shows it without a password.
pub fn check_url(url: &str) -> Result<(), StoreError> {
    Address::parse(url).map(|_| ())
}

/// Where state lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Address {
    File(PathBuf),
    Postgres(String),
}

impl Address {
    /// Reads `file:PATH` (relative to the working directory) or `postgres://…`. A password is never part of an error.
    pub(crate) fn parse(url: &str) -> Result<Self, StoreError> {
        if let Some(path) = url.strip_prefix("file:") {
            let path = path.strip_prefix("//").filter(|rest| rest.starts_with('/')).unwrap_or(path);
            if path.is_empty() || path.ends_with('/') {
                return Err(StoreError::Url(url.to_owned()));
            }
            return Ok(Self::File(PathBuf::from(path)));
        }
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Ok(Self::Postgres(url.to_owned()));
        }
        Err(StoreError::Url(without_credentials(url)))
    }
}

fn without_credentials(url: &str) -> String {
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, rest))) => format!("{scheme}://…@{rest}"),
        _ => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(url: &str, expected: Option<Address>) {
        assert_eq!(Address::parse(url).ok(), expected, "{url}");
    }

    #[test]
    fn a_url_is_a_file_or_postgres_and_nothing_else() {
        check("file:okr/state.db", Some(Address::File("okr/state.db".into())));
        check("file:/var/state.db", Some(Address::File("/var/state.db".into())));
        check("file:///var/state.db", Some(Address::File("/var/state.db".into())));
        check("postgres://me@host/db", Some(Address::Postgres("postgres://me@host/db".into())));
        check("postgresql://host/db", Some(Address::Postgres("postgresql://host/db".into())));
        check("file:", None);
        check("file:folder/", None);
        check("mysql://host/db", None);
        check("state.db", None);
    }

    #[test]
    fn a_refused_url_is_shown_without_its_password() {
        let error = Address::parse("mysql://me:secret@host/db").unwrap_err().to_string();
        assert!(!error.contains("secret"), "{error}");
        assert!(error.contains("mysql://…@host/db") && error.contains("postgres://"), "{error}");
    }
}

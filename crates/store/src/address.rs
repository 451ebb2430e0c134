//! What `store.url` may say.

use std::path::PathBuf;

use crate::StoreError;

/// Whether `store.url` may say this; nothing is opened.
///
/// # Errors
/// It is neither `file:PATH` nor `postgres://…`; the error shows no more of it than its scheme.
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
    /// Reads `file:PATH` (relative to the working directory) or `postgres://…`. Errors show no more than the
    /// scheme.
    pub(crate) fn parse(url: &str) -> Result<Self, StoreError> {
        if let Some(path) = url.strip_prefix("file:") {
            let path = path.strip_prefix("//").filter(|rest| rest.starts_with('/')).unwrap_or(path);
            if path.is_empty() || path.ends_with('/') {
                return Err(StoreError::Url(scheme(url)));
            }
            return Ok(Self::File(PathBuf::from(path)));
        }
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Ok(Self::Postgres(url.to_owned()));
        }
        Err(StoreError::Url(scheme(url)))
    }
}

/// The word before `://`, or nothing: what is not understood may hold a password anywhere else.
fn scheme(url: &str) -> String {
    let scheme = url.split_once("://").map_or("", |(scheme, _)| scheme);
    if scheme.bytes().all(|byte| byte.is_ascii_lowercase()) { scheme.to_owned() } else { String::new() }
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

    #[track_caller]
    fn check_refused(url: &str, scheme: Option<&str>) {
        let error = Address::parse(url).unwrap_err().to_string();
        let shown = scheme.map_or("store.url is not understood".to_owned(), |scheme| {
            format!("store.url of scheme `{scheme}` is not understood")
        });
        assert!(error.starts_with(&format!("{shown}: write `file:PATH`")), "{error}");
        assert!(error.contains("`postgres://user@host/database`") && !error.contains("hunter2"), "{error}");
    }

    #[test]
    fn of_a_refused_url_no_more_than_its_scheme_is_shown() {
        check_refused("mysql://okr:hunter2@db/okr", Some("mysql"));
        check_refused("mysql://db/okr?password=hunter2", Some("mysql"));
        check_refused("host=db user=okr password=hunter2 dbname=okr", None);
        check_refused("postgres:/okr:hunter2@db/okr", None);
        check_refused("okr:hunter2@db/okr", None);
        check_refused("okr:hunter2://db/okr", None);
        check_refused("hunter2", None);
        check_refused("file://okr:hunter2@db/", Some("file"));
        check_refused(" postgres://okr:hunter2@db/okr", None);
        check_refused("", None);
    }
}

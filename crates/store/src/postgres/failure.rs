//! Postgres' errors, cut by what a caller can do.

use std::error::Error;
use std::str::Utf8Error;

use deadpool_postgres::{HookError, PoolError, TimeoutType};
use outbox::QueueError;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{WasNull, WrongType};

use super::tls;

/// What went wrong with one statement.
#[derive(Debug)]
pub enum Failure {
    /// Surely taken back, and may succeed at once: a deadlock, a serialization failure, a lock that took too long.
    Again(String),
    /// Passing; what was asked may have been done.
    Unavailable(String),
    /// What was given cannot be kept as it is: surely taken back, and other values may succeed. The constraint, where
    /// it is one that refused.
    Refused { words: String, constraint: Option<String> },
    /// Waiting does not mend it.
    Broken(String),
}

impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Self {
        let words = words(&error);
        match error.code() {
            Some(code) if again(code) => Self::Again(words),
            Some(code) if passing(code) => Self::Unavailable(words),
            Some(code) if refused(code) => {
                let constraint = error.as_db_error().and_then(|refusal| refusal.constraint());
                Self::Refused { words, constraint: constraint.map(str::to_owned) }
            }
            Some(_) => Self::Broken(words),
            None if error.source().is_some_and(is_unreadable) => Self::Broken(words),
            // No answer of the server at all: the connection is gone, or was never there.
            None => match tls::remedy(&words) {
                Some((remedy, true)) => Self::Broken(format!("{words}: {remedy}")),
                Some((remedy, false)) => Self::Unavailable(format!("{words}: {remedy}")),
                None => Self::Unavailable(words),
            },
        }
    }
}

impl From<PoolError> for Failure {
    fn from(error: PoolError) -> Self {
        match error {
            // What the connection was prepared with may be refused as anything else.
            PoolError::Backend(error) | PoolError::PostCreateHook(HookError::Backend(error)) => error.into(),
            PoolError::Timeout(TimeoutType::Wait) => {
                Self::Unavailable("all connections are in use".to_owned())
            }
            other => Self::Unavailable(other.to_string()),
        }
    }
}

impl From<QueueError> for Failure {
    fn from(error: QueueError) -> Self {
        match error {
            QueueError::Unavailable(words) => Self::Unavailable(words),
            QueueError::Broken(words) => Self::Broken(words),
        }
    }
}

impl From<Failure> for QueueError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Again(words) | Failure::Unavailable(words) => Self::Unavailable(words),
            Failure::Refused { words, .. } | Failure::Broken(words) => Self::Broken(words),
        }
    }
}

/// A column holds what no program of ours has put there; for implementations of `FromSql`.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unreadable(pub String);

/// Whether the answer was there, and nothing that could be read: asking again brings the same.
fn is_unreadable(source: &(dyn Error + 'static)) -> bool {
    source.is::<WrongType>()
        || source.is::<WasNull>()
        || source.is::<Utf8Error>()
        || source.is::<Unreadable>()
}

fn again(code: &SqlState) -> bool {
    let codes =
        [SqlState::T_R_SERIALIZATION_FAILURE, SqlState::T_R_DEADLOCK_DETECTED, SqlState::LOCK_NOT_AVAILABLE];
    codes.contains(code)
}

/// By the class, the first two characters of the code (<https://www.postgresql.org/docs/current/errcodes-appendix.html>).
fn passing(code: &SqlState) -> bool {
    match code.code() {
        // A corrupted system: class 58 is the operating system's, XX our or Postgres' own.
        "58P01" | "58P02" => false,
        // A standby after a fail-over, an aborted or timed out transaction, a lock.
        "25006" | "25P02" | "25P03" | "25P04" | "55P03" | "55006" => true,
        // A database that is just being made or dropped under us is not; a server that is shut down or full is.
        "57P04" => false,
        code => ["08", "40", "53", "57", "58"].iter().any(|class| code.starts_with(class)),
    }
}

/// Data exceptions, integrity constraints, and a row that no page or index entry can hold. Not those that every row would
/// meet: a database in another encoding, our own misuse of the binary form, a column of somebody's that must not be null.
fn refused(code: &SqlState) -> bool {
    if ["22P03", "22P04", "22P05", "23502"].contains(&code.code()) {
        return false;
    }
    ["22", "23"].iter().any(|class| code.code().starts_with(class))
        || *code == SqlState::PROGRAM_LIMIT_EXCEEDED
}

/// The server's message with its code; what statements were given is never in it.
fn words(error: &tokio_postgres::Error) -> String {
    match (error.as_db_error(), error.source()) {
        (Some(refusal), _) => format!("{} ({})", refusal.message(), refusal.code().code()),
        (None, Some(source)) => format!("{error}: {source}"),
        (None, None) => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(code: &str, expected: bool) {
        assert_eq!(passing(&SqlState::from_code(code)), expected, "{code}");
    }

    #[track_caller]
    fn check_refused(code: &str, expected: bool) {
        assert_eq!(refused(&SqlState::from_code(code)), expected, "{code}");
    }

    #[test]
    fn only_what_was_given_is_refused_and_never_for_the_servers_own_trouble() {
        check_refused("22008", true); // datetime_field_overflow
        check_refused("22021", true); // character_not_in_repertoire
        check_refused("23505", true); // unique_violation
        check_refused("23514", true); // check_violation
        check_refused("54000", true); // program_limit_exceeded: an index row is too large
        check_refused("54001", false); // statement_too_complex
        check_refused("22P03", false); // invalid_binary_representation
        check_refused("22P04", false); // bad_copy_file_format
        check_refused("22P05", false); // untranslatable_character
        check_refused("23502", false); // not_null_violation
        check_refused("53100", false); // disk_full
        check_refused("40P01", false); // deadlock_detected
        check_refused("57P01", false); // admin_shutdown
        check_refused("25006", false); // read_only_sql_transaction
        check_refused("42703", false); // undefined_column
        check_refused("XX001", false); // data_corrupted
    }

    #[test]
    fn a_restart_a_full_disk_and_a_deadlock_pass_and_a_missing_table_does_not() {
        check("57P01", true); // admin_shutdown
        check("57P03", true); // cannot_connect_now
        check("57014", true); // query_canceled: the statement's time ran out
        check("53100", true); // disk_full
        check("40P01", true); // deadlock_detected
        check("08006", true); // connection_failure
        check("42P01", false); // undefined_table
        check("28P01", false); // invalid_password
        check("3D000", false); // invalid_catalog_name
        check("XX001", false); // data_corrupted
    }
}

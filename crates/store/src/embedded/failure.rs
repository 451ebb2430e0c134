//! libsql's errors, cut by what a caller can do.

use outbox::QueueError;

/// Primary result codes of SQLite (<https://www.sqlite.org/rescode.html>) that pass by themselves.
const PASSING: &[i32] = &[
    5,  // BUSY: somebody else (a backup, a shell) has the file.
    6,  // LOCKED
    7,  // NOMEM
    8,  // READONLY: a file system that was remounted.
    9,  // INTERRUPT
    10, // IOERR
    13, // FULL
    14, // CANTOPEN
    15, // PROTOCOL
];

/// Passing for what concerns the machine, broken for what concerns the file or our own statements.
pub(super) fn classify(error: &libsql::Error) -> QueueError {
    let passing = match error {
        // The low byte is the primary code, whatever the extended one says.
        libsql::Error::SqliteFailure(code, _) => PASSING.contains(&(code & 0xff)),
        _ => false,
    };
    if passing { QueueError::Unavailable(error.to_string()) } else { QueueError::Broken(error.to_string()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(code: i32, passing: bool) {
        let error = classify(&libsql::Error::SqliteFailure(code, "words".to_owned()));
        assert_eq!(matches!(error, QueueError::Unavailable(_)), passing, "{code}");
    }

    #[test]
    fn a_full_disk_passes_and_a_corrupt_file_does_not() {
        check(13, true);
        check(10 | (4 << 8), true); // IOERR_FSYNC
        check(11, false); // CORRUPT
        check(26, false); // NOTADB
        check(19, false); // CONSTRAINT
    }
}

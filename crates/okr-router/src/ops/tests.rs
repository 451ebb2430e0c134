//! What is told of a stdout that does not take it.

use std::io::{Error, ErrorKind, Result, Write};

use super::put_into;

/// Takes nothing.
struct Full(ErrorKind);

impl Write for Full {
    fn write(&mut self, _: &[u8]) -> Result<usize> {
        Err(Error::from(self.0))
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}

#[test]
fn a_reader_that_had_enough_is_no_failure_and_a_full_disk_is() {
    let mut taken = Vec::new();
    assert!(put_into(&mut taken, "line\n").unwrap());
    assert_eq!(taken, b"line\n");
    assert!(!put_into(&mut Full(ErrorKind::BrokenPipe), "line\n").unwrap());
    let error = put_into(&mut Full(ErrorKind::StorageFull), "line\n").unwrap_err();
    assert!(error.to_string().contains("stdout"), "{error}");
}

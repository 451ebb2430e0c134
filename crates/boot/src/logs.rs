//! Log lines on stderr.

use crate::LogConfig;

/// Starts logging to stderr; a second call in the same process changes nothing.
///
/// Fails if the filter cannot be read; the message names `[log] filter`.
pub fn logs(config: &LogConfig) -> Result<(), crate::BoxError> {
    todo!("{config:?}")
}

//! Which addresses may be reached.

/// Whose word a URL is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guard {
    /// The operator's, from the configuration: it may be anywhere, a private network included.
    Operator,
    /// Anybody's, through an API: only addresses of the public internet.
    Public,
}

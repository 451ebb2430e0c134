//! What can go wrong on the way out, cut by whether the receiver may have seen the request.

/// A request that brought no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EgressError {
    /// The client itself cannot be built.
    #[error("the HTTP client cannot be set up: {0}")]
    Setup(String),
    /// No connection came about: the request was surely not sent.
    #[error("no connection: {0}")]
    Connect(String),
    /// No answer in time: the receiver may have seen the request.
    #[error("no answer within {0:?}")]
    Timeout(std::time::Duration),
    /// The connection broke before a whole answer: the receiver may have seen the request.
    #[error("the connection broke before a whole answer came: {0}")]
    Closed(String),
    /// The guard or the form of the URL forbids it: the request was not sent, and never will be.
    #[error("not allowed: {0}")]
    Forbidden(String),
    /// The answer is longer than we read; the receiver has seen the request.
    #[error("the answer is longer than {bytes_max} bytes (status {status})")]
    TooLarge {
        /// Status that the answer began with.
        status: u16,
        /// The bound.
        bytes_max: usize,
    },
}

/// Whether the receiver may have seen the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// Surely not.
    No,
    /// It cannot be ruled out.
    Perhaps,
}

impl EgressError {
    /// Whether the receiver may have seen the request.
    pub fn was_sent(&self) -> Sent {
        match self {
            Self::Setup(_) | Self::Connect(_) | Self::Forbidden(_) => Sent::No,
            Self::Timeout(_) | Self::Closed(_) | Self::TooLarge { .. } => Sent::Perhaps,
        }
    }

    /// Whether the same request may succeed later.
    pub fn is_passing(&self) -> bool {
        !matches!(self, Self::Setup(_) | Self::Forbidden(_))
    }

    /// A stable label for metrics and dead letters; it never carries data.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Setup(_) => "setup",
            Self::Connect(_) => "connect",
            Self::Timeout(_) => "timeout",
            Self::Closed(_) => "closed",
            Self::Forbidden(_) => "forbidden",
            Self::TooLarge { .. } => "answer_too_large",
        }
    }
}

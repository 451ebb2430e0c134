//! How a fake receiver answers.

use std::time::Duration;

/// One answer of a fake receiver. The request is recorded before any of it happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// 200 and this text, `ok` for Slack.
    Ok(&'static str),
    /// This status and text.
    Status(u16, &'static str),
    /// 429 with `Retry-After` in seconds.
    TooMany(u64),
    /// Reads the body, stays silent for this long, then closes.
    Hang(Duration),
    /// Reads the body, then closes without a word: the sender cannot know whether it was taken.
    Close,
    /// Waits this long, then 200 `ok`.
    Slow(Duration),
}

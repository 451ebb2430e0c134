//! The time, passed in: rules and tests decide what "now" is.

use std::sync::Arc;

use jiff::Timestamp;

/// Tells the time. Everything that needs "now" is given one of these instead of asking the system.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// The clock of the machine.
pub fn system_clock() -> Clock {
    Arc::new(Timestamp::now)
}

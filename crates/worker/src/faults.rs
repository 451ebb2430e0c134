//! Deliberate bugs, to be switched on by tests alone: what shows that the simulation would notice them.

/// One way to get it wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(not(test), allow(dead_code, reason = "nobody makes one outside of tests"))]
pub enum Fault {
    /// Commits everything that was received.
    CommitBeforeFinish,
    /// Takes a dead letter for written that was only sent.
    LetterNotAwaited,
    /// Starts the next record of a key while one is under way.
    TwoInFlight,
    /// Puts what failed behind what came later.
    RetryAtTheEnd,
    /// Holds a rebalance up until the work has ended, however long that takes.
    WaitForWork,
    /// Gives up a revoked partition first and lets its work end afterwards.
    FenceBeforeDrain,
    /// Goes on with partitions that were lost.
    CommitOnLost,
    /// Takes results whatever assignment they belong to.
    NoEpoch,
    /// Never blows the fuse.
    FuseBlind,
    /// Begins to count anew after a restart.
    FuseForgets,
    /// Commits a frontier once, though commits may be lost.
    CommitNeverRetold,
}

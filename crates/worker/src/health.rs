//! What `/readyz` says about a consumer: the gravest of what is known, in one check named `<service>.consumer`.

use boot::Check;

/// Everything that may be wrong with a consumer at a time.
#[derive(Debug, Default)]
pub struct Condition {
    /// A person must act.
    pub halted: Option<String>,
    /// The group gave our partitions away because the poll stood still.
    pub stalled: Option<String>,
    /// The broker does not answer.
    pub broker: Option<String>,
    /// The group has let us in at least once.
    pub joined: bool,
    /// Dead letters are not acknowledged.
    pub unburied: Option<String>,
}

impl Condition {
    /// Why the consumer is not well, if so.
    pub fn why(&self) -> Option<String> {
        if let Some(why) = &self.halted {
            return Some(format!("halted: {why}"));
        }
        if let Some(why) = &self.stalled {
            return Some(format!("stalled: {why}"));
        }
        if let Some(why) = &self.broker {
            return Some(format!("broker: {why}"));
        }
        if !self.joined {
            return Some("waiting for the group to assign partitions".to_owned());
        }
        self.unburied.as_ref().map(|why| format!("dead letters are not acknowledged: {why}"))
    }
}

/// Tells the check only what changed.
pub struct Teller {
    check: Check,
    told: Option<Option<String>>,
}

impl Teller {
    /// Nothing is told yet.
    pub fn new(check: Check) -> Self {
        Self { check, told: None }
    }

    /// Passes the condition on if it is news.
    pub fn tell(&mut self, condition: &Condition) {
        let why = condition.why();
        if self.told.as_ref() == Some(&why) {
            return;
        }
        match &why {
            None => self.check.ok(),
            Some(why) => self.check.fail(why.clone()),
        }
        self.told = Some(why);
    }
}

//! How a worker leaves: what is under way ends, what was not begun is given back.

use tokio::time::{Instant, sleep_until};

use super::{BreakerState, Duration, StreamExt, Target, observe};

impl Target {
    pub(super) async fn drain(mut self) {
        self.end().await;
        let service = self.parts.options.service;
        observe::in_flight(service, &self.name, 0);
        observe::breaker(service, &self.name, BreakerState::Closed);
    }

    async fn end(&mut self) {
        self.asked = None;
        self.clear_shelf(Duration::ZERO);
        let deadline = Instant::now() + self.parts.options.config.drain_grace.0;
        loop {
            tokio::select! {
                biased;
                landing = self.under_way.next() => match landing {
                    Some(landing) => self.land(landing),
                    None => return,
                },
                () = sleep_until(deadline) => return,
            }
        }
    }
}

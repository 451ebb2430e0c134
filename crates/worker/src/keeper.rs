//! Keeps a service's brake: saves what the owner says, and looks whether a person, or another member, has changed it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::brakes::{Brake, Brakes, Halted};
use crate::observe;

/// How often it looks: a resumed service goes on within this time.
const LOOK: Duration = Duration::from_secs(2);

/// What was found, and how many saves were durable before it was looked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    pub after: u64,
    pub halted: Option<Halted>,
}

/// The owner's end: saves without waiting, and tells what was found before it could know of the last save.
#[derive(Debug)]
pub struct Keeper {
    saves: Option<UnboundedSender<Brake>>,
    /// What was found last.
    pub seen: watch::Receiver<Seen>,
    sent: u64,
}

impl Keeper {
    /// Keeps the brake of `service` until `asides` is dropped. Without `brakes` nothing is kept and nothing is found.
    pub fn start(service: &'static str, brakes: Option<Arc<dyn Brakes>>, asides: &mut JoinSet<()>) -> Self {
        let (tell, seen) = watch::channel(Seen::default());
        let saves = brakes.map(|brakes| {
            let (saves, waiting) = unbounded_channel();
            asides.spawn(keep(service, brakes, waiting, tell));
            saves
        });
        Self { saves, seen, sent: 0 }
    }

    /// Saves it, however long that takes.
    pub fn save(&mut self, brake: Brake) {
        if let Some(saves) = &self.saves
            && saves.send(brake).is_ok()
        {
            self.sent += 1;
        }
    }

    /// What was found last, unless that is older than our own last save.
    pub fn news(&mut self) -> Option<Seen> {
        let seen = self.seen.borrow_and_update().clone();
        (seen.after == self.sent).then_some(seen)
    }
}

async fn keep(
    service: &'static str,
    brakes: Arc<dyn Brakes>,
    mut waiting: UnboundedReceiver<Brake>,
    tell: watch::Sender<Seen>,
) {
    let mut after = 0;
    loop {
        if let Ok(Some(mut brake)) = timeout(LOOK, waiting.recv()).await {
            after += 1;
            // The newest fuse counts; a halt among them is never passed over.
            while let Ok(next) = waiting.try_recv() {
                after += 1;
                brake = Brake { halted: brake.halted.or(next.halted), fuse: next.fuse };
            }
            while let Err(error) = brakes.save(service, &brake).await {
                observe::brake_unsaved(service, &error);
                sleep(LOOK).await;
            }
        } else if waiting.is_closed() {
            return;
        }
        // While the store does not answer, everything stays as it is.
        if let Ok(Brake { halted, .. }) = brakes.load(service).await {
            tell.send_replace(Seen { after, halted });
        }
    }
}

/// What is known of `service` when it starts; asks until there is an answer.
pub async fn first(service: &'static str, brakes: Option<&Arc<dyn Brakes>>) -> Brake {
    let Some(brakes) = brakes else { return Brake::default() };
    loop {
        match brakes.load(service).await {
            Ok(brake) => return brake,
            Err(error) => observe::brake_unread(service, &error),
        }
        sleep(LOOK).await;
    }
}

//! One rebuild, from the first record to the exchange.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bus::{ReadFrom, Reader, Settings};
use tokio::time::sleep;
use worker::{BatchHandler, ProgressError, Standing};

use super::fill::Fill;
use super::{Lost, Notice, Outlook, RebuildError, Rebuilt, Site, look};
use crate::open::Place;
use crate::{Entry, Intake, TOPIC, Target};

/// How long nothing may come while something has to.
const SILENCE_MAX: Duration = Duration::from_secs(60);
/// When nothing came for this long, the topic has nothing more, even if a last offset is no record's.
const STILL: Duration = Duration::from_secs(5);
/// How long writers are held up for the last records; the home has a bound of its own, should we not get to look at ours.
const HOLD_MAX: Duration = Duration::from_secs(4);
/// How often the exchange is tried, and what is between: members and readers go on, and what came is read.
const ATTEMPTS_MAX: u32 = 60;
const PAUSE: Duration = Duration::from_secs(2);
/// How often a database that does not answer is asked again.
const TRIES_MAX: u32 = 150;
/// How often rows that seem to be lost are counted: members and we do not read in step, and where a delivery is
/// corrected, rows come and go.
const COUNTS_MAX: u32 = 3;

/// What is to be rebuilt.
#[derive(Debug)]
pub struct Rebuild {
    pub place: Place,
    /// For reading the topic.
    pub settings: Settings,
    pub registry: wire::Registry,
    /// Whether rows may go whose records Kafka no longer has.
    pub accepts_loss: bool,
    /// Notes and actors of what happened before are not written; all are, where it is left out.
    pub notes_since: Option<jiff::Timestamp>,
}

/// A rebuild that may go on: nothing is in its way, the home is its own, and the new tables are there, empty.
pub struct Begun {
    outlook: Outlook,
    site: Box<dyn Site>,
    fresh: Arc<dyn Target>,
}

impl std::fmt::Debug for Begun {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Begun").field("outlook", &self.outlook).finish_non_exhaustive()
    }
}

impl Begun {
    /// Takes away what was made.
    pub async fn give_up(self) {
        let Self { mut site, fresh, .. } = self;
        drop(fresh);
        // What is left is told by the next rebuild, which takes it away.
        let _ = site.clear().await;
    }
}

impl Rebuild {
    /// Looks whether it may be done, and makes the new tables. No record is read before.
    ///
    /// # Errors
    /// Why it may not; nothing was made.
    pub async fn begin(&self) -> Result<Begun, RebuildError> {
        let outlook = look(&self.place, &self.settings).await?;
        outlook.check(self.accepts_loss)?;
        let (site, fresh) = make(&self.place).await?;
        Ok(Begun { outlook, site, fresh })
    }

    /// Does what was begun. `tell` hears how far it is, some times a second.
    ///
    /// # Errors
    /// Nothing was exchanged, and why; what was made so far is taken away.
    pub async fn run(
        &self,
        begun: Begun,
        tell: &(dyn Fn(Notice) + Send + Sync),
    ) -> Result<Rebuilt, RebuildError> {
        let Begun { outlook, mut site, fresh } = begun;
        let reader = Reader::open(&self.settings, TOPIC, ReadFrom::Earliest).await;
        let outcome = match reader {
            Ok(reader) => {
                let intake = Intake::new(self.registry.decoder()).with_notes_since(self.notes_since);
                let parts = (Box::new(reader) as Box<dyn super::fill::Records>, intake);
                renew(&mut *site, fresh, parts, (&outlook, self.accepts_loss), tell).await
            }
            Err(error) => {
                drop(fresh);
                Err(error.into())
            }
        };
        let cleared = site.clear().await;
        let mut rebuilt = outcome?;
        rebuilt.left = cleared.err().map(|error| error.to_string());
        Ok(rebuilt)
    }
}

/// Takes away what a rebuild has left that was killed. False: there was nothing.
///
/// # Errors
/// [`RebuildError::UnderWay`] while one runs.
pub async fn abandon(place: &Place) -> Result<bool, RebuildError> {
    match place.file()? {
        Some(path) => crate::embedded::abandon(path).await,
        None => crate::postgres::abandon(place).await,
    }
}

pub(super) async fn make(place: &Place) -> Result<(Box<dyn Site>, Arc<dyn Target>), RebuildError> {
    Ok(match place.file()? {
        Some(path) => {
            let (site, fresh) = crate::embedded::FileSite::make(path).await?;
            (Box::new(site), fresh)
        }
        None => {
            let (site, fresh) = crate::postgres::ServerSite::make(place).await?;
            (Box::new(site), fresh)
        }
    })
}

/// Fills the new generation and exchanges it; whatever the outcome, the site is to be cleared.
pub(super) async fn renew<H: BatchHandler<Item = Entry>>(
    site: &mut dyn Site,
    fresh: Arc<dyn Target>,
    parts: (Box<dyn super::fill::Records>, H),
    (outlook, accepts_loss): (&Outlook, bool),
    tell: &(dyn Fn(Notice) + Send + Sync),
) -> Result<Rebuilt, RebuildError> {
    let since = Instant::now();
    let topic: Vec<_> = outlook.parts.iter().map(|part| (part.partition, part.low, part.high)).collect();
    let live = site.live().await?;
    let fill = Fill::begin(fresh, parts, &topic, &live).await?;
    let mut work = Work { site, fill, tell };
    work.fill_up().await?;
    let Lost { gone: lost, rejected, .. } = work.lost(accepts_loss).await?;
    let (before, after) = work.site.rows(&work.fill.covered()).await?;
    let held = work.exchange().await?;
    tell(Notice::Exchanged);
    let (records, _) = work.fill.read();
    let skipped = work.fill.skipped();
    Ok(Rebuilt { records, skipped, lost, rejected, before, after, held, took: since.elapsed(), left: None })
}

struct Work<'w, H> {
    site: &'w mut dyn Site,
    fill: Fill<H>,
    tell: &'w (dyn Fn(Notice) + Send + Sync),
}

impl<H: BatchHandler<Item = Entry>> Work<'_, H> {
    /// Until everything is contained that the topic had at the beginning, and what members have written since.
    async fn fill_up(&mut self) -> Result<(), RebuildError> {
        let mut heard = Instant::now();
        loop {
            let is_news = self.fill.round().await?;
            let (read, of) = self.fill.read();
            if is_news {
                heard = Instant::now();
                (self.tell)(Notice::Filled { read, of });
            }
            let silence = heard.elapsed();
            if !self.fill.is_at_the_ends() && silence < STILL {
                continue;
            }
            let live = self.live().await?;
            self.fill.check(&live)?;
            let behind = self.fill.behind(&live);
            if behind == 0 {
                (self.tell)(Notice::CaughtUp { read });
                return Ok(());
            }
            if silence >= SILENCE_MAX {
                return Err(RebuildError::Silent { seconds: silence.as_secs(), behind });
            }
        }
    }

    /// Where the live generation stands; a database that is away comes back.
    async fn live(&mut self) -> Result<Vec<Standing>, RebuildError> {
        let mut tries = 1;
        loop {
            match self.site.live().await {
                Err(RebuildError::Home(ProgressError::Unavailable(_))) if tries < TRIES_MAX => tries += 1,
                outcome => return outcome,
            }
            sleep(PAUSE).await;
        }
    }

    /// How many rows of the live generation have no successor.
    async fn lost(&mut self, accepts: bool) -> Result<Lost, RebuildError> {
        let mut counts = 1;
        loop {
            let lost = self.site.lost(&self.fill.covered(), self.fill.places()).await?;
            if accepts || (lost.gone, lost.rejected) == (0, 0) {
                return Ok(lost);
            }
            if counts == COUNTS_MAX {
                return Err(self.refused(lost));
            }
            self.go_on(PAUSE).await?;
            counts += 1;
        }
    }

    fn refused(&self, lost: Lost) -> RebuildError {
        let Lost { gone, rejected, such_as } = lost;
        if rejected == 0 {
            return RebuildError::Lost(gone);
        }
        let such_as = such_as.unwrap_or_default();
        RebuildError::Rejected { rows: rejected, such_as, skipped: self.fill.skipped(), expired: gone }
    }

    /// Reads and writes what comes, for so long.
    async fn go_on(&mut self, long: Duration) -> Result<(), RebuildError> {
        let since = Instant::now();
        while since.elapsed() < long {
            if !self.fill.round().await? {
                sleep(long.saturating_sub(since.elapsed()).min(Duration::from_millis(100))).await;
            }
        }
        Ok(())
    }

    /// How long writers were held up.
    async fn exchange(&mut self) -> Result<Duration, RebuildError> {
        let mut attempts = 1;
        loop {
            match self.attempt().await {
                Err(RebuildError::Busy(why) | RebuildError::Home(ProgressError::Unavailable(why)))
                    if attempts < ATTEMPTS_MAX =>
                {
                    self.site.release().await;
                    (self.tell)(Notice::Waiting(why));
                    self.go_on(PAUSE).await?;
                }
                Err(error) => {
                    self.site.release().await;
                    return Err(error);
                }
                done => return done,
            }
            attempts += 1;
        }
    }

    async fn attempt(&mut self) -> Result<Duration, RebuildError> {
        self.site.reserve().await?;
        let since = Instant::now();
        let live = self.site.hold().await?;
        self.fill.check(&live)?;
        self.reach(&live, since).await?;
        self.site.exchange(&self.fill.covered()).await?;
        Ok(since.elapsed())
    }

    /// The last records, while nobody adds any.
    async fn reach(&mut self, live: &[Standing], since: Instant) -> Result<(), RebuildError> {
        loop {
            let behind = self.fill.behind(live);
            if behind == 0 {
                return Ok(());
            }
            if since.elapsed() > HOLD_MAX {
                return Err(RebuildError::Busy(format!("{behind} records could not be read in time")));
            }
            self.fill.round().await?;
        }
    }
}

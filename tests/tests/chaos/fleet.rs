//! The members and what is done to them, with a journal of it.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use okr_tests::Role;
use tokio::task::JoinHandle;

use crate::{
    events::{TARGETS, target_name},
    schedule::{MEMBERS, Step},
    world::World,
};

/// How long a removed member may take: its graces, twice over on a loaded machine.
const LEAVES_WITHIN: Duration = Duration::from_secs(30);

/// A member was killed, or stood still: work that it had under way may have been done without a mark.
#[derive(Debug, Clone, Copy)]
pub struct Hit {
    pub member: u32,
    pub from: Duration,
    /// The end of the standstill, or the moment of death.
    pub until: Duration,
    pub kind: Kind,
}

impl fmt::Display for Hit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { member, from, until, kind } = self;
        write!(f, "{kind:?} of member {member} at {from:.1?} for {:.1?}", *until - *from)
    }
}

/// What hit a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Kill,
    Stop,
}

/// What is left of a fleet that has gone home.
#[derive(Debug)]
pub struct Journal {
    pub hits: Vec<Hit>,
    /// What the members that were there until the end said, and the others.
    pub stayed: Vec<String>,
    pub gone: Vec<String>,
}

impl Journal {
    /// How often a member noticed that it had not asked for records in time. Not every stop that is long enough is
    /// noticed: the member may ask again before it looks at the clock, and then the group tells it that it is out.
    pub fn stalls(&self) -> usize {
        let lines = self.stayed.iter().chain(&self.gone).flat_map(|log| log.lines());
        lines.filter(|line| line.contains("consumer of notifier stalled")).count()
    }
}

/// All members that were ever started, by number.
pub struct Fleet {
    members: Vec<Option<Role>>,
    hits: Vec<Hit>,
    gone: Vec<String>,
    /// They were asked to leave.
    leaving: Vec<Role>,
    broker: Option<JoinHandle<Result<()>>>,
    began: Instant,
}

impl Fleet {
    /// The members of the beginning, ready.
    pub async fn start(world: &World, began: Instant) -> Result<Self> {
        let mut fleet = Self {
            members: Vec::new(),
            hits: Vec::new(),
            gone: Vec::new(),
            leaving: Vec::new(),
            broker: None,
            began,
        };
        for number in 0..MEMBERS {
            fleet.add(world, number)?;
        }
        fleet.ready().await?;
        Ok(fleet)
    }

    /// Does one step; what it leads to is waited for in `settle`, so that the next one comes in time.
    pub async fn take(&mut self, world: &World, step: Step) -> Result<()> {
        match step {
            Step::Start(number) => self.add(world, number)?,
            Step::Kill(number) => {
                let role = self.running(number)?;
                let from = self.began.elapsed();
                role.kill9();
                self.hits.push(Hit {
                    member: number as u32,
                    from,
                    until: self.began.elapsed(),
                    kind: Kind::Kill,
                });
                self.gone.push(log(&role));
            }
            Step::Stop(number) => {
                let from = self.began.elapsed();
                self.member(number)?.signal("STOP")?;
                self.hits.push(Hit { member: number as u32, from, until: Duration::MAX, kind: Kind::Stop });
            }
            Step::Continue(number) => {
                self.member(number)?.signal("CONT")?;
                let until = self.began.elapsed();
                let stop = self.hits.iter_mut().rfind(|hit| hit.member as usize == number);
                stop.context("it did not stand still")?.until = until;
            }
            Step::Remove(number) => {
                let role = self.running(number)?;
                role.signal("TERM")?;
                self.leaving.push(role);
            }
            Step::KillBroker => world.kafka.lock().await.kill9()?,
            Step::StartBroker => {
                let kafka = Arc::clone(&world.kafka);
                self.broker = Some(tokio::spawn(async move { kafka.lock().await.restart().await }));
            }
        }
        Ok(())
    }

    /// The broker is back, those that were to leave have left, and all others are ready.
    pub async fn settle(&mut self) -> Result<()> {
        if let Some(broker) = self.broker.take() {
            broker.await??;
        }
        for role in std::mem::take(&mut self.leaving) {
            self.gone.push(left(role).await?);
        }
        self.ready().await
    }

    async fn ready(&self) -> Result<()> {
        let ready = self.alive().map(Role::ready);
        futures::future::try_join_all(ready).await?;
        Ok(())
    }

    /// The sum of a metric over those that are alive.
    pub async fn metric(&self, name: &str) -> Result<f64> {
        Ok(self.each(name, "").await?.into_iter().sum())
    }

    /// The same of each member that lives, over the label sets that hold `labels`.
    pub async fn each(&self, name: &str, labels: &str) -> Result<Vec<f64>> {
        futures::future::try_join_all(self.alive().map(|role| role.metric(name, labels))).await
    }

    /// Everybody leaves in peace.
    pub async fn leave(self) -> Result<Journal> {
        let mut stayed = Vec::new();
        for role in self.members.into_iter().flatten() {
            role.signal("TERM")?;
            stayed.push(left(role).await?);
        }
        Ok(Journal { hits: self.hits, stayed, gone: self.gone })
    }

    fn add(&mut self, world: &World, number: usize) -> Result<()> {
        ensure!(self.members.len() == number, "members are numbered as they come");
        let urls = (0..TARGETS).map(|target| {
            let name = format!("OKR_ROUTER__DESTINATIONS__{}__URL", target_name(target).to_uppercase());
            (name, world.receiver.url(number, target))
        });
        let urls: Vec<(String, String)> = urls.collect();
        let env: Vec<(&str, &str)> = urls.iter().map(|(name, url)| (name.as_str(), url.as_str())).collect();
        self.members.push(Some(world.stack.start_with("notifier", &env)?));
        Ok(())
    }

    /// Takes out a member that must be running still: nobody ends by itself.
    fn running(&mut self, number: usize) -> Result<Role> {
        let role = self.members.get_mut(number).and_then(Option::take).context("no such member")?;
        ensure!(role.ended().is_none(), "member {number} ended by itself: {}", role.tail());
        Ok(role)
    }

    fn member(&self, number: usize) -> Result<&Role> {
        self.members.get(number).and_then(Option::as_ref).context("no such member")
    }

    fn alive(&self) -> impl Iterator<Item = &Role> {
        self.members.iter().flatten()
    }
}

/// Waits for the end of one that was asked to leave.
async fn left(role: Role) -> Result<String> {
    let code = role.end(LEAVES_WITHIN).await?;
    ensure!(code == 0, "a member left with {code}: {}", role.tail());
    Ok(log(&role))
}

fn log(role: &Role) -> String {
    role.stdout() + role.stderr().as_str()
}

//! Three members on one Postgres, and what befalls them.

use std::{path::PathBuf, process::Command};

use anyhow::{Result, anyhow, ensure};
use fastrand::Rng;
use futures::future::try_join_all;
use okr_tests::{Role, SmallDisk, until};
use store::testing::{Cluster, Database, connect, run};

use crate::world::{PARTITIONS, SOON, World};

const MEMBERS: usize = 3;

/// What happens.
#[derive(Debug, Clone, Copy)]
pub enum Trouble {
    /// SIGKILL of one; another one comes in its place.
    Kill,
    /// SIGSTOP of all but one in the middle of their commits, until that one has their partitions and gets on; then they
    /// come back.
    Zombies,
    /// The database ends as in a crash, and comes up again.
    Restart,
    /// Its disk fills up, and has room again.
    Full,
}

/// A Postgres that may be stopped, with a database on a disk that may be filled.
pub struct Server {
    cluster: Cluster,
    pub url: String,
    _database: Option<Database>,
    /// None where this user may not mount one.
    disk: Option<SmallDisk>,
}

impl Server {
    /// An empty database.
    pub async fn start(disk: &str) -> Result<Self> {
        let disk = SmallDisk::new(disk)?;
        let cluster = Cluster::own().await.map_err(|error| anyhow!(error))?;
        let Some(disk) = disk else {
            let database = cluster.database().await.map_err(|error| anyhow!(error))?;
            return Ok(Self { cluster, url: database.url.clone(), _database: Some(database), disk: None });
        };
        // The database alone lies on it: a full disk under the log of the whole cluster stops Postgres itself.
        let space = format!("CREATE TABLESPACE small LOCATION '{}'", of_postgres(&disk)?.display());
        for sql in [&*space, "CREATE DATABASE small TABLESPACE small"] {
            run(&cluster.url("postgres"), sql).await.map_err(|error| anyhow!(error))?;
        }
        Ok(Self { url: cluster.url("small"), cluster, _database: None, disk: Some(disk) })
    }

    /// A number, unless the server does not answer.
    async fn number(&self, sql: &str) -> Option<i64> {
        let client = connect(&self.url).await.ok()?;
        client.query_one(sql, &[]).await.ok()?.try_get(0).ok()
    }
}

/// A folder on it for Postgres, which runs as a user of its own when we are root, who alone may mount.
fn of_postgres(disk: &SmallDisk) -> Result<PathBuf> {
    let path = disk.path().join("space");
    std::fs::create_dir(&path)?;
    let owned = Command::new("chown").arg("postgres").arg(&path).status()?;
    ensure!(owned.success(), "the folder cannot be given to postgres");
    Ok(path)
}

/// The members that live.
pub struct Fleet<'w> {
    world: &'w World,
    server: Server,
    dice: Rng,
    members: Vec<Role>,
    /// Commits that came too late.
    pub refused: f64,
}

impl<'w> Fleet<'w> {
    /// All of them ready; `first` is one that runs already.
    pub async fn start(world: &'w World, server: Server, dice: Rng, first: Role) -> Result<Self> {
        let mut members = vec![first];
        for _ in 1..MEMBERS {
            members.push(world.member().await?);
        }
        Ok(Self { world, server, dice, members, refused: 0.0 })
    }

    /// Brings it about, and waits until they get on in spite of it.
    pub async fn meet(&mut self, trouble: Trouble) -> Result<()> {
        match trouble {
            Trouble::Kill => self.kill()?,
            Trouble::Zombies => self.zombies().await?,
            Trouble::Restart => {
                self.server.cluster.stop();
                self.server.cluster.up().await.map_err(|error| anyhow!(error))?;
            }
            Trouble::Full => self.full().await?,
        }
        self.gets_on(300).await
    }

    fn kill(&mut self) -> Result<()> {
        let victim = self.members.swap_remove(self.dice.usize(..MEMBERS));
        ensure!(victim.ended().is_none(), "a member ended by itself: {}", victim.tail());
        victim.kill9();
        self.members.push(self.world.stack.start("warehouse")?);
        Ok(())
    }

    async fn zombies(&mut self) -> Result<()> {
        try_join_all(self.members.iter().map(Role::ready)).await?;
        let all_busy = async || {
            let held = try_join_all(self.members.iter().map(assigned)).await.ok()?;
            held.iter().all(|held| *held > 0.0).then_some(())
        };
        until("partitions for everybody", SOON, all_busy).await?;
        self.dice.shuffle(&mut self.members);
        let (survivor, zombies) = self.members.split_first().expect("members");

        // Everybody stands before a table, with a batch in hand: no other takes that long.
        let client = connect(&self.server.url).await.map_err(|error| anyhow!(error))?;
        client.batch_execute("BEGIN; LOCK TABLE okr.okr_events IN SHARE ROW EXCLUSIVE MODE").await?;
        let in_hand = "okr_worker_oldest_in_flight_seconds";
        let all_wait = async || {
            let oldest = try_join_all(self.members.iter().map(|member| member.metric(in_hand, "warehouse")));
            oldest.await.ok()?.iter().all(|seconds| *seconds > 1.0).then_some(())
        };
        until("commits of everybody", SOON, all_wait).await?;
        let late = "okr_worker_ignored_results_total";
        let before = try_join_all(zombies.iter().map(|zombie| zombie.metric(late, ""))).await?;
        zombies.iter().try_for_each(|zombie| zombie.signal("STOP"))?;
        client.batch_execute("COMMIT").await?;

        let heir = async || assigned(survivor).await.ok().filter(|held| *held >= f64::from(PARTITIONS));
        until("another in their place", SOON, heir).await?;
        self.gets_on(300).await?;
        zombies.iter().try_for_each(|zombie| zombie.signal("CONT"))?;
        for (zombie, before) in zombies.iter().zip(before) {
            let refused = async || zombie.metric(late, "").await.ok().filter(|now| *now > before);
            self.refused += until("a commit that comes too late", SOON, refused).await? - before;
            zombie.ready().await?;
        }
        Ok(())
    }

    async fn full(&mut self) -> Result<()> {
        let Some(disk) = &self.server.disk else { return Ok(()) };
        let unconfirmed = async || -> Result<f64> {
            let label = "reason=\"unconfirmed\"";
            let all = self.members.iter().map(|member| async move {
                // One that has just been started has no metrics yet.
                Ok::<_, anyhow::Error>(
                    member.metric("okr_worker_retries_total", label).await.unwrap_or_default(),
                )
            });
            Ok(try_join_all(all).await?.into_iter().sum())
        };
        let before = unconfirmed().await?;
        disk.fill()?;
        let full = async || unconfirmed().await.ok().filter(|now| *now > before + 3.0);
        until("batches that find the disk full", SOON, full).await?;
        let told = async || {
            let all = try_join_all(self.members.iter().map(Role::readyz)).await.ok()?;
            all.iter().any(|reply| reply.text().contains("database is full")).then_some(())
        };
        until("/readyz to say that it is full", SOON, told).await?;
        disk.free()
    }

    /// Waits until so many more records are contained.
    async fn gets_on(&self, records: i64) -> Result<()> {
        let sum = "SELECT coalesce(sum(next_offset), 0)::bigint FROM okr.okr_sink_offsets";
        let stands = async || self.server.number(sum).await;
        let goal = until("where the slots stand", SOON, stands).await? + records;
        let there = async || stands().await.filter(|now| *now >= goal);
        until(&format!("{records} more records"), SOON, there).await.map(drop)
    }

    /// Those that live, and where their database is; it goes with the server.
    pub fn end(self) -> (Vec<Role>, Server) {
        (self.members, self.server)
    }
}

async fn assigned(member: &Role) -> Result<f64> {
    member.metric("okr_worker_assigned_partitions", "").await
}

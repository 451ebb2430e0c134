//! The disk under the store is full, and has room again.

use std::{
    io::{ErrorKind, Write},
    path::PathBuf,
    process::Command,
};

use anyhow::{Context, Result, anyhow, ensure};
use okr_tests::{Folder, Role, until};
use store::testing::{Cluster, run};

use crate::{
    evidence::{accepted, exact},
    world::{SOON, World},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_under_postgres_is_waited_for_and_then_everything_is_exact() -> Result<()> {
    let Some(disk) = SmallDisk::new("48m")? else { return Ok(()) };
    let cluster = Cluster::own().await.map_err(|error| anyhow!(error))?;
    // The database alone lies on it: a full disk under the log of the whole cluster stops Postgres itself.
    let space = format!("CREATE TABLESPACE small LOCATION '{}'", disk.of_postgres()?.display());
    for sql in [&*space, "CREATE DATABASE small TABLESPACE small"] {
        run(&cluster.url("postgres"), sql).await.map_err(|error| anyhow!(error))?;
    }
    let world = World::on(&cluster.url("small")).await?;
    stalls_and_goes_on(&world, &disk).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_under_the_embedded_store_is_waited_for_and_then_everything_is_exact() -> Result<()> {
    let Some(disk) = SmallDisk::new("24m")? else { return Ok(()) };
    let world = World::on(&format!("file:{}", disk.path.join("state.db").display())).await?;
    // There is no room even for the file when it starts.
    disk.fill()?;
    let early = world.stack.start("notifier")?;
    early.says("the store is waited for", SOON).await?;
    ensure!(early.ended().is_none(), "{}", early.tail());
    disk.free()?;
    early.ready_within(SOON).await?;
    ensure!(early.term(SOON).await? == 0, "{}", early.tail());
    stalls_and_goes_on(&world, &disk).await
}

/// Under load the disk fills up and gets room again, twice; the same process goes on by itself.
async fn stalls_and_goes_on(world: &World, disk: &SmallDisk) -> Result<()> {
    let _gateway = world.stack.role("gateway").await?;
    let member = world.stack.role("notifier").await?;
    let load = world.load("full");
    for _ in 0..2 {
        world.more_arrive(100).await?;
        disk.fill()?;
        let before = refused(&member).await?;
        let full = async || (refused(&member).await.ok()? > before + 3.0).then_some(());
        until("calls that the full disk refuses", SOON, full).await?;
        // Kafka keeps what the store cannot take.
        load.more_accepted(100, SOON).await?;
        ensure!(member.ended().is_none(), "{}", member.tail());
        disk.free()?;
    }
    load.more_accepted(50, SOON).await?;
    let ids = accepted(&load.stop().await)?;
    let repeats = exact(world, &ids, &[&member]).await?;
    ensure!(repeats.is_empty(), "sent again though its mark was only late: {repeats:?}");
    member.ready_within(SOON).await?;
    let refused = refused(&member).await?;
    println!("{refused} calls found the disk full: {} events, no repeat", ids.len());
    Ok(())
}

/// How many calls of the store did not succeed.
async fn refused(member: &Role) -> Result<f64> {
    member.metric("okr_store_calls_total", "store_unavailable").await
}

/// A file system in memory, of a size that is soon used up. Dropped, it is gone.
struct SmallDisk {
    path: PathBuf,
    _folder: Folder,
}

impl SmallDisk {
    /// Where this user may not mount it fails, unless `OKR_TEST_NO_MOUNT` says that nobody expects otherwise. What a
    /// full file means to the embedded store is shown without a mount in `store::embedded::tests`.
    fn new(size: &str) -> Result<Option<Self>> {
        let folder = Folder::new("disk")?;
        let path = folder.join("small");
        std::fs::create_dir(&path)?;
        let options = format!("size={size},mode=0777");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &options, "okr-tests"]).arg(&path);
        let mounted = mount.output().context("no `mount`")?;
        if !mounted.status.success() {
            let why = String::from_utf8_lossy(&mounted.stderr);
            let is_known = std::env::var_os("OKR_TEST_NO_MOUNT").is_some();
            ensure!(is_known, "a small disk cannot be mounted ({why}); OKR_TEST_NO_MOUNT=1 leaves this out");
            return Ok(None);
        }
        Ok(Some(Self { path, _folder: folder }))
    }

    /// A folder on it for Postgres, which runs as a user of its own when we are root, who alone may mount.
    fn of_postgres(&self) -> Result<PathBuf> {
        let path = self.path.join("space");
        std::fs::create_dir(&path)?;
        let owned = Command::new("chown").arg("postgres").arg(&path).status()?;
        ensure!(owned.success(), "the folder cannot be given to postgres");
        Ok(path)
    }

    /// Takes all the room that is left.
    fn fill(&self) -> Result<()> {
        let mut file = std::fs::File::create(self.path.join("filler"))?;
        for size in [1 << 20, 1 << 12, 1] {
            let block = vec![b'.'; size];
            loop {
                match file.write(&block) {
                    Ok(_) => {}
                    Err(error) if error.kind() == ErrorKind::StorageFull => break,
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Ok(())
    }

    /// Gives it back.
    fn free(&self) -> Result<()> {
        Ok(std::fs::remove_file(self.path.join("filler"))?)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: a failing test may still have somebody on it.
        let _ = Command::new("umount").arg("-l").arg(&self.path).status();
    }
}

//! Sources and secrets change under load: no request is dropped, none is answered anything but 202.

use anyhow::{Result, ensure};
use okr_tests::check_in;

use crate::world::{NEW, OLD, SOON, World, acme, reload};

/// Connections that deliver without a pause.
const SENDERS: u32 = 32;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_is_exchanged_under_load_without_a_single_refusal() -> Result<()> {
    let world = World::start(okr_tests::kafka().await?.address(), "", &acme(&["old.key"])).await?;
    let gateway = world.stack.role("gateway").await?;
    let (old, new) = (world.sender("acme", OLD)?, world.sender("acme", NEW)?);
    let status = async |sender: &okr_tests::Sender, id: &str| {
        Ok::<_, anyhow::Error>(sender.send(id, &check_in("load", id, 0)).await?.status)
    };
    ensure!(status(&new, "early").await? == 401, "the new secret is not known yet");

    let before = old.load(SENDERS, "before");
    before.more_accepted(100, SOON).await?;
    // Other sources come and go meanwhile, one with every reload.
    for number in 0..5 {
        let other = format!("[sources.other{number}]\nkind = \"okr\"\nverify = {{ scheme = \"none\" }}\n");
        world.write(&(acme(&["old.key"]) + other.as_str()))?;
        reload(&gateway, "applied").await?;
        before.more_accepted(50, SOON).await?;
        let open = okr_tests::post(&world.stack.gateway(&format!("/in/other{number}")), &[], "{}").await?;
        ensure!(open.status == 202, "a new source is there at once: {}", open.text());
        let before_it = (number + 4) % 5;
        let gone = okr_tests::post(&world.stack.gateway(&format!("/in/other{before_it}")), &[], "{}").await?;
        ensure!(gone.status == 404, "a source that went is gone at once: {}", gone.status);
    }
    // The overlap: both count.
    world.write(&acme(&["new.key", "old.key"]))?;
    reload(&gateway, "applied").await?;
    ensure!(status(&new, "first").await? == 202, "the new secret counts at once");
    let after = new.load(SENDERS, "after");
    after.more_accepted(100, SOON).await?;
    before.more_accepted(100, SOON).await?;
    let before = before.stop().await;
    // After the overlap the old one is refused.
    world.write(&acme(&["new.key"]))?;
    reload(&gateway, "applied").await?;
    ensure!(status(&old, "late").await? == 401, "the old secret is refused after the overlap");
    after.more_accepted(100, SOON).await?;
    let after = after.stop().await;
    let all: Vec<_> = before.into_iter().chain(after).collect();
    let accepted = world.all_accepted(&all).await?;
    println!(
        "7 reloads under the load of {SENDERS} to {} connections: {accepted} requests, all of them 202",
        SENDERS * 2
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_file_that_changed_counts_after_the_signal() -> Result<()> {
    let world = World::start(okr_tests::kafka().await?.address(), "", &acme(&["old.key"])).await?;
    let gateway = world.stack.role("gateway").await?;
    let (old, new) = (world.sender("acme", OLD)?, world.sender("acme", NEW)?);
    std::fs::copy(world.stack.folder().join("new.key"), world.stack.folder().join("old.key"))?;
    old.accepted("file-1", &check_in("load", "kr", 0)).await?;
    reload(&gateway, "applied").await?;
    new.accepted("file-2", &check_in("load", "kr", 1)).await?;
    ensure!(old.send("file-3", &check_in("load", "kr", 2)).await?.status == 401);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_with_a_fault_changes_nothing_and_names_its_place() -> Result<()> {
    let world = World::start(okr_tests::kafka().await?.address(), "", &acme(&["old.key"])).await?;
    let gateway = world.stack.role("gateway").await?;
    let old = world.sender("acme", OLD)?;
    let load = old.load(4, "faults");
    load.more_accepted(20, SOON).await?;
    let line = world.base().lines().count() + 1;
    let faults = [
        ("[sources.acme\n".to_owned(), format!("okr-router.toml:{line}")),
        (acme(&["new.key"]) + "secret = \"x\"\n", format!("okr-router.toml:{}", line + 3)),
        (acme(&["new.key", "nobody.key"]), "nobody.key".to_owned()),
        (acme(&["new.key"]) + "[[routes]]\nname = \"a\"\nto = [\"nobody\"]\n", "nobody".to_owned()),
        // The first source could change, the second cannot: neither does.
        (
            acme(&["new.key"])
                + "[sources.zeta]\nkind = \"github\"\nsecrets = [{ env = \"OKR_TEST_UNSET\" }]\n",
            "OKR_TEST_UNSET".to_owned(),
        ),
    ];
    for (sections, words) in faults {
        world.write(&sections)?;
        reload(&gateway, "refused").await?;
        gateway.says(&words, SOON).await?;
        load.more_accepted(20, SOON).await?;
    }
    let sent = load.stop().await;
    world.all_accepted(&sent).await?;
    // What needs a restart is named, and the rest of the file counts.
    let whole = world.base().replace("[gateway]\n", "[gateway]\nbody_max = \"64KiB\"\n");
    world.write_whole(&(whole + acme(&["new.key"]).as_str()))?;
    reload(&gateway, "applied").await?;
    gateway.says("only after a restart: gateway.body_max", SOON).await?;
    ensure!((gateway.metric("okr_config_restart_keys", "").await? - 1.0).abs() < 0.1);
    world.sender("acme", NEW)?.accepted("mended", &check_in("load", "kr", 0)).await?;
    ensure!(gateway.term(SOON).await? == 0, "{}", gateway.tail());
    Ok(())
}

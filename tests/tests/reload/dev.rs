//! `dev` runs both services, and both change at one signal or not at all.

use anyhow::{Context, Result, ensure};
use okr_tests::{FakeHttp, check_in, free_port};

use crate::world::{NEW, OLD, SOON, World, acme, reload};

fn sections(secret: &str, receiver: &FakeHttp, path: &str) -> String {
    let (acme, url) = (acme(&[secret]), receiver.url(path));
    format!(
        "{acme}[destinations.desk]\nkind = \"http\"\nurl = \"{url}\"\n[[routes]]\nname = \"all\"\nto = [\"desk\"]\n"
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dev_exchanges_both_services_or_neither() -> Result<()> {
    let (broker, registry) = (free_port(), free_port());
    let (broker, registry) = (format!("127.0.0.1:{broker}"), format!("http://127.0.0.1:{registry}"));
    let (world, receiver) = (World::bare(&broker, &registry, "")?, FakeHttp::start()?);
    world.write(&sections("old.key", &receiver, "/one"))?;
    let dev = world.stack.role("dev").await?;
    let (old, new) = (world.sender("acme", OLD)?, world.sender("acme", NEW)?);
    let told = async |path: &'static str| {
        let came = receiver.wait_until(SOON, move |seen| seen.iter().any(|seen| seen.path == path));
        came.await.with_context(|| format!("nothing came to {path}: {}", dev.tail()))
    };
    old.accepted("dev-1", &check_in("load", "kr", 0)).await?;
    told("/one").await?;
    // The file is in order and so is the gateway's part; a secret of the notifier's cannot be had.
    let lounge = "[destinations.lounge]\nkind = \"slack\"\nurl = { file = \"nobody.url\" }\n";
    world.write(&(sections("new.key", &receiver, "/two") + lounge))?;
    reload(&dev, "refused").await?;
    dev.says("nobody.url", SOON).await?;
    old.accepted("dev-2", &check_in("load", "kr", 1)).await?;
    world.write(&sections("new.key", &receiver, "/two"))?;
    reload(&dev, "applied").await?;
    new.accepted("dev-3", &check_in("load", "kr", 2)).await?;
    told("/two").await?;
    ensure!(old.send("dev-4", &check_in("load", "kr", 3)).await?.status == 401);
    ensure!(dev.term(SOON).await? == 0, "{}", dev.tail());
    Ok(())
}

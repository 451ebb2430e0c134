//! One source is paused and goes on: by the configuration, without a restart.

use anyhow::{Result, ensure};
use okr_tests::check_in;

use crate::world::{OLD, World, acme, reload};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paused_source_is_refused_for_now_and_its_deliveries_come_again() -> Result<()> {
    let open = "[sources.open]\nkind = \"okr\"\nverify = { scheme = \"none\" }\n";
    let sections = acme(&["old.key"]) + open;
    let world = World::start(okr_tests::kafka().await?.address(), "", &sections).await?;
    let gateway = world.stack.role("gateway").await?;
    let acme = world.sender("acme", OLD)?;
    let paused = async || gateway.metric("okr_source_paused", "source=\"acme\"").await;
    ensure!(paused().await? < 0.5);

    world.write(&sections.replace("[sources.acme]\n", "[sources.acme]\npaused = true\n"))?;
    reload(&gateway, "applied").await?;
    let body = check_in("load", "kr-paused", 0);
    let refused = acme.send("msg-paused", &body).await?;
    ensure!(refused.status == 503 && refused.header("retry-after") == "60", "{refused:?}");
    ensure!(refused.json()["reason"] == "paused", "{}", refused.text());
    ensure!(paused().await? > 0.5);
    ensure!(gateway.metric("okr_gateway_refusals_total", "reason=\"paused\"").await? > 0.5);
    let other = okr_tests::post(&world.stack.gateway("/in/open"), &[], "{}").await?;
    ensure!(other.status == 202, "nobody else is paused: {}", other.status);
    ensure!(gateway.readyz().await?.status == 200, "a pause is no trouble");

    world.write(&sections)?;
    reload(&gateway, "applied").await?;
    let answer = acme.accepted("msg-paused", &body).await?;
    ensure!(answer["duplicates"] == 0, "nothing was kept of it: {answer}");
    let ids = okr_tests::event_ids(&answer);
    let times = world.on_the_topic().await?.iter().filter(|id| **id == ids[0]).count();
    ensure!(times == 1, "{times} times on the topic");
    Ok(())
}

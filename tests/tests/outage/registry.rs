//! Roles that start before their surroundings are there.

use anyhow::{Result, ensure};
use okr_tests::{Apicurio, Role, until};

use crate::world::{SOON, World};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn roles_wait_for_topics_registry_and_schemas_and_say_what_lacks() -> Result<()> {
    let mut registry = Apicurio::own().await?;
    registry.kill9()?;
    let world = World::bare(registry.url()).await?;
    let roles = [world.stack.start("gateway")?, world.stack.start("notifier")?];
    for role in &roles {
        says(role, &["topics apply", "missing"]).await?;
        says(role, &["schemas", "registry"]).await?;
    }
    let applied = world.stack.command(&["topics", "apply"]).await?;
    ensure!(applied.code == 0, "{}", applied.stderr);
    let refused = world.stack.command(&["schemas", "register", "--apply"]).await?;
    ensure!(refused.code != 0 && refused.stderr.contains("registry"), "{refused:?}");

    registry.restart().await?;
    for role in &roles {
        says(role, &["schemas register --apply"]).await?;
        ensure!(role.ended().is_none(), "{}", role.tail());
    }
    let registered = world.stack.command(&["schemas", "register", "--apply"]).await?;
    ensure!(registered.code == 0, "{}", registered.stderr);
    for role in &roles {
        role.ready_within(SOON).await?;
    }
    world.goes_on("kr-first").await?;

    // Once they know the schemas, they live without the registry.
    registry.kill9()?;
    world.goes_on("kr-second").await?;
    println!("started without topics, registry and schemas: waited, said so, became ready by themselves");
    Ok(())
}

/// Waits until `/readyz` is 503 with all these words.
async fn says(role: &Role, words: &[&str]) -> Result<()> {
    let look = async || {
        let reply = role.readyz().await.ok()?;
        let text = reply.text();
        (reply.status == 503 && words.iter().all(|word| text.contains(word))).then_some(())
    };
    let result = until(&format!("{words:?} in /readyz"), SOON, look).await;
    match result {
        Ok(()) => Ok(()),
        Err(error) => {
            let last = role.readyz().await.map(|reply| reply.text()).unwrap_or_default();
            Err(error.context(format!("/readyz says {last}; {}", role.tail())))
        }
    }
}

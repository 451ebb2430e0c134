//! Hostile input at a real gateway on real Kafka, one kind after the other, while a tool goes on sending good deliveries
//! on connections of its own.
//!
//! All along: every good delivery is answered 202, nothing is answered 5xx but the documented 503, `/readyz` says 200.
//! At the end: the process has not panicked, its memory stayed bounded, its file descriptors are back where they were.
//! `OKR_TEST_LONG=1` makes a minute of the ten seconds of noise; `OKR_TEST_SEED` repeats its bytes.

mod bodies;
mod crowd;
mod heads;
mod line;
mod noise;
mod pipes;
mod slow;
mod world;

use anyhow::Result;

use crate::world::World;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn hostile_input_harms_nobody_else_and_nothing_breaks() -> Result<()> {
    let world = World::start().await?;
    let watch = world.watch().await?;
    // Goes on beside all others, for as long as the gateway lets it.
    let heads = slow::heads(&world).await?;
    world.case("bodies", bodies::not_what_they_claim(&world)).await;
    world.case("batches", bodies::batches(&world)).await;
    world.case("packed bodies", bodies::packed(&world)).await;
    world.case("heads", heads::malformed(&world)).await;
    world.case("targets", heads::targets(&world)).await;
    world.case("headers twice", heads::said_twice(&world)).await;
    world.case("expectations", heads::expectations(&world)).await;
    world.case("chunks", pipes::chunks(&world)).await;
    world.case("pipelines", pipes::pipelines(&world)).await;
    world.case("two lengths", pipes::two_lengths(&world)).await;
    world.case("flipped bits", noise::flipped(&world)).await;
    world.case("random bytes", noise::random(&world)).await;
    world.case("slow bodies", slow::bodies(&world)).await;
    world.case("idle connections", crowd::idle(&world)).await;
    world.case("connections that come and go", crowd::churn(&world)).await;
    world.case("slow heads", heads.end()).await;
    watch.end(&world).await
}

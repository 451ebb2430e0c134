//! Bytes by chance: good deliveries with flipped bits, and rubbish without end. The same seed says the same.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use fastrand::Rng;
use futures::future::try_join_all;

use crate::{
    line::{Heard, Line},
    world::{World, good},
};

/// The seed of every run that names no other.
const SEED: u64 = 20_261_123;
/// Requests with flipped bits.
const FLIPPED: usize = 400;
/// Connections that talk rubbish at the same time.
const VOICES: u64 = 8;

fn seed() -> u64 {
    let given = std::env::var("OKR_TEST_SEED").ok().and_then(|text| text.parse().ok());
    let seed = given.unwrap_or(SEED);
    println!("OKR_TEST_SEED={seed}");
    seed
}

/// A bit of a signed body is flipped: 401, every time. A bit anywhere: whatever it is, it is no error of ours.
pub async fn flipped(world: &World) -> Result<()> {
    let mut rng = Rng::with_seed(seed());
    let body = good("flipped");
    let mut met = BTreeMap::new();
    for nth in 0..FLIPPED {
        let mut request = world.signed(&format!("flipped-{nth}"), &body, "connection: close\r\n")?;
        let begin = request.len() - body.len();
        let in_body = nth % 2 == 0;
        let at = if in_body { rng.usize(begin..request.len()) } else { rng.usize(..begin) };
        let bit = 1 << rng.u8(..8);
        request[at] ^= bit;
        let mut line = Line::open(world.address).await?;
        let _ = line.say(&request).await;
        // A length may have become larger than what comes.
        let _ = line.hush().await;
        let heard = line.hear(1).await;
        world.note(&heard)?;
        let status = heard.answers.first().map(|answer| answer.status);
        ensure!(!in_body || status == Some(401), "bit {bit} of byte {at} in a body: {heard:?}");
        *met.entry(status).or_insert(0) += 1;
    }
    println!("flipped bits: {FLIPPED} requests, answered {met:?}");
    Ok(())
}

/// Rubbish: from the first byte on, in a body, in a head, and half of a good request.
pub async fn random(world: &World) -> Result<()> {
    let long = std::env::var("OKR_TEST_LONG").is_ok_and(|text| text == "1");
    let end = Instant::now() + Duration::from_secs(if long { 60 } else { 10 });
    let seed = seed();
    let said = try_join_all((0..VOICES).map(|voice| rubbish(world, seed + voice, end))).await?;
    println!("rubbish: {} connections", said.iter().sum::<usize>());
    Ok(())
}

async fn rubbish(world: &World, seed: u64, end: Instant) -> Result<usize> {
    let mut rng = Rng::with_seed(seed);
    let body = good("rubbish");
    let mut said = 0;
    while Instant::now() < end {
        let mut noise = vec![0; rng.usize(1..20_000)];
        rng.fill(&mut noise);
        let printable = || noise.iter().map(|byte| 32 + byte % 95).collect::<Vec<u8>>();
        let good = world.signed(&format!("rubbish-{seed}-{said}"), &body, "")?;
        let request = match rng.u8(..6) {
            0 => noise,
            1 => world.open(&noise, ""),
            2 => [b"POST /in/open HTTP/1.1\r\nx: ".to_vec(), noise, b"\r\n\r\n".to_vec()].concat(),
            3 => [b"POST /in/open HTTP/1.1\r\nx: ".to_vec(), printable(), b"\r\n\r\n".to_vec()].concat(),
            4 => good[..rng.usize(..good.len())].to_vec(),
            _ => [good.as_slice(), &noise].concat(),
        };
        let mut line = Line::open(world.address).await?;
        let _ = line.say(&request).await;
        // Half of them hang up in the middle; the others listen.
        if rng.bool() {
            let _ = line.hush().await;
            let heard: Heard = line.hear(8).await;
            world.note(&heard)?;
        }
        said += 1;
    }
    Ok(said)
}

//! Many connections that want nothing, and many that come and go.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tokio::net::TcpStream;

use crate::{
    line::Line,
    world::{World, good},
};

const IDLE: usize = 1_000;
const CHURN: usize = 3_000;

/// How many connections this process may have, with what else it needs.
fn room() -> Result<usize> {
    let limits = std::fs::read_to_string("/proc/self/limits")?;
    let line = limits.lines().find(|line| line.starts_with("Max open files")).context("no limit")?;
    let soft: usize = line.split_whitespace().nth(3).context("no soft limit")?.parse().unwrap_or(usize::MAX);
    Ok(soft.saturating_sub(300))
}

/// A thousand connections that say nothing, or once said something; good traffic is served beside them, and a new one
/// as well.
pub async fn idle(world: &World) -> Result<()> {
    let wanted = IDLE.min(room()?);
    let mut crowd = Vec::with_capacity(wanted);
    for nth in 0..wanted {
        let mut line = Line::open(world.address).await?;
        if nth % 4 == 0 {
            line.say(&world.signed(&format!("idle-{nth}"), &good("idle"), "")?).await?;
            let heard = line.hear(1).await;
            world.note(&heard)?;
            ensure!(heard.statuses() == [202], "{heard:?}");
        }
        crowd.push(line);
    }
    let begin = std::time::Instant::now();
    for nth in 0..50 {
        let request = world.signed(&format!("among-idle-{nth}"), &good("among"), "connection: close\r\n")?;
        world.expect("among a thousand", &request, &[202]).await?;
    }
    println!("idle: {wanted} connections; 50 new ones beside them were served in {:.1?}", begin.elapsed());
    // All of them are still there, and are heard when they speak.
    for line in crowd.iter_mut().rev().take(5) {
        line.say(&world.signed("late", &good("late"), "")?).await?;
        let heard = line.hear(1).await;
        ensure!(heard.statuses() == [202], "an idle one that speaks: {heard:?}");
    }
    Ok(())
}

/// Connections that are opened and closed at once, in good order, in the middle of a head, and with a reset.
pub async fn churn(world: &World) -> Result<()> {
    let begin = std::time::Instant::now();
    for nth in 0..CHURN {
        let stream = TcpStream::connect(world.address).await?;
        match nth % 3 {
            0 => drop(stream),
            1 => {
                let _ = stream.try_write(b"POST /in/open HTTP/1.1\r\ncontent-le");
            }
            _ => {
                let _ = stream.try_write(b"POST /in/open HTTP/1.1\r\ncontent-length: 100\r\n\r\n{");
                // Closed with a reset, as by a sender that was killed.
                stream.set_zero_linger()?;
            }
        }
    }
    let request = world.signed("after-churn", &good("churn"), "connection: close\r\n")?;
    world.expect("after all of them", &request, &[202]).await?;
    ensure!(begin.elapsed() < Duration::from_secs(60), "it took {:?}", begin.elapsed());
    println!("churn: {CHURN} connections in {:.1?}", begin.elapsed());
    Ok(())
}

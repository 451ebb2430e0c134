//! Rows that are refused, and of which nothing is kept.

use anyhow::{Result, ensure};
use okr_tests::{Reply, get, post, sign, until};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::world::{BODY_MAX, PATIENT, SOON, World, check_in, okr, problem, secret, unavailable};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unknown_source() -> Result<()> {
    let world = World::shared().await?;
    let body = okr("d-nobody", "o-nobody").to_string();
    for path in ["nobody", "nobody/batch", "batch", "tracker/batch/batch", "tracker/"] {
        problem(path, &world.put(path, &[], body.clone()).await?, 404)?;
    }
    problem("a method comes after the source", &get(&world.door("nobody")).await?, 404)?;
    problem("another method", &get(&world.door("acme")).await?, 405)?;
    world.keeps("d-nobody", [0, 0, 0]).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_missing_or_stale_signature() -> Result<()> {
    let world = World::shared().await?;
    let body = check_in("kr-forged", 21).to_string();
    let signed = |secret: &str, at: i64| sign::standard_webhooks(secret, "msg-forged", at, body.as_bytes());
    let other = sign::whsec(b"nobody's key, but long enough...");
    let mut altered = body.clone().into_bytes();
    altered[20] ^= 1;
    let mut said: Vec<String> = Vec::new();
    for (what, headers, body) in [
        ("another secret", signed(&other, sign::now())?, body.clone().into_bytes()),
        ("no signature", Vec::new(), body.clone().into_bytes()),
        ("stale", signed(&secret(), sign::now() - 600)?, body.clone().into_bytes()),
        ("early", signed(&secret(), sign::now() + 600)?, body.clone().into_bytes()),
        ("one byte", signed(&secret(), sign::now())?, altered),
    ] {
        let reply = post(&world.door("acme"), &headers, body).await?;
        problem(what, &reply, 401)?;
        said.push(reply.text());
    }
    ensure!(said.iter().all(|text| *text == said[0]), "all 401 are alike: {said:?}");
    let batch = post(&world.door("acme/batch"), &signed(&other, sign::now())?, body.clone()).await?;
    problem("a batch", &batch, 401)?;
    world.keeps("kr-forged", [0, 0, 0]).await?;
    // The log says why, and who: behind no proxy, the peer itself whatever it claims.
    let claimed = [("x-forwarded-for".to_owned(), "198.51.100.7".to_owned())];
    problem("no signature", &post(&world.door("acme"), &claimed, body).await?, 401)?;
    world.gateway.says("from 127.0.0.1", SOON).await?;
    ensure!(!world.gateway.stderr().contains("198.51.100.7"), "a stranger's claim stands in the log");
    Ok(())
}

/// The address that a trusted proxy saw stands in the log.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_through_a_trusted_proxy_names_its_client() -> Result<()> {
    let world = World::beside("trusted_proxies = [\"127.0.0.0/8\", \"::1\"]").await?;
    let claimed = [("x-forwarded-for".to_owned(), "203.0.113.1, 198.51.100.7".to_owned())];
    problem("no signature", &post(&world.door("acme"), &claimed, "{}").await?, 401)?;
    world.gateway.says("from 198.51.100.7", SOON).await?;
    ensure!(!world.gateway.stderr().contains("203.0.113.1"), "what the client claimed stands in the log");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn body_too_large_or_wrong_media_type() -> Result<()> {
    let world = World::shared().await?;
    let body = okr("d-unfit", "o-unfit").to_string();
    for path in ["tracker", "tracker/batch"] {
        let large = format!("{body}{}", " ".repeat(BODY_MAX));
        problem("too large", &world.put(path, &[], large).await?, 413)?;
        for header in [("content-type", "text/html"), ("content-encoding", "br")] {
            problem(header.1, &world.put(path, &[header], body.clone()).await?, 415)?;
        }
    }
    problem(
        "lines are for batches",
        &world.put("tracker", &[("content-type", "application/x-ndjson")], body).await?,
        415,
    )?;
    world.keeps("d-unfit", [0, 0, 0]).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_many_from_this_source() -> Result<()> {
    let world = World::shared().await?;
    ensure!(world.put("slow", &[], okr("d-slow-1", "o-slow").to_string()).await?.status == 202);
    let reply = world.put("slow", &[], okr("d-slow-2", "o-slow").to_string()).await?;
    problem("the second of a minute", &reply, 429)?;
    let again: u64 = reply.header("retry-after").parse()?;
    ensure!((1..=30).contains(&again), "{again}");
    // Who is not proven takes no token, and is told nothing about them.
    problem("unproven", &post(&world.door("slow"), &[], "{}").await?, 401)?;
    world.keeps("d-slow-2", [0, 0, 0]).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_many_connections() -> Result<()> {
    let world = World::beside("connections_max = 2").await?;
    let address = world.door("x").replace("http://", "").replace("/in/x", "");
    let _held = [TcpStream::connect(&address).await?, TcpStream::connect(&address).await?];
    let body = okr("d-crowd", "o-crowd").to_string();
    let turned_away = async || {
        let reply = world.put("tracker", &[], body.clone()).await.ok()?;
        (reply.status == 503).then_some(reply)
    };
    let reply: Reply = until("the places are taken", SOON, turned_away).await?;
    unavailable("no place", &reply)
}

/// Bytes in flight beyond their bound: 503, and what goes away leaves room. What is complete is taken meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_many_bytes_in_flight() -> Result<()> {
    let world = World::beside("in_flight_bytes_max = \"128KiB\"").await?;
    let address = world.door("x").replace("http://", "").replace("/in/x", "");
    let mut slow = TcpStream::connect(&address).await?;
    let head = format!("POST /in/tracker HTTP/1.1\r\nhost: x\r\ncontent-length: {BODY_MAX}\r\n\r\n");
    slow.write_all(head.as_bytes()).await?;
    slow.write_all(&vec![b' '; 62_000]).await?;
    // More than is read in two pieces, so that it is unfinished for a while.
    let body = format!("{}{}", okr("d-crammed", "o-crammed"), " ".repeat(40_000));
    let full = async || {
        let reply = world.put("tracker", &[], body.clone()).await.ok()?;
        (reply.status == 503).then_some(reply)
    };
    unavailable("no room", &until("the room is taken", PATIENT / 2, full).await?)?;
    let whole = okr("d-whole", "o-whole").to_string();
    ensure!(world.put("tracker", &[], whole).await?.status == 202, "what is complete needs no patience");
    ensure!(world.gateway.metric("okr_gateway_refusals_total", "in_flight").await? > 0.5);
    // It took its time for nothing; then there is room again.
    let mut told = [0; 12];
    slow.read_exact(&mut told).await?;
    ensure!(&told == b"HTTP/1.1 408", "{}", String::from_utf8_lossy(&told));
    drop(slow);
    let room = async || {
        let reply = world.put("tracker", &[], body.clone()).await.ok()?;
        (reply.status == 202).then_some(())
    };
    until("there is room again", SOON, room).await
}

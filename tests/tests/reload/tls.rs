//! HTTPS, and another certificate under load.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use anyhow::{Context, Result, ensure};
use okr_tests::{check_in, sign, until};
use tokio::task::JoinSet;

use crate::world::{OLD, SOON, World, acme, reload};

const ONE: (&str, &str) = (
    include_str!("../../../crates/gateway/fixtures/tls/one.crt"),
    include_str!("../../../crates/gateway/fixtures/tls/one.key"),
);
const TWO: (&str, &str) = (
    include_str!("../../../crates/gateway/fixtures/tls/two.crt"),
    include_str!("../../../crates/gateway/fixtures/tls/two.key"),
);
/// Connections at a time, a new one for each request.
const SENDERS: usize = 16;

/// Believes these certificates and no others, and keeps no connection.
fn client(certificates: &[&str]) -> Result<reqwest::Client> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let roots = certificates.iter().map(|pem| reqwest::Certificate::from_pem(pem.as_bytes()));
    let roots = roots.collect::<Result<Vec<_>, _>>()?;
    let builder = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0).tls_certs_only(roots);
    Ok(builder.timeout(SOON).build()?)
}

/// One delivery over a connection of its own; its status, or that there was no connection.
async fn status(client: &reqwest::Client, url: &str, id: &str) -> Result<u16> {
    let body = serde_json::to_vec(&check_in("load", id, 0))?;
    let mut request = client.post(url).header("content-type", "application/json");
    for (name, value) in sign::standard_webhooks(&sign::whsec(OLD), id, sign::now(), &body)? {
        request = request.header(name, value);
    }
    Ok(request.body(body).send().await?.status().as_u16())
}

fn write(world: &World, (certificate, key): (&str, &str)) -> Result<()> {
    // As tools that renew certificates do it: each file at once, one after the other.
    for (name, text) in [("tls.crt", certificate), ("tls.key", key)] {
        let (new, place) = (world.stack.folder().join("fresh"), world.stack.folder().join(name));
        std::fs::write(&new, text)?;
        std::fs::rename(new, place)?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_is_exchanged_under_load_and_no_connection_fails() -> Result<()> {
    let lines = "tls = { certificate = \"tls.crt\", key = \"tls.key\" }";
    let world = World::start(okr_tests::kafka().await?.address(), lines, &acme(&["old.key"])).await?;
    write(&world, ONE)?;
    let gateway = world.stack.role("gateway").await?;
    let url = world.stack.gateway("/in/acme").replace("http://", "https://");
    let (one, two, both) = (client(&[ONE.0])?, client(&[TWO.0])?, client(&[ONE.0, TWO.0])?);
    ensure!(status(&one, &url, "one-1").await? == 202);
    ensure!(status(&two, &url, "two-1").await.is_err(), "nobody has shown this certificate");

    let (stop, count) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let mut load = JoinSet::new();
    for number in 0..SENDERS {
        let (client, url, stop, count) = (both.clone(), url.clone(), stop.clone(), count.clone());
        load.spawn(async move {
            for turn in 0.. {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                let status = status(&client, &url, &format!("tls-{number}-{turn}")).await?;
                ensure!(status == 202, "answered {status}");
                count.fetch_add(1, Ordering::Relaxed);
            }
            Ok(())
        });
    }
    let more = async |wanted: usize| {
        let goal = count.load(Ordering::Relaxed) + wanted;
        until("more deliveries", SOON, async || (count.load(Ordering::Relaxed) >= goal).then_some(())).await
    };
    more(50).await?;
    // The files change, and nobody says a word.
    write(&world, TWO)?;
    let shown = async || status(&two, &url, "two-2").await.ok().filter(|status| *status == 202);
    until("the new certificate", SOON, shown).await.with_context(|| gateway.tail())?;
    ensure!(status(&one, &url, "one-2").await.is_err(), "the one before is shown no more");
    more(50).await?;
    // Back again, at once by the signal.
    write(&world, ONE)?;
    reload(&gateway, "applied").await?;
    ensure!(status(&one, &url, "one-3").await? == 202);
    // A pair that cannot be used: the one before stays.
    write(&world, (ONE.0, TWO.1))?;
    reload(&gateway, "refused").await?;
    gateway.says("`gateway.tls.key` does not belong to the certificate", SOON).await?;
    ensure!(status(&one, &url, "one-4").await? == 202);
    more(50).await?;
    stop.store(true, Ordering::Relaxed);
    for ended in load.join_all().await {
        ended?;
    }
    let total = count.load(Ordering::Relaxed);
    let agreed = gateway.metric("okr_gateway_tls_handshakes_total", "agreed").await?;
    ensure!(agreed >= total as f64, "{agreed} handshakes for {total} connections");
    // Without the section it is plain HTTP, and no certificate ends.
    let ends = "okr_gateway_certificate_expiry_timestamp_seconds";
    ensure!(gateway.metric(ends, "").await? > 0.0);
    world.write_whole(&format!("{}{}", world.base().replace(lines, ""), acme(&["old.key"])))?;
    reload(&gateway, "applied").await?;
    ensure!(status(&one, &url.replace("https", "http"), "plain").await? == 202);
    ensure!(gateway.metric(ends, "").await?.is_nan(), "the certificate is still told");
    ensure!(gateway.term(SOON).await? == 0, "{}", gateway.tail());
    println!("certificates exchanged under load: {total} connections by {SENDERS} senders, all of them 202");
    Ok(())
}

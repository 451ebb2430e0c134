//! Every scheme at once, each by its own source of one gateway: what another implementation signs is taken; with one byte
//! changed, signed too long ago or with another secret it is refused, and nothing of it is kept.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use okr_tests::{Folder, Python, Reply, post};

use crate::{
    vectors::{Vector, live},
    world::{World, refused},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_scheme_takes_what_is_proven_and_refuses_one_thing_wrong() -> Result<()> {
    let folder = Folder::new("schemes")?;
    let all = live(&folder).await?;
    let (mut sections, mut env) = (String::new(), Vec::new());
    for (nth, vector) in all.good.iter().enumerate() {
        let variable = format!("SCHEME_{nth}");
        let (section, secret) = vector.section(&name(nth), &variable, &folder.join("jwks.json"))?;
        sections += &section;
        env.extend(secret.map(|secret| (variable, secret)));
    }
    let world = World::start(sections, env, String::new()).await?;
    let _gateway = world.stack.role("gateway").await?;
    let send = async |nth: usize, headers: &[(String, String)], body: &[u8]| -> Result<Reply> {
        post(&world.stack.gateway(&format!("/in/{}", name(nth))), headers, body.to_vec()).await
    };
    let (mut stale, mut bytes) = (0, 0);
    for (nth, good) in all.good.iter().enumerate() {
        let (headers, body) = (good.headers(), good.body()?);
        refused(&send(nth, &[], &body).await?, &format!("{}: without a proof", good.name))?;
        let (headers_altered, body_altered) = altered(good, body.clone());
        refused(&send(nth, &headers_altered, &body_altered).await?, &format!("{}: one byte", good.name))?;
        bytes += 1;
        if good.is_stamped() {
            let old = &all.stale[nth];
            refused(&send(nth, &old.headers(), &old.body()?).await?, &format!("{}: an hour ago", good.name))?;
            stale += 1;
        }
        let forged = &all.forged[nth];
        let reply = send(nth, &forged.headers(), &forged.body()?).await?;
        refused(&reply, &format!("{}: another secret", good.name))?;
        let taken = send(nth, &headers, &body).await?;
        ensure!(taken.status == 202, "{}: {} {}", good.name, taken.status, taken.text());
    }
    ensure!(bytes >= 30 && stale >= 10, "{bytes} with one byte changed, {stale} too old");

    let mut kept: BTreeMap<String, u32> = BTreeMap::new();
    for record in Python::read_all(&world.broker, &world.registry, "okr.arrivals").await? {
        *kept.entry(record["value"]["source"].as_str().unwrap_or_default().to_owned()).or_default() += 1;
    }
    for (nth, vector) in all.good.iter().enumerate() {
        ensure!(kept.get(&name(nth)) == Some(&1), "{}: only what is proven is kept: {kept:?}", vector.name);
    }
    Ok(())
}

fn name(nth: usize) -> String {
    format!("scheme-{nth}")
}

/// One byte changed: of the body where the proof covers it, else in the middle of the proof.
fn altered(vector: &Vector, mut body: Vec<u8>) -> (Vec<(String, String)>, Vec<u8>) {
    let mut headers = vector.headers();
    if vector.body_is_covered {
        let middle = body.len() / 2;
        body[middle] ^= 1;
    } else if let Some((_, value)) = headers.first_mut() {
        let middle = value.len() / 2;
        let other = if value.as_bytes()[middle] == b'A' { "B" } else { "A" };
        value.replace_range(middle..=middle, other);
    }
    (headers, body)
}

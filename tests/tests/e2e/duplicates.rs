//! Senders repeat themselves; people hear it once.

use anyhow::{Result, ensure};
use futures::future::try_join_all;

use crate::{
    case::{accepted, check_in, deliver, ids, letters, settle},
    world::{Home, SOON},
};

/// One after the other: five 202 with the same ids, the later ones marked, one message.
pub async fn five_times(home: &Home) -> Result<()> {
    let body = check_in("five", "kr-five");
    let first = accepted(home, "msg_five", &body).await?;
    ensure!(first["duplicates"] == 0 && first["accepted"][0]["duplicate"].is_null(), "{first}");
    for _ in 0..4 {
        let again = accepted(home, "msg_five", &body).await?;
        ensure!(ids(&again) == ids(&first), "{again} is not {first}");
        ensure!(again["duplicates"] == 1 && again["accepted"][0]["duplicate"] == true, "{again}");
    }
    home.slack.wait_for_texts("five", 1, SOON).await?;
    let texts = settle(home, "five", 1).await?;
    ensure!(texts.len() == 2, "one message, and the one behind it: {texts:?}");
    Ok(())
}

/// Five at once: whoever comes second waits for the first one's outcome.
pub async fn concurrently(home: &Home) -> Result<()> {
    let body = check_in("twins", "kr-twins");
    let answers = try_join_all((0..5).map(|_| accepted(home, "msg_twins", &body))).await?;
    ensure!(answers.iter().all(|answer| ids(answer) == ids(&answers[0])), "{answers:?}");
    ensure!(ids(&answers[0]).len() == 1, "{answers:?}");
    let places: Vec<_> = answers.iter().map(|answer| answer["accepted"][0]["offset"].clone()).collect();
    ensure!(places.iter().all(|place| *place == places[0]), "produced once: {places:?}");
    home.slack.wait_for_texts("twins", 1, SOON).await?;
    let texts = settle(home, "twins", 1).await?;
    ensure!(texts.len() == 2, "one message, and the one behind it: {texts:?}");
    Ok(())
}

/// The same identity with other content is neither swallowed nor delivered: it is kept for a person.
pub async fn identity_reused(home: &Home) -> Result<()> {
    accepted(home, "msg_reused", &check_in("reused", "kr-reused")).await?;
    let mut other = check_in("reused", "kr-reused");
    other["data"]["metric"]["current"] = 30.into();
    let reply = deliver(home, "msg_reused", &other).await?;
    let answer = reply.json();
    ensure!(reply.status == 202 && answer["held"] == 1, "{} {answer}", reply.status);
    ensure!(answer["accepted"].as_array().is_some_and(Vec::is_empty), "{answer}");
    let letters = letters(home, "okr.dead.gateway", |letter| {
        letter["headers"]["okr-dead-reason"] == "identity_reused"
            && letter["key"].to_string().contains("msg_reused")
    })
    .await?;
    ensure!(letters.len() == 1, "{letters:?}");
    let texts = settle(home, "reused", 1).await?;
    ensure!(texts.len() == 2, "the held one is no message: {texts:?}");
    Ok(())
}

//! One delivery becomes one message.

use anyhow::{Result, ensure};

use crate::{
    case::{accepted, check_in, settle},
    world::{Home, SOON},
};

/// Title, percent and owner are in the text, values escaped, and the answer says where the event is.
pub async fn one_send(home: &Home) -> Result<()> {
    let mut body = check_in("light", "kr-1");
    body["data"]["subject"]["title"] = "Grow <fast> & safe".into();
    let answer = accepted(home, "msg_light_1", &body).await?;
    let event = &answer["accepted"][0];
    ensure!(event["type"] == "okr.key_result.checked_in" && event["department"] == "sales", "{answer}");
    ensure!((0..=5).contains(&event["partition"].as_i64().unwrap_or(-1)), "sales has 0-5: {answer}");
    ensure!(event["offset"].is_u64() && answer["duplicates"] == 0 && answer["held"] == 0, "{answer}");

    let texts = home.slack.wait_for_texts("light", 1, SOON).await?;
    for part in ["Grow &lt;fast&gt; &amp; safe", "42%", "Owner of it"] {
        ensure!(texts[0].contains(part), "{part:?} is not in {texts:?}");
    }
    let texts = settle(home, "light", 1).await?;
    ensure!(texts.len() == 2, "one message per event: {texts:?}");
    Ok(())
}

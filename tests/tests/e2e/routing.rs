//! A condition never matches on what an event does not say.

use anyhow::{Result, ensure};
use okr_tests::until;

use crate::{
    case::{accepted, check_in},
    world::{Home, SOON},
};

/// The route is `event.progress < 0.3`; without progress it is unknown, which is counted and is no match.
pub async fn absent_progress(home: &Home) -> Result<()> {
    let count = || home.notifier.metric("okr_condition_unknown_total", "absent");
    let before = count().await?;
    let mut silent = check_in("absent", "kr-silent");
    silent["data"]["metric"] = serde_json::Value::Null;
    accepted(home, "msg_absent_1", &silent).await?;
    until("the unknown condition in the metric", SOON, async || {
        count().await.ok().filter(|now| *now > before)
    })
    .await?;
    let mut low = check_in("absent", "kr-low");
    low["data"]["metric"]["current"] = 5.into();
    accepted(home, "msg_absent_2", &low).await?;
    let texts = home.slack.wait_for_texts("absent", 1, SOON).await?;
    ensure!(texts.len() == 1 && texts[0].contains("kr-low") && texts[0].contains("10%"), "{texts:?}");
    Ok(())
}

//! Letters that nobody can decode: shown with the reason, and sent back they come back.

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::world::Home;

/// A frame of a schema id that nobody registered, and bytes that are no frame.
pub async fn poison(home: &Home) -> Result<()> {
    home.put_raw("no-frame", b"\x07\x01\x02").await?;
    home.letters(&["--reason", "frame"], 1).await?;
    let shown = home.json(&["dead", "show", "--reason", "frame"]).await?;
    let why = shown["undecoded"].as_str().context("no reason")?;
    ensure!(why.contains("no Confluent frame"), "{why}");
    ensure!(shown["value_begins"] == "070102" && shown["value"].is_null(), "{shown}");
    ensure!(shown["target"].is_null() && shown["key"] == "no-frame", "{shown}");
    let letter = shown["letter"].as_str().context("no position")?.to_owned();

    let page = home.stack.command(&["dead", "show", &letter]).await?;
    ensure!(page.code == 0 && page.stdout.contains("undecoded: value is in no Confluent frame"), "{page:?}");
    let words = ["dead", "redrive", &letter, "--apply", "--why", "to see it come back", "--who", "ada"];
    let done = home.json(&words).await?;
    ensure!(done["sent"] == 1, "{done}");
    home.letters(&["--reason", "frame"], 2).await?;
    let open = home.json(&["dead", "show", "--reason", "frame", "--open"]).await?;
    ensure!(open["letter"] != letter.as_str() && open["replay_id"] == done["run"], "{open}");
    ensure!(open["original"] == shown["original"], "{open}: it keeps its first home");
    let kept = |shown: &Value| shown["headers"].as_array().into_iter().flatten().any(|pair| pair[0] == "who");
    ensure!(kept(&open), "{open}");

    let known = home.json(&["dead", "show", "--target", "desk", "--dropped", "--max", "1"]).await?;
    ensure!(known["value"]["event_id"].is_string() && known["state"] == "dropped", "{known}");
    let refused = home.stack.command(&["dead", "redrive", "--service", "gateway"]).await?;
    ensure!(refused.code != 0 && refused.stderr.contains("replay arrivals"), "{refused:?}");
    Ok(())
}

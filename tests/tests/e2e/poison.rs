//! Records that nobody should have put there: untouched to the dead letters, and the next ones are delivered.

use anyhow::{Context, Result, ensure};
use base64::{Engine, engine::general_purpose::STANDARD};
use okr_tests::Python;
use serde_json::{Value, json};

use crate::{
    case::{accepted, check_in},
    world::{Home, SOON},
};

/// What is put raw on the topic, and the reason that the dead letter must give.
fn poisons(frame: &[u8]) -> Vec<(&'static str, Option<Vec<u8>>, &'static str)> {
    let mut magic = frame.to_vec();
    magic[0] = 7;
    let mut unknown = frame.to_vec();
    unknown[1..5].copy_from_slice(&987_654_321_u32.to_be_bytes());
    let truncated = frame[..frame.len() / 2].to_vec();
    let large = vec![0x5a; 1_500_000];
    vec![
        ("magic", Some(magic), "frame"),
        ("unknown", Some(unknown), "unknown_schema_id"),
        ("truncated", Some(truncated), "avro"),
        ("null", None, "null_value"),
        ("large", Some(large), "frame"),
    ]
}

/// All five in the partition of a healthy subject, which still gets its message behind them.
pub async fn poison(home: &Home) -> Result<()> {
    let first = accepted(home, "msg_poison_1", &check_in("poison", "kr-behind")).await?;
    let event = &first["accepted"][0];
    let partition = event["partition"].as_i64().context("no partition")?;
    let offset = event["offset"].as_i64().context("no offset")?;
    let good = Python::raw(&home.broker, "okr.events", partition, offset).await?;
    let frame = STANDARD.decode(good["value"].as_str().context("no value")?)?;

    for (name, value, _) in poisons(&frame) {
        let record = json!({
            "partition": partition, "key": STANDARD.encode(format!("poison/{name}")),
            "value": value.map(|value| STANDARD.encode(value)),
            "headers": [["who", STANDARD.encode("a stranger")], ["who", STANDARD.encode("twice")], ["bytes", STANDARD.encode([0xff, 0x00])]],
        });
        Python::produce(&home.broker, "okr.events", &record).await?;
    }
    accepted(home, "msg_poison_2", &check_in("poison", "kr-behind")).await?;
    home.slack.wait_for_texts("poison", 2, SOON).await?;
    for (name, value, reason) in poisons(&frame) {
        let letter = letter(home, name).await?;
        let expected = value.map(|value| Value::from(STANDARD.encode(value))).unwrap_or_default();
        ensure!(letter["value"] == expected, "{name}: the value was touched");
        let headers = letter["headers"].as_array().context("no headers")?;
        let who: Vec<&Value> =
            headers.iter().filter(|header| header[0] == "who").map(|header| &header[1]).collect();
        ensure!(
            who == [&json!(STANDARD.encode("a stranger")), &json!(STANDARD.encode("twice"))],
            "{name}: {headers:?}"
        );
        for (header, value) in [
            ("okr-dead-service", "notifier".to_owned()),
            ("okr-dead-reason", reason.to_owned()),
            ("okr-original-topic", "okr.events".to_owned()),
            ("okr-original-partition", partition.to_string()),
        ] {
            let found = headers.iter().find(|found| found[0] == header);
            let expected = json!(STANDARD.encode(&value));
            ensure!(
                found.is_some_and(|found| found[1] == expected),
                "{name}: {header} is not {value}: {headers:?}"
            );
        }
    }
    Ok(())
}

/// The dead letter with the key `poison/NAME`.
async fn letter(home: &Home, name: &str) -> Result<Value> {
    let key = STANDARD.encode(format!("poison/{name}"));
    okr_tests::until(&format!("the dead letter of {name}"), SOON, async || {
        let letters = Python::raw_all(&home.broker, "okr.dead.notifier").await.ok()?;
        letters.into_iter().find(|letter| letter["key"] == key.as_str())
    })
    .await
}

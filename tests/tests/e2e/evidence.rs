//! Kafka's own tools and a client that shares no line with us read what we write.

use anyhow::{Context, Result, ensure};
use okr_tests::Python;

use crate::{
    case::{accepted, check_in, ids},
    world::Home,
};

/// confluent-kafka and fastavro, our own `tail`, and on real Kafka the console consumer.
pub async fn independent_client(home: &Home) -> Result<()> {
    let answer = accepted(home, "msg_evidence_1", &check_in("evidence", "kr-evidence")).await?;
    let (id, event) = (ids(&answer).remove(0), &answer["accepted"][0]);

    let partition = event["partition"].as_i64().context("no partition")?;
    let offset = event["offset"].as_i64().context("no offset")?;
    let records =
        Python::read_partition(&home.broker, &home.registry, "okr.events", partition, offset).await?;
    let record = records.first().context("the independent client read nothing")?;
    ensure!(record["headers"]["ce_id"] == id.as_str(), "{record}");
    ensure!(
        record["partition"] == event["partition"] && record["offset"] == event["offset"],
        "{record} {event}"
    );
    ensure!(record["key"] == "acme/key_result/kr-evidence", "{record}");
    for (header, value) in [
        ("ce_specversion", "1.0"),
        ("ce_type", "okr.key_result.checked_in"),
        ("ce_subject", "acme/key_result/kr-evidence"),
        ("okr-department", "sales"),
    ] {
        ensure!(record["headers"][header] == value, "{header} is not {value}: {record}");
    }
    let value = &record["value"];
    ensure!(value["event_id"] == id.as_str() && value["change"] == "checked_in", "{value}");
    ensure!((value["progress"].as_f64().context("no progress")? - 0.42).abs() < 1e-9, "{value}");
    ensure!(
        value["subject"]["title"] == "Title of kr-evidence" && value["owner"]["name"] == "Owner of it",
        "{value}"
    );

    let ours = home.stack.command(&["tail", "--from", "earliest", "--max", "1"]).await?;
    let line: serde_json::Value =
        serde_json::from_str(ours.stdout.trim()).context("tail prints JSON lines")?;
    ensure!(line["value"]["event_id"].is_string() && line["headers"]["ce_id"].is_string(), "{line}");
    if let Some(kafka) = home.kafka {
        let class = "org.apache.kafka.tools.consumer.ConsoleConsumer";
        let said = kafka
            .tool(
                class,
                &[
                    "--topic",
                    "okr.events",
                    "--from-beginning",
                    "--max-messages",
                    "1",
                    "--formatter-property",
                    "print.key=true",
                    "--formatter-property",
                    "print.headers=true",
                ],
            )
            .await?;
        ensure!(
            said.contains("ce_id:") && said.contains("okr-department:"),
            "the console consumer read {said:?}"
        );
    }
    Ok(())
}

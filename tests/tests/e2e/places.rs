//! Which partition an event goes to, and in what order.

use anyhow::{Context, Result, ensure};
use okr_tests::Python;

use crate::{
    case::{accepted, check_in},
    world::Home,
};

/// Ranges, an alias, the unknown, and one subject's order.
pub async fn departments(home: &Home) -> Result<()> {
    for (department, range, partitions) in [
        ("sales", "sales", 0..=5),
        ("  SALES ", "sales", 0..=5),
        ("vertrieb", "sales", 0..=5),
        ("Engineering", "engineering", 6..=17),
        ("Astronautics", "others", 18..=23),
    ] {
        for subject in 0..4 {
            let name = department.trim();
            let mut body = check_in("places", &format!("kr-{name}-{subject}"));
            body["data"]["department"] = department.into();
            let answer =
                accepted(home, &format!("msg_places_{department}_{subject}").replace(' ', "_"), &body)
                    .await?;
            let event = &answer["accepted"][0];
            ensure!(event["department"] == range, "{department:?}: {event}");
            let partition = event["partition"].as_i64().context("no partition")?;
            ensure!(partitions.contains(&partition), "{department:?} went to {partition}");
        }
    }
    order(home).await
}

/// Twenty changes of one subject, sent one after the other: one partition, that order.
async fn order(home: &Home) -> Result<()> {
    let mut places = Vec::new();
    for step in 0..20 {
        let mut body = check_in("places", "kr-ordered");
        body["data"]["metric"]["current"] = step.into();
        body["data"]["note"] = step.to_string().into();
        let answer = accepted(home, &format!("msg_order_{step}"), &body).await?;
        let event = &answer["accepted"][0];
        places.push((event["partition"].as_i64(), event["offset"].as_i64()));
    }
    ensure!(places.iter().all(|place| place.0 == places[0].0), "one partition: {places:?}");
    ensure!(places.is_sorted_by(|one, next| one.1 < next.1), "in order: {places:?}");
    let partition = places[0].0.context("no partition")?;
    let records = Python::read_partition(&home.broker, &home.registry, "okr.events", partition, 0).await?;
    let notes: Vec<&str> = records
        .iter()
        .filter(|record| record["key"] == "acme/key_result/kr-ordered")
        .filter_map(|record| record["value"]["note"].as_str())
        .collect();
    let expected: Vec<String> = (0..20).map(|step| step.to_string()).collect();
    ensure!(notes == expected, "{notes:?}");
    let texts = home.slack.wait_for_texts("places", 40, crate::world::SOON).await?;
    let percents: Vec<usize> =
        texts.iter().filter(|text| text.contains("kr-ordered")).filter_map(|text| percent(text)).collect();
    ensure!(
        percents.len() == 20 && percents.is_sorted(),
        "messages of one subject come in order: {percents:?}"
    );
    Ok(())
}

/// The number before the first percent sign.
fn percent(text: &str) -> Option<usize> {
    let before = text.split('%').next()?;
    let digits: String = before.chars().rev().take_while(char::is_ascii_digit).collect();
    digits.chars().rev().collect::<String>().parse().ok()
}

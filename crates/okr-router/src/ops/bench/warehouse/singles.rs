//! How long a single event takes while nothing else happens: from Kafka's acknowledgement until another connection sees
//! it.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use ::warehouse::Trial;
use anyhow::{Context, Result, ensure};
use bus::Producer;

use super::{super::load::record, Course, events::Events};

/// Those are not counted: the member joins, and connections are made.
const FIRST: u64 = 3;
/// How long one may take, joining the group included.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often it is looked for.
const LOOK: Duration = Duration::from_millis(1);
/// The pause before the next one, a little longer each time and then short again, so that no clock of ours keeps step.
const PAUSE: Duration = Duration::from_millis(20);
const PAUSES: u32 = 7;

/// Sends them one by one, over the tables as the last round has left them.
pub(super) async fn measure(course: &Course, trial: &Trial, events: &Events) -> Result<Vec<Duration>> {
    eprintln!("{} single events", course.options.singles);
    let producer = Producer::new(&course.settings, PATIENCE)?;
    producer.warm(&[&course.topic]).await?;
    let member = course.member(trial, "singles").await?;
    let onlooker = trial.onlooker().await?;
    let (topic, mut taken): (Arc<str>, _) = (course.topic.as_str().into(), Vec::new());
    for number in 0..FIRST + course.options.singles {
        tokio::time::sleep(PAUSE * (1 + (number as u32) % PAUSES)).await;
        let event = events.single(number);
        let record = record(&topic, course.options.partitions, &course.encoder, &event).await?;
        producer.send(record).await.context("a record was not acknowledged")?;
        let since = Instant::now();
        while !onlooker.sees(event.event_id.0).await? {
            ensure!(since.elapsed() < PATIENCE, "an event was not seen for {} s", PATIENCE.as_secs());
            tokio::time::sleep(LOOK).await;
        }
        if number >= FIRST {
            taken.push(since.elapsed());
        }
    }
    member.stop().await?;
    producer.close(PATIENCE).await;
    taken.sort();
    Ok(taken)
}

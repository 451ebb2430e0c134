//! Records to be consumed: check-ins in the frames, keys and headers that the gateway gives them.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use anyhow::{Context, Result};
use bus::{Headers, OutRecord, Producer, header, place};
use jiff::Timestamp;
use okr::{Change, Cycle, Metric, OkrEvent, Person, Previous, Source, Status, Subject, SubjectType};
use wire::Encoder;

/// Records that are on their way to the broker at a time: few, so that batches stay as small as a gateway's.
const UNDER_WAY_MAX: usize = 2_000;
const ACKNOWLEDGED_WITHIN: Duration = Duration::from_secs(60);
/// What a busy gateway's batches hold, roughly; without it filling takes ten times as long.
const LINGER: Duration = Duration::from_millis(5);

/// What goes where.
pub(super) struct Load<'a> {
    pub(super) topic: &'a str,
    pub(super) partitions: i32,
    pub(super) records: u64,
}

impl Load<'_> {
    /// Produces the records of these events; gives the bytes of one, on average, before compression.
    pub(super) async fn fill(
        &self,
        settings: &bus::Settings,
        encoder: &Encoder,
        event: impl Fn(u64) -> OkrEvent,
    ) -> Result<u64> {
        let settings = bus::Settings { linger: LINGER, ..settings.clone() };
        let producer = Producer::new(&settings, ACKNOWLEDGED_WITHIN)?;
        let topic: Arc<str> = self.topic.into();
        let (mut under_way, mut bytes) = (VecDeque::new(), 0);
        for number in 0..self.records {
            let record = record(&topic, self.partitions, encoder, &event(number)).await?;
            bytes += record.size() as u64;
            under_way.push_back(producer.enqueue(record).context("a record was not queued")?);
            if under_way.len() >= UNDER_WAY_MAX
                && let Some(first) = under_way.pop_front()
            {
                first.await.context("a record was not acknowledged")?;
            }
        }
        for delivery in under_way {
            delivery.await.context("a record was not acknowledged")?;
        }
        producer.close(ACKNOWLEDGED_WITHIN).await;
        Ok(bytes / self.records.max(1))
    }
}

/// The event as the gateway would produce it.
pub(super) async fn record(
    topic: &Arc<str>,
    partitions: i32,
    encoder: &Encoder,
    event: &OkrEvent,
) -> Result<OutRecord> {
    let value = encoder.event(event).await?;
    let key = okr::subject_key(&event.subject);
    Ok(OutRecord {
        topic: topic.clone(),
        partition: place::partition(key.as_bytes(), partitions),
        headers: headers(event, &key),
        key: Some(key.into()),
        value: Some(value),
    })
}

/// What the gateway writes beside an event.
fn headers(event: &OkrEvent, key: &str) -> Headers {
    let mut headers = Headers::new();
    headers.push(header::CE_SPECVERSION, "1.0");
    headers.push(header::CE_ID, event.event_id.to_string());
    headers.push(header::CE_SOURCE, event.source.name.clone());
    headers.push(header::CE_TYPE, okr::ce_type(event));
    headers.push(header::CE_TIME, event.occurred_at.to_string());
    headers.push(header::CE_SUBJECT, key.to_owned());
    headers.push(header::CONTENT_TYPE, "application/avro");
    headers.push(header::OKR_DEPARTMENT, "sales");
    headers
}

/// A check-in of a key result, as tools send them, about 750 bytes as a record; no two are the same.
pub(super) fn check_in(number: u64, key_result: u64, at: Timestamp) -> OkrEvent {
    let subject = Subject {
        kind: SubjectType::KeyResult,
        namespace: "bench".to_owned(),
        id: format!("kr-{key_result}"),
        parent_id: Some(format!("o-{}", key_result / 4)),
        title: Some("Win ten reference customers in the region".to_owned()),
        url: Some(format!("https://okr.example/key-results/{key_result}")),
    };
    let delivery = format!("msg_{number:012}");
    let id = okr::event_id("bench", &delivery, &okr::subject_key(&subject), 0);
    let source = Source {
        name: "bench".to_owned(),
        kind: "standard-webhooks".to_owned(),
        delivery_id: Some(delivery),
        sequence: i64::try_from(number).ok(),
    };
    let done = (number % 97) as f64 / 97.0;
    OkrEvent {
        department: Some("sales".to_owned()),
        team: Some("Enterprise".to_owned()),
        owner: Some(person("ada.lovelace")),
        manager: Some(person("charles.babbage")),
        cycle: Some(Cycle {
            name: Some("2026 Q1".to_owned()),
            start: Some(jiff::civil::date(2026, 1, 1)),
            end: Some(jiff::civil::date(2026, 3, 31)),
        }),
        metric: Some(Metric {
            start: Some(0.0),
            target: Some(97.0),
            current: Some((number % 97) as f64),
            unit: Some("customers".to_owned()),
        }),
        progress: Some(done),
        confidence: Some(0.7),
        status: Status::AtRisk,
        previous: Some(Previous { progress: Some(done / 2.0), status: Some(Status::OnTrack), current: None }),
        actor: Some("Ada Lovelace".to_owned()),
        note: Some(format!("check-in {number}: two more have signed since the last one")),
        ..OkrEvent::new(id, at, source, Change::CheckedIn, subject)
    }
}

fn person(name: &str) -> Person {
    let email = format!("{name}@okr.example");
    Person { id: Some(format!("u-{name}")), name: Some(name.replace('.', " ")), email: Some(email) }
}

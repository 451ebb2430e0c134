//! `dead redrive`: letters go back to the service and the target that gave them up, under the id of a run.
//!
//! What was put onto the replay topic twice under one run is delivered once, for the service claims each effect of a run.
//! So a run that was cut off is gone through again without harm; which letters it is about was frozen when it began.

use std::{collections::HashSet, process::ExitCode, time::Duration};

use anyhow::{Context, Result, bail, ensure};
use bus::{OutRecord, Producer};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::time::Instant;
use wire::{Stage, Verb};

use super::{
    Count, Desk,
    filter::Filter,
    letter::{self, Letter, Position},
    letters,
    marks::{self, Run},
};
use crate::{
    cli::dead::Redrive,
    ops::audit::{self, Clerk, Deed},
};

/// A record that Kafka does not take is given to it again after this long, so often at most.
const PAUSE: Duration = Duration::from_secs(1);
const TRIES_MAX: u32 = 10;
/// How often a long run says how far it is.
const TELL_EVERY: Duration = Duration::from_secs(10);

/// What is to be done on one topic.
struct Errand<'a> {
    topic: &'static str,
    service: &'static str,
    /// A run that was cut off.
    cut_off: Option<&'a Run>,
    id: String,
    filter: Filter,
    count: Count,
}

/// Counts, and sends with `--apply`.
pub async fn run(desk: &Desk<'_>, options: &Redrive, now: Timestamp) -> Result<ExitCode> {
    let (errands, refused) = errands(desk, options, now).await?;
    let total: u64 = errands.iter().map(|errand| errand.count.groups.letters()).sum();
    if !options.output.json {
        let tables: String = errands.iter().map(|errand| errand.count.groups.table()).collect();
        crate::ops::put(&tables)?;
    }
    errands.iter().for_each(|errand| explain(desk, errand));
    for (service, count) in refused.iter().filter(|(_, count)| *count > 0) {
        eprintln!("{} of the {service} are not among them: {}", letters(*count), not_redriven(service));
    }
    let refused: u64 = refused.iter().map(|(_, count)| count).sum();
    let mut sent = 0;
    if options.deed.apply {
        for errand in errands.iter().filter(|errand| errand.count.groups.letters() > 0) {
            sent += send(desk, options, errand).await?;
        }
    }
    if options.output.json {
        let groups: Vec<Value> = errands
            .iter()
            .filter_map(|errand| errand.count.groups.json().as_array().cloned())
            .flatten()
            .collect();
        let run = errands.first().filter(|_| sent > 0).map(|errand| &errand.id);
        let shown = json!({
            "applied": options.deed.apply, "run": run, "letters": total, "sent": sent, "refused": refused,
            "groups": groups,
        });
        crate::ops::put(&format!("{shown}\n"))?;
    }
    match (total, options.deed.apply) {
        (0, _) => eprintln!("no such letters"),
        (_, true) => eprintln!("{} sent back", letters(sent)),
        (total, false) => eprintln!("{} would be sent back: --apply --why TEXT does it", letters(total)),
    }
    Ok(ExitCode::SUCCESS)
}

/// Why letters of the gateway, or of a service without a replay topic, stay where they are.
fn not_redriven(service: &str) -> &'static str {
    match service {
        "gateway" => NOT_UNDERSTOOD,
        _ => {
            "it keeps state and reads okr.events alone; what it gave up it reads again when it is filled anew, by \
             `okr-router warehouse rebuild`: the records wait on okr.events"
        }
    }
}

const NOT_UNDERSTOOD: &str = "they are bodies that were not understood; translating them anew is `replay arrivals`, which \
                              this release does not have yet: they wait in okr.arrivals";

/// What is to be done, topic by topic, and how many letters cannot be sent back at all.
async fn errands<'a>(
    desk: &'a Desk<'_>,
    options: &Redrive,
    now: Timestamp,
) -> Result<(Vec<Errand<'a>>, Vec<(&'static str, u64)>)> {
    let given = Filter::read(&options.which, now)?;
    let named = options.run.map(|id| named(desk, &id.to_string())).transpose()?;
    // One run has one id, on however many topics.
    let new = uuid::Uuid::now_v7().to_string();
    let (mut errands, mut refused) = (Vec::new(), Vec::new());
    for topic in desk.topics(named.map_or(&given, |run| &run.filter))? {
        if named.is_some_and(|run| run.topic != topic) {
            continue;
        }
        let service = letter::service(topic);
        if bus::topic(&bus::replay::topic(service)).is_none() {
            ensure!(
                given.service.as_deref() != Some(service),
                "letters of {service} are not redriven: {}",
                not_redriven(service)
            );
            let count = desk.count(topic, None, |letter| desk.marks.means(&given, letter)).await?;
            refused.push((service, count.groups.letters()));
            continue;
        }
        let cut_off = named.or_else(|| desk.marks.cut_off(topic, &given));
        let count = match cut_off {
            Some(run) => desk.count(topic, Some(&run.ends), |letter| desk.marks.belongs(run, letter)).await?,
            None => desk.count(topic, None, |letter| desk.marks.means(&given, letter)).await?,
        };
        errands.push(Errand {
            topic,
            service,
            cut_off,
            id: cut_off.map_or_else(|| new.clone(), |run| run.id.clone()),
            filter: cut_off.map_or_else(|| given.clone(), |run| run.filter.clone()),
            count,
        });
    }
    Ok((errands, refused))
}

/// The run that `--run` names: it has begun and is not finished.
fn named<'a>(desk: &'a Desk<'_>, id: &str) -> Result<&'a Run> {
    let run = desk.marks.redrive(id).with_context(|| format!("okr.audit knows no redrive {id}"))?;
    if run.finished {
        bail!("redrive {id} is finished: leave --run out to send its letters once more");
    }
    Ok(run)
}

/// What whoever decides should know beside the counts.
fn explain(desk: &Desk<'_>, errand: &Errand<'_>) {
    let Errand { topic, id, count, .. } = errand;
    if let Some(run) = errand.cut_off {
        eprintln!(
            "goes on with redrive {id} of {topic}, which {} began at {:.0} and which was cut off: what it delivered is not \
             delivered twice; letters that came later are left for the next one",
            run.who, run.at
        );
    } else if count.groups.redriven() > 0 {
        eprintln!(
            "{} of them were sent back before and are delivered once more: --open leaves them out",
            count.groups.redriven()
        );
    }
    let configured = desk.whole.document.names("destinations");
    for (target, found) in count.groups.targets() {
        if !configured.iter().any(|name| name == target) {
            eprintln!(
                "{} for {target}, which this configuration does not have: the {} would give them up again",
                letters(found),
                errand.service
            );
        }
    }
}

/// Puts the letters onto the replay topic, between two entries of the audit; answers how many.
async fn send(desk: &Desk<'_>, options: &Redrive, errand: &Errand<'_>) -> Result<u64> {
    let to = bus::replay::topic(errand.service);
    let partitions = audit::partitions(&desk.bus, &to).await?;
    let clerk = Clerk::open(desk.whole, &desk.bus).await?;
    clerk.producer().warm(&[&to]).await?;
    let ends = errand.cut_off.map_or(&errand.count.ends, |run| &run.ends);
    let note = async |stage: Stage, letters: u64| {
        let deed = Deed {
            verb: Verb::Redrive,
            stage,
            run: &errand.id,
            object: errand.topic,
            counts: [("letters", letters)].into(),
            details: marks::details(&errand.filter, ends),
        };
        clerk.note(options.deed.said(), deed).await
    };
    let total = errand.count.groups.letters();
    if errand.cut_off.is_none() {
        note(Stage::Begun, total).await?;
    }
    eprintln!("redrive {}: {} to {to}", errand.id, letters(total));
    let there = match errand.cut_off {
        Some(run) => there_already(desk, &to, &run.id).await?,
        None => HashSet::new(),
    };
    let mut pile = desk.pile(errand.topic, Some(ends)).await?;
    let mut pace = Pace::new(options.rate.interval());
    let (mut sent, mut skipped) = (0, 0);
    while let Some(record) = pile.next().await? {
        let letter = Letter::of(&record);
        let is_meant = match errand.cut_off {
            Some(run) => desk.marks.belongs(run, &letter),
            None => desk.marks.means(&errand.filter, &letter),
        };
        if !is_meant {
            continue;
        }
        if letter.errand().is_some_and(|errand| there.contains(&errand)) {
            skipped += 1;
            continue;
        }
        pace.turn().await;
        let again = bus::replay::of_letter(&record, errand.service, &errand.id, partitions);
        put(clerk.producer(), again).await.with_context(|| {
            format!("redrive {} stopped after {sent} of {total}; the same command goes on with it", errand.id)
        })?;
        sent += 1;
        pace.tell(sent + skipped, total);
    }
    if skipped > 0 {
        eprintln!("{} had been sent before the run was cut off", letters(skipped));
    }
    note(Stage::Finished, sent + skipped).await?;
    Ok(sent)
}

/// What a run that was cut off has put onto the replay topic: it need not be put there again.
async fn there_already(desk: &Desk<'_>, to: &str, run: &str) -> Result<HashSet<(Position, Option<String>)>> {
    let mut there = HashSet::new();
    let mut pile = desk.pile(to, None).await?;
    while let Some(record) = pile.next().await? {
        let sent = Letter::of(&record);
        if sent.replay_id.as_deref() == Some(run) {
            there.extend(sent.errand());
        }
    }
    Ok(there)
}

/// Gives Kafka a record until it has it: what it got twice is recognised by the service.
async fn put(producer: &Producer, record: OutRecord) -> Result<()> {
    for _ in 1..TRIES_MAX {
        match producer.send(record.clone()).await {
            Err(error) if error.is_passing() => tokio::time::sleep(PAUSE).await,
            answer => return answer.map(drop).map_err(Into::into),
        }
    }
    producer.send(record).await.map(drop).map_err(Into::into)
}

/// Lets one letter go per interval, and says now and then how far it is.
struct Pace {
    interval: Duration,
    next: Instant,
    told: Instant,
}

impl Pace {
    fn new(interval: Duration) -> Self {
        Self { interval, next: Instant::now(), told: Instant::now() }
    }

    async fn turn(&mut self) {
        tokio::time::sleep_until(self.next).await;
        self.next = self.next.max(Instant::now() - self.interval) + self.interval;
    }

    fn tell(&mut self, sent: u64, total: u64) {
        if self.told.elapsed() >= TELL_EVERY {
            self.told = Instant::now();
            eprintln!("{sent} of {total}");
        }
    }
}

//! `okr-router warehouse rebuild`: the tables filled anew from the topic, while members go on.

use std::{
    collections::BTreeMap,
    io::{IsTerminal, Write, stderr},
    process::ExitCode,
    sync::Mutex,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use serde_json::{Value, json};
use warehouse::{
    TOPIC, has_leftovers,
    rebuild::{Notice, Outlook, Rebuild, Rebuilt, abandon, look},
};
use wire::{Stage, Verb};

use crate::{
    cli::{Output, warehouse::Rebuild as Options},
    config::Whole,
    ops::audit::{Clerk, Deed},
    parts,
};

/// What it is done to, in the audit.
const OBJECT: &str = "warehouse";
/// How often a line says how far it is, and how often the bar is drawn where somebody looks.
const LINE_EVERY: Duration = Duration::from_secs(10);
const BAR_EVERY: Duration = Duration::from_millis(200);
const BAR_WIDTH: usize = 30;

/// Shows what would be done; does it with `--apply`.
pub async fn run(whole: &Whole, options: &Options) -> Result<ExitCode> {
    let place = parts::warehouse(whole)?;
    if options.abandon {
        return clear(whole, &place, options).await;
    }
    let settings = parts::bus_settings(whole, "okr-router-warehouse-rebuild")?;
    let outlook = look(&place, &settings).await.context("the warehouse was not looked at")?;
    if !options.output.json {
        super::super::put(&as_text(&outlook))?;
    }
    if !options.deed.apply {
        if options.output.json {
            super::super::put(&format!("{}\n", as_json(&outlook, None)))?;
        }
        return Ok(explain(&outlook, &place, options));
    }
    let rebuild = Rebuild {
        place,
        settings,
        registry: parts::registry(whole)?,
        accepts_loss: options.accept_loss,
        notes_since: parts::notes_since(whole)?,
    };
    let notes = Notes::open(whole, options, &rebuild.settings).await?;
    let begun = rebuild.begin().await.context("the rebuild was given up")?;
    if let Err(error) = notes.begun(&outlook).await {
        begun.give_up().await;
        return Err(error.context("nothing was filled, for it could not be noted"));
    }
    let teller = Teller::new();
    let outcome = rebuild.run(begun, &|notice| teller.hear(&notice)).await;
    teller.end();
    let rebuilt = outcome.context("the rebuild was given up")?;
    if options.output.json {
        super::super::put(&format!("{}\n", as_json(&outlook, Some(&rebuilt))))?;
    }
    conclude(&rebuilt);
    notes.finished(&rebuilt).await.context(
        "the new tables are in their place and need not be filled again, but the audit does not say so",
    )?;
    Ok(ExitCode::SUCCESS)
}

/// The two entries of the audit: one that was cut off, or given up, shows there.
struct Notes<'a> {
    clerk: Clerk,
    run: String,
    options: &'a Options,
}

impl<'a> Notes<'a> {
    /// Before anything is made.
    async fn open(whole: &Whole, options: &'a Options, bus: &bus::Settings) -> Result<Self> {
        Ok(Self { clerk: Clerk::open(whole, bus).await?, run: uuid::Uuid::now_v7().to_string(), options })
    }

    async fn begun(&self, outlook: &Outlook) -> Result<()> {
        let [records, rows] = [outlook.records(), outlook.events].map(i64::unsigned_abs);
        self.note(Stage::Begun, [("records", records), ("rows", rows)].into()).await
    }

    async fn finished(&self, rebuilt: &Rebuilt) -> Result<()> {
        let [lost, rejected, rows] = [rebuilt.lost, rebuilt.rejected, rebuilt.after].map(i64::unsigned_abs);
        let skipped = rebuilt.skipped.values().sum();
        let counts = [
            ("records", rebuilt.records),
            ("skipped", skipped),
            ("rows", rows),
            ("lost", lost),
            ("rejected", rejected),
        ];
        self.note(Stage::Finished, counts.into()).await
    }

    /// What was left of one that was cut off is gone; there is no other entry of it.
    async fn abandoned(&self) -> Result<()> {
        self.note(Stage::Finished, BTreeMap::new()).await
    }

    async fn note(&self, stage: Stage, counts: BTreeMap<&'static str, u64>) -> Result<()> {
        let mut details = BTreeMap::new();
        if self.options.abandon {
            details.insert("abandoned".to_owned(), "what an earlier one left".to_owned());
        }
        if self.options.accept_loss {
            details.insert("loss".to_owned(), "accepted".to_owned());
        }
        let deed =
            Deed { verb: Verb::WarehouseRebuild, stage, run: &self.run, object: OBJECT, counts, details };
        self.clerk.note(self.options.deed.said(), deed).await
    }
}

/// Takes away what a killed rebuild left. Where it could not be noted that something was, nothing is.
async fn clear(whole: &Whole, place: &warehouse::Place, options: &Options) -> Result<ExitCode> {
    const KEPT: &str = "what an earlier rebuild left was not taken away";
    let Output { json } = options.output;
    let mut found = has_leftovers(place).await.context(KEPT)?;
    if found {
        let settings = parts::bus_settings(whole, "okr-router-warehouse-rebuild")?;
        let notes = Notes::open(whole, options, &settings).await.context(KEPT)?;
        notes.note(Stage::Begun, BTreeMap::new()).await.context(KEPT)?;
        found = abandon(place).await.context(KEPT)?;
        if found {
            notes
                .abandoned()
                .await
                .context("what an earlier rebuild left is gone, but the audit does not say so")?;
        }
    }
    if json {
        super::super::put(&format!("{}\n", json!({ "abandoned": found })))?;
    }
    eprintln!(
        "{}",
        if found { "what an earlier rebuild left is gone" } else { "no rebuild has left anything" }
    );
    Ok(ExitCode::SUCCESS)
}

fn as_text(outlook: &Outlook) -> String {
    let expired = match outlook.expired {
        0 => String::new(),
        rows => format!(", {rows} of them from records that {TOPIC} no longer has"),
    };
    let mut text = format!(
        "{TOPIC}            {:>12} records to read\nokr_events            {:>12} rows{expired}\n\n\
         partition         low        high        next\n",
        outlook.records(),
        outlook.events
    );
    for part in &outlook.parts {
        text += &format!("{:>9}{:>12}{:>12}{:>12}\n", part.partition, part.low, part.high, part.next);
    }
    text
}

/// Why it would be refused, or how to do it.
fn explain(outlook: &Outlook, place: &warehouse::Place, options: &Options) -> ExitCode {
    if outlook.has_leftovers {
        eprintln!(
            "an earlier rebuild was cut off; the next one begins anew, --abandon takes away what it left"
        );
    }
    match outlook.check(options.accept_loss) {
        Ok(()) => {
            eprintln!(
                "a new generation of the tables would be filled and put in their place: --apply --why TEXT does it{}",
                if place.is_file() {
                    ", once `okr-router warehouse` (or `dev`) is stopped, which has the file"
                } else {
                    ""
                }
            );
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("it would be refused: {why}");
            ExitCode::FAILURE
        }
    }
}

fn as_json(outlook: &Outlook, rebuilt: Option<&Rebuilt>) -> Value {
    let part = |part: &warehouse::rebuild::Part| json!({ "partition": part.partition, "low": part.low, "high": part.high, "next": part.next });
    let mut shown = json!({
        "applied": rebuilt.is_some(),
        "topic": { "name": TOPIC, "records": outlook.records() },
        "events": outlook.events,
        "expired": outlook.expired,
        "strangers": outlook.strangers,
        "lacking": outlook.lacking,
        "leftovers": outlook.has_leftovers,
        "partitions": outlook.parts.iter().map(part).collect::<Vec<Value>>(),
    });
    if let Some(rebuilt) = rebuilt {
        shown["rebuilt"] = json!({
            "records": rebuilt.records, "skipped": rebuilt.skipped, "lost": rebuilt.lost,
            "rejected": rebuilt.rejected,
            "before": rebuilt.before, "after": rebuilt.after, "held_seconds": rebuilt.held.as_secs_f64(),
            "seconds": rebuilt.took.as_secs_f64(), "left": rebuilt.left,
        });
    }
    shown
}

fn conclude(rebuilt: &Rebuilt) {
    let Rebuilt { records, before, after, held, took, .. } = rebuilt;
    let seconds = took.as_secs_f64();
    eprintln!(
        "{records} records read in {seconds:.1} s; of the same records okr_events had {before} rows and has {after}; \
         writers were held up for {:.2} s",
        held.as_secs_f64()
    );
    for (reason, count) in &rebuilt.skipped {
        eprintln!("{count} records are no rows ({reason}): `okr-router dead list --service warehouse`");
    }
    if rebuilt.lost > 0 {
        eprintln!("{} rows are gone, for {TOPIC} no longer had their records", rebuilt.lost);
    }
    if rebuilt.rejected > 0 {
        eprintln!("{} rows are gone, for their records are no rows any more", rebuilt.rejected);
    }
    if let Some(left) = &rebuilt.left {
        eprintln!(
            "the old tables are still there ({left}): `okr-router warehouse rebuild --abandon` takes them away"
        );
    }
}

/// Says how far it is: a bar where somebody looks, else a line now and then.
struct Teller {
    is_watched: bool,
    since: Instant,
    told: Mutex<Told>,
}

#[derive(Default)]
struct Told {
    at: Option<Instant>,
    has_bar: bool,
    is_caught_up: bool,
}

impl Teller {
    fn new() -> Self {
        Self { is_watched: stderr().is_terminal(), since: Instant::now(), told: Mutex::default() }
    }

    fn hear(&self, notice: &Notice) {
        let Ok(mut told) = self.told.lock() else { return };
        let line = match notice {
            Notice::Filled { read, of } => {
                let every = if self.is_watched { BAR_EVERY } else { LINE_EVERY };
                if told.at.is_some_and(|at| at.elapsed() < every) || (told.at.is_none() && !self.is_watched) {
                    told.at.get_or_insert_with(Instant::now);
                    return;
                }
                told.at = Some(Instant::now());
                if self.is_watched {
                    told.has_bar = true;
                    let _ = write!(stderr(), "\r{}", bar(*read, *of, self.since.elapsed()));
                    return;
                }
                progress(*read, *of, self.since.elapsed())
            }
            Notice::CaughtUp { .. } if told.is_caught_up => return,
            Notice::CaughtUp { read } => {
                told.is_caught_up = true;
                format!("{read} records read, everything on the topic; the tables are exchanged next")
            }
            Notice::Waiting(why) => format!("the exchange waits, and is tried again: {why}"),
            Notice::Exchanged => "the new tables are in their place".to_owned(),
        };
        self.put(&mut told, &line);
    }

    /// Behind a bar, on a line of its own.
    fn put(&self, told: &mut Told, line: &str) {
        let end = if std::mem::take(&mut told.has_bar) { "\n" } else { "" };
        let _ = writeln!(stderr(), "{end}{line}");
    }

    fn end(&self) {
        if let Ok(mut told) = self.told.lock()
            && std::mem::take(&mut told.has_bar)
        {
            let _ = writeln!(stderr());
        }
    }
}

/// How many of a hundred.
fn percent(read: u64, of: u64) -> u64 {
    (read * 100).checked_div(of).unwrap_or(100).min(100)
}

fn progress(read: u64, of: u64, since: Duration) -> String {
    let a_second = read as f64 / since.as_secs_f64().max(0.001);
    let left = of.saturating_sub(read) as f64 / a_second.max(1.0);
    format!(
        "{read} of {of} records ({} %), {a_second:.0} a second, about {left:.0} s left",
        percent(read, of)
    )
}

fn bar(read: u64, of: u64, since: Duration) -> String {
    let full = percent(read, of) as usize * BAR_WIDTH / 100;
    // Blanks behind it cover a longer line before it.
    format!("[{}{}] {}   ", "#".repeat(full), ".".repeat(BAR_WIDTH - full), progress(read, of, since))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_says_how_far_it_is_and_how_long_it_takes() {
        let shown = bar(250, 1_000, Duration::from_secs(5));
        assert!(
            shown.starts_with("[#######.......................] 250 of 1000 records (25 %), 50 a second"),
            "{shown}"
        );
        assert!(shown.contains("about 15 s left"), "{shown}");
        assert!(bar(1_200, 1_000, Duration::from_secs(1)).contains("(100 %)"));
        assert!(bar(0, 0, Duration::ZERO).contains("0 of 0 records (100 %)"));
    }
}

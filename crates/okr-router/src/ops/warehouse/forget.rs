//! `okr-router warehouse forget`: a person is taken out of the warehouse, and what Kafka still holds of them is told.
//!
//! Nothing here, in the audit or in a log names the person but what the caller is shown.

mod kafka;

use std::{collections::BTreeMap, io::Read, path::Path, process::ExitCode};

use anyhow::{Context, Result, anyhow, bail, ensure};
use jiff::Timestamp;
use serde_json::json;
use warehouse::{Erasure, Forget, Person, Place, Tally, rebuild};
use wire::{Stage, Verb};

use crate::{
    cli::warehouse::Forget as Options,
    config::Whole,
    ops::audit::{Clerk, Deed},
    parts,
};
use kafka::{Kept, kept};

/// What it is done to, in the audit.
const OBJECT: &str = "warehouse";
const WAREHOUSE: &str = "the warehouse (`warehouse.url`)";

/// Counts; forgets with `--apply`.
pub async fn run(whole: &Whole, options: &Options) -> Result<ExitCode> {
    let place = parts::warehouse(whole)?;
    if options.export {
        let list = warehouse::list(&place).await.context(WAREHOUSE)?;
        super::super::put(&list.iter().map(|row| row.line() + "\n").collect::<String>())?;
        eprintln!("{} rows: salted hashes, which whoever has them can try addresses on", list.len());
        return Ok(ExitCode::SUCCESS);
    }
    let forget = whom(&place, options).await?;
    let (tally, run) = if options.deed.apply {
        let (tally, run) = apply(whole, options, &forget).await?;
        (tally, Some(run))
    } else {
        (forget.look().await.context(WAREHOUSE)?, None)
    };
    let leftovers = leftovers(&place, options).await;
    let kept = kept(whole, Timestamp::now()).await;
    let shown = if options.output.json {
        as_json(options, &tally, run.as_deref(), leftovers.as_deref(), kept.as_deref())
    } else {
        as_text(&tally, kept.as_deref())
    };
    super::super::put(&shown)?;
    if let Err(error) = &kept {
        eprintln!(
            "what Kafka still holds is not known, for it could not be asked: {error:#}; `okr-router topics acls --role \
             operator` prints what this user may lack"
        );
    }
    if let Some(words) = leftovers {
        eprintln!("{words}");
    }
    explain(options, &forget, &tally);
    Ok(ExitCode::SUCCESS)
}

/// Who is meant: by the words of the caller, or by the list of another warehouse.
async fn whom(place: &Place, options: &Options) -> Result<Forget> {
    if let Some(path) = &options.import {
        let list = read(path).with_context(|| format!("the list {}", path.display()))?;
        return Forget::take_over(place, list).await.context(WAREHOUSE);
    }
    let person = Person {
        words: options.persons.clone(),
        namespace: options.namespace.clone(),
        mentions: options.mentions,
    };
    if let Some(fault) = person.fault() {
        bail!("--person {fault}");
    }
    Forget::open(place, &person).await.context(WAREHOUSE)
}

/// What `--export` has printed; `-` is standard input. A list of nobody is refused: somebody forgot to fill it.
fn read(path: &Path) -> Result<Vec<Erasure>> {
    let mut text = String::new();
    if path == Path::new("-") {
        std::io::stdin().read_to_string(&mut text)?;
    } else {
        text = std::fs::read_to_string(path)?;
    }
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let row = |(at, line): (usize, &str)| {
        Erasure::parse(line).map_err(|why| anyhow!("line {} is no row of it: {why}", at + 1))
    };
    let list: Vec<Erasure> = lines.map(row).collect::<Result<_>>()?;
    ensure!(!list.is_empty(), "it is empty");
    Ok(list)
}

/// Between two entries of the audit: one that was cut off shows there.
async fn apply(whole: &Whole, options: &Options, forget: &Forget) -> Result<(Tally, String)> {
    let bus = parts::bus_settings(whole, "okr-router-warehouse-forget")?;
    let clerk = Clerk::open(whole, &bus).await?;
    let run = uuid::Uuid::now_v7().to_string();
    let note = async |stage: Stage, tally: &Tally| {
        let deed = Deed {
            verb: Verb::PersonForget,
            stage,
            run: &run,
            object: OBJECT,
            counts: [("events", tally.changed), ("subjects", tally.subjects)].into(),
            details: details(options, forget),
        };
        clerk.note(options.deed.said(), deed).await
    };
    note(Stage::Begun, &Tally::default()).await?;
    let tally = forget.apply(&run).await.context(
        "the person is on the list, or not yet, and perhaps not out of all rows: the same command does the rest",
    )?;
    note(Stage::Finished, &tally).await?;
    Ok((tally, run))
}

/// The person as the audit may know them.
fn details(options: &Options, forget: &Forget) -> BTreeMap<String, String> {
    let tokens = forget.tokens();
    let mut details = match &options.import {
        Some(_) => BTreeMap::from([("list".to_owned(), format!("{} rows", tokens.len()))]),
        None => BTreeMap::from([("person".to_owned(), tokens.join(" "))]),
    };
    details.extend(options.namespace.iter().map(|name| ("namespace".to_owned(), name.clone())));
    if options.mentions {
        details.insert("mentions".to_owned(), "erased".to_owned());
    }
    details
}

/// What a rebuild has beside the live rows, in words; with `--apply` it goes, where it is nobody's.
async fn leftovers(place: &Place, options: &Options) -> Option<String> {
    let found = match warehouse::has_leftovers(place).await {
        Ok(false) => return None,
        Ok(true) if options.deed.apply => rebuild::abandon(place).await,
        Ok(true) => {
            return Some(
                "a rebuild that was cut off, or runs, has rows of its own, which are not counted".to_owned(),
            );
        }
        Err(error) => Err(error),
    };
    Some(match found {
        Ok(_) => "the rows that a rebuild had left are gone".to_owned(),
        Err(rebuild::RebuildError::UnderWay) => {
            "a rebuild runs, and does not know of this: it will be refused at its end, and its rows go with it".to_owned()
        }
        Err(error) => format!(
            "rows that a rebuild has left still name the person ({error}): `okr-router warehouse rebuild --abandon` takes \
             them away"
        ),
    })
}

/// What is counted, by the names of a program.
fn counts(tally: &Tally) -> [(&'static str, &'static str, u64); 9] {
    [
        ("events", "events that name the person", tally.changed),
        ("subjects", "subjects folded anew", tally.subjects),
        ("owners", "as owner", tally.owners),
        ("managers", "as manager", tally.managers),
        ("actors", "as the one who did it", tally.actors),
        ("notes", "notes", tally.notes),
        ("attributes", "events with attributes", tally.attributes),
        ("mentions", "other events that mention them", tally.mentions),
        ("titles", "events whose subject is called so", tally.titles),
    ]
}

fn as_json(
    options: &Options,
    tally: &Tally,
    run: Option<&str>,
    leftovers: Option<&str>,
    kept: Result<&[Kept], &anyhow::Error>,
) -> String {
    let counts: BTreeMap<&str, u64> =
        counts(tally).into_iter().map(|(name, _, count)| (name, count)).collect();
    let kafka = kept.ok().map(|kept| kept.iter().map(Kept::as_json).collect::<Vec<_>>());
    let shown = json!({
        "applied": options.deed.apply, "run": run, "looked_at": tally.events, "counts": counts,
        "left": tally.left, "known_as": tally.known_as, "rebuild": leftovers, "kafka": kafka,
    });
    format!("{shown}\n")
}

fn as_text(tally: &Tally, kept: Result<&[Kept], &anyhow::Error>) -> String {
    let lines = counts(tally).into_iter().map(|(_, words, count)| format!("{words:<38}{count:>10}\n"));
    let mut text: String = lines.collect();
    if !tally.left.is_empty() {
        text += "\nthey are still in these columns of okr_events, and so of okr_state:\n";
        text.extend(tally.left.iter().map(|(column, events)| format!("{column:<38}{events:>10}\n")));
    }
    let kept = kept.unwrap_or_default();
    if !kept.is_empty() {
        text += "\nKafka keeps records of them, if it has any:\n";
        text.extend(kept.iter().map(|kept| format!("{:<22}{}\n", kept.topic, kept.words())));
    }
    text
}

/// What whoever decides should know beside the counts.
fn explain(options: &Options, forget: &Forget, tally: &Tally) {
    if !tally.known_as.is_empty() {
        let words: Vec<&str> = tally.known_as.iter().map(String::as_str).collect();
        eprintln!(
            "the same records also call them: {}; events that say nothing else are not meant: add --person for each",
            words.join(", ")
        );
    }
    if tally.mentions > 0 {
        eprintln!(
            "{} events mention them in a longer text and keep it: --mentions gives it up",
            tally.mentions
        );
    }
    if tally.titles > 0 {
        eprintln!(
            "{} events have them in what their subject is called or belongs to, which stays: change it in the tool",
            tally.titles
        );
    }
    match (options.deed.apply, forget.is_known()) {
        (true, _) => eprintln!("forgotten; backups, Slack and whoever else was told are not reached by this"),
        (false, true) => eprintln!("they are on the list: what comes is written without them"),
        (false, false) => eprintln!("nothing was changed: --apply --why TEXT does it"),
    }
}

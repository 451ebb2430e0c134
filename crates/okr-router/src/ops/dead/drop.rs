//! `dead drop`: letters that nobody wants any more are marked, and left to their topic's retention.

use std::process::ExitCode;

use anyhow::Result;
use jiff::Timestamp;
use serde_json::json;
use wire::{Stage, Verb};

use super::{Desk, filter::Filter, letters, marks};
use crate::{
    cli::dead::Drop,
    ops::audit::{Clerk, Deed},
};

/// Counts, and writes one entry per topic with `--apply`.
pub async fn run(desk: &Desk<'_>, options: &Drop, now: Timestamp) -> Result<ExitCode> {
    let filter = Filter::read(&options.which, now)?;
    let run = uuid::Uuid::now_v7().to_string();
    let clerk = if options.deed.apply { Some(Clerk::open(desk.whole, &desk.bus).await?) } else { None };
    let mut rows = Vec::new();
    let (mut table, mut dropped) = (String::new(), 0);
    for topic in desk.topics(&filter)? {
        let count = desk.count(topic, None, |letter| desk.marks.means(&filter, letter)).await?;
        let found = count.groups.letters();
        if found == 0 {
            continue;
        }
        dropped += found;
        rows.extend(count.groups.json().as_array().cloned().unwrap_or_default());
        table.push_str(&count.groups.table());
        if let Some(clerk) = &clerk {
            let deed = Deed {
                verb: Verb::Drop,
                stage: Stage::Finished,
                run: &run,
                object: topic,
                counts: [("letters", found)].into(),
                details: marks::details(&filter, &count.ends),
            };
            clerk.note(options.deed.said(), deed).await?;
        }
    }
    if options.output.json {
        let applied = options.deed.apply && dropped > 0;
        let shown =
            json!({ "applied": applied, "run": applied.then_some(&run), "letters": dropped, "groups": rows });
        crate::ops::put(&format!("{shown}\n"))?;
    } else {
        crate::ops::put(&table)?;
    }
    match (dropped, options.deed.apply) {
        (0, _) => eprintln!("no such letters"),
        (found, true) => {
            eprintln!("{} dropped: they stay on their topic until its retention is over", letters(found))
        }
        (found, false) => eprintln!("{} would be dropped: --apply --why TEXT does it", letters(found)),
    }
    Ok(ExitCode::SUCCESS)
}

//! `dead list`: how many, of what kind.

use std::process::ExitCode;

use anyhow::Result;
use jiff::Timestamp;

use super::{Desk, filter::Filter, groups::Groups, letter::Letter, letters};
use crate::cli::dead::List;

/// Counts every letter that is meant.
pub async fn run(desk: &Desk<'_>, options: &List, now: Timestamp) -> Result<ExitCode> {
    let filter = Filter::read(&options.which, now)?;
    let mut groups = Groups::default();
    for topic in desk.topics(&filter)? {
        let mut pile = desk.pile(topic, None).await?;
        while let Some(record) = pile.next().await? {
            let letter = Letter::of(&record);
            if desk.marks.means(&filter, &letter) {
                groups.add(&letter, desk.marks.state(&letter));
            }
        }
    }
    if options.output.json {
        crate::ops::put(&format!("{}\n", groups.json()))?;
    } else {
        crate::ops::put(&groups.table())?;
        eprintln!("{}", letters(groups.letters()));
    }
    desk.mention_unfinished();
    Ok(ExitCode::SUCCESS)
}

//! `okr-router warehouse status`: what the database holds beside what the topic has.

use std::process::ExitCode;

use anyhow::{Context, Result};
use bus::{Admin, Watermarks};
use jiff::Timestamp;
use serde_json::{Value, json};
use warehouse::{Stand, Status, TOPIC};

use crate::{cli::Output, config::Whole, parts};

/// Shows it; fails when a partition has a gap.
pub async fn run(whole: &Whole, output: Output) -> Result<ExitCode> {
    let place = parts::warehouse(whole)?;
    let status = warehouse::status(&place).await.context("the warehouse (`warehouse.url`)")?;
    let admin = Admin::new(&parts::bus_settings(whole, "okr-router-warehouse-status")?)?;
    // Asked last, so that nothing is contained that the topic did not have yet.
    let parts = compare(&status.stands, &admin.watermarks(TOPIC).await?);
    super::super::put(&if output.json { as_json(&status, &parts) } else { as_text(&status, &parts) })?;
    let gaps = parts.iter().filter(|part| part.gap().is_some()).count();
    eprintln!("{}", words(gaps, &parts));
    Ok(if gaps == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// One partition, as the database and as the topic have it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Part {
    partition: i32,
    /// What the topic keeps: from here, to before there.
    low: i64,
    high: i64,
    /// None where no record was read yet.
    next: Option<i64>,
    /// When it last got on, or was given to a member.
    at: Option<Timestamp>,
}

impl Part {
    /// Records of the topic that are not contained yet.
    fn lag(&self) -> i64 {
        (self.high - self.next.unwrap_or(self.low).max(self.low)).max(0)
    }

    /// Records of the topic that are contained.
    fn contained(&self) -> i64 {
        self.high - self.low - self.lag()
    }

    /// Why records were, or would be, skipped.
    fn gap(&self) -> Option<String> {
        match self.next {
            Some(next) if next < self.low => {
                Some(format!("the records from {next} to {} are gone unread", self.low))
            }
            Some(next) if next > self.high => {
                Some(format!("it stands at {next}, and the topic ends at {}", self.high))
            }
            _ => None,
        }
    }
}

fn compare(stands: &[Stand], topic: &[Watermarks]) -> Vec<Part> {
    let part = |&Watermarks { partition, low, high }: &Watermarks| {
        let stand =
            stands.iter().find(|stand| &*stand.slot.topic == TOPIC && stand.slot.partition == partition);
        let next = stand.map(|stand| stand.next).filter(|next| *next > 0);
        Part { partition, low, high, next, at: stand.map(|stand| stand.at) }
    };
    topic.iter().map(part).collect()
}

fn total(parts: &[Part], count: impl Fn(&Part) -> i64) -> i64 {
    parts.iter().map(count).sum()
}

/// Of the newest batch.
fn newest(parts: &[Part]) -> Option<Timestamp> {
    parts.iter().filter(|part| part.next.is_some()).filter_map(|part| part.at).max()
}

fn as_json(status: &Status, parts: &[Part]) -> String {
    let partition = |part: &Part| {
        json!({
            "partition": part.partition, "low": part.low, "high": part.high, "next": part.next.unwrap_or(0),
            "lag": part.lag(), "at": part.at.map(|at| at.to_string()), "gap": part.gap(),
        })
    };
    let shown = json!({
        "events": status.events,
        "subjects": status.subjects,
        "days": status.days,
        "topic": { "name": TOPIC, "records": total(parts, |part| part.high - part.low), "contained": total(parts, Part::contained) },
        "lag": total(parts, Part::lag),
        "last_batch": newest(parts).map(|at| at.to_string()),
        "gaps": parts.iter().filter(|part| part.gap().is_some()).count(),
        "partitions": parts.iter().map(partition).collect::<Vec<Value>>(),
    });
    format!("{shown}\n")
}

fn as_text(status: &Status, parts: &[Part]) -> String {
    let Status { events, subjects, days, .. } = status;
    let last = newest(parts).map_or_else(|| "none yet".to_owned(), |at| format!("{at:.0}"));
    let records = total(parts, |part| part.high - part.low);
    let mut text = format!(
        "okr_events            {events:>12} rows\nokr_state             {subjects:>12} rows\nokr_progress_daily    {days:>12} rows\n\
         {TOPIC}            {records:>12} records, {} of them contained\nlast batch            {last:>12}\n\n\
         partition         low        next        high         lag\n",
        total(parts, Part::contained),
    );
    for part in parts {
        let next = part.next.map_or_else(|| "-".to_owned(), |next| next.to_string());
        let gap = part.gap().map(|gap| format!("  gap: {gap}")).unwrap_or_default();
        text += &format!(
            "{:>9}{:>12}{next:>12}{:>12}{:>12}{gap}\n",
            part.partition,
            part.low,
            part.high,
            part.lag()
        );
    }
    text
}

fn words(gaps: usize, parts: &[Part]) -> String {
    match (gaps, total(parts, Part::lag)) {
        (0, 0) => "everything on the topic is contained, without a gap".to_owned(),
        (0, lag) => format!("no gap, {lag} records wait"),
        (gaps, _) => format!(
            "{gaps} partitions have a gap: `okr-router resume warehouse` shows them once their member has met them"
        ),
    }
}

#[cfg(test)]
mod tests {
    use bus::Slot;

    use super::*;

    fn part(next: Option<i64>, low: i64, high: i64) -> Part {
        let stand =
            next.map(|next| Stand { slot: Slot::new(TOPIC, 3), next, epoch: 1, at: Timestamp::UNIX_EPOCH });
        let stands: Vec<Stand> = stand.into_iter().collect();
        compare(&stands, &[Watermarks { partition: 3, low, high }]).remove(0)
    }

    #[track_caller]
    fn check(part: &Part, lag: i64, contained: i64, gap: Option<&str>) {
        assert_eq!((part.lag(), part.contained()), (lag, contained), "{part:?}");
        match (part.gap(), gap) {
            (None, None) => {}
            (Some(found), Some(wanted)) => assert!(found.contains(wanted), "{found}"),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_partition_lags_by_what_the_topic_still_has() {
        check(&part(Some(7), 0, 10), 3, 7, None);
        check(&part(Some(10), 0, 10), 0, 10, None);
        check(&part(Some(10), 10, 10), 0, 0, None);
        check(&part(None, 4, 10), 6, 0, None);
        check(&part(Some(0), 4, 10), 6, 0, None);
        check(&part(None, 0, 0), 0, 0, None);
    }

    #[test]
    fn what_is_gone_unread_or_was_made_anew_is_a_gap() {
        check(&part(Some(3), 4, 10), 6, 0, Some("from 3 to 4 are gone unread"));
        check(&part(Some(11), 0, 10), 0, 10, Some("stands at 11, and the topic ends at 10"));
    }
}

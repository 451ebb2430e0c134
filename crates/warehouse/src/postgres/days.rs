//! Days of subjects, read and written.

use std::collections::HashMap;

use deadpool_postgres::Transaction;
use store::ground::Failure;
use tokio_postgres::Row;
use uuid::Uuid;

use super::columns::Reader;
use super::statements::MERGE_DAYS;
use super::values;
use crate::subjects::{Day, Outcome};

/// The last day of each subject, as it was asked for.
pub(super) fn last(rows: &[Row]) -> Result<HashMap<Uuid, Day>, Failure> {
    let read = |row: &Row| {
        let mut reader = Reader::new(row, 0);
        let subject = reader.next()?;
        let day = Day {
            day: reader.next::<values::Day>()?.0,
            department: reader.next()?,
            team: reader.next()?,
            progress: reader.next()?,
            confidence: reader.next()?,
            status: reader.status()?,
            metric_current: reader.next()?,
            cycle: reader.cycle()?,
            is_deleted: reader.next()?,
            is_closed: reader.next()?,
        };
        Ok((subject, day))
    };
    rows.iter().map(read).collect()
}

/// Writes the days of all outcomes.
pub(super) async fn write(transaction: &Transaction<'_>, outcomes: &[Outcome]) -> Result<(), Failure> {
    let days =
        || outcomes.iter().flat_map(|outcome| outcome.days.iter().map(move |day| (outcome.subject, day)));
    let uids: Vec<Uuid> = days().map(|(subject, _)| subject).collect();
    if uids.is_empty() {
        return Ok(());
    }
    fn each<'d, T>(days: impl Iterator<Item = (Uuid, &'d Day)>, read: fn(&'d Day) -> T) -> Vec<T> {
        days.map(|(_, day)| read(day)).collect()
    }
    let dates = each(days(), |day| values::Day(day.day));
    let departments = each(days(), |day| day.department.as_deref());
    let teams = each(days(), |day| day.team.as_deref());
    let progress = each(days(), |day| day.progress);
    let confidence = each(days(), |day| day.confidence);
    let status = each(days(), |day| day.status.as_str());
    let metrics = each(days(), |day| day.metric_current);
    let cycles = each(days(), |day| day.cycle.as_ref().and_then(|cycle| cycle.name.as_deref()));
    let starts = each(days(), |day| day.cycle.as_ref().and_then(|cycle| cycle.start).map(values::Day));
    let ends = each(days(), |day| day.cycle.as_ref().and_then(|cycle| cycle.end).map(values::Day));
    let deleted = each(days(), |day| day.is_deleted);
    let closed = each(days(), |day| day.is_closed);
    let statement = transaction.prepare_cached(MERGE_DAYS).await?;
    transaction
        .execute(
            &statement,
            &[
                &uids,
                &dates,
                &departments,
                &teams,
                &progress,
                &confidence,
                &status,
                &metrics,
                &cycles,
                &starts,
                &ends,
                &deleted,
                &closed,
            ],
        )
        .await?;
    Ok(())
}

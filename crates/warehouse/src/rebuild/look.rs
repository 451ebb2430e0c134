//! What a rebuild would do. Reads only.

use bus::{Admin, Settings};

use super::RebuildError;
use crate::open::Place;
use crate::{OpenError, TOPIC, migrate, status};

/// One partition: what the topic has, and where the warehouse stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    pub partition: i32,
    /// What the topic has: from here, to before there.
    pub low: i64,
    pub high: i64,
    /// The first offset that the warehouse does not contain; 0 where it has read nothing.
    pub next: i64,
}

/// What a rebuild would begin with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outlook {
    pub parts: Vec<Part>,
    /// Rows of `okr_events`.
    pub events: i64,
    /// Those of them whose record the topic no longer has. A record that came twice may be there once more.
    pub expired: i64,
    /// What would not come along with the tables, each in words, and what takes it away.
    pub strangers: Vec<String>,
    /// Rights that are missing, each in words, and what grants them.
    pub lacking: Vec<String>,
    /// Whether an earlier rebuild has left something behind. The next one clears it away.
    pub has_leftovers: bool,
}

/// What a home knows of itself for it.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) expired: i64,
    pub(crate) strangers: Vec<String>,
    pub(crate) lacking: Vec<String>,
    pub(crate) has_leftovers: bool,
}

impl Outlook {
    /// Records that are to be read.
    pub fn records(&self) -> i64 {
        self.parts.iter().map(|part| (part.high - part.low).max(0)).sum()
    }

    /// Why it must not begin.
    ///
    /// # Errors
    /// Something would be lost that was not given up, or the topic is not the one that was read.
    pub fn check(&self, accepts_loss: bool) -> Result<(), RebuildError> {
        if let Some(part) = self.parts.iter().find(|part| part.next > part.high) {
            let why = format!("it stands at {}, and the topic ends at {}", part.next, part.high);
            return Err(RebuildError::Elsewhere { partition: part.partition, why });
        }
        if !self.strangers.is_empty() {
            return Err(RebuildError::Strangers(self.strangers.clone()));
        }
        if !self.lacking.is_empty() {
            return Err(RebuildError::Lacking(self.lacking.clone()));
        }
        if self.expired > 0 && !accepts_loss { Err(RebuildError::Lost(self.expired)) } else { Ok(()) }
    }
}

/// Looks at the warehouse and at the topic.
///
/// # Errors
/// [`OpenError::Behind`] where the tables are not up to date; whatever keeps either from being read.
pub async fn look(place: &Place, settings: &Settings) -> Result<Outlook, RebuildError> {
    let lacking = migrate::plan(place).await?.pending.len();
    if lacking > 0 {
        return Err(OpenError::Behind(lacking).into());
    }
    let status = status::status(place).await?;
    let watermarks = Admin::new(settings)?.watermarks(TOPIC).await?;
    let part = |mark: &bus::Watermarks| {
        let stand = status
            .stands
            .iter()
            .find(|stand| &*stand.slot.topic == TOPIC && stand.slot.partition == mark.partition);
        let next = stand.map_or(0, |stand| stand.next);
        Part { partition: mark.partition, low: mark.low, high: mark.high, next }
    };
    let parts: Vec<Part> = watermarks.iter().map(part).collect();
    let has: Vec<_> = parts.iter().map(|part| (part.partition, part.low, part.high)).collect();
    let Found { expired, strangers, lacking, has_leftovers } = match place.file()? {
        Some(path) => crate::embedded::look(&path, &has).await?,
        None => crate::postgres::look(place, &has).await?,
    };
    Ok(Outlook { parts, events: status.events, expired, strangers, lacking, has_leftovers })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outlook(next: i64, expired: i64, strangers: &[&str]) -> Outlook {
        let strangers = strangers.iter().map(ToString::to_string).collect();
        let parts = vec![Part { partition: 0, low: 4, high: 10, next }];
        Outlook { parts, events: 10, expired, strangers, lacking: Vec::new(), has_leftovers: false }
    }

    #[test]
    fn nothing_is_lost_that_nobody_gave_up() {
        assert!(outlook(10, 0, &[]).check(false).is_ok());
        assert_eq!(outlook(10, 0, &[]).records(), 6);
        let lost = outlook(10, 3, &[]).check(false).unwrap_err();
        assert!(lost.to_string().contains("3 rows") && lost.to_string().contains("--accept-loss"), "{lost}");
        assert!(outlook(10, 3, &[]).check(true).is_ok());
        let stranger = outlook(10, 0, &["trigger mine of okr_events"]).check(true).unwrap_err();
        assert!(stranger.to_string().contains("trigger mine of okr_events"), "{stranger}");
        let lacking = vec!["view charts.a belongs to ada: GRANT ada TO okr".to_owned()];
        let lacking = Outlook { lacking, ..outlook(10, 0, &[]) }.check(true).unwrap_err();
        assert!(lacking.to_string().contains("GRANT ada TO okr"), "{lacking}");
        let elsewhere = outlook(11, 0, &[]).check(true).unwrap_err();
        assert!(elsewhere.to_string().contains("stands at 11, and the topic ends at 10"), "{elsewhere}");
    }
}

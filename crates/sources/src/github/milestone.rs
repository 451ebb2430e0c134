//! Milestones: how many of their issues are closed.

use jiff::Timestamp;
use okr::{Change, Cycle, Metric, Status, SubjectType};
use serde::Deserialize;

use super::{Payload, missing, put};
use crate::{
    Draft, Untranslatable,
    json::{self, Raw},
};

#[derive(Deserialize)]
pub(super) struct MilestoneFields<'a> {
    #[serde(borrow)]
    pub id: Raw<'a>,
    #[serde(borrow)]
    pub title: Raw<'a>,
    #[serde(borrow)]
    html_url: Raw<'a>,
    #[serde(borrow)]
    number: Raw<'a>,
    #[serde(borrow)]
    open_issues: Raw<'a>,
    #[serde(borrow)]
    closed_issues: Raw<'a>,
    #[serde(borrow)]
    state: Raw<'a>,
    #[serde(borrow)]
    updated_at: Raw<'a>,
    #[serde(borrow)]
    due_on: Raw<'a>,
}

impl Payload<'_> {
    pub(super) fn milestones(&self) -> Result<Vec<Draft>, Untranslatable> {
        let action = self.action()?;
        let fields: MilestoneFields<'_> =
            json::object("milestone", self.milestone)?.ok_or(missing("milestone"))?;
        let change = match &*action {
            "created" => Change::Created,
            "edited" => Change::Updated,
            "closed" => Change::Closed,
            "opened" => Change::StatusChanged,
            "deleted" => Change::Deleted,
            _ => Change::Unknown,
        };
        let mut draft = fields.draft(change)?;
        // What is deleted was last updated before.
        let updated_at = json::time("milestone.updated_at", fields.updated_at)?;
        draft.occurred_at = updated_at.filter(|_| change != Change::Deleted);
        Ok(vec![self.signed_off(draft)?])
    }

    /// The milestone of an issue, whose numbers moved with it.
    pub(super) fn milestone_of(
        &self,
        fields: &MilestoneFields<'_>,
        occurred_at: Option<Timestamp>,
    ) -> Result<Draft, Untranslatable> {
        let mut draft = fields.draft(Change::Updated)?;
        draft.occurred_at = occurred_at;
        self.signed_off(draft)
    }
}

impl MilestoneFields<'_> {
    fn draft(&self, change: Change) -> Result<Draft, Untranslatable> {
        let id = json::id("milestone.id", self.id)?.ok_or(missing("milestone.id"))?;
        let mut draft = Draft::new(change, SubjectType::KeyResult, id);
        draft.title = json::text("milestone.title", self.title)?;
        draft.url = json::text("milestone.html_url", self.html_url)?;
        let open = json::number("milestone.open_issues", self.open_issues)?.unwrap_or(0.0);
        let closed = json::number("milestone.closed_issues", self.closed_issues)?.unwrap_or(0.0);
        let total = open + closed;
        // Nothing to do is not the same as all done.
        draft.metric = (total > 0.0).then(|| Metric {
            start: Some(0.0),
            target: Some(total),
            current: Some(closed),
            unit: Some("issues".to_owned()),
        });
        draft.status = match json::word("milestone.state", self.state)?.as_deref() {
            Some("closed") => Status::Done,
            _ => Status::Unknown,
        };
        // GitHub keeps a day as a moment of it.
        if let Some(due) = json::time("milestone.due_on", self.due_on)? {
            let end = due.to_zoned(jiff::tz::TimeZone::UTC).date();
            draft.cycle = Some(Cycle { name: None, start: None, end: Some(end) });
        }
        put(&mut draft, "number", json::id("milestone.number", self.number)?);
        Ok(draft)
    }
}

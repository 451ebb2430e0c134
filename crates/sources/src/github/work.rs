//! Issues: work that is done for a milestone, and moves its numbers.

use okr::{Change, Person, Status, SubjectType};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Payload, UserFields, milestone::MilestoneFields, missing, put};
use crate::{
    Draft, Untranslatable,
    json::{self, Raw},
};

#[derive(Deserialize)]
struct IssueFields<'a> {
    #[serde(borrow)]
    id: Raw<'a>,
    #[serde(borrow)]
    number: Raw<'a>,
    #[serde(borrow)]
    title: Raw<'a>,
    #[serde(borrow)]
    html_url: Raw<'a>,
    #[serde(borrow)]
    state: Raw<'a>,
    #[serde(borrow)]
    state_reason: Raw<'a>,
    #[serde(borrow)]
    user: Raw<'a>,
    #[serde(borrow)]
    assignee: Raw<'a>,
    #[serde(borrow)]
    labels: Raw<'a>,
    #[serde(borrow)]
    milestone: Raw<'a>,
    #[serde(borrow)]
    updated_at: Raw<'a>,
}

#[derive(Deserialize)]
struct LabelFields<'a> {
    #[serde(borrow)]
    name: Raw<'a>,
}

/// Actions after which a milestone has other numbers. Of a deleted issue nobody says whether it counts still.
const MOVES: &[&str] = &["opened", "closed", "reopened", "milestoned", "demilestoned"];

impl Payload<'_> {
    pub(super) fn issues(&self) -> Result<Vec<Draft>, Untranslatable> {
        let action = self.action()?;
        let issue: IssueFields<'_> = json::object("issue", self.issue)?.ok_or(missing("issue"))?;
        let milestone: Option<MilestoneFields<'_>> = json::object("issue.milestone", issue.milestone)?;
        let change = match &*action {
            "opened" => Change::Created,
            "closed" => Change::Closed,
            "reopened" => Change::StatusChanged,
            "deleted" | "transferred" => Change::Deleted,
            "edited" | "assigned" | "unassigned" | "labeled" | "unlabeled" | "milestoned"
            | "demilestoned" | "locked" | "unlocked" | "pinned" | "unpinned" | "typed" | "untyped" => {
                Change::Updated
            }
            _ => Change::Unknown,
        };
        let mut draft = issue.draft(change)?;
        let updated_at = json::time("issue.updated_at", issue.updated_at)?;
        // What is gone was last updated before.
        draft.occurred_at = updated_at.filter(|_| change != Change::Deleted);
        if let Some(milestone) = &milestone {
            draft.parent_id = json::id("issue.milestone.id", milestone.id)?;
            put(&mut draft, "milestone", json::text("issue.milestone.title", milestone.title)?);
        }
        let occurred_at = draft.occurred_at;
        let mut drafts = vec![self.signed_off(draft)?];
        if MOVES.contains(&&*action) {
            // The one that it left stands beside the issue.
            let moved = match milestone {
                Some(milestone) => Some(milestone),
                None => json::object("milestone", self.milestone)?,
            };
            if let Some(moved) = moved {
                drafts.push(self.milestone_of(&moved, occurred_at)?);
            }
        }
        Ok(drafts)
    }
}

impl IssueFields<'_> {
    fn draft(&self, change: Change) -> Result<Draft, Untranslatable> {
        let id = json::id("issue.id", self.id)?.ok_or(missing("issue.id"))?;
        let mut draft = Draft::new(change, SubjectType::Initiative, id);
        draft.title = json::text("issue.title", self.title)?;
        draft.url = json::text("issue.html_url", self.html_url)?;
        let state = json::text("issue.state", self.state)?;
        let why = json::text("issue.state_reason", self.state_reason)?;
        draft.status = match (state.as_deref(), why.as_deref()) {
            (Some("closed"), Some("not_planned" | "duplicate")) => Status::Cancelled,
            (Some("closed"), _) => Status::Done,
            _ => Status::Unknown,
        };
        if let Some(user) = json::object::<UserFields<'_>>("issue.assignee", self.assignee)? {
            let id = json::id("issue.assignee.id", user.id)?;
            draft.owner =
                Some(Person { id, name: json::text("issue.assignee.login", user.login)?, email: None });
        }
        if let Some(user) = json::object::<UserFields<'_>>("issue.user", self.user)? {
            put(&mut draft, "author", json::text("issue.user.login", user.login)?);
        }
        put(&mut draft, "number", json::id("issue.number", self.number)?);
        put(&mut draft, "state", state);
        put(&mut draft, "state_reason", why);
        put(&mut draft, "labels", self.labels()?);
        Ok(draft)
    }

    /// Their names, in one line.
    fn labels(&self) -> Result<Option<String>, Untranslatable> {
        let Some(raw) = self.labels else { return Ok(None) };
        let wrong = |_| Untranslatable::field("issue.labels", "must be a list");
        let list: Vec<&RawValue> = serde_json::from_str(raw.get()).map_err(wrong)?;
        let mut names = Vec::with_capacity(list.len());
        for raw in list {
            let label: Option<LabelFields<'_>> = json::object("issue.labels", Some(raw))?;
            names.extend(label.map_or(Ok(None), |label| json::text("issue.labels.name", label.name))?);
        }
        Ok(Some(names.join(", ")).filter(|names| !names.is_empty()))
    }
}

//! Commits that came to a branch, or a branch that came or went.

use jiff::Timestamp;
use okr::{Change, SubjectType};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Payload, UserFields, missing, put};
use crate::{
    Draft, Untranslatable,
    delivery::ID_BYTES_MAX,
    json::{self, Raw},
};

/// Absent where a branch is deleted.
#[derive(Deserialize)]
struct CommitFields<'a> {
    #[serde(borrow)]
    id: Raw<'a>,
    #[serde(borrow)]
    message: Raw<'a>,
    #[serde(borrow)]
    url: Raw<'a>,
    #[serde(borrow)]
    author: Raw<'a>,
}

impl Payload<'_> {
    pub(super) fn push(&self) -> Result<Vec<Draft>, Untranslatable> {
        let repository = self.repository()?;
        let name = json::text("repository.full_name", repository.full_name)?;
        let id = json::id("repository.id", repository.id)?.ok_or(missing("repository.id"))?;
        let git_ref = json::text("ref", self.git_ref)?.ok_or(missing("ref"))?;
        let change = match (is_true(self.created), is_true(self.deleted)) {
            (_, true) => Change::Deleted,
            (true, _) => Change::Created,
            _ => Change::Updated,
        };
        let subject_id = format!("{id}/{git_ref}");
        if subject_id.len() > ID_BYTES_MAX {
            return Err(Untranslatable::field("ref", "is too long for an id"));
        }
        let branch = git_ref.strip_prefix("refs/heads/").or_else(|| git_ref.strip_prefix("refs/tags/"));
        let branch = branch.unwrap_or(&git_ref).to_owned();
        let mut draft = Draft::new(change, SubjectType::Custom, subject_id);
        draft.title = Some(name.map_or_else(|| branch.clone(), |name| format!("{name} {branch}")));
        draft.url = json::text("compare", self.compare)?;
        draft.occurred_at = pushed_at(repository.pushed_at);
        let pusher: Option<UserFields<'_>> = json::object("pusher", self.pusher)?;
        draft.actor = pusher.map_or(Ok(None), |pusher| json::text("pusher.name", pusher.name))?;
        put(&mut draft, "ref", Some(git_ref));
        put(&mut draft, "branch", Some(branch));
        put(&mut draft, "forced", is_true(self.forced).then(|| "true".to_owned()));
        put(&mut draft, "commits", self.commits()?);
        self.head(&mut draft)?;
        Ok(vec![self.signed_off(draft)?])
    }

    /// The newest commit, in words that a message can use.
    fn head(&self, draft: &mut Draft) -> Result<(), Untranslatable> {
        let Some(commit) = json::object::<CommitFields<'_>>("head_commit", self.head_commit)? else {
            put(draft, "commit", json::text("after", self.after)?);
            return Ok(());
        };
        let author: Option<UserFields<'_>> = json::object("head_commit.author", commit.author)?;
        let author = author.map_or(Ok(None), |author| json::text("head_commit.author.name", author.name))?;
        let message = json::text("head_commit.message", commit.message)?;
        put(draft, "commit", json::text("head_commit.id", commit.id)?);
        put(draft, "commit_url", json::text("head_commit.url", commit.url)?);
        put(
            draft,
            "commit_message",
            message.as_deref().and_then(|text| text.lines().next()).map(str::to_owned),
        );
        put(draft, "author", author);
        draft.note = message;
        Ok(())
    }

    /// How many; GitHub lists at most 2048.
    fn commits(&self) -> Result<Option<String>, Untranslatable> {
        let Some(raw) = self.commits else { return Ok(None) };
        let wrong = |_| Untranslatable::field("commits", "must be a list");
        let list: Vec<&RawValue> = serde_json::from_str(raw.get()).map_err(wrong)?;
        Ok(Some(list.len().to_string()))
    }
}

fn is_true(raw: Raw<'_>) -> bool {
    raw.is_some_and(|raw| raw.get() == "true")
}

/// In pushes, and nowhere else, GitHub counts seconds. Without it the time of receipt is near enough.
fn pushed_at(raw: Raw<'_>) -> Option<Timestamp> {
    let seconds = raw?.get().parse().ok()?;
    Timestamp::from_second(seconds).ok().filter(|time| time.as_second() > 0)
}

//! Kind `github`: pushes, issues and milestones of repositories, signed with `X-Hub-Signature-256`.
//!
//! A milestone is a key result, measured by its closed issues; an issue is an initiative under its milestone; a push is
//! a custom subject, the branch. <https://docs.github.com/en/webhooks/webhook-events-and-payloads>

mod milestone;
mod push;
mod work;

use std::borrow::Cow;

use http::{HeaderMap, header::CONTENT_TYPE};
use serde::Deserialize;

use crate::{
    Delivery, Dialect, Draft, Identity, Parsed, Signs, Terms, Untranslatable,
    content::{digest, fingerprint},
    form::{self, FORM},
    json::{self, Raw},
    okr_body::body_hash,
};

const EVENT: &str = "x-github-event";
const DELIVERY: &str = "x-github-delivery";

/// See the head of this file.
#[derive(Debug)]
pub(crate) struct GitHub;

/// The parts of all payloads that are read here; each event has some of them.
#[derive(Deserialize)]
struct Payload<'a> {
    #[serde(borrow)]
    action: Raw<'a>,
    #[serde(borrow)]
    repository: Raw<'a>,
    #[serde(borrow)]
    sender: Raw<'a>,
    #[serde(borrow)]
    issue: Raw<'a>,
    #[serde(borrow)]
    milestone: Raw<'a>,
    #[serde(borrow)]
    pusher: Raw<'a>,
    #[serde(borrow, rename = "ref")]
    git_ref: Raw<'a>,
    #[serde(borrow)]
    after: Raw<'a>,
    #[serde(borrow)]
    created: Raw<'a>,
    #[serde(borrow)]
    deleted: Raw<'a>,
    #[serde(borrow)]
    forced: Raw<'a>,
    #[serde(borrow)]
    compare: Raw<'a>,
    #[serde(borrow)]
    commits: Raw<'a>,
    #[serde(borrow)]
    head_commit: Raw<'a>,
}

#[derive(Deserialize)]
struct RepositoryFields<'a> {
    #[serde(borrow)]
    id: Raw<'a>,
    #[serde(borrow)]
    full_name: Raw<'a>,
    #[serde(borrow)]
    html_url: Raw<'a>,
    #[serde(borrow)]
    pushed_at: Raw<'a>,
}

#[derive(Deserialize)]
struct UserFields<'a> {
    #[serde(borrow)]
    id: Raw<'a>,
    #[serde(borrow)]
    login: Raw<'a>,
    #[serde(borrow)]
    name: Raw<'a>,
}

impl Dialect for GitHub {
    fn kind(&self) -> &'static str {
        "github"
    }

    fn media_types(&self) -> &'static [&'static str] {
        &["application/json", FORM]
    }

    fn headers(&self) -> Vec<&str> {
        vec![EVENT, DELIVERY, CONTENT_TYPE.as_str()]
    }

    fn id_headers(&self) -> Vec<&str> {
        vec![DELIVERY]
    }

    fn signs(&self) -> Signs {
        Signs::Sha256 { header: "x-hub-signature-256", prefix: "sha256=" }
    }

    fn parse(&self, delivery: &Delivery<'_>, _: &Terms) -> Parsed {
        let identity = match header(delivery.headers, DELIVERY) {
            Some(id) => Identity::given(id.to_owned()),
            None => body_hash(&digest(&[delivery.body])),
        };
        let fingerprint = fingerprint(&[delivery.body]);
        Parsed { pendings: Vec::new(), identity, fingerprint, drafts: drafts(delivery) }
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim).filter(|text| !text.is_empty())
}

fn drafts(delivery: &Delivery<'_>) -> Result<Vec<Draft>, Untranslatable> {
    let text = text_of(delivery)?;
    let payload: Payload<'_> = json::body(&text)?;
    let event = header(delivery.headers, EVENT).ok_or(missing(EVENT))?;
    match event {
        "push" => payload.push(),
        "issues" => payload.issues(),
        "milestone" => payload.milestones(),
        // `ping`, and whatever else a webhook was subscribed to.
        _ => Ok(Vec::new()),
    }
}

/// The payload: the body, or the field `payload` of a form.
fn text_of<'a>(delivery: &Delivery<'a>) -> Result<Cow<'a, str>, Untranslatable> {
    let text = json::text_of(delivery.body)?;
    if !form::is_form(delivery.headers) {
        return Ok(Cow::Borrowed(text));
    }
    form::field(text, "payload").ok_or(missing("payload"))
}

fn missing(path: &'static str) -> Untranslatable {
    Untranslatable::field(path, "is missing")
}

impl Payload<'_> {
    fn action(&self) -> Result<Cow<'_, str>, Untranslatable> {
        json::word("action", self.action)?.ok_or(missing("action"))
    }

    fn repository(&self) -> Result<RepositoryFields<'_>, Untranslatable> {
        json::object("repository", self.repository)?.ok_or(missing("repository"))
    }

    /// Who did it.
    fn sender(&self) -> Result<Option<String>, Untranslatable> {
        let user: Option<UserFields<'_>> = json::object("sender", self.sender)?;
        user.map_or(Ok(None), |user| json::text("sender.login", user.login))
    }

    /// What every event of ours says beside its own.
    fn signed_off(&self, mut draft: Draft) -> Result<Draft, Untranslatable> {
        let repository = self.repository()?;
        let name = json::text("repository.full_name", repository.full_name)?;
        let url = json::text("repository.html_url", repository.html_url)?;
        put(&mut draft, "repository", name);
        put(&mut draft, "repository_url", url);
        draft.actor = draft.actor.or(self.sender()?);
        Ok(draft)
    }
}

/// An attribute, where there is something to say.
fn put(draft: &mut Draft, name: &str, value: Option<String>) {
    draft.attributes.extend(value.map(|value| (name.to_owned(), value)));
}

#[cfg(test)]
mod tests;

//! Kind `generic`: a tool without code of its own. The config says how its bodies become events, in expressions.

mod explain;
mod fields;
mod mapping;
mod tree;

use http::{HeaderName, header::CONTENT_TYPE};
use minijinja::Value;
use okr::{Mapping, Root, Scope};

use crate::{
    Delivery, Dialect, Draft, Identity, Parsed, Signs, Terms, Untranslatable,
    content::{digest, fingerprint},
    delivery::EVENTS_MAX,
    form::{self, FORM},
    json,
    okr_body::body_hash,
    volume::Volume,
};
pub use explain::Explained;
use fields::{ATTRIBUTES, Field, Found, SUBJECT_ID};

/// The kind's word.
pub(crate) const KIND: &str = "generic";

/// A compiled mapping.
#[derive(Debug)]
pub(crate) struct Generic {
    /// The headers that it reads: as it writes them, and as HTTP knows them.
    headers: Vec<(String, HeaderName)>,
    identity: Rule,
    /// The headers that the identity is made of.
    id_headers: Vec<HeaderName>,
    when: Option<Mapping>,
    each: Option<Mapping>,
    fields: Vec<(Field, Mapping)>,
    attributes: Vec<(String, Mapping)>,
    /// Where the body says when it was sent, which is no content.
    stamp: Option<Vec<String>>,
}

/// What makes two deliveries the same.
#[derive(Debug)]
enum Rule {
    Given(Mapping),
    BodyHash,
    New,
}

/// A form's fields are texts.
pub(crate) const MEDIA_TYPES: &[&str] = &["application/json", FORM];

impl Dialect for Generic {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn media_types(&self) -> &'static [&'static str] {
        MEDIA_TYPES
    }

    fn headers(&self) -> Vec<&str> {
        self.headers.iter().map(|(_, name)| name.as_str()).chain([CONTENT_TYPE.as_str()]).collect()
    }

    fn id_headers(&self) -> Vec<&str> {
        self.id_headers.iter().map(HeaderName::as_str).collect()
    }

    fn signs(&self) -> Signs {
        Signs::No
    }

    fn parse(&self, delivery: &Delivery<'_>, terms: &Terms) -> Parsed {
        let said = self.unstamped(delivery.body);
        let fingerprint = fingerprint(&said);
        let by_hash = || body_hash(&digest(&said));
        let scope = match self.scope(delivery) {
            Ok(scope) => scope,
            Err(fault) => {
                return Parsed { pendings: Vec::new(), identity: by_hash(), fingerprint, drafts: Err(fault) };
            }
        };
        let identity = match &self.identity {
            Rule::BodyHash => Ok(by_hash()),
            Rule::New => Ok(Identity::new(delivery, &digest(&said))),
            Rule::Given(mapping) => identity(mapping, &scope),
        };
        match identity {
            Ok(identity) => {
                Parsed { pendings: Vec::new(), identity, fingerprint, drafts: self.drafts(&scope, terms) }
            }
            Err(fault) => {
                Parsed { pendings: Vec::new(), identity: by_hash(), fingerprint, drafts: Err(fault) }
            }
        }
    }
}

impl Generic {
    fn unstamped<'a>(&self, body: &'a [u8]) -> [&'a [u8]; 2] {
        let stamp = self.stamp.as_ref().and_then(|path| json::raw_at(body, path));
        json::unstamped(body, stamp.map(|raw| raw.get()))
    }

    /// Body and headers as the expressions see them.
    fn scope(&self, delivery: &Delivery<'_>) -> Result<Scope, Untranslatable> {
        let body = if form::is_form(delivery.headers) {
            tree::of_form(delivery.body)?
        } else {
            tree::of_json(delivery.body)?
        };
        let header = |(written, name): &(String, HeaderName)| {
            let value = delivery.headers.get(name)?;
            Some((written.clone(), Value::from(String::from_utf8_lossy(value.as_bytes()))))
        };
        let headers: std::collections::BTreeMap<String, Value> =
            self.headers.iter().filter_map(header).collect();
        Ok(Scope::new([
            (Root::Item, body.clone()),
            (Root::Body, body),
            (Root::Headers, Value::from(headers)),
        ]))
    }

    /// The items that give an event each: those of the list, or the body itself.
    fn items(&self, scope: &Scope) -> Result<Vec<Scope>, Untranslatable> {
        let Some(each) = &self.each else { return Ok(vec![scope.clone()]) };
        let list = evaluated("each", each, scope)?.ok_or(Untranslatable::field("each", "is missing"))?;
        let fault = Untranslatable::field("each", "must be a list");
        if list.kind() != minijinja::value::ValueKind::Seq {
            return Err(fault);
        }
        if list.len().is_none_or(|count| count > EVENTS_MAX) {
            return Err(Untranslatable::field("each", "has more than 1000 items"));
        }
        Ok(list.try_iter().map_err(|_| fault)?.map(|item| scope.with(Root::Item, item)).collect())
    }

    fn drafts(&self, scope: &Scope, terms: &Terms) -> Result<Vec<Draft>, Untranslatable> {
        let items = self.items(scope)?;
        let mut drafts = Vec::with_capacity(items.len());
        // Counted from draft to draft: all of them together may be more than there is memory.
        let mut volume = Volume::new("each");
        for (nth, item) in items.iter().enumerate() {
            let draft = self.draft(item, terms).and_then(|draft| {
                draft.iter().try_for_each(|draft| volume.add(draft))?;
                Ok(draft)
            });
            let draft = if self.each.is_some() { draft.map_err(|fault| fault.of_item(nth)) } else { draft };
            drafts.extend(draft?);
        }
        Ok(drafts)
    }

    /// `None` where `when` does not hold: nothing for us.
    fn draft(&self, scope: &Scope, terms: &Terms) -> Result<Option<Draft>, Untranslatable> {
        if let Some(when) = &self.when
            && !evaluated("when", when, scope)?.is_some_and(|value| value.is_true())
        {
            return Ok(None);
        }
        let mut draft = fields::blank();
        for (field, mapping) in &self.fields {
            match evaluated(field.path, mapping, scope)? {
                Some(value) => field.put(&mut draft, &value, terms.progress_scale)?,
                // What the config maps is wanted; only these two have nothing to fall back to.
                None if field.path == "subject.type" => {
                    return Err(Untranslatable::field(field.path, "is missing"));
                }
                None => {}
            }
        }
        for (name, mapping) in &self.attributes {
            let Some(value) = evaluated(ATTRIBUTES, mapping, scope)? else { continue };
            let found = Found { path: ATTRIBUTES, value: &value, scale: 1.0 };
            draft.attributes.extend(found.word()?.map(|word| (name.clone(), word)));
        }
        if draft.subject_id.is_empty() {
            return Err(Untranslatable::field(SUBJECT_ID, "is missing"));
        }
        Ok(Some(draft))
    }
}

fn identity(mapping: &Mapping, scope: &Scope) -> Result<Identity, Untranslatable> {
    let missing = Untranslatable::field("identity", "is missing");
    let value = evaluated("identity", mapping, scope)?.ok_or(missing.clone())?;
    let id = Found { path: "identity", value: &value, scale: 1.0 }.id()?;
    id.map(Identity::given).ok_or(missing)
}

/// What an expression finds; the error has no values of the body.
fn evaluated(path: &'static str, mapping: &Mapping, scope: &Scope) -> Result<Option<Value>, Untranslatable> {
    let problem = "cannot be worked out by its expression; `sources try` shows why";
    mapping.value(scope).map_err(|_| Untranslatable::field(path, problem))
}

#[cfg(test)]
mod tests;

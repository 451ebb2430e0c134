//! How much text a delivery may become: a mapping can put one long text of a body into many fields of many events.

use crate::{
    Draft, Untranslatable,
    delivery::{EVENT_BYTES_MAX, EVENTS_BYTES_MAX},
};

/// The text of a delivery's events so far.
#[derive(Debug)]
pub(crate) struct Volume {
    /// What is at fault when all of them together are too much.
    path: &'static str,
    bytes: usize,
}

impl Volume {
    pub(crate) fn new(path: &'static str) -> Self {
        Self { path, bytes: 0 }
    }

    /// The bytes of all events so far.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether one more event fits.
    pub(crate) fn add(&mut self, draft: &Draft) -> Result<(), Untranslatable> {
        let texts = texts(draft);
        let bytes: usize = texts.iter().map(|(_, bytes)| bytes).sum();
        if bytes > EVENT_BYTES_MAX {
            let longest = texts.iter().max_by_key(|(_, bytes)| bytes).map_or(self.path, |(path, _)| path);
            return Err(Untranslatable::field(longest, "makes the event longer than a record may be"));
        }
        self.bytes += bytes;
        if self.bytes > EVENTS_BYTES_MAX {
            let problem = "makes more text than the events of one delivery may have: 4 MiB";
            return Err(Untranslatable::field(self.path, problem));
        }
        Ok(())
    }
}

/// The bytes of every field whose length is the sender's, under its path. All fields are named, so that a new one is
/// not forgotten.
fn texts(draft: &Draft) -> [(&'static str, usize); 17] {
    let Draft {
        subject_id,
        parent_id,
        title,
        url,
        department,
        team,
        owner,
        manager,
        cycle,
        metric,
        actor,
        note,
        attributes,
        delivery: _,
        occurred_at: _,
        sequence: _,
        change: _,
        subject_type: _,
        progress: _,
        confidence: _,
        status: _,
        previous: _,
    } = draft;
    let (owner, manager) = (owner.as_ref(), manager.as_ref());
    [
        ("subject.id", subject_id.len()),
        ("subject.parent_id", bytes(parent_id.as_ref())),
        ("subject.title", bytes(title.as_ref())),
        ("subject.url", bytes(url.as_ref())),
        ("department", bytes(department.as_ref())),
        ("team", bytes(team.as_ref())),
        ("owner.id", bytes(owner.and_then(|owner| owner.id.as_ref()))),
        ("owner.name", bytes(owner.and_then(|owner| owner.name.as_ref()))),
        ("owner.email", bytes(owner.and_then(|owner| owner.email.as_ref()))),
        ("manager.id", bytes(manager.and_then(|manager| manager.id.as_ref()))),
        ("manager.name", bytes(manager.and_then(|manager| manager.name.as_ref()))),
        ("manager.email", bytes(manager.and_then(|manager| manager.email.as_ref()))),
        ("cycle.name", bytes(cycle.as_ref().and_then(|cycle| cycle.name.as_ref()))),
        ("metric.unit", bytes(metric.as_ref().and_then(|metric| metric.unit.as_ref()))),
        ("actor", bytes(actor.as_ref())),
        ("note", bytes(note.as_ref())),
        ("attributes", attributes.iter().map(|(name, value)| name.len() + value.len()).sum()),
    ]
}

fn bytes(text: Option<&String>) -> usize {
    text.map_or(0, String::len)
}

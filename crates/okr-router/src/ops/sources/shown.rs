//! A trial as people read it, and as programs do.

use anyhow::Result;
use serde_json::{Value, json};
use sources::{Explained, Pending};

use super::{Proof, Trial};

/// Characters of one value that are shown.
const VALUE_CHARS_MAX: usize = 100;

impl Trial {
    pub(super) fn words(&self) -> String {
        let mut out = format!("source {} ({})\n", self.source, self.kind);
        out.push_str(&match &self.proof {
            Proof::Proven => "verification: proven\n".to_owned(),
            Proof::Refused(reason, words) => format!("verification: refused ({reason}): {words}\n"),
            Proof::Unknown(words) => format!("verification: not looked at: {words}\n"),
        });
        out.push_str(&format!("identity: {}\n", self.reading.identity.text()));
        for one in &self.explained {
            let item = one.item.map(|item| format!("item {item}: ")).unwrap_or_default();
            out.push_str(&format!("  {item}{} = {}\n    {}\n", one.key, one.expression, value(one)));
        }
        match &self.reading.events {
            Err(fault) => out.push_str(&format!("held ({}): {fault}\n", fault.reason())),
            Ok(events) if events.is_empty() && !self.reading.pendings.is_empty() => {
                for pending in &self.reading.pendings {
                    let (what, id, change) =
                        (pending.object_type, &pending.object_id, pending.change.as_str());
                    out.push_str(&format!("to be asked for: {what} {id} ({change})\n"));
                }
            }
            Ok(events) if events.is_empty() => out.push_str("nothing for us: no event\n"),
            Ok(events) => {
                for event in events {
                    let json = serde_json::to_string_pretty(event).unwrap_or_default();
                    out.push_str(&format!("{}\n{json}\n", okr::ce_type(event)));
                }
            }
        }
        out
    }

    pub(super) fn json(&self) -> Result<String> {
        let verification = match &self.proof {
            Proof::Proven => json!({ "proven": true }),
            Proof::Refused(reason, words) => json!({ "proven": false, "reason": reason, "error": words }),
            Proof::Unknown(words) => json!({ "proven": null, "error": words }),
        };
        let expressions: Vec<Value> = self.explained.iter().map(expression).collect();
        let mut out = json!({
            "source": self.source,
            "kind": self.kind,
            "verification": verification,
            "identity": self.reading.identity.text(),
            "expressions": expressions,
            "events": [],
            "pending": self.reading.pendings.iter().map(pending).collect::<Value>(),
            "held": null,
        });
        match &self.reading.events {
            Ok(events) => out["events"] = serde_json::to_value(events)?,
            Err(fault) => out["held"] = json!({ "reason": fault.reason(), "error": fault.to_string() }),
        }
        Ok(format!("{}\n", serde_json::to_string_pretty(&out)?))
    }
}

fn pending(pending: &Pending) -> Value {
    json!({
        "object_type": pending.object_type, "object_id": pending.object_id, "change": pending.change,
        "occurred_at": pending.occurred_at, "actor": pending.actor,
    })
}

fn expression(one: &Explained) -> Value {
    let mut out = json!({ "item": one.item, "key": one.key, "expression": one.expression });
    match &one.found {
        Ok(Some(value)) => out["value"] = value.clone(),
        Ok(None) => out["missing"] = true.into(),
        Err(error) => out["error"] = error.clone().into(),
    }
    out
}

fn value(one: &Explained) -> String {
    match &one.found {
        Ok(Some(value)) => {
            let text = value.to_string();
            match text.char_indices().nth(VALUE_CHARS_MAX) {
                Some((end, _)) => format!("{} …", &text[..end]),
                None => text,
            }
        }
        Ok(None) => "missing".to_owned(),
        Err(error) => format!("cannot be worked out: {error}"),
    }
}

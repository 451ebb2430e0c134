//! The same requests to Apicurio and to the embedded registry, answer beside answer: status, error code, media type and
//! the shape of the body. Where Apicurio leaves Confluent's ways, the request bears the reason, and a difference that is no
//! more fails as well.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use okr_tests::{Apicurio, Embedded};
use serde_json::{Map, Value, json};

use crate::pairs::PAIRS;

/// A request; `{id}` in a path is the id of the schema that was registered last.
struct Ask {
    method: &'static str,
    path: String,
    body: Option<String>,
    kind: Option<&'static str>,
    /// Why Apicurio answers otherwise than ours.
    apart: Option<&'static str>,
}

impl Ask {
    fn but(self, reason: &'static str) -> Self {
        Self { apart: Some(reason), ..self }
    }
}

/// What is the same on both sides when the registries are alike.
#[derive(Debug, PartialEq)]
struct Said {
    status: u16,
    code: Option<u64>,
    /// Apicurio says `application/json`, Confluent's and ours the registry's own type of JSON; clients take both.
    is_json: bool,
    shape: Value,
}

const CONFLUENT: &str = "Confluent's API says so, and clients of it were written for that";
const SERVER_ERROR: &str = "Apicurio answers 500 to what is the client's mistake";
const MORE: &str = "Apicurio says a word more, which clients pass over";

fn ask(method: &'static str, path: &str, body: Option<Value>) -> Ask {
    Ask { method, path: path.to_owned(), body: body.map(|body| body.to_string()), kind: None, apart: None }
}

fn schema(text: &str) -> Option<Value> {
    Some(json!({ "schema": text }))
}

fn record(fields: &str) -> String {
    format!(r#"{{"type":"record","name":"R","namespace":"side","fields":[{fields}]}}"#)
}

const A: &str = r#"{"name":"a","type":"string"}"#;
const B: &str = r#"{"name":"b","type":"long","default":0}"#;
const C: &str = r#"{"name":"c","type":"long"}"#;

/// From nothing to many versions, and every way to ask wrongly.
fn asks() -> Vec<Ask> {
    let (a, ab, ac) = (record(A), record(&format!("{A},{B}")), record(&format!("{A},{C}")));
    let spaced = a.replace(',', " , ");
    let level = |level: &str| Some(json!({ "compatibility": level }));
    let mut asks = vec![
        ask("GET", "/subjects", None),
        ask("GET", "/subjects/s/versions", None),
        ask("GET", "/subjects/s/versions/1", None),
        ask("GET", "/subjects/s/versions/latest", None),
        ask("POST", "/subjects/s", schema(&a)),
        ask("GET", "/schemas/ids/999999", None),
        ask("GET", "/schemas/ids/999999?deleted=true", None),
        ask("GET", "/config/s", None).but(CONFLUENT),
        ask("DELETE", "/config/s", None).but(CONFLUENT),
        ask("DELETE", "/subjects/s", None),
        // The level of all, set first: the two begin with different ones.
        ask("PUT", "/config", level("BACKWARD")).but(MORE),
        ask("GET", "/config", None),
        ask("GET", "/config/s?defaultToGlobal=true", None).but(CONFLUENT),
        ask("PUT", "/config", level("NONSENSE")),
        // One version.
        ask("POST", "/subjects/s/versions", schema(&a)),
        ask("POST", "/subjects/s/versions", schema(&a)),
        ask("POST", "/subjects/s/versions", schema(&spaced)),
        ask("GET", "/subjects", None),
        ask("GET", "/subjects/s/versions", None),
        ask("GET", "/subjects/s/versions/1", None),
        ask("GET", "/subjects/s/versions/latest", None),
        ask("GET", "/subjects/s/versions/-1", None),
        ask("GET", "/subjects/s/versions/2", None),
        ask("GET", "/subjects/s/versions/0", None).but(CONFLUENT),
        ask("GET", "/subjects/s/versions/many", None).but(CONFLUENT),
        ask("GET", "/subjects/s/versions/1/schema", None),
        ask("GET", "/schemas/ids/{id}", None),
        ask("GET", "/schemas/ids/{id}?deleted=true", None),
        ask("GET", "/schemas/ids/{id}/versions", None),
        ask("GET", "/schemas/types", None).but("ours knows Avro alone"),
        ask("POST", "/subjects/s", schema(&a)),
        ask("POST", "/subjects/s", schema(&ab)),
        ask("POST", "/subjects/nobody", schema(&a)),
        // The level of one.
        ask("PUT", "/config/s", level("FULL_TRANSITIVE")).but(MORE),
        ask("GET", "/config/s", None),
        ask("PUT", "/config/s", level("HALF")),
        ask("PUT", "/config/s", Some(json!({}))).but(SERVER_ERROR),
        ask("GET", "/config/s", None),
        // What fits and what does not.
        ask("POST", "/compatibility/subjects/s/versions/latest", schema(&ab)),
        ask("POST", "/compatibility/subjects/s/versions/latest", schema(&ac)),
        ask("POST", "/compatibility/subjects/s/versions/7", schema(&ab)),
        ask("POST", "/compatibility/subjects/nobody/versions/latest", schema(&ab)),
        ask("POST", "/subjects/s/versions", schema(&ac)),
        ask("POST", "/subjects/s/versions", schema(&ab)),
        ask("GET", "/subjects/s/versions", None),
        ask("GET", "/subjects/s/versions/2", None),
        ask("GET", "/subjects/s/versions/latest", None),
        ask("POST", "/subjects/other/versions", schema(&a)),
        ask("GET", "/subjects", None),
        ask("DELETE", "/config/s", None),
        ask("GET", "/config/s", None).but(CONFLUENT),
        ask("GET", "/config/s?defaultToGlobal=true", None),
        // What is no schema, and what is no request.
        ask("POST", "/subjects/s/versions", schema("nonsense")),
        ask("POST", "/subjects/s/versions", schema(r#"{"type":"nonsense"}"#)),
        ask("POST", "/subjects/s/versions", schema("")).but(SERVER_ERROR),
        ask("POST", "/subjects/s/versions", Some(json!({}))).but(SERVER_ERROR),
        ask("POST", "/subjects/s/versions", Some(json!({ "schema": a, "schemaType": "NONSENSE" })))
            .but(SERVER_ERROR),
        ask("POST", "/subjects/s", schema("nonsense")),
        Ask { body: Some("{".to_owned()), ..ask("POST", "/subjects/s/versions", None) }
            .but("Apicurio's has no body"),
        ask("GET", "/nowhere", None),
        ask("PATCH", "/subjects/s/versions", None),
    ];
    // The media types that clients send.
    for kind in
        ["application/vnd.schemaregistry.v1+json", "application/vnd.schemaregistry+json", "application/json"]
    {
        asks.push(Ask { kind: Some(kind), ..ask("POST", "/subjects/s/versions", schema(&a)) });
    }
    // What is deleted.
    asks.extend([
        ask("DELETE", "/subjects/s/versions/1", None),
        ask("GET", "/subjects/s/versions", None),
        ask("GET", "/subjects/s/versions?deleted=true", None),
        ask("GET", "/subjects/s/versions/1", None),
        ask("DELETE", "/subjects/s/versions/9", None),
        ask("DELETE", "/subjects/s", None).but("Apicurio lists the version again that was deleted before"),
        ask("GET", "/subjects/s/versions", None),
        ask("GET", "/subjects", None),
        ask("GET", "/schemas/ids/{id}?deleted=true", None),
        ask("POST", "/subjects/s", schema(&a)).but(CONFLUENT),
        ask("DELETE", "/subjects/nobody", None),
    ]);
    asks
}

/// One registry, and the id that it gave last.
struct Side {
    base: String,
    client: reqwest::Client,
    id: u64,
}

impl Side {
    fn new(base: &str) -> Result<Self> {
        // Apicurio was seen to forget a request on a connection on which it had refused the one before.
        let builder = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0);
        let client = builder.timeout(Duration::from_secs(20)).build()?;
        Ok(Self { base: base.to_owned(), client, id: 0 })
    }

    async fn say(&mut self, ask: &Ask) -> Result<Said> {
        let url = format!("{}{}", self.base, ask.path.replace("{id}", &self.id.to_string()));
        let mut request = self.client.request(ask.method.parse()?, url);
        if let Some(body) = &ask.body {
            let kind = ask.kind.unwrap_or("application/vnd.schemaregistry.v1+json");
            request = request.header("content-type", kind).body(body.clone());
        }
        // And, seldom, on a fresh one: what it never began is asked once more, as our own commands do.
        let again = request.try_clone().context("a body that is read once")?;
        let reply = match request.send().await {
            Err(error) if error.is_timeout() => again.send().await?,
            reply => reply?,
        };
        let status = reply.status().as_u16();
        let media_type = reply.headers().get("content-type").and_then(|kind| kind.to_str().ok());
        let media_type = media_type.unwrap_or_default().split(';').next().unwrap_or_default().to_owned();
        let body: Value = serde_json::from_slice(&reply.bytes().await?).unwrap_or_default();
        self.id = body["id"].as_u64().unwrap_or(self.id);
        let is_json = body.is_null() || media_type.ends_with("json");
        Ok(Said { status, code: body["error_code"].as_u64(), is_json, shape: shape(&body) })
    }
}

/// A body without what may differ: ids are numbers, messages are text, schemas are what they say.
fn shape(body: &Value) -> Value {
    let Value::Object(fields) = body else { return body.clone() };
    let kept = fields.iter().filter(|(_, value)| !value.is_null());
    let shaped = kept.map(|(name, value)| {
        let shaped = match (name.as_str(), value) {
            ("id", Value::Number(_)) => json!("a number"),
            ("message", Value::String(_)) => json!("text"),
            ("schema", Value::String(text)) => serde_json::from_str(text).unwrap_or(value.clone()),
            (_, value) => value.clone(),
        };
        (name.clone(), shaped)
    });
    Value::Object(shaped.collect::<Map<_, _>>())
}

#[tokio::test]
async fn both_registries_answer_the_same_requests_alike() -> Result<()> {
    let (apicurio, embedded) = tokio::try_join!(Apicurio::own(), Embedded::start())?;
    let (mut theirs, mut ours) = (Side::new(apicurio.url())?, Side::new(&embedded.registry())?);
    let mut apart = Vec::new();
    for (at, ask) in asks().iter().enumerate() {
        let name = format!("{at} {} {} {}", ask.method, ask.path, ask.body.as_deref().unwrap_or_default());
        let (theirs, ours) = (theirs.say(ask).await.context(name.clone())?, ours.say(ask).await?);
        if ask.apart.is_some() == (theirs == ours) {
            apart.push(format!("{name}\n  Apicurio {theirs:?}\n  ours     {ours:?}"));
        }
    }
    ensure!(apart.is_empty(), "{} are apart, or no more:\n{}", apart.len(), apart.join("\n"));
    Ok(())
}

/// What one schema can read of another is the registries' to say, and they say the same.
#[tokio::test]
async fn both_registries_find_the_same_schemas_compatible() -> Result<()> {
    let (apicurio, embedded) = tokio::try_join!(Apicurio::own(), Embedded::start())?;
    let (mut theirs, mut ours) = (Side::new(apicurio.url())?, Side::new(&embedded.registry())?);
    let mut apart = Vec::new();
    for (at, pair) in PAIRS.iter().enumerate() {
        for (way, old, new) in [("forth", pair.old, pair.new), ("back", pair.new, pair.old)] {
            let mut said = Vec::new();
            for side in [&mut theirs, &mut ours] {
                let subject = format!("pair-{at}-{way}");
                let registered = ask("POST", &format!("/subjects/{subject}/versions"), schema(old));
                let registered = side.say(&registered).await?;
                ensure!(registered.status == 200, "{}, {way}: {registered:?}", pair.what);
                let level = json!({ "compatibility": "BACKWARD" });
                side.say(&ask("PUT", &format!("/config/{subject}"), Some(level))).await?;
                let check = format!("/compatibility/subjects/{subject}/versions/latest");
                said.push(side.say(&ask("POST", &check, schema(new))).await?.shape["is_compatible"].clone());
            }
            ensure!(said[0].is_boolean(), "{}, {way}: {said:?}", pair.what);
            if (said[0] != said[1]) != pair.apart.contains(&way) {
                apart.push(format!("{}, {way}: Apicurio {}, ours {}", pair.what, said[0], said[1]));
            }
        }
    }
    ensure!(apart.is_empty(), "{} are apart, or no more:\n{}", apart.len(), apart.join("\n"));
    Ok(())
}

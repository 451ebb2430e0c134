//! Records of an older and of a newer schema reach their receiver through today's notifier, and `schemas check` says
//! what would not.

use anyhow::{Context, Result, ensure};
use okr_tests::{Apicurio, Done, FakeHttp, Kafka, Python, Stack, World, post, put};
use serde_json::{Value, json};

use base64::{Engine, engine::general_purpose::STANDARD};

const SUBJECT: &str = "okr.events-value";

/// Today's schema, as JSON.
fn today() -> Result<Value> {
    Ok(serde_json::from_str(wire::OKR_EVENT)?)
}

/// The field of that name.
fn field<'a>(schema: &'a mut Value, name: &str) -> Result<&'a mut Value> {
    let fields = schema["fields"].as_array_mut().context("no fields")?;
    fields.iter_mut().find(|field| field["name"] == name).with_context(|| format!("no field {name}"))
}

fn without(schema: &mut Value, name: &str) -> Result<()> {
    let fields = schema["fields"].as_array_mut().context("no fields")?;
    let before = fields.len();
    fields.retain(|field| field["name"] != name);
    ensure!(fields.len() + 1 == before, "no field {name}");
    Ok(())
}

/// A schema of a release before the first: no note, no cancelled ones.
fn yesterday() -> Result<Value> {
    let mut schema = today()?;
    without(&mut schema, "note")?;
    let symbols = field(&mut schema, "status")?["type"]["symbols"].as_array_mut().context("no symbols")?;
    symbols.retain(|symbol| symbol != "cancelled");
    Ok(schema)
}

/// A schema of a release to come: a new field, a new change, a new status, and a field gone that had a default.
fn tomorrow() -> Result<Value> {
    let mut schema = today()?;
    without(&mut schema, "actor")?;
    field(&mut schema, "change")?["type"]["symbols"]
        .as_array_mut()
        .context("no symbols")?
        .push(json!("paused"));
    field(&mut schema, "status")?["type"]["symbols"]
        .as_array_mut()
        .context("no symbols")?
        .push(json!("on_hold"));
    let weight =
        json!({ "name": "weight", "type": ["null", "double"], "default": null, "doc": "Its share." });
    schema["fields"].as_array_mut().context("no fields")?.insert(0, weight);
    Ok(schema)
}

/// An event as any of them writes it; `more` is what this one says besides.
fn event(nth: u8, more: Value) -> Result<Value> {
    let mut event = json!({
        "event_id": format!("0123456{nth}-89ab-5def-8123-456789abcdef"), "revision": 0,
        "occurred_at": 1_795_424_400_000_000_i64, "received_at": okr_tests::sign::now() * 1_000_000,
        "source": { "name": "acme", "kind": "okr", "delivery_id": null, "sequence": null },
        "change": "checked_in", "status": "on_track", "progress": 0.5, "attributes": { "a": "1" },
        "subject": { "type": "key_result", "namespace": "acme", "id": format!("kr-{nth}"), "parent_id": null,
                     "title": format!("Title {nth}"), "url": null },
    });
    let (event, more) = (event.as_object_mut().context("no object")?, more);
    event.extend(more.as_object().context("no object")?.clone());
    Ok(json!(event))
}

/// A stack with a notifier's configuration on servers of its own.
struct Home {
    kafka: Kafka,
    registry: Apicurio,
    stack: Stack,
    receiver: FakeHttp,
}

impl Home {
    async fn start() -> Result<Self> {
        let (kafka, registry) = tokio::try_join!(Kafka::start(), Apicurio::own())?;
        let receiver = FakeHttp::start()?;
        let departments = "[departments]\npartitions = 1\n[departments.others]\npartitions = \"0\"\n";
        let stack = Stack::new(World {
            broker: kafka.address().to_owned(),
            registry: registry.url().to_owned(),
            sections: format!("{departments}{}", receiver.fan_out(1)),
            ..World::default()
        })?;
        stack.prepare().await?;
        Ok(Self { kafka, registry, stack, receiver })
    }

    /// Registers a further version, as another release would; gives its id.
    async fn register(&self, schema: &Value) -> Result<u64> {
        let url = format!("{}/subjects/{SUBJECT}/versions", self.registry.url());
        let reply = post(&url, &[], json!({ "schema": schema.to_string() }).to_string()).await?;
        reply.json()["id"].as_u64().with_context(|| format!("{} {}", reply.status, reply.text()))
    }

    /// Puts a record of that schema on the topic, written by a library that is not ours.
    async fn write(&self, id: u64, event: &Value) -> Result<()> {
        let (id, event) = (id.to_string(), event.to_string());
        let frame = Python::run("raw.py", &["encode", self.registry.url(), &id, &event]).await?;
        let record = json!({ "partition": 0, "key": STANDARD.encode("acme/key_result/kr"), "value": frame.trim(),
                             "headers": [] });
        Python::produce(self.kafka.address(), "okr.events", &record).await
    }

    async fn check(&self, args: &[&str]) -> Result<(Done, Value)> {
        let done = self.stack.command(&[["schemas", "check", "--json"].as_slice(), args].concat()).await?;
        let shown = serde_json::from_str(&done.stdout).with_context(|| format!("{done:?}"))?;
        Ok((done, shown))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_of_older_and_newer_schemas_reach_their_receiver_and_check_names_what_would_not() -> Result<()>
{
    let home = Home::start().await?;
    // The registry has FULL_TRANSITIVE by now, and takes both.
    let (old, new) = (home.register(&yesterday()?).await?, home.register(&tomorrow()?).await?);
    let now = home.register(&today()?).await?;
    ensure!(old != now && now != new, "three versions: {old}, {now}, {new}");
    let (done, shown) = home.check(&[]).await?;
    ensure!(done.code == 0 && shown[0]["fit"] == "full" && shown[0]["asked"] == true, "{done:?}");

    let cases = [
        (old, event(1, json!({ "actor": "Ada" }))?),
        (now, event(2, json!({ "actor": "Ada", "note": "well" }))?),
        (new, event(3, json!({ "weight": 0.3, "change": "paused", "status": "on_hold", "note": "later" }))?),
    ];
    for (id, event) in &cases {
        home.write(*id, event).await?;
    }
    let _notifier = home.stack.role("notifier").await?;
    let seen = home.receiver.wait_for(3, std::time::Duration::from_secs(30)).await?;
    let told = |nth: usize, name: &str| seen[nth].json()[name].clone();
    for (nth, (_, event)) in cases.iter().enumerate() {
        for same in ["event_id", "progress", "attributes"] {
            ensure!(told(nth, same) == event[same], "{same} of {nth}: {}", seen[nth].json());
        }
        ensure!(told(nth, "subject")["title"] == event["subject"]["title"], "{}", seen[nth].json());
    }
    for (nth, actor, note, change, status) in [
        (0, json!("Ada"), Value::Null, "checked_in", "on_track"),
        (1, json!("Ada"), json!("well"), "checked_in", "on_track"),
        (2, Value::Null, json!("later"), "unknown", "unknown"),
    ] {
        let found = (told(nth, "actor"), told(nth, "note"), told(nth, "change"), told(nth, "status"));
        ensure!(found == (actor, note, json!(change), json!(status)), "{nth}: {}", seen[nth].json());
    }
    what_does_not_fit_is_named(&home).await
}

/// Somebody lowers the level and registers what cannot be read.
async fn what_does_not_fit_is_named(home: &Home) -> Result<()> {
    put(&format!("{}/config/{SUBJECT}", home.registry.url()), json!({ "compatibility": "NONE" })).await?;
    let mut broken = tomorrow()?;
    field(&mut broken, "progress")?["type"] = json!("string");
    field(&mut broken, "progress")?["default"] = json!("");
    home.register(&broken).await?;
    let (done, shown) = home.check(&[]).await?;
    ensure!(done.code == 1 && shown[0]["fit"] == "broken" && shown[0]["level"] == "NONE", "{done:?}");
    let finding = &shown[0]["findings"][0];
    ensure!(
        finding["against"] == "registered" && finding["version"] == 4 && finding["field"] == "progress",
        "{finding}"
    );
    let (done, shown) = home.check(&["--offline"]).await?;
    ensure!(done.code == 0 && shown[0]["asked"] == false && shown[0]["id"].is_null(), "{done:?}");
    ensure!(done.stderr.contains("the registry was not asked"), "{}", done.stderr);
    home.registry.kill9()?;
    let (done, shown) = home.check(&[]).await?;
    ensure!(done.code == 1 && shown[0]["asked"] == false, "{done:?}");
    ensure!(done.stderr.contains("--offline") && done.stderr.contains("registry.url"), "{}", done.stderr);
    Ok(())
}

//! One suite, two registries: Apicurio's Confluent API and ours answer alike where our services and tools ask.

use anyhow::Result;
use okr_tests::{Reply, get, post, put, registry};
use serde_json::{Value, json};

/// Everything that is asked of a registry; `subject` keeps the parts apart on a shared one.
async fn suite(url: &str) -> Result<()> {
    registers_once_and_finds_again(url, "suite-a").await?;
    refuses_what_the_level_forbids(url, "suite-b").await?;
    says_what_is_missing(url, "suite-c").await?;
    hides_what_is_deleted_and_keeps_its_id(url, "suite-d").await
}

#[tokio::test]
async fn apicurio_is_a_registry_as_we_use_it() -> Result<()> {
    suite(registry().await?.url()).await
}

#[cfg(feature = "embedded")]
#[tokio::test]
async fn the_embedded_registry_is_one_too() -> Result<()> {
    suite(&okr_tests::Embedded::start().await?.registry()).await
}

#[cfg(feature = "embedded")]
#[tokio::test]
async fn the_embedded_registry_remembers_what_it_answered() -> Result<()> {
    let mut pair = okr_tests::Embedded::start().await?;
    let id = register(&pair.registry(), "kept", &record("kept", &[])).await?;
    put(&format!("{}/config/kept", pair.registry()), json!({ "compatibility": "FULL_TRANSITIVE" })).await?;
    pair.restart_registry().await?;
    let found = get(&format!("{}/subjects/kept/versions/latest", pair.registry())).await?.json();
    assert_eq!((&found["id"], &found["version"]), (&json!(id), &json!(1)));
    let level = get(&format!("{}/config/kept", pair.registry())).await?.json();
    assert_eq!(level["compatibilityLevel"], "FULL_TRANSITIVE");
    Ok(())
}

async fn registers_once_and_finds_again(url: &str, subject: &str) -> Result<()> {
    let schema = record(subject, &[]);
    let id = register(url, subject, &schema).await?;
    assert_eq!(register(url, subject, &schema).await?, id, "a second time is the same id");
    assert!(
        get(&format!("{url}/subjects"))
            .await?
            .json()
            .as_array()
            .is_some_and(|all| all.contains(&json!(subject)))
    );
    assert_eq!(get(&format!("{url}/subjects/{subject}/versions")).await?.json(), json!([1]));
    let by_id = get(&format!("{url}/schemas/ids/{id}?deleted=true")).await?;
    assert_eq!(document(&by_id.json()["schema"]), schema, "{by_id:?}");
    for version in ["1", "latest"] {
        let found = get(&format!("{url}/subjects/{subject}/versions/{version}")).await?.json();
        assert_eq!((&found["id"], &found["version"]), (&json!(id), &json!(1)), "{found}");
        assert_eq!((&found["subject"], document(&found["schema"])), (&json!(subject), schema.clone()));
    }
    let looked_up = post(&format!("{url}/subjects/{subject}"), &[], body(&schema)).await?.json();
    assert_eq!((&looked_up["id"], &looked_up["version"]), (&json!(id), &json!(1)), "{looked_up}");
    Ok(())
}

async fn refuses_what_the_level_forbids(url: &str, subject: &str) -> Result<()> {
    let (level, check) = (
        format!("{url}/config/{subject}"),
        format!("{url}/compatibility/subjects/{subject}/versions/latest"),
    );
    register(url, subject, &record(subject, &[("kept", false)])).await?;
    let set = put(&level, json!({ "compatibility": "FULL_TRANSITIVE" })).await?;
    assert_eq!((set.status, &set.json()["compatibility"]), (200, &json!("FULL_TRANSITIVE")));
    assert_eq!(get(&level).await?.json()["compatibilityLevel"], "FULL_TRANSITIVE");
    let (good, bad) =
        (record(subject, &[("kept", false), ("more", true)]), record(subject, &[("more", false)]));
    assert_eq!(post(&check, &[], body(&good)).await?.json()["is_compatible"], true);
    assert_eq!(post(&check, &[], body(&bad)).await?.json()["is_compatible"], false);
    let refused = post(&format!("{url}/subjects/{subject}/versions"), &[], body(&bad)).await?;
    refusal(&refused, 409, 409);
    register(url, subject, &good).await?;
    assert_eq!(get(&format!("{url}/subjects/{subject}/versions")).await?.json(), json!([1, 2]));
    Ok(())
}

async fn says_what_is_missing(url: &str, subject: &str) -> Result<()> {
    refusal(&get(&format!("{url}/subjects/{subject}/versions")).await?, 404, 40401);
    refusal(&get(&format!("{url}/subjects/{subject}/versions/latest")).await?, 404, 40401);
    refusal(&get(&format!("{url}/schemas/ids/999999?deleted=true")).await?, 404, 40403);
    register(url, subject, &record(subject, &[])).await?;
    refusal(&get(&format!("{url}/subjects/{subject}/versions/7")).await?, 404, 40402);
    let other = record(subject, &[("unheard", true)]);
    refusal(&post(&format!("{url}/subjects/{subject}"), &[], body(&other)).await?, 404, 40403);
    let nonsense = json!({ "schema": "{\"type\":\"nonsense\"}" }).to_string();
    refusal(&post(&format!("{url}/subjects/{subject}/versions"), &[], nonsense).await?, 422, 42201);
    refusal(&put(&format!("{url}/config/{subject}"), json!({ "compatibility": "HALF" })).await?, 422, 42203);
    Ok(())
}

async fn hides_what_is_deleted_and_keeps_its_id(url: &str, subject: &str) -> Result<()> {
    let id = register(url, subject, &record(subject, &[])).await?;
    let gone = okr_tests::delete(&format!("{url}/subjects/{subject}")).await?;
    assert_eq!((gone.status, gone.json()), (200, json!([1])));
    refusal(&get(&format!("{url}/subjects/{subject}/versions")).await?, 404, 40401);
    assert_eq!(get(&format!("{url}/schemas/ids/{id}?deleted=true")).await?.status, 200);
    Ok(())
}

async fn register(url: &str, subject: &str, schema: &Value) -> Result<u64> {
    let reply = post(&format!("{url}/subjects/{subject}/versions"), &[], body(schema)).await?;
    let id = reply.json()["id"].as_u64();
    id.ok_or_else(|| anyhow::anyhow!("{subject} is not registered: {} {}", reply.status, reply.text()))
}

#[track_caller]
fn refusal(reply: &Reply, status: u16, code: u32) {
    assert_eq!((reply.status, &reply.json()["error_code"]), (status, &json!(code)), "{}", reply.text());
    assert!(reply.json()["message"].is_string(), "{}", reply.text());
}

/// A record schema of that name; each field is text, with or without a default.
fn record(name: &str, fields: &[(&str, bool)]) -> Value {
    let field = |(name, default): &(&str, bool)| match default {
        true => json!({ "name": name, "type": "string", "default": "" }),
        false => json!({ "name": name, "type": "string" }),
    };
    let fields: Vec<Value> = fields.iter().map(field).collect();
    json!({ "type": "record", "name": name.replace('-', "_"), "fields": fields })
}

fn body(schema: &Value) -> String {
    json!({ "schema": schema.to_string() }).to_string()
}

fn document(text: &Value) -> Value {
    serde_json::from_str(text.as_str().unwrap_or_default()).unwrap_or_default()
}

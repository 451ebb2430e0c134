//! What a trial shows, over a real configuration file.

use clap::Parser;
use serde_json::{Value, json};

use super::{Proof, Trial, trial};
use crate::{
    cli::{Cli, Command, Settings, sources::Sources},
    config::{self, Reader},
};

const CONFIG: &str = r#"
[sources.automation]
kind = "generic"
verify = { scheme = "hmac-sha256", header = "x-sig", secrets = ["a-literal"] }
identity = "headers['X-Request-Id']"
[sources.automation.event]
subject_id = "body.id"
progress = "body.value / 4"
[sources.locked]
kind = "generic"
verify = { scheme = "bearer", secrets = [{ env = "A_VARIABLE_THAT_NOBODY_SETS" }] }
event = { subject_id = "body.id" }
"#;

fn tried(words: &[&str], body: &str) -> Trial {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("okr-router.toml");
    std::fs::write(&path, CONFIG).unwrap();
    let all = ["okr-router", "sources", "try", "--file", "-"].iter().chain(words);
    let Command::Sources(Sources::Try(options)) = Cli::parse_from(all).command else { panic!("sources try") };
    let settings = Settings { config: Some(path), set: Vec::new() };
    let whole = config::read(&settings, Reader::Command).unwrap();
    trial(&whole, options.source.as_deref().unwrap(), &options, body.as_bytes()).unwrap()
}

const GOOD: &[&str] = &["--source", "automation", "--header", "X-Request-Id: r-1", "--sign"];

#[test]
fn a_good_delivery_shows_each_value_and_the_event() {
    let trial = tried(GOOD, r#"{"id":7,"value":1}"#);
    assert!(trial.is_accepted());
    let words = trial.words();
    for part in [
        "verification: proven",
        "identity: r-1",
        "identity = headers['X-Request-Id']\n    \"r-1\"",
        "event.progress = body.value / 4\n    0.25",
        "okr.custom.updated\n{",
    ] {
        assert!(words.contains(part), "{part:?} is not in: {words}");
    }
    let json: Value = serde_json::from_str(&trial.json().unwrap()).unwrap();
    assert_eq!(json["verification"], json!({ "proven": true }));
    assert_eq!(json["events"][0]["subject"]["id"], "7");
    assert_eq!(json["expressions"][1]["value"], 0.25);
}

#[test]
fn a_held_delivery_shows_why() {
    let trial = tried(GOOD, r#"{"id":7,"value":"one"}"#);
    assert!(!trial.is_accepted());
    let words = trial.words();
    assert!(words.contains("event.progress = body.value / 4\n    cannot be worked out: "), "{words}");
    assert!(words.contains("held (progress): `progress` cannot be worked out"), "{words}");
    let json: Value = serde_json::from_str(&trial.json().unwrap()).unwrap();
    assert_eq!((&json["held"]["reason"], &json["events"]), (&json!("progress"), &json!([])));
}

#[test]
fn without_its_proof_the_mapping_is_shown_all_the_same() {
    let unsigned = tried(&["--source", "automation", "--header", "x-request-id: r-1"], r#"{"id":7}"#);
    assert!(matches!(unsigned.proof, Proof::Refused("missing", _)) && !unsigned.is_accepted());
    assert!(
        unsigned.words().contains("event.progress = body.value / 4\n    missing"),
        "{}",
        unsigned.words()
    );
    let locked = tried(&["--source", "locked"], r#"{"id":7}"#);
    assert!(
        locked.words().contains("not looked at: `sources.locked.verify.secrets[0]`"),
        "{}",
        locked.words()
    );
    assert_eq!(locked.reading.events.unwrap().len(), 1);
}

#[test]
fn a_header_is_a_name_and_a_value() {
    let parsed = Cli::try_parse_from(["okr-router", "sources", "try", "--file", "x", "--header", "nothing"]);
    assert!(parsed.is_err_and(|error| error.to_string().contains("NAME: VALUE")));
}

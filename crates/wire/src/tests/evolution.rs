//! Other versions of our schemas: those that were released, and those that may come.

use std::{fs, path::Path};

use apache_avro::{
    Schema,
    schema_compatibility::{Compatibility, SchemaCompatibility},
    types::Value,
    writer::datum::GenericDatumWriter,
};

use super::*;
use crate::{OKR_EVENT, SUBJECTS, compatible, frame, reader::Reader, schema::Ours};

/// Every released schema: file name and text.
fn released() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas/released");
    let mut found = Vec::new();
    for release in fs::read_dir(folder).unwrap() {
        for file in fs::read_dir(release.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            found.push((name, fs::read_to_string(path).unwrap()));
        }
    }
    found
}

#[test]
fn todays_schemas_read_all_released_ones_and_they_todays() {
    let released = released();
    let files = ["okr_event.avsc", "arrival.avsc", "audit.avsc", "pending.avsc"];
    for (file, today) in files.into_iter().zip(SUBJECTS.iter().map(|subject| subject.schema)) {
        let earlier: Vec<_> = released.iter().filter(|(name, _)| name == file).collect();
        assert!(!earlier.is_empty(), "{file} has a frozen copy");
        for (_, text) in earlier {
            let (old, new) = (Schema::parse_str(text).unwrap(), Schema::parse_str(today).unwrap());
            assert_eq!(SchemaCompatibility::mutual_read(&old, &new), Ok(Compatibility::Full), "{file}");
            assert_eq!(compatible(today, text), Ok(()), "{file}");
            assert_eq!(compatible(text, today), Ok(()), "{file}");
        }
    }
}

/// All parts of a schema that are of a type, with where they are.
fn parts<'s>(of: &'s serde_json::Value, wanted: &str, found: &mut Vec<&'s serde_json::Value>) {
    if of["type"] == wanted {
        found.push(of);
    }
    match of {
        serde_json::Value::Array(items) => items.iter().for_each(|item| parts(item, wanted, found)),
        serde_json::Value::Object(fields) => fields.values().for_each(|field| parts(field, wanted, found)),
        _ => {}
    }
}

#[test]
fn every_enum_has_a_default_and_every_nullable_field_is_null_by_default_and_all_is_documented() {
    for subject in SUBJECTS {
        let schema: serde_json::Value = serde_json::from_str(subject.schema).unwrap();
        let (mut enums, mut records) = (Vec::new(), Vec::new());
        parts(&schema, "enum", &mut enums);
        parts(&schema, "record", &mut records);
        for part in enums {
            let expected = if part["name"] == "SubjectType" { "custom" } else { "unknown" };
            assert_eq!(part["default"], expected, "{}", part["name"]);
        }
        for field in records.iter().flat_map(|record| record["fields"].as_array().unwrap()) {
            assert!(field["doc"].is_string(), "{field}");
            if field["type"].is_array() {
                assert_eq!(
                    (&field["type"][0], field.get("default")),
                    (&"null".into(), Some(&().into())),
                    "{field}"
                );
            }
        }
    }
}

/// Today's event schema with a part of its text changed.
fn changed(from: &str, to: &str) -> String {
    let text = serde_json::to_string(&serde_json::from_str::<serde_json::Value>(OKR_EVENT).unwrap()).unwrap();
    assert!(text.contains(from), "{from}");
    text.replacen(from, to, 1)
}

/// A schema of tomorrow: a new change, a new status, a new field.
fn tomorrow() -> String {
    let text = changed(r#""deleted","commented"]"#, r#""deleted","commented","paused"]"#);
    let text = text.replacen(r#""done","cancelled"]"#, r#""done","cancelled","on_hold"]"#, 1);
    let field = r#"{"name":"weight","type":["null","double"],"default":null},"#;
    text.replacen(r#""fields":["#, &format!(r#""fields":[{field}"#), 1)
}

/// An event as a generic value, by today's schema.
fn value(event: &okr::OkrEvent) -> Vec<(String, Value)> {
    let mut datum = Vec::new();
    Ours::Event.writer().write_ser(&mut datum, event).unwrap();
    let reader = apache_avro::reader::datum::GenericDatumReader::builder(Ours::Event.schema().unwrap());
    match reader.build().unwrap().read_value(&mut &datum[..]).unwrap() {
        Value::Record(fields) => fields,
        other => panic!("{other:?} is no record"),
    }
}

fn write(schema: &Schema, fields: Vec<(String, Value)>) -> Vec<u8> {
    GenericDatumWriter::builder(schema).build().unwrap().write_value_to_vec(Value::Record(fields)).unwrap()
}

#[test]
fn an_event_of_tomorrow_is_read_with_what_is_new_taken_for_unknown() {
    let schema = Schema::parse_str(&tomorrow()).unwrap();
    assert_eq!(compatible(OKR_EVENT, &tomorrow()), Ok(()));
    assert_eq!(compatible(&tomorrow(), OKR_EVENT), Ok(()));
    let mut fields = value(&full());
    fields.insert(0, ("weight".to_owned(), Value::Union(1, Box::new(Value::Double(2.0)))));
    for (name, value) in &mut fields {
        match name.as_str() {
            "change" => *value = Value::Enum(8, "paused".to_owned()),
            "status" => *value = Value::Enum(6, "on_hold".to_owned()),
            "previous" => {
                let status = Value::Union(1, Box::new(Value::Enum(6, "on_hold".to_owned())));
                let number = Value::Union(1, Box::new(Value::Double(0.3)));
                let previous = [("progress", number.clone()), ("status", status), ("current", number)];
                let fields = previous.map(|(name, value)| (name.to_owned(), value)).to_vec();
                *value = Value::Union(1, Box::new(Value::Record(fields)));
            }
            _ => {}
        }
    }
    let event = Reader::new(&schema).unwrap().event(&write(&schema, fields)).unwrap();
    let previous = okr::Previous { progress: Some(0.3), status: Some(Status::Unknown), current: Some(0.3) };
    let expected =
        OkrEvent { change: Change::Unknown, status: Status::Unknown, previous: Some(previous), ..full() };
    assert_eq!(event, expected);
}

#[test]
fn an_event_of_yesterday_is_read_with_what_it_lacks_left_out() {
    let field = r#"{"default":null,"doc":"The comment that came with the change.","name":"note","type":["null","string"]},"#;
    let schema = Schema::parse_str(&changed(field, "")).unwrap();
    let fields = value(&full()).into_iter().filter(|(name, _)| name != "note").collect();
    let event = Reader::new(&schema).unwrap().event(&write(&schema, fields)).unwrap();
    assert_eq!(event, OkrEvent { note: None, ..full() });
}

#[tokio::test]
async fn frames_of_several_versions_are_read_side_by_side() {
    let fake = fake::Fake::start().await;
    let registry = client(&fake.url);
    registry.register().await.unwrap();
    let id = fake.add("okr.events-value", &tomorrow());
    let schema = Schema::parse_str(&tomorrow()).unwrap();
    let mut fields = value(&bare());
    fields.insert(0, ("weight".to_owned(), Value::Union(0, Box::new(Value::Null))));
    let later = [&frame::head(id)[..], &write(&schema, fields)].concat();
    let today = registry.encoder().event(&bare()).await.unwrap();
    assert_eq!(today[..5], [0, 0, 0, 0, 1], "another version does not change our id");
    let decoder = registry.decoder();
    for _ in 0..3 {
        assert_eq!(decoder.event(&later).await.unwrap(), bare());
        assert_eq!(decoder.event(&today).await.unwrap(), bare());
    }
    assert_eq!(fake.calls("GET /schemas/ids/"), 2, "each schema was fetched once");
}

#[test]
fn an_arrival_of_another_version_keeps_its_bytes() {
    let text = SUBJECTS[1].schema.replacen(
        r#""fields": ["#,
        r#""fields": [{"name":"n","type":"int","default":0},"#,
        1,
    );
    let schema = Schema::parse_str(&text).unwrap();
    let mut datum = vec![4];
    Ours::Arrival.writer().write_ser(&mut datum, &arrival()).unwrap();
    assert_eq!(Reader::new(&schema).unwrap().arrival(&datum).unwrap(), arrival());
}

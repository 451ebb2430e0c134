//! What evolution asks of every schema.

use serde_json::Value;

use crate::metadata::root;

/// The enums of a schema, however deep.
fn enums<'a>(value: &'a Value, found: &mut Vec<&'a Value>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| enums(item, found)),
        Value::Object(fields) => {
            found.extend((value["type"] == "enum").then_some(value));
            fields.values().for_each(|field| enums(field, found));
        }
        _ => {}
    }
}

#[test]
fn every_enum_has_a_default_among_its_symbols() {
    let mut seen = 0;
    for entry in std::fs::read_dir(root().join("schemas")).expect("schemas/ is there").flatten() {
        let path = entry.path();
        if path.extension().is_none_or(|ending| ending != "avsc") {
            continue;
        }
        seen += 1;
        let text = std::fs::read_to_string(&path).expect("a schema is text");
        let schema: Value = serde_json::from_str(&text).expect("a schema is JSON");
        let mut found = Vec::new();
        enums(&schema, &mut found);
        for one in found {
            let symbols = one["symbols"].as_array().expect("an enum has symbols");
            assert!(symbols.contains(&one["default"]), "{}: {} has no default", path.display(), one["name"]);
        }
    }
    assert!(seen > 0, "schemas/ holds no schema");
}

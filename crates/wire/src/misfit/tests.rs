//! Every verdict is held against what the reader does with a real datum: what is called readable must be read.

use apache_avro::{reader::datum::GenericDatumReader, types::Value, writer::datum::GenericDatumWriter};

use super::*;
use crate::compatible;

fn record(fields: &str) -> String {
    format!(r#"{{"type":"record","name":"R","namespace":"n","fields":[{fields}]}}"#)
}

/// A field of that type, without a default.
fn field(kind: &str) -> String {
    record(&format!(r#"{{"name":"a","type":{kind}}}"#))
}

/// What the library's reader makes of a value.
fn read(reader: &str, writer: &str, value: Value) -> Option<Value> {
    let (reader, writer) = (Schema::parse_str(reader).unwrap(), Schema::parse_str(writer).unwrap());
    let datum = GenericDatumWriter::builder(&writer).build().unwrap().write_value_to_vec(value).unwrap();
    let reading = GenericDatumReader::builder(&writer).reader_schema(&reader).build().unwrap();
    reading.read_value(&mut &datum[..]).ok()
}

fn a(value: Value) -> Value {
    Value::Record(vec![("a".to_owned(), value)])
}

#[track_caller]
fn fits(reader: &str, writer: &str, value: Value) -> Value {
    assert_eq!(misfits(reader, writer).unwrap(), []);
    assert_eq!(compatible(reader, writer), Ok(()), "what is readable is so by Avro's rules as well");
    read(reader, writer, value).expect("what is called readable is read")
}

#[track_caller]
fn refused(reader: &str, writer: &str, field: &str, problem: Problem) {
    assert_eq!(misfits(reader, writer).unwrap(), [Misfit { field: field.to_owned(), problem }]);
}

/// What Avro's rules allow, and registries let through, and the reader refuses or gets wrong.
#[track_caller]
fn only_by_the_rules(reader: &str, writer: &str, problem: Problem) {
    assert_eq!(compatible(reader, writer), Ok(()));
    refused(reader, writer, "a", problem);
}

fn cannot(reader: &str, writer: &str) -> Problem {
    Problem::Kind { reader: reader.to_owned(), writer: writer.to_owned() }
}

#[test]
fn a_renamed_field_is_lost_whatever_its_aliases_say() {
    let reader = record(r#"{"name":"a","aliases":["b"],"type":["null","string"],"default":null}"#);
    let writer = record(r#"{"name":"b","type":"string"}"#);
    only_by_the_rules(&reader, &writer, Problem::Alias("b".to_owned()));
    let written = Value::Record(vec![("b".to_owned(), Value::String("kept?".to_owned()))]);
    let lost = a(Value::Union(0, Box::new(Value::Null)));
    assert_eq!(read(&reader, &writer, written), Some(lost), "the reader takes the default and says nothing");
}

#[test]
fn a_renamed_record_is_refused_whatever_its_aliases_say() {
    let inner = |name: &str, more: &str| {
        field(&format!(r#"{{"type":"record","name":"{name}"{more},"fields":[{{"name":"x","type":"int"}}]}}"#))
    };
    let (reader, writer) = (inner("New", r#","aliases":["n.Old"]"#), inner("Old", ""));
    refused(&reader, &writer, "a", name("New", "Old"));
}

#[test]
fn a_time_is_no_number_and_no_time_in_another_unit() {
    let time = |unit: &str| field(&format!(r#"{{"type":"long","logicalType":"timestamp-{unit}"}}"#));
    let (millis, micros, plain) = (time("millis"), time("micros"), field("\"long\""));
    only_by_the_rules(&micros, &millis, cannot("long (timestamp-micros)", "long (timestamp-millis)"));
    assert_eq!(read(&micros, &millis, a(Value::TimestampMillis(1))), None);
    only_by_the_rules(&plain, &micros, cannot("long", "long (timestamp-micros)"));
    assert_eq!(read(&plain, &micros, a(Value::TimestampMicros(1))), None);
    let declared = fits(&micros, &plain, a(Value::Long(7)));
    assert_eq!(declared, a(Value::TimestampMicros(7)), "the unit was nowhere said before");
}

#[test]
fn bytes_need_not_be_text_but_text_is_bytes() {
    let (text, bytes) = (field("\"string\""), field("\"bytes\""));
    only_by_the_rules(&text, &bytes, cannot("string", "bytes"));
    assert_eq!(read(&text, &bytes, a(Value::Bytes(vec![0xff]))), None);
    fits(&bytes, &text, a(Value::String("ö".to_owned())));
    let uuid = field(r#"{"type":"string","logicalType":"uuid"}"#);
    only_by_the_rules(&uuid, &text, cannot("uuid", "string"));
    assert_eq!(read(&uuid, &text, a(Value::String("no id".to_owned()))), None);
}

#[test]
fn numbers_widen_and_never_narrow() {
    let of = |kind: &str| field(&format!("\"{kind}\""));
    for (reader, writer, value) in [
        ("long", "int", Value::Int(1)),
        ("double", "int", Value::Int(1)),
        ("double", "long", Value::Long(1)),
        ("double", "float", Value::Float(1.0)),
    ] {
        fits(&of(reader), &of(writer), a(value));
        refused(&of(writer), &of(reader), "a", cannot(writer, reader));
    }
}

#[test]
fn an_unknown_symbol_needs_the_readers_default() {
    let of = |symbols: &str, default: &str| {
        field(&format!(r#"{{"type":"enum","name":"E","symbols":{symbols}{default}}}"#))
    };
    let writer = of(r#"["x","y","z"]"#, "");
    let read = fits(&of(r#"["w","x"]"#, r#","default":"w""#), &writer, a(Value::Enum(2, "z".to_owned())));
    assert_eq!(read, a(Value::Enum(0, "w".to_owned())));
    refused(&of(r#"["x"]"#, ""), &writer, "a", Problem::Symbols(vec!["y".to_owned(), "z".to_owned()]));
    // A default of the field is not one of the enum: it stands in for an absent field only.
    let of_the_field =
        record(r#"{"name":"a","type":{"type":"enum","name":"E","symbols":["x"]},"default":"x"}"#);
    refused(&of_the_field, &writer, "a", Problem::Symbols(vec!["y".to_owned(), "z".to_owned()]));
}

#[test]
fn the_order_of_a_unions_branches_means_nothing() {
    let (one, other) = (field(r#"["null","string","long"]"#), field(r#"["long","null","string"]"#));
    for value in [Value::Null, Value::String("s".to_owned()), Value::Long(1)] {
        let at = match value {
            Value::Null => 0,
            Value::String(_) => 1,
            _ => 2,
        };
        fits(&other, &one, a(Value::Union(at, Box::new(value))));
    }
    refused(&field(r#"["null","string"]"#), &one, "a", Problem::Branch("long".to_owned()));
    refused(&field("\"string\""), &field(r#"["null","string"]"#), "a", Problem::Branch("null".to_owned()));
    fits(&one, &field("\"long\""), a(Value::Long(1)));
}

#[test]
fn records_in_one_union_are_not_told_apart() {
    let inner = |name: &str, field: &str| {
        format!(
            r#"{{"type":"record","name":"{name}","fields":[{{"name":"{field}","type":"int","default":0}}]}}"#
        )
    };
    let both = field(&format!("[{},{}]", inner("A", "x"), inner("B", "y")));
    only_by_the_rules(&both, &both, Problem::Ambiguous);
    let b = Value::Record(vec![("y".to_owned(), Value::Int(7))]);
    let read = read(&both, &both, a(Value::Union(1, Box::new(b))));
    assert_ne!(
        read,
        Some(a(Value::Union(1, Box::new(Value::Record(vec![("y".to_owned(), Value::Int(7))]))))),
        "the reader takes the first that fits"
    );
}

#[test]
fn the_defaults_of_records_within_records_are_filled_in() {
    let inner = r#"{"type":"record","name":"I","fields":[{"name":"x","type":"int","default":3},{"name":"y","type":["null","string"],"default":null}]}"#;
    let with = |default: &str| record(&format!(r#"{{"name":"b","type":{inner},"default":{default}}}"#));
    let y = ("y".to_owned(), Value::Union(0, Box::new(Value::Null)));
    for (default, x) in [("{}", 3), (r#"{"x":5}"#, 5)] {
        let read = fits(&with(default), &record(""), Value::Record(vec![]));
        let expected = Value::Record(vec![("x".to_owned(), Value::Int(x)), y.clone()]);
        assert_eq!(read, Value::Record(vec![("b".to_owned(), expected)]));
    }
}

#[test]
fn every_field_at_fault_is_named_by_its_path() {
    let of = |x: &str, list: &str| {
        let inner = format!(
            r#"{{"type":"record","name":"I","fields":[{{"name":"x","type":{x}}},{{"name":"l","type":{{"type":"array","items":{list}}}}}]}}"#
        );
        record(&format!(
            r#"{{"name":"a","type":["null",{inner}]}},{{"name":"m","type":{{"type":"map","values":"I"}}}}"#
        ))
    };
    let found = misfits(&of("\"int\"", "\"int\""), &of("\"long\"", "\"string\"")).unwrap();
    let fields: Vec<&str> = found.iter().map(|misfit| misfit.field.as_str()).collect();
    assert_eq!(fields, ["a.x", "a.l[]", "m{}.x", "m{}.l[]"]);
}

#[test]
fn a_schema_within_itself_ends() {
    let list = |kind: &str| {
        record(&format!(
            r#"{{"name":"v","type":{kind}}},{{"name":"next","type":["null","R"],"default":null}}"#
        ))
    };
    assert_eq!(misfits(&list("\"long\""), &list("\"int\"")).unwrap(), []);
    refused(&list("\"int\""), &list("\"long\""), "v", cannot("int", "long"));
    let deep = |leaf: &str| {
        let one = |at: usize| {
            let below = if at == 0 { leaf.to_owned() } else { format!("N{}", at - 1) };
            format!(
                r#"{{"name":"f{at}","type":{{"type":"record","name":"N{at}","fields":[{{"name":"l","type":"{below}"}},{{"name":"r","type":"{below}"}}]}}}}"#
            )
        };
        record(&(0..40).map(one).collect::<Vec<_>>().join(","))
    };
    assert_eq!(misfits(&deep("int"), &deep("int")).unwrap(), []);
    assert_eq!(misfits(&deep("int"), &deep("long")).unwrap().len(), FOUND_MAX);
}

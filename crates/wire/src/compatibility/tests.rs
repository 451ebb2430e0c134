//! What may change and what may not.

use super::*;

fn record(fields: &str) -> String {
    format!(r#"{{"type":"record","name":"R","namespace":"n","fields":[{fields}]}}"#)
}

#[track_caller]
fn reads(new: &str, old: &str) {
    assert_eq!(compatible(&record(new), &record(old)), Ok(()));
}

#[track_caller]
fn refuses(new: &str, old: &str, expected: &str) {
    assert_eq!(compatible(&record(new), &record(old)), Err(vec![expected.to_owned()]));
}

const A: &str = r#"{"name":"a","type":"string"}"#;

#[test]
fn a_field_with_a_default_may_come_and_go() {
    let with = format!(r#"{A},{{"name":"b","type":["null","long"],"default":null}}"#);
    reads(&with, A);
    reads(A, &with);
}

#[test]
fn a_field_without_a_default_may_only_go() {
    let with = format!(r#"{A},{{"name":"b","type":"long"}}"#);
    reads(A, &with);
    refuses(&with, A, "the reader's field `b` is not in the writer and has no default");
}

#[test]
fn a_type_may_be_widened_but_not_narrowed() {
    let (narrow, wide) = (r#"{"name":"a","type":"int"}"#, r#"{"name":"a","type":"double"}"#);
    reads(wide, narrow);
    refuses(narrow, wide, "field `a`: the reader's type cannot hold the writer's");
    refuses(A, wide, "field `a`: the reader's type cannot hold the writer's");
    let nullable = r#"{"name":"a","type":["null","string"]}"#;
    reads(nullable, A);
    refuses(A, nullable, "the reader has no place for some symbols or branches that the writer may write");
}

#[test]
fn symbols_may_come_where_the_enum_has_a_default() {
    let symbols = |symbols: &str, default: &str| {
        format!(r#"{{"name":"e","type":{{"type":"enum","name":"E","symbols":{symbols}{default}}}}}"#)
    };
    reads(&symbols(r#"["x"]"#, r#","default":"x""#), &symbols(r#"["x","y"]"#, ""));
    reads(&symbols(r#"["x","y"]"#, ""), &symbols(r#"["x"]"#, ""));
    let some = "the reader has no place for some symbols or branches that the writer may write";
    refuses(&symbols(r#"["x"]"#, ""), &symbols(r#"["x","y"]"#, ""), some);
    let none = "field `e`: Incompatible schemata! Reader's symbols contain none of the writer's symbols";
    refuses(&symbols(r#"["x"]"#, ""), &symbols(r#"["y"]"#, ""), none);
}

#[test]
fn moving_a_field_moves_a_definition_and_changes_nothing() {
    let point = r#"{"type":"record","name":"P","fields":[{"name":"x","type":"int"}]}"#;
    let (a, b) = (format!(r#"{{"name":"a","type":{point}}}"#), r#"{"name":"b","type":["null","P"]}"#);
    let moved = format!(r#"{{"name":"b","type":["null",{point}]}}"#);
    reads(&format!(r#"{moved},{{"name":"a","type":"P"}}"#), &format!("{a},{b}"));
    reads(&format!("{a},{b}"), &format!(r#"{moved},{{"name":"a","type":"P"}}"#));
}

#[test]
fn a_schema_that_holds_itself_is_compared_and_does_not_run_for_ever() {
    let list = r#"{"name":"next","type":["null","R"],"default":null}"#;
    reads(list, list);
    let deep: Vec<String> = (0..24)
        .map(|at| format!(r#"{{"name":"f{at}","type":{{"type":"record","name":"N{at}","fields":[{{"name":"l","type":"{0}"}},{{"name":"r","type":"{0}"}}]}}}}"#,
            if at == 0 { "int".to_owned() } else { format!("N{}", at - 1) }))
        .collect();
    reads(&deep.join(","), &deep.join(","));
}

#[test]
fn what_is_no_schema_is_refused_by_name() {
    let error = compatible("{", &record(A)).unwrap_err();
    assert!(error[0].starts_with("the new schema is no Avro schema: "), "{error:?}");
    let error = compatible(&record(A), "\"nonsense\"").unwrap_err();
    assert!(error[0].starts_with("the old schema is no Avro schema: "), "{error:?}");
}

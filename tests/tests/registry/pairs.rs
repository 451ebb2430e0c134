//! Pairs of schemas, and what there is to say of them.

/// Two schemas, of which registries are asked whether the one can read what the other wrote, and the other way round.
pub struct Pair {
    pub what: &'static str,
    pub old: &'static str,
    pub new: &'static str,
    /// The ways (`forth` is new reads old) in which the library that we check with is known to differ.
    pub apart: &'static [&'static str],
}

const fn pair(what: &'static str, old: &'static str, new: &'static str) -> Pair {
    Pair { what, old, new, apart: &[] }
}

pub const PAIRS: &[Pair] = &[
    pair(
        "a field with a default",
        r#"{"type":"record","name":"R","fields":[{"name":"a","type":"string"}]}"#,
        r#"{"type":"record","name":"R","fields":[{"name":"a","type":"string"},{"name":"b","type":"long","default":1}]}"#,
    ),
    pair(
        "a field without a default",
        r#"{"type":"record","name":"R","fields":[{"name":"a","type":"string"}]}"#,
        r#"{"type":"record","name":"R","fields":[{"name":"a","type":"string"},{"name":"b","type":"long"}]}"#,
    ),
    pair(
        "a field renamed with an alias",
        r#"{"type":"record","name":"R","fields":[{"name":"a","type":"string"}]}"#,
        r#"{"type":"record","name":"R","fields":[{"name":"b","aliases":["a"],"type":"string"}]}"#,
    ),
    // Ours is the stricter one in these two, and rightly: the reader of our services follows no alias, and a decimal of
    // another scale is another number.
    Pair {
        what: "a record renamed with an alias",
        old: r#"{"type":"record","name":"R","fields":[{"name":"a","type":"string"}]}"#,
        new: r#"{"type":"record","name":"S","aliases":["R"],"fields":[{"name":"a","type":"string"}]}"#,
        apart: &["forth"],
    },
    Pair {
        what: "a decimal of another scale",
        old: r#"{"type":"record","name":"R","fields":[{"name":"d","type":{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}}]}"#,
        new: r#"{"type":"record","name":"R","fields":[{"name":"d","type":{"type":"bytes","logicalType":"decimal","precision":9,"scale":3}}]}"#,
        apart: &["forth", "back"],
    },
    pair(
        "a record renamed without one",
        r#"{"type":"record","name":"R","fields":[{"name":"a","type":"string"}]}"#,
        r#"{"type":"record","name":"S","fields":[{"name":"a","type":"string"}]}"#,
    ),
    pair(
        "a record in another namespace",
        r#"{"type":"record","name":"R","namespace":"one","fields":[{"name":"a","type":"string"}]}"#,
        r#"{"type":"record","name":"R","namespace":"two","fields":[{"name":"a","type":"string"}]}"#,
    ),
    pair(
        "a new symbol where the enum has a default",
        r#"{"type":"record","name":"R","fields":[{"name":"e","type":{"type":"enum","name":"E","symbols":["x","y"],"default":"x"}}]}"#,
        r#"{"type":"record","name":"R","fields":[{"name":"e","type":{"type":"enum","name":"E","symbols":["x","y","z"],"default":"x"}}]}"#,
    ),
    pair(
        "a new symbol where it has none",
        r#"{"type":"record","name":"R","fields":[{"name":"e","type":{"type":"enum","name":"E","symbols":["x","y"]}}]}"#,
        r#"{"type":"record","name":"R","fields":[{"name":"e","type":{"type":"enum","name":"E","symbols":["x","y","z"]}}]}"#,
    ),
    pair(
        "a union in another order",
        r#"{"type":"record","name":"R","fields":[{"name":"u","type":["null","string","long"]}]}"#,
        r#"{"type":"record","name":"R","fields":[{"name":"u","type":["long","string","null"]}]}"#,
    ),
    pair(
        "a union with another branch",
        r#"{"type":"record","name":"R","fields":[{"name":"u","type":["null","string"]}]}"#,
        r#"{"type":"record","name":"R","fields":[{"name":"u","type":["null","string","long"]}]}"#,
    ),
    pair(
        "a type made nullable",
        r#"{"type":"record","name":"R","fields":[{"name":"u","type":"string"}]}"#,
        r#"{"type":"record","name":"R","fields":[{"name":"u","type":["null","string"]}]}"#,
    ),
    pair(
        "a time in another unit",
        r#"{"type":"record","name":"R","fields":[{"name":"t","type":{"type":"long","logicalType":"timestamp-millis"}}]}"#,
        r#"{"type":"record","name":"R","fields":[{"name":"t","type":{"type":"long","logicalType":"timestamp-micros"}}]}"#,
    ),
    pair(
        "a number that becomes a time",
        r#"{"type":"record","name":"R","fields":[{"name":"t","type":"long"}]}"#,
        r#"{"type":"record","name":"R","fields":[{"name":"t","type":{"type":"long","logicalType":"timestamp-micros"}}]}"#,
    ),
    pair(
        "text and bytes",
        r#"{"type":"record","name":"R","fields":[{"name":"x","type":"string"}]}"#,
        r#"{"type":"record","name":"R","fields":[{"name":"x","type":"bytes"}]}"#,
    ),
    pair(
        "a wider number",
        r#"{"type":"record","name":"R","fields":[{"name":"x","type":"int"}]}"#,
        r#"{"type":"record","name":"R","fields":[{"name":"x","type":"double"}]}"#,
    ),
    pair(
        "a record within, with defaults of its own",
        r#"{"type":"record","name":"R","fields":[]}"#,
        r#"{"type":"record","name":"R","fields":[{"name":"i","type":{"type":"record","name":"I","fields":[{"name":"x","type":"int","default":3}]},"default":{"x":5}}]}"#,
    ),
    pair(
        "a field of a record within",
        r#"{"type":"record","name":"R","fields":[{"name":"i","type":{"type":"record","name":"I","fields":[]}}]}"#,
        r#"{"type":"record","name":"R","fields":[{"name":"i","type":{"type":"record","name":"I","fields":[{"name":"x","type":"int"}]}}]}"#,
    ),
    pair(
        "fixed ones of another size",
        r#"{"type":"record","name":"R","fields":[{"name":"f","type":{"type":"fixed","name":"F","size":8}}]}"#,
        r#"{"type":"record","name":"R","fields":[{"name":"f","type":{"type":"fixed","name":"F","size":16}}]}"#,
    ),
    pair(
        "items of a list",
        r#"{"type":"record","name":"R","fields":[{"name":"l","type":{"type":"array","items":"int"}}]}"#,
        r#"{"type":"record","name":"R","fields":[{"name":"l","type":{"type":"array","items":"long"}}]}"#,
    ),
    pair(
        "a record that holds itself",
        r#"{"type":"record","name":"R","fields":[{"name":"n","type":["null","R"],"default":null}]}"#,
        r#"{"type":"record","name":"R","fields":[{"name":"n","type":["null","R"],"default":null},{"name":"x","type":"int","default":0}]}"#,
    ),
];

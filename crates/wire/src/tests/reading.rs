//! What we read by position is what the Avro library reads, and what it refuses we refuse.

use std::fmt::Debug;

use apache_avro::{
    Schema, reader::datum::GenericDatumReader, types::Value, writer::datum::GenericDatumWriter,
};
use proptest::{prelude::*, sample::Index};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{positional::event, *};
use crate::{OKR_EVENT, WireError, positional, reader::Reader, schema::Ours};

/// What the library reads, and how many bytes it leaves over.
fn library<T: DeserializeOwned>(schema: &Schema, datum: &[u8]) -> Result<(T, usize), String> {
    let reader = GenericDatumReader::builder(schema).human_readable(false).build().unwrap();
    let mut rest = datum;
    let value = reader.read_deser(&mut rest).map_err(|error| error.to_string())?;
    Ok((value, rest.len()))
}

fn ours<T: DeserializeOwned>(datum: &[u8]) -> Result<(T, usize), String> {
    let mut rest = datum;
    let value = positional::read(&mut rest).map_err(|error| error.to_string())?;
    Ok((value, rest.len()))
}

/// Both read the same, byte for byte as it would be written again (no NaN equals another), or both refuse.
#[track_caller]
fn agree<T: Serialize + DeserializeOwned + Debug>(schema: &Schema, datum: &[u8]) -> Result<(), String> {
    let bytes = |(value, left): (T, usize)| {
        let mut again = Vec::new();
        positional::write(&mut again, &value).unwrap();
        (again, left)
    };
    match (library::<T>(schema, datum).map(bytes), ours::<T>(datum).map(bytes)) {
        (Ok(theirs), Ok(ours)) => assert_eq!(ours, theirs),
        (Err(_), Err(why)) => return Err(why),
        (theirs, ours) => panic!("{ours:?}, and the library {theirs:?}: {datum:?}"),
    }
    Ok(())
}

fn written<T: Serialize>(ours: Ours, value: &T) -> Vec<u8> {
    let mut datum = Vec::new();
    ours.writer().write_ser(&mut datum, value).unwrap();
    datum
}

/// A number as Avro writes it, with bytes that add nothing behind it.
fn number(value: i64, idle: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    positional::write(&mut bytes, &value).unwrap();
    for _ in 0..idle.min(10 - bytes.len()) {
        *bytes.last_mut().unwrap() |= 0x80;
        bytes.push(0);
    }
    bytes
}

/// A map of texts in blocks of any sizes, some with their size in bytes before them.
fn blocks() -> impl Strategy<Value = Vec<u8>> {
    let text = || ".{0,9}".prop_map(|text| [number(text.len() as i64, 0), text.into_bytes()].concat());
    let entries = proptest::collection::vec((text(), text()), 1..5);
    let block =
        (entries, proptest::option::of(prop_oneof![Just(None), any::<i64>().prop_map(Some)]), 0..3_usize);
    let block = block.prop_map(|(entries, sized, idle)| {
        let count = entries.len() as i64;
        let entries: Vec<u8> = entries.into_iter().flat_map(|(key, value)| [key, value].concat()).collect();
        match sized {
            None => [number(count, idle), entries].concat(),
            // Nobody looks at the size, so a wrong one is none's loss.
            Some(size) => {
                let size = size.unwrap_or(entries.len() as i64);
                [number(-count, idle), number(size, idle), entries].concat()
            }
        }
    });
    proptest::collection::vec(block, 0..4).prop_map(|blocks| [blocks.concat(), number(0, 0)].concat())
}

/// Cuts off, turns a bit, or puts another byte in the place of one or between two.
fn damaged(mut datum: Vec<u8>, at: Index, how: u8, byte: u8) -> Vec<u8> {
    let at = at.index(datum.len());
    match how % 4 {
        0 => datum.truncate(at),
        1 => datum[at] ^= 1 << (byte % 8),
        2 => datum[at] = byte,
        _ => datum.insert(at, byte),
    }
    datum
}

fn other_records() -> [(Ours, Vec<u8>); 3] {
    let said = Pending { actor: Some("12".to_owned()), ..pending() };
    [
        (Ours::Arrival, written(Ours::Arrival, &arrival())),
        (Ours::Audit, written(Ours::Audit, &audit())),
        (Ours::Pending, written(Ours::Pending, &said)),
    ]
}

fn agree_on(which: Ours, datum: &[u8]) -> Result<(), String> {
    let schema = which.schema().unwrap();
    match which {
        Ours::Event => agree::<OkrEvent>(schema, datum),
        Ours::Arrival => agree::<Arrival>(schema, datum),
        Ours::Audit => agree::<Audit>(schema, datum),
        Ours::Pending => agree::<Pending>(schema, datum),
    }
}

proptest! {
    #[test]
    fn an_event_is_what_the_library_reads(event in event(), blocks in blocks()) {
        let mut datum = written(Ours::Event, &event);
        agree_on(Ours::Event, &datum).unwrap();
        let mut again = Vec::new();
        positional::write(&mut again, &ours::<OkrEvent>(&datum).unwrap().0).unwrap();
        prop_assert_eq!(&again, &datum);
        // The attributes are what it ends with.
        datum = written(Ours::Event, &OkrEvent { attributes: BTreeMap::new(), ..event });
        prop_assert_eq!(datum.pop(), Some(0));
        agree_on(Ours::Event, &[datum, blocks].concat()).unwrap();
    }

    #[test]
    fn a_damaged_event_is_refused_or_read_as_the_library_does(
        event in event(), at: Index, how: u8, byte: u8, more: Option<(Index, u8, u8)>,
    ) {
        let mut datum = damaged(written(Ours::Event, &event), at, how, byte);
        if let Some((at, how, byte)) = more && !datum.is_empty() {
            datum = damaged(datum, at, how, byte);
        }
        let _ = agree_on(Ours::Event, &datum);
    }

    #[test]
    fn other_damaged_records_are_refused_or_read_as_the_library_does(
        at: Index, how: u8, byte: u8, noise: Vec<u8>,
    ) {
        for (which, datum) in other_records() {
            agree_on(which, &datum).unwrap();
            let _ = agree_on(which, &damaged(datum, at, how, byte));
            let _ = agree_on(which, &noise);
        }
    }
}

#[test]
fn each_cut_and_each_bit_is_judged_as_the_library_judges_it() {
    let events =
        [written(Ours::Event, &full()), written(Ours::Event, &bare())].map(|datum| (Ours::Event, datum));
    for (which, datum) in events.into_iter().chain(other_records()) {
        for end in 0..datum.len() {
            agree_on(which, &datum[..end]).unwrap_err();
            for bit in 0..8 {
                let mut turned = datum.clone();
                turned[end] ^= 1 << bit;
                let _ = agree_on(which, &turned);
            }
        }
    }
}

#[test]
fn each_symbol_is_read_as_the_library_reads_it() {
    for symbol in 0..24_u8 {
        for (which, entry) in
            [(Ours::Audit, audit()), (Ours::Audit, Audit { verb: Verb::Unknown, ..audit() })]
        {
            let mut datum = written(which, &entry);
            let at = datum.windows(3).position(|part| part == b"ada").unwrap() + 3;
            datum[at] = 2 * symbol;
            assert_eq!(agree_on(which, &datum).is_ok(), symbol < 13, "verb {symbol}");
            datum[at..][..2].copy_from_slice(&[0, 2 * symbol]);
            assert_eq!(agree_on(which, &datum).is_ok(), symbol < 3, "stage {symbol}");
        }
    }
}

/// Everything that can be written, most of which no record of ours has yet.
#[derive(Debug, Serialize, Deserialize)]
struct Every {
    truth: bool,
    tiny: i8,
    short: u16,
    whole: i32,
    long: i64,
    wide: u32,
    single: f32,
    double: f64,
    words: Vec<String>,
    parts: Vec<Part>,
    counts: BTreeMap<String, Option<i64>>,
    body: bytes::Bytes,
}

#[derive(Debug, Serialize, Deserialize)]
struct Part {
    text: Option<String>,
    change: Change,
}

fn every() -> (Schema, Vec<u8>) {
    let change = r#"{"type":"enum","name":"Change","symbols":["unknown","created","updated","checked_in","status_changed","closed","deleted","commented"]}"#;
    let part = format!(
        r#"{{"type":"record","name":"Part","fields":[{{"name":"text","type":["null","string"]}},{{"name":"change","type":{change}}}]}}"#
    );
    let fields = [
        ("truth", "\"boolean\""),
        ("tiny", "\"int\""),
        ("short", "\"int\""),
        ("whole", "\"int\""),
        ("long", "\"long\""),
        ("wide", "\"long\""),
        ("single", "\"float\""),
        ("double", "\"double\""),
        ("words", r#"{"type":"array","items":"string"}"#),
        ("parts", &format!(r#"{{"type":"array","items":{part}}}"#)),
        ("counts", r#"{"type":"map","values":["null","long"]}"#),
        ("body", "\"bytes\""),
    ];
    let fields = fields.map(|(name, kind)| format!(r#"{{"name":"{name}","type":{kind}}}"#)).join(",");
    let schema = format!(r#"{{"type":"record","name":"Every","fields":[{fields}]}}"#);
    let value = Every {
        truth: true,
        tiny: -7,
        short: 700,
        whole: i32::MIN,
        long: i64::MIN,
        wide: u32::MAX,
        single: 0.5,
        double: -0.0,
        words: vec![String::new(), "größer".to_owned()],
        parts: vec![
            Part { text: None, change: Change::Closed },
            Part { text: Some("a".to_owned()), change: Change::Unknown },
        ],
        counts: BTreeMap::from([("a".to_owned(), None), ("b".to_owned(), Some(i64::MAX))]),
        body: bytes::Bytes::from_static(b"\0\xff"),
    };
    let schema = Schema::parse_str(&schema).unwrap();
    let mut datum = Vec::new();
    let writer = GenericDatumWriter::builder(&schema).human_readable(false).build().unwrap();
    writer.write_ser(&mut datum, &value).unwrap();
    (schema, datum)
}

#[test]
fn all_that_can_be_written_is_read_as_the_library_reads_it() {
    let (schema, datum) = every();
    agree::<Every>(&schema, &datum).unwrap();
    let mut again = Vec::new();
    positional::write(&mut again, &ours::<Every>(&datum).unwrap().0).unwrap();
    assert_eq!(again, datum);
    for end in 0..datum.len() {
        agree::<Every>(&schema, &datum[..end]).unwrap_err();
        for byte in 0..=255 {
            let mut other = datum.clone();
            other[end] = byte;
            let _ = agree::<Every>(&schema, &other);
        }
    }
}

#[test]
fn what_is_promised_and_is_not_there_is_refused_at_once() {
    let refused = |datum: &[u8]| ours::<Vec<Option<String>>>(datum).unwrap_err();
    let most = number(i64::MAX, 0);
    let ended = "the bytes end where a number should";
    assert_eq!(refused(&most), ended, "items without end");
    assert_eq!(refused(&[number(i64::MIN, 0), most.clone()].concat()), ended);
    let text = refused(&[&[2, 2][..], &most, b"abc"].concat());
    assert_eq!(text, "9223372036854775807 bytes are announced, and 3 are left");
    assert_eq!(refused(&[2, 2, 1]), "a length is -1");
    assert_eq!(
        refused(&[2, 2, 4, 0xc3, 0x28]),
        "text is not UTF-8: invalid utf-8 sequence of 1 bytes from index 0"
    );
    assert_eq!(refused(&[2, 4]), "branch 2 of a union of two");
    assert_eq!(refused(&[0xff; 11]), "a number has more than ten bytes");
    assert_eq!(refused(&[0xff; 9]), ended);
    // What takes no bytes could be there as often as is promised.
    #[derive(Debug, Deserialize)]
    struct Nothing {}
    let nothing = ours::<Vec<Nothing>>(&most).unwrap_err();
    assert_eq!(nothing, "no schema of ours has a record without fields");
    assert_eq!(ours::<Vec<()>>(&most).unwrap_err(), "no schema of ours has unit");
}

#[test]
fn a_refusal_names_the_field() {
    let reader = Reader::new(Ours::Event.schema().unwrap()).unwrap();
    let datum = written(Ours::Event, &full());
    let at = datum.windows(4).position(|part| part == b"some").unwrap();
    let error = reader.event(&datum[..at + 4]).unwrap_err();
    let what = "value is not Avro of its schema: field `owner.email`: 19 bytes are announced, and 4 are left";
    assert_eq!((error.reason(), error.to_string()), ("avro", what.to_owned()));
    let mut datum = datum;
    datum[1] = b'x';
    let error = reader.event(&datum).unwrap_err();
    assert!(error.to_string().contains("field `event_id`: "), "{error}");
}

/// The event as one would write it whose schema has the same words in another order.
fn rearranged(schema: &Schema, event: &OkrEvent) -> Vec<u8> {
    let reader = GenericDatumReader::builder(Ours::Event.schema().unwrap()).build().unwrap();
    let value: Value = reader.read_value(&mut &written(Ours::Event, event)[..]).unwrap();
    let writer = GenericDatumWriter::builder(schema).build().unwrap();
    writer.write_value_to_vec(value.resolve(schema).unwrap()).unwrap()
}

#[test]
fn a_schema_with_the_same_words_in_another_order_is_not_read_by_position() {
    let today =
        serde_json::to_string(&serde_json::from_str::<serde_json::Value>(OKR_EVENT).unwrap()).unwrap();
    let turned = [
        (r#""objective","key_result""#, r#""key_result","objective""#),
        (
            r#""name":"department","type":["null","string"]"#,
            r#""name":"department","type":["string","null"]"#,
        ),
        (r#""name":"namespace","#, r#""name":"id","#),
    ];
    for (from, to) in turned {
        let mut text = today.replacen(from, to, 1);
        if to.contains("\"id\"") {
            // The other one of the two, which stands behind it.
            let at = text.find(to).unwrap() + to.len();
            let behind = text[at..].replacen(r#""name":"id","#, r#""name":"namespace","#, 1);
            text = text[..at].to_owned() + &behind;
        }
        assert_ne!(text, today, "{from}");
        let schema = Schema::parse_str(&text).unwrap();
        let datum = rearranged(&schema, &full());
        assert_ne!(datum, written(Ours::Event, &full()), "{from}");
        assert_eq!(Reader::new(&schema).unwrap().event(&datum), Ok(full()), "{from}");
    }
}

#[test]
fn words_about_the_fields_change_nothing() {
    let schema = Schema::parse_str(&OKR_EVENT.replace("\"doc\": \"", "\"doc\": \"Once more: ")).unwrap();
    let datum = written(Ours::Event, &full());
    let reader = Reader::new(&schema).unwrap();
    assert_eq!(reader.event(&datum), Ok(full()));
    // Ours says where: so it was ours that read.
    let why = "field `event_id`: the bytes end where a number should";
    assert_eq!(reader.event(b""), Err(WireError::Avro(why.to_owned())));
}

//! What is in the bytes.

use proptest::prelude::*;

use super::*;
use crate::{OKR_EVENT, WireError, frame, reader::Reader, schema::Ours};

async fn registered() -> (fake::Fake, Registry) {
    let fake = fake::Fake::start().await;
    let registry = client(&fake.url);
    registry.register().await.unwrap();
    (fake, registry)
}

fn text(text: &str) -> Vec<u8> {
    // Avro writes lengths zigzag; below 64 that is twice the length in one byte.
    [&[2 * text.len() as u8], text.as_bytes()].concat()
}

#[tokio::test]
async fn an_arrival_is_the_bytes_that_one_computes_by_hand() {
    let (_fake, registry) = registered().await;
    let mut expected = vec![0, 0, 0, 0, 2]; // The second schema that was registered.
    expected.extend([text("acme"), text("okr")].concat());
    expected.extend([&[2], &text("d1")[..]].concat()); // Second branch of the union, then the text.
    expected.push(2); // One microsecond.
    expected.push(0); // First branch: null.
    expected.extend([&[2], &text("x-a")[..], &text("1")[..], &[0]].concat()); // One entry, end of the map.
    expected.extend([6, b'{', b'}', 0xff]);
    assert_eq!(registry.encoder().arrival(&arrival().view()).await.unwrap(), expected);
    assert_eq!(registry.decoder().arrival(&expected).await.unwrap(), arrival());
}

#[tokio::test]
async fn an_entry_of_the_audit_is_the_bytes_that_one_computes_by_hand() {
    let (_fake, registry) = registered().await;
    let mut expected = vec![0, 0, 0, 0, 3];
    expected.extend([text("a-1"), text("run-1"), vec![2], text("ada")].concat()); // One microsecond.
    expected.extend([2, 4]); // Symbol 1: redrive; symbol 2: finished.
    expected.extend([text("okr.dead.notifier"), text("mended")].concat());
    expected.extend([&[2], &text("letters")[..], &[6, 0]].concat()); // One entry, three of them; end of the map.
    expected.push(0); // An empty map.
    let encoded = registry.encoder().audit(&audit()).await.unwrap();
    assert_eq!(encoded, expected);
    assert_eq!(registry.decoder().audit(&expected).await.unwrap(), audit());
    let shown = registry.decoder().any(&expected).await.unwrap();
    assert_eq!((&shown["verb"], &shown["stage"]), (&"redrive".into(), &"finished".into()));
}

#[tokio::test]
async fn a_reference_to_an_arrival_is_the_bytes_that_one_computes_by_hand() {
    let (_fake, registry) = registered().await;
    let mut expected = vec![0, 0, 0, 0, 4];
    expected.extend([text("goals"), text("asana"), text("goals"), text("goal"), text("1202")].concat());
    expected.push(4); // Symbol 2: updated.
    expected.extend([2, 4, 0]); // Second branch, two microseconds; first branch: null.
    expected.extend([&[2], &text("d1")[..], &[6, 14]].concat()); // One microsecond; the delivery, partition 3, offset 7.
    assert_eq!(registry.encoder().pending(&pending()).await.unwrap(), expected);
    assert_eq!(registry.decoder().pending(&expected).await.unwrap(), pending());
    let unsaid = Pending { occurred_at: None, actor: Some("12".to_owned()), ..pending() };
    let frame = registry.encoder().pending(&unsaid).await.unwrap();
    assert_eq!(registry.decoder().pending(&frame).await.unwrap(), unsaid);
    let shown = registry.decoder().any(&expected).await.unwrap();
    assert_eq!((&shown["object_id"], &shown["change"]), (&"1202".into(), &"updated".into()));
}

#[tokio::test]
async fn an_event_is_the_bytes_that_one_computes_by_hand() {
    let (_fake, registry) = registered().await;
    let mut expected = vec![0, 0, 0, 0, 1];
    expected.extend(text("01234567-89ab-5def-8123-456789abcdef"));
    expected.push(0); // Revision.
    // 1_772_443_801_000_000 µs, zigzag, seven bits at a time from the lowest.
    let mut zigzag = 1_772_443_801_000_000_u64 * 2;
    let mut micros = Vec::new();
    while zigzag >= 0x80 {
        micros.push(zigzag as u8 | 0x80);
        zigzag >>= 7;
    }
    micros.push(zigzag as u8);
    expected.extend([micros.clone(), micros].concat());
    expected.extend([text("acme"), text("okr"), vec![0, 2, 1]].concat()); // No delivery id; sequence -1.
    expected.push(6); // Symbol 3: checked_in.
    expected.push(2); // Symbol 1: key_result.
    expected.extend([text("acme"), text("kr-7"), vec![0, 0, 0]].concat());
    expected.extend([0; 8]); // Department, team, owner, manager, cycle, metric, progress, confidence.
    expected.push(0); // Symbol 0: unknown.
    expected.extend([0; 3]); // Previous, actor, note.
    expected.push(0); // An empty map.
    assert_eq!(registry.encoder().event(&bare()).await.unwrap(), expected);
    assert_eq!(registry.decoder().event(&expected).await.unwrap(), bare());
}

#[tokio::test]
async fn everything_that_an_event_can_say_comes_back() {
    let (_fake, registry) = registered().await;
    let (encoder, decoder) = (registry.encoder(), registry.decoder());
    for change in Change::ALL {
        for status in Status::ALL {
            for kind in SubjectType::ALL {
                let mut event = full();
                (event.change, event.status, event.subject.kind) = (change, status, kind);
                let frame = encoder.event(&event).await.unwrap();
                assert_eq!(decoder.event(&frame).await.unwrap(), event);
            }
        }
    }
}

#[tokio::test]
async fn what_is_in_no_frame_is_refused_with_the_reason() {
    let (fake, registry) = registered().await;
    let decoder = registry.decoder();
    let before = fake.inside().calls.len();
    let check = async |bytes: &[u8], expected: &str| {
        let error = decoder.event(bytes).await.unwrap_err();
        assert_eq!((error.reason(), error.is_passing()), ("frame", false));
        assert_eq!(error.to_string(), format!("value is in no Confluent frame: {expected}"));
    };
    check(b"", "it is empty").await;
    check(b"\0\0\0\0", "4 bytes are too few for magic byte and id").await;
    check(b"{\"type\":1}", "magic byte is 0x7b, not 0x00").await;
    assert_eq!(fake.inside().calls.len(), before, "the registry was not asked");
}

#[tokio::test]
async fn a_datum_that_is_cut_short_or_too_long_is_refused() {
    let (_fake, registry) = registered().await;
    let frame = registry.encoder().event(&full()).await.unwrap();
    let decoder = registry.decoder();
    for end in frame::HEAD..frame.len() {
        let error = decoder.event(&frame[..end]).await.unwrap_err();
        assert_eq!((error.reason(), error.is_passing()), ("avro", false), "{end} bytes");
    }
    let error = decoder.event(&[&frame[..], b"x"].concat()).await.unwrap_err();
    assert_eq!(error.to_string(), "value is not Avro of its schema: 1 bytes are left over");
}

#[tokio::test]
async fn a_frame_of_another_record_is_refused_by_name() {
    let (fake, registry) = registered().await;
    let frame = registry.encoder().arrival(&arrival().view()).await.unwrap();
    let error = registry.decoder().event(&frame).await.unwrap_err();
    assert_eq!(error, WireError::Schema("it is of a record `Arrival`, not `OkrEvent`".to_owned()));
    let id = fake.add("numbers-value", "\"long\"");
    let error = registry.decoder().event(&frame::head(id)).await.unwrap_err();
    assert_eq!((error.reason(), error.is_passing()), ("schema", false));
}

#[tokio::test]
async fn any_record_can_be_shown() {
    let (fake, registry) = registered().await;
    let (encoder, decoder) = (registry.encoder(), registry.decoder());
    let frame = encoder.event(&full()).await.unwrap();
    assert_eq!(decoder.any(&frame).await.unwrap(), serde_json::to_value(full()).unwrap());

    let shown = decoder.any(&encoder.arrival(&arrival().view()).await.unwrap()).await.unwrap();
    assert_eq!(shown["body_base64"], "e33/");
    assert_eq!(shown["received_at"], "1970-01-01T00:00:00.000001Z");
    let readable = Arrival { body: "{\"a\":1}".into(), ..arrival() };
    let shown = decoder.any(&encoder.arrival(&readable.view()).await.unwrap()).await.unwrap();
    assert_eq!((&shown["body"], shown.get("body_base64")), (&"{\"a\":1}".into(), None));

    let schema = r#"{"type":"record","name":"Other","fields":[{"name":"n","type":["null","long"]}]}"#;
    let foreign = [&frame::head(fake.add("other-value", schema))[..], &[2, 14]].concat();
    assert_eq!(decoder.any(&foreign).await.unwrap(), serde_json::json!({ "n": 7 }));
}

#[test]
fn schemas_and_types_have_the_same_words_in_the_same_order() {
    let schema: serde_json::Value = serde_json::from_str(OKR_EVENT).unwrap();
    let field = |of: &serde_json::Value, name: &str| -> serde_json::Value {
        let fields = of["fields"].as_array().unwrap();
        fields.iter().find(|field| field["name"] == name).unwrap()["type"].clone()
    };
    let symbols = |of: serde_json::Value| of["symbols"].clone();
    let words = |words: Vec<&str>| serde_json::json!(words);
    assert_eq!(symbols(field(&schema, "change")), words(Change::ALL.map(Change::as_str).to_vec()));
    assert_eq!(symbols(field(&schema, "status")), words(Status::ALL.map(Status::as_str).to_vec()));
    let kind = field(&field(&schema, "subject"), "type");
    assert_eq!(symbols(kind), words(SubjectType::ALL.map(SubjectType::as_str).to_vec()));
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic_or_hand_out_half_an_event(datum: Vec<u8>, cut in 0usize..400, byte: u8) {
        let reader = Reader::new(Ours::Event.schema().unwrap()).unwrap();
        let _ = reader.event(&datum);
        let _ = reader.any(&datum);
        let mut broken = Vec::new();
        Ours::Event.writer().write_ser(&mut broken, &full()).unwrap();
        let at = cut % broken.len();
        broken[at] = byte;
        if let Ok(event) = reader.event(&broken) {
            let mut again = Vec::new();
            Ours::Event.writer().write_ser(&mut again, &event).unwrap();
            prop_assert_eq!(reader.event(&again), Ok(event));
        }
    }
}

#[tokio::test]
async fn what_is_written_without_a_registry_is_read_without_one() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (encoder, decoder) = crate::alone().unwrap();
    let frame = encoder.event(&full()).await.unwrap();
    assert_eq!(decoder.event(&frame).await.unwrap(), full());
}

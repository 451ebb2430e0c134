//! Property tests, and what they once found: `fixtures/corpus` is read back before anything new is tried.

use proptest::prelude::*;

use super::{PROBES, every, header_map, now, read};
use crate::Request;

/// Bodies that broke something once, or that the fuzzing of JSON readers is known for.
fn corpus() -> Vec<(String, Vec<u8>)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/corpus");
    let mut all: Vec<(String, Vec<u8>)> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read(&path).unwrap()))
        .collect();
    all.sort();
    all
}

#[test]
fn the_kept_corpus_makes_no_translator_panic() {
    let corpus = corpus();
    assert!(corpus.len() >= 20, "{}", corpus.len());
    every(|probe, source| {
        for (_, body) in &corpus {
            read(source, &probe.headers(), body);
        }
    });
}

/// Texts that JSON is made of, in any order.
fn jsonish() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("{".to_owned()),
        Just("}".to_owned()),
        Just("[".to_owned()),
        Just("]".to_owned()),
        Just(",".to_owned()),
        Just(":".to_owned()),
        Just("null".to_owned()),
        Just("\"type\"".to_owned()),
        Just("\"key_result.updated\"".to_owned()),
        Just("\"subject\"".to_owned()),
        Just("\"id\"".to_owned()),
        Just("\"items\"".to_owned()),
        Just("\\".to_owned()),
        Just("\"".to_owned()),
        "-?[0-9]{1,40}".boxed(),
        "\"\\PC{0,4}\"".boxed(),
        "[0-9]\\.[0-9]{1,3}e[0-9]{1,3}".boxed(),
    ];
    proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 256,
        failure_persistence: Some(Box::new(proptest::test_runner::FileFailurePersistence::Direct(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/proptest-regressions.txt")))),
        ..ProptestConfig::default()
    })]

    #[test]
    fn no_bytes_make_a_translator_panic(body in proptest::collection::vec(any::<u8>(), 0..300)) {
        every(|probe, source| { read(source, &probe.headers(), &body); });
    }

    #[test]
    fn no_pieces_of_json_make_a_translator_panic(body in jsonish()) {
        every(|probe, source| { read(source, &probe.headers(), body.as_bytes()); });
    }

    #[test]
    fn no_twisted_body_makes_a_translator_panic(at in 0.0..1.0f64, with in "\\PC{0,6}", cut in 0..40usize) {
        every(|probe, source| {
            let mut body = probe.body.as_bytes().to_vec();
            let at = (at * body.len() as f64) as usize;
            let end = (at + cut).min(body.len());
            body.splice(at..end, with.bytes());
            read(source, &probe.headers(), &body);
        });
    }

    #[test]
    fn no_headers_make_a_translator_panic(value in "[ -~]{0,80}", which in 0..32usize) {
        every(|probe, source| {
            let kept = source.headers_kept();
            let name = kept.get(which % kept.len().max(1)).map_or("x", String::as_str);
            let mut headers = probe.headers();
            headers.extend(header_map([(name, value.as_str())]));
            read(source, &headers, probe.body.as_bytes());
        });
    }

    #[test]
    fn no_header_makes_a_verifier_panic_or_accept(value in "[ -~]{0,120}", stamp in "[0-9a-z=,.]{0,30}") {
        for probe in PROBES {
            for source in probe.sources() {
                let names = ["webhook-signature", "x-signature", "authorization", "stripe-signature", "x-hub-signature-256", "webhook-id"];
                let headers = header_map(names.map(|name| (name, value.as_str())).into_iter().chain([("webhook-timestamp", stamp.as_str()), ("x-time", stamp.as_str())]));
                assert!(source.verify(&Request { headers: &headers, body: b"{}", now: now() }).is_err());
            }
        }
    }
}

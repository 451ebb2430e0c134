use std::collections::HashSet;
use std::mem::discriminant;

use super::*;

/// A new refusal does not compile here until it is numbered, and is missed below until it is listed.
fn number(problem: Problem) -> usize {
    match problem {
        Problem::UnknownSource => 0,
        Problem::Method => 1,
        Problem::MediaType => 2,
        Problem::Encoding => 3,
        Problem::TooLarge { .. } => 4,
        Problem::Headers => 5,
        Problem::Malformed => 6,
        Problem::LongPath => 7,
        Problem::BodyLate => 8,
        Problem::BodyBroken => 9,
        Problem::Unproven { .. } => 10,
        Problem::TooMany { .. } => 11,
        Problem::Connections => 12,
        Problem::Unavailable { .. } => 13,
        Problem::Internal => 14,
        Problem::TooManyItems { .. } => 15,
        Problem::Paused => 16,
        Problem::BodySlow => 17,
    }
}

#[test]
fn every_refusal_is_in_the_document_once() {
    let all = || REFUSALS.iter().chain(BATCH_REFUSALS);
    let numbers: HashSet<usize> = all().map(|refusal| number(*refusal)).collect();
    assert_eq!(numbers, (0..18).collect());
    let kinds: HashSet<_> = all().map(discriminant).collect();
    assert_eq!(kinds.len(), all().count());
    check("/in/{source}", REFUSALS.iter());
    check("/in/{source}/batch", all());
}

#[track_caller]
fn check<'a>(path: &str, refusals: impl Iterator<Item = &'a Problem>) {
    let document = openapi("1");
    for refusal in refusals {
        let answer = &document["paths"][path]["post"]["responses"][refusal.status().as_str()];
        let description = answer["description"].as_str().expect("it is described");
        assert!(description.contains(&refusal.detail()), "{refusal:?}: {description}");
        if let Some((name, _)) = refusal.header() {
            assert!(answer["headers"].get(name.as_str()).is_some(), "{refusal:?} lacks {name}");
        }
    }
}

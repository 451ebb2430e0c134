use std::path::Path;

use bus::header;

use super::*;

/// `okr-router spec openapi > docs/openapi.json`, and likewise asyncapi.
#[test]
fn the_published_specifications_are_what_the_code_says() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    for (which, name) in [(Spec::Openapi, "openapi.json"), (Spec::Asyncapi, "asyncapi.json")] {
        let published = std::fs::read_to_string(docs.join(name)).unwrap();
        assert!(
            published == document(which).unwrap(),
            "docs/{name} is stale: write the output of `okr-router spec` into it"
        );
    }
}

#[test]
fn every_topic_is_described() {
    let document = asyncapi::document(VERSION).unwrap();
    let channels: Vec<&str> = document["channels"].as_object().unwrap().keys().map(String::as_str).collect();
    let mut topics: Vec<&str> = bus::TOPICS.iter().map(|topic| topic.name).collect();
    topics.sort_unstable();
    assert_eq!(channels, topics);
    for topic in topics {
        let headers = &document["components"]["messages"][topic]["headers"]["properties"];
        assert!(headers.get(header::CE_ID).is_some(), "{topic} has records without headers");
    }
}

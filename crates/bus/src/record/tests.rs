use super::*;

#[test]
fn headers_keep_order_duplicates_and_nulls_and_the_newest_is_read() {
    let mut headers = Headers::new();
    headers.push("a", "1");
    headers.push_null("b");
    headers.push("a", "2");
    let all: Vec<_> = headers.iter().map(|(name, value)| (name, value.map(|v| v.to_vec()))).collect();
    assert_eq!(all, [("a", Some(b"1".to_vec())), ("b", None), ("a", Some(b"2".to_vec()))]);
    assert_eq!(headers.get_str("a"), Some("2"));
    assert_eq!(headers.get("b"), None);
    assert!(headers.has("b") && !headers.has("c"));
    assert_eq!((headers.len(), headers.size()), (3, 5));
}

#[test]
fn a_record_weighs_its_key_value_and_headers() {
    let mut record = InRecord {
        slot: Slot::new("t", 3),
        offset: 1,
        timestamp_ms: None,
        key: Some(Bytes::from_static(b"key")),
        value: None,
        headers: Headers::new(),
    };
    assert_eq!(record.size(), 3);
    record.value = Some(Bytes::from_static(b"value"));
    record.headers.push("n", "vv");
    assert_eq!(record.size(), 11);
    assert_eq!(record.slot.to_string(), "t/3");
}

#[test]
fn a_header_that_is_not_text_is_read_only_as_bytes() {
    let mut headers = Headers::new();
    headers.push("x", vec![0xff]);
    assert_eq!(headers.get_str("x"), None);
    assert_eq!(headers.get("x").map(|v| v.len()), Some(1));
}

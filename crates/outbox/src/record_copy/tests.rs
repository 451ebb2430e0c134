use proptest::prelude::*;

use super::*;

fn some_bytes() -> impl Strategy<Value = Option<Bytes>> {
    prop::option::of(prop::collection::vec(any::<u8>(), 0..40).prop_map(Bytes::from))
}

proptest! {
    #[test]
    fn what_is_packed_is_unpacked(
        place in (".{0,20}", any::<i32>(), any::<i64>(), any::<Option<i64>>()),
        key in some_bytes(),
        value in some_bytes(),
        headers in prop::collection::vec((".{0,10}", some_bytes()), 0..5),
    ) {
        let (topic, partition, offset, timestamp_ms) = place;
        let copy = RecordCopy { topic, partition, offset, timestamp_ms, key, value, headers };
        prop_assert_eq!(&RecordCopy::unpack(&copy.pack()), &Ok(copy.clone()));
        prop_assert_eq!(RecordCopy::of(&copy.to_record()), copy);
    }

    #[test]
    fn what_is_cut_short_is_refused_and_nothing_panics(blob in prop::collection::vec(any::<u8>(), 0..60), cut in 1_usize..20) {
        let _ = RecordCopy::unpack(&blob);
        let whole = RecordCopy { topic: "okr.events".into(), key: Some(Bytes::from(blob)), ..RecordCopy::default() }.pack();
        prop_assert!(RecordCopy::unpack(&whole[..whole.len() - cut]).is_err());
    }
}

#[test]
fn null_and_empty_stay_apart() {
    let copy = RecordCopy { key: Some(Bytes::new()), value: None, ..RecordCopy::default() };
    let again = RecordCopy::unpack(&copy.pack()).unwrap();
    assert_eq!((again.key, again.value), (Some(Bytes::new()), None));
}

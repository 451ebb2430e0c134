use super::*;

#[test]
fn lag_and_commits_are_told_where_they_are_known() {
    let text = br#"{"name":"x","topics":{"t":{"topic":"t","partitions":{
        "0":{"partition":0,"consumer_lag":5,"committed_offset":7,"next_offset":9,"fetchq_cnt":2},
        "1":{"partition":1,"consumer_lag":-1,"committed_offset":-1001},
        "-1":{"partition":-1,"consumer_lag":9}}}}}"#;
    let known = Told { lag: Some(5), committed: Some(7), fetched: Some(9), queued: 2 };
    let unknown = Told::default();
    assert_eq!(read(text), [(Slot::new("t", 0), known), (Slot::new("t", 1), unknown)]);
    assert_eq!(read(b"nonsense"), []);
}

use super::*;

#[test]
fn lag_is_told_where_it_is_known() {
    let text = br#"{"name":"x","topics":{"t":{"topic":"t","partitions":{
        "0":{"partition":0,"consumer_lag":5},"1":{"partition":1,"consumer_lag":-1},"-1":{"partition":-1,"consumer_lag":9}}}}}"#;
    assert_eq!(lags(text), [(Slot::new("t", 0), 5)]);
    assert_eq!(lags(b"nonsense"), []);
}

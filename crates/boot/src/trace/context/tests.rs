//! Trace contexts that are read, and those that are as good as none.

use super::*;

const GOOD: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

fn read(text: &str) -> Option<String> {
    TraceContext::parse(text.as_bytes()).map(|context| context.to_string())
}

#[test]
fn what_is_read_is_written_the_same() {
    assert_eq!(read(GOOD).as_deref(), Some(GOOD));
    let context = TraceContext::parse(GOOD.as_bytes()).unwrap();
    assert!(context.is_sampled());
    assert_eq!(context.trace_id()[..2], [0x0a, 0xf7]);
    assert_eq!(
        context.with_span([0, 0, 0, 0, 0, 0, 0, 9]).to_string(),
        GOOD.replace("b7ad6b7169203331", "0000000000000009")
    );
    assert_eq!(context.with_span([0; 8]), context);
}

#[test]
fn only_the_lowest_flag_says_whether_it_is_sampled() {
    for (flags, sampled) in
        [("00", false), ("01", true), ("02", false), ("03", true), ("ff", true), ("fe", false)]
    {
        let text = format!("{}{flags}", &GOOD[..53]);
        let context = TraceContext::parse(text.as_bytes()).unwrap();
        assert_eq!(context.is_sampled(), sampled, "{flags}");
    }
}

#[test]
fn a_later_version_may_be_longer_and_is_written_as_ours() {
    let later = |rest: &str| format!("cc{}{rest}", &GOOD[2..]);
    assert_eq!(read(&later("")).as_deref(), Some(GOOD));
    assert_eq!(read(&later("-what-the-future-will-be-like")).as_deref(), Some(GOOD));
    assert_eq!(read(&later("-")).as_deref(), Some(GOOD));
    assert_eq!(read(&later(".what")), None);
}

#[test]
fn anything_else_is_none() {
    let zeros = |range: std::ops::Range<usize>| {
        let mut text = GOOD.to_owned();
        text.replace_range(range.clone(), &"0".repeat(range.len()));
        text
    };
    for bad in [
        "",
        "x",
        &GOOD[..54],
        &format!("{GOOD} "),
        &format!(" {GOOD}"),
        &format!("{GOOD}-more"),
        &format!("ff{}", &GOOD[2..]),
        &format!("0g{}", &GOOD[2..]),
        &format!("{}0x", &GOOD[..53]),
        &GOOD.to_uppercase(),
        &GOOD.replace('-', "_"),
        &zeros(3..35),
        &zeros(36..52),
        &GOOD.replace("0af7", "0ag7"),
        &GOOD.replace("0af7", "0Af7"),
        &"é".repeat(40),
    ] {
        assert_eq!(read(bad), None, "{bad}");
    }
}

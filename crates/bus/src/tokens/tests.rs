use std::sync::{
    atomic::{AtomicU32, Ordering},
    mpsc,
};

use super::*;

fn token(value: &str, life: Duration) -> Token {
    Token { value: value.into(), principal: "p".into(), expires_at: SystemTime::now() + life }
}

#[track_caller]
fn check(percent: u32, expected: Stage) {
    let since = SystemTime::now();
    let expires_at = since + Duration::from_secs(100);
    let token = Token { value: String::new(), principal: String::new(), expires_at };
    let state = State { token: Some((token, since)), ..State::default() };
    let now = since + Duration::from_secs(u64::from(percent));
    assert_eq!(state.stage(now), expected, "after {percent} % of its life");
}

#[test]
fn a_token_is_fetched_anew_well_before_it_ends() {
    check(0, Stage::Young);
    check(69, Stage::Young);
    check(70, Stage::Old);
    check(99, Stage::Old);
    check(100, Stage::None);
    check(200, Stage::None);
    assert_eq!(State::default().stage(SystemTime::now()), Stage::None);
}

#[test]
fn all_who_ask_get_one_token_and_one_fetch() {
    let fetches = Arc::new(AtomicU32::new(0));
    let counted = fetches.clone();
    let tokens = Tokens::new(move || {
        counted.fetch_add(1, Ordering::SeqCst);
        Ok(token("t", Duration::from_secs(60)))
    });
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| assert_eq!(tokens.give().unwrap().value, "t"));
        }
    });
    assert_eq!(fetches.load(Ordering::SeqCst), 1);
}

#[test]
fn an_old_token_is_given_without_waiting_while_the_next_is_fetched() {
    let (go, gate) = mpsc::channel::<()>();
    let gate = Mutex::new(gate);
    let tokens = Tokens::new(move || {
        let _ = gate.lock().unwrap().recv();
        Ok(token("second", Duration::from_secs(60)))
    });
    // Two thirds over and more: old, and not yet at its end.
    let since = SystemTime::now() - Duration::from_secs(90);
    tokens.lock().token = Some((token("first", Duration::from_secs(10)), since));
    assert_eq!(tokens.give().unwrap().value, "first", "the fetch hangs");
    go.send(()).unwrap();
    while tokens.lock().is_fetching {
        std::thread::yield_now();
    }
    assert_eq!(tokens.give().unwrap().value, "second");
}

#[test]
fn why_there_is_none_is_told_and_the_next_one_heals_it() {
    let fetches = AtomicU32::new(0);
    let tokens = Tokens::new(move || match fetches.fetch_add(1, Ordering::SeqCst) {
        0 => Err("401 invalid_client".into()),
        _ => Ok(token("t", Duration::from_secs(60))),
    });
    assert_eq!(tokens.give().unwrap_err(), "401 invalid_client");
    assert_eq!(tokens.give().unwrap().value, "t");
}

#[test]
fn a_token_is_never_printed() {
    assert!(!format!("{:?}", token("hush", Duration::ZERO)).contains("hush"));
}

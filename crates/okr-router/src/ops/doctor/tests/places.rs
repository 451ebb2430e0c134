use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

use egress::EgressError;
use outbox::QueueError;
use store::{Look, StoreError};

use super::{check, only};
use crate::ops::doctor::{
    finding::{Finding, Level},
    ports::{self, CheckState, Place, Port, Readiness},
    state::store,
    targets::{self, Knock},
};

#[track_caller]
fn stored(look: Result<Look, StoreError>, level: Level, says: &str, remedy: &str) {
    check(&store(&look, false), level, says, remedy);
}

#[test]
fn a_store_that_can_be_opened_is_well() {
    stored(Ok(Look::File { exists: true }), Level::Well, "nobody holds it", "");
    stored(Ok(Look::File { exists: false }), Level::Well, "no file yet", "");
    stored(Ok(Look::Database { version: None, halts: Vec::new() }), Level::Well, "makes the tables", "");
    stored(Ok(Look::Database { version: Some(3), halts: Vec::new() }), Level::Well, "version 3", "");
}

#[test]
fn every_trouble_of_a_store_has_its_remedy() {
    let held = || StoreError::Held { path: "state.db".into(), holder: "process 7".into() };
    stored(Err(held()), Level::Wrong, "held by process 7", "end process 7");
    check(&store(&Err(held()), true), Level::Well, "process 7 has the file and answers", "");
    stored(Err(StoreError::Newer { found: 9, known: 3 }), Level::Wrong, "version 9", "newer release");
    stored(Err(StoreError::Url("x".into())), Level::Wrong, "not understood", "store.url");
    let file = StoreError::File { path: "/data".into(), cause: "denied".into() };
    stored(Err(file), Level::Wrong, "denied", "read and write /data");
    let down = StoreError::Home(QueueError::Unavailable("refused".into()));
    stored(Err(down), Level::Wrong, "refused", "start the database");
    let broken = StoreError::Home(QueueError::Broken("no such role".into()));
    stored(Err(broken), Level::Wrong, "no such role", "user, password");
}

fn place(port: Port, readiness: Option<Readiness>) -> Vec<Finding> {
    ports::judge(&Place { role: "gateway", address: address(9464), port, readiness })
}

fn address(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

fn readiness(ills: &[(&str, &str)]) -> Option<Readiness> {
    let state = |(check, why): &(&str, &str)| {
        ((*check).to_owned(), CheckState { ok: false, why: Some((*why).to_owned()) })
    };
    let mut checks: BTreeMap<String, CheckState> = ills.iter().map(state).collect();
    checks.insert("start".into(), CheckState { ok: true, why: None });
    Some(Readiness { ready: ills.is_empty(), checks })
}

#[test]
fn a_port_is_free_ours_or_taken() {
    only(&place(Port::Free, None), Level::Well, "nobody runs", "");
    only(&place(Port::Taken, readiness(&[])), Level::Well, "is ready", "");
    only(&place(Port::Taken, None), Level::Wrong, "none of ours", "admin.listen");
    let arrive = |port: &Port, is_ours| ports::taken("gateway.listen", address(8080), port, is_ours);
    assert_eq!(arrive(&Port::Free, false), None);
    assert_eq!(arrive(&Port::Taken, true), None);
    let taken = arrive(&Port::Taken, false).unwrap();
    check(&taken, Level::Wrong, "none of ours", "gateway.listen");
    assert!(taken.remedy.as_deref().unwrap().contains("sport = :8080"));
    let unfit = arrive(&Port::Unfit("not of this machine".into()), false).unwrap();
    check(&unfit, Level::Doubt, "not of this machine", "gateway.listen");
}

#[test]
fn a_role_is_known_by_its_checks() {
    for (ill, role) in [("producer", "gateway"), ("notifier.consumer", "notifier")] {
        let findings = place(Port::Taken, readiness(&[(ill, "x")]));
        assert_eq!(findings[0].check, format!("service {role}, {ill}"));
    }
    let both = place(Port::Taken, readiness(&[("producer", "x"), ("notifier.consumer", "y")]));
    assert_eq!(both[0].check, "service dev, notifier.consumer");
}

#[test]
fn what_a_role_says_of_itself_is_passed_on() {
    let ill = readiness(&[("kafka", "no answer"), ("topics", "okr.events is missing")]);
    let findings = place(Port::Taken, ill);
    assert_eq!(findings.len(), 2, "{findings:?}");
    assert_eq!(findings[0].check, "service gateway, kafka");
    check(&findings[0], Level::Wrong, "no answer", "docs/operations.md");
}

#[track_caller]
fn knocked(knock: Result<u16, EgressError>, level: Level, says: &str, remedy: &str) {
    let knock = knock.map(|status| Knock { status, date: None });
    check(&targets::judge("destination desk", &knock), level, says, remedy);
}

#[test]
fn a_destination_is_judged_by_a_request_without_an_effect() {
    for status in [200, 204, 302, 400, 405] {
        knocked(Ok(status), Level::Well, "no message was sent", "");
    }
    knocked(Ok(404), Level::Doubt, "nothing at this path", "dead list --target desk");
    knocked(Ok(410), Level::Wrong, "gone for good", "dead redrive --target desk --apply");
    knocked(Ok(403), Level::Doubt, "answers 403", "valid token");
    knocked(Ok(503), Level::Doubt, "answers 503", "tried again");
    knocked(Err(EgressError::Connect("refused".into())), Level::Wrong, "refused", "destinations.desk.url");
    knocked(Err(EgressError::Timeout(Duration::from_secs(6))), Level::Wrong, "6s", "restart it");
    knocked(Err(EgressError::Closed("reset".into())), Level::Doubt, "reset", "speaks HTTP");
    knocked(Err(EgressError::Forbidden("scheme".into())), Level::Wrong, "scheme", "destinations.desk.url");
}

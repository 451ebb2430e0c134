use super::*;

fn told(name: &str, operations: Result<Option<&[u32]>, Code>) -> Allowed {
    Allowed { name: name.to_owned(), operations: operations.map(|list| list.map(<[u32]>::to_vec)) }
}

#[track_caller]
fn check(topics: &[Allowed], groups: &[Allowed], lacking: &[&str], missing: &[&str]) {
    let standing = judge("notifier", &acls("notifier"), topics, groups);
    let named: Vec<String> = standing.lacking.iter().map(Acl::to_string).collect();
    assert_eq!(
        (named, standing.missing),
        (lacking.iter().map(|&acl| acl.to_owned()).collect(), missing.to_vec())
    );
}

#[test]
fn what_the_broker_does_not_name_among_the_allowed_is_lacking() {
    let all = [
        told("okr.events", Ok(Some(&[3, 8]))),
        told("okr.replay.notifier", Ok(Some(&[3, 8]))),
        told("okr.dead.notifier", Ok(Some(&[4, 8]))),
    ];
    let groups = [told("okr.notifier", Ok(Some(&[3, 8]))), told("okr.notifier.replay", Ok(Some(&[3])))];
    check(&all, &groups, &[], &[]);
    let mut less = all.clone();
    less[2] = told("okr.dead.notifier", Ok(Some(&[8])));
    check(&less, &groups, &["Write topic okr.dead.notifier"], &[]);
    let only_seen = [told("okr.notifier", Ok(Some(&[8]))), groups[1].clone()];
    check(&all, &only_seen, &["Read group okr.notifier"], &[]);
}

#[test]
fn what_may_not_be_seen_lacks_the_right_that_would_show_it() {
    check(&[told("okr.events", Err(Code::TopicAuthorizationFailed))], &[], &["Read topic okr.events"], &[]);
    let groups = [told("okr.notifier.replay", Err(Code::GroupAuthorizationFailed))];
    check(&[], &groups, &["Read group okr.notifier.replay"], &[]);
    let configs =
        judge("gateway", &acls("gateway"), &[told("okr.events", Err(Code::TopicAuthorizationFailed))], &[]);
    assert_eq!(configs.lacking.len(), 1, "of DescribeConfigs nothing is told: {configs:?}");
    let words = configs.refusal().unwrap();
    assert!(
        words.contains("Write topic okr.events") && words.contains("topics acls --role gateway"),
        "{words}"
    );
}

#[test]
fn what_is_not_there_or_not_told_is_no_refusal() {
    check(&[told("okr.events", Err(Code::UnknownTopicOrPartition))], &[], &[], &["okr.events"]);
    check(
        &[told("okr.events", Ok(None))],
        &[told("okr.notifier", Err(Code::CoordinatorNotAvailable))],
        &[],
        &[],
    );
    assert_eq!(judge("notifier", &acls("notifier"), &[], &[]).refusal(), None);
}

#[test]
fn roles_name_only_topics_that_are_built() {
    for (role, _) in crate::acls::ROLES {
        let acls = acls(role);
        assert!(!acls.is_empty(), "{role}");
        for acl in acls {
            if let Resource::Topic(name) = acl.resource {
                assert!(crate::topic(name).is_some(), "{name}");
            }
        }
    }
}

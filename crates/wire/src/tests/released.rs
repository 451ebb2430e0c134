//! This release against the frozen copies.

use std::{collections::BTreeSet, fs, path::Path};

use crate::{Against, Finding, RELEASED, SUBJECTS, Subject};

#[test]
fn todays_schemas_and_every_frozen_copy_read_each_other() {
    for subject in SUBJECTS {
        assert_eq!(subject.against_releases(), []);
    }
}

/// A record's name.
fn name(schema: &str) -> String {
    serde_json::from_str::<serde_json::Value>(schema).unwrap()["name"].as_str().unwrap().to_owned()
}

#[test]
fn every_frozen_copy_of_our_schemas_is_in_the_list() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas/released");
    let ours: BTreeSet<String> = SUBJECTS.iter().map(|subject| name(subject.schema)).collect();
    let mut there = BTreeSet::new();
    for release in fs::read_dir(folder).unwrap() {
        let release = release.unwrap();
        let number: u32 = release.file_name().to_str().unwrap().parse().unwrap();
        for file in fs::read_dir(release.path()).unwrap() {
            let text = fs::read_to_string(file.unwrap().path()).unwrap();
            there.extend(Some((number, name(&text))).filter(|(_, name)| ours.contains(name)));
            let listed = RELEASED.iter().any(|one| one.release == number && one.schema == text);
            assert!(
                listed || !ours.contains(&name(&text)),
                "crates/wire/src/released.rs lacks {number}/{}",
                name(&text)
            );
        }
    }
    let listed = RELEASED.iter().map(|one| (one.release, name(one.schema))).collect();
    assert_eq!(there, listed, "nothing is in the list that is not in schemas/released");
    for one in RELEASED {
        let subject = SUBJECTS.iter().find(|subject| subject.name == one.subject).expect(one.subject);
        assert_eq!(name(subject.schema), name(one.schema));
    }
}

#[test]
fn a_schema_that_broke_its_promise_says_where_and_what_to_do() {
    // Without the default of `revision`, what a release before it wrote could not be read; without the field
    // `received_at`, what is written now could not be read there.
    let broken = crate::OKR_EVENT.replacen(r#""name": "revision""#, r#""name": "revised""#, 1).replacen(
        r#""name": "received_at""#,
        r#""name": "received""#,
        1,
    );
    let subject = Subject { name: "okr.events-value", schema: Box::leak(broken.into_boxed_str()) };
    let found = subject.against_releases();
    let brief = |finding: &Finding| (finding.against, finding.ours_reads, finding.field.clone());
    let expected = [
        (Against::Released(1), true, "received".to_owned()),
        (Against::Released(1), false, "received_at".to_owned()),
    ];
    assert_eq!(found.iter().map(brief).collect::<Vec<_>>(), expected);
    assert_eq!(
        found[1].to_string(),
        "release 1, field `received_at`, as it would be read there: it was not written, and the reader has no \
         default for it"
    );
    assert_eq!(found[1].remedy, "keep it: the other version cannot do without it");
}

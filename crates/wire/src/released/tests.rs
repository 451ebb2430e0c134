//! What is said of a version that is no schema.

use super::*;

const FINE: &str = r#"{"type":"record","name":"R","fields":[{"name":"a","type":"string"}]}"#;
const NONE: &str = r#"{"type":"record","name":"R","fields":[{"name":"a","type":"nonsense"}]}"#;

#[test]
fn it_is_told_which_version_is_no_schema_and_what_to_do_about_that_one() {
    assert_eq!(compare(FINE, FINE, Against::Released(1)), []);
    for (ours, theirs, against, says, does) in [
        (NONE, FINE, Against::Registered(3), "this release's own schema", "mend it in `schemas`"),
        (FINE, NONE, Against::Released(2), "release 2: ", "`schemas/released/2` back"),
        (FINE, "{", Against::Registered(7), "version 7: ", "delete that version in the registry"),
    ] {
        let found = compare(ours, theirs, against);
        let [finding] = &found[..] else { panic!("{found:?}") };
        assert!(finding.to_string().contains(says) && finding.remedy.contains(does), "{finding:?}");
    }
}

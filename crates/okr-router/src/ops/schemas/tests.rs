//! What is shown, of standings that are made up.

use super::*;

fn standing(id: Option<u32>, fit: Fit, level: Option<&str>) -> Standing {
    Standing { subject: "okr.events-value", id, fit, level: level.map(str::to_owned) }
}

fn row(standing: Option<Standing>, findings: Vec<Finding>) -> Row {
    let mut row = Row { subject: "okr.events-value", standing: None, findings };
    standing.into_iter().for_each(|standing| row.add(standing));
    row
}

fn found(against: Against) -> Finding {
    Finding {
        against,
        ours_reads: false,
        field: "metric.unit".to_owned(),
        problem: "it was not written, and the reader has no default for it".to_owned(),
        remedy: "keep it".to_owned(),
    }
}

#[track_caller]
fn check(row: Row, said: &str, strict: bool, code: ExitCode) {
    assert_eq!(row.said(), said);
    assert_eq!(format!("{:?}", verdict(&[row], strict)), format!("{code:?}"));
}

#[test]
fn a_finding_names_subject_version_field_what_and_what_to_do() {
    let broken = standing(None, Fit::Broken(vec![found(Against::Registered(2))]), Some(FULL_TRANSITIVE));
    let row = row(Some(broken), vec![found(Against::Released(1))]);
    let json = row.json();
    assert_eq!((&json["fit"], &json["asked"]), (&json!("broken"), &json!(true)));
    assert_eq!(
        json["findings"][1],
        json!({ "against": "registered", "version": 2, "direction": "it_reads_ours", "field": "metric.unit",
            "problem": "it was not written, and the reader has no default for it", "remedy": "keep it" })
    );
    let line = |against: &str| {
        format!(
            "  does not fit {against}, field `metric.unit`, as it would be read there: it was not written, and the \
             reader has no default for it → keep it\n"
        )
    };
    let said = format!(
        "okr.events-value: not registered, FULL_TRANSITIVE\n{}{}",
        line("release 1"),
        line("version 2")
    );
    check(row, &said, false, ExitCode::FAILURE);
}

#[test]
fn without_a_registry_it_is_said_that_nobody_was_asked_and_the_copies_decide() {
    let said = "okr.events-value: the registry was not asked\n";
    assert_eq!(row(None, Vec::new()).json()["fit"], json!("unasked"));
    check(row(None, Vec::new()), said, true, ExitCode::SUCCESS);
    let broken = row(None, vec![found(Against::Released(1))]);
    assert_eq!(format!("{:?}", verdict(&[broken], true)), format!("{:?}", ExitCode::FAILURE));
}

#[test]
fn a_check_fails_while_something_is_to_be_registered_and_a_look_does_not() {
    let row = || row(Some(standing(Some(1), Fit::Full, Some("NONE"))), Vec::new());
    let said = "okr.events-value: id 1, NONE, FULL_TRANSITIVE is wanted\n";
    check(row(), said, true, ExitCode::FAILURE);
    check(row(), said, false, ExitCode::SUCCESS);
}

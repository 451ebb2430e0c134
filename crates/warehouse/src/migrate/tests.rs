//! What holds for both homes, without a database.

mod columns;
mod embedded;
mod place;
mod postgres;

use super::{Applied, MigrateError, Step, compare, embedded as file, postgres as server};

const STEPS: &[Step] = &[
    Step { version: 1, name: "tables", sql: "CREATE TABLE a (b integer)" },
    Step { version: 2, name: "views", sql: "CREATE VIEW c AS SELECT b FROM a" },
];
/// A step that a later release adds.
const MORE: Step = Step { version: 3, name: "color", sql: "ALTER TABLE a ADD COLUMN color text" };

fn applied(steps: &[Step]) -> Vec<Applied> {
    let note = |step: &Step| Applied {
        version: step.version,
        name: step.name.to_owned(),
        checksum: step.checksum(),
    };
    steps.iter().map(note).collect()
}

#[test]
fn what_is_missing_is_planned_in_order() {
    let pending = |applied: &[Applied]| compare(STEPS, applied).expect("it fits").pending;
    assert_eq!(pending(&[]), STEPS);
    assert_eq!(pending(&applied(&STEPS[..1])), STEPS[1..]);
    assert_eq!(pending(&applied(STEPS)), []);
}

#[test]
fn a_newer_database_is_refused() {
    let newer = applied(&[STEPS[0], STEPS[1], MORE]);
    let refused = compare(STEPS, &newer).expect_err("it is newer");
    assert!(matches!(refused, MigrateError::Newer { found: 3, known: 2 }), "{refused:?}");
    assert!(refused.to_string().contains("run a release at least as new"), "{refused}");
}

#[test]
fn a_step_that_was_changed_or_left_out_is_refused() {
    let changed = [STEPS[0], Step { sql: "CREATE VIEW c AS SELECT 1", ..STEPS[1] }];
    for other in [applied(&changed), applied(&STEPS[1..])] {
        let refused = compare(STEPS, &other).expect_err("it is another one");
        assert!(matches!(refused, MigrateError::Other { version: 2, .. }), "{refused:?}");
        assert!(refused.to_string().contains("warehouse.schema"), "{refused}");
    }
}

#[test]
fn ends_of_lines_change_no_checksum() {
    let step = |sql| Step { sql, ..MORE };
    assert_eq!(step("SELECT 1;\nSELECT 2").checksum(), step("SELECT 1;\r\nSELECT 2").checksum());
    assert_ne!(step("SELECT 1").checksum(), step("SELECT 2").checksum());
}

/// What a text would take away, if it were run.
fn destroyed(sql: &str) -> Vec<String> {
    let lines = sql.lines().map(|line| line.split("--").next().unwrap_or_default());
    let code = lines.collect::<Vec<_>>().join(" ").to_uppercase();
    // Every other part is a text between quotes.
    let code: Vec<&str> = code.split('\'').step_by(2).collect();
    let words =
        code.iter().flat_map(|part| part.split(|letter: char| !(letter.is_alphanumeric() || letter == '_')));
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).chain(["END"]).collect();
    let takes = |pair: &&[&str]| match pair[0] {
        "DROP" => pair[1] != "VIEW",
        word => ["DELETE", "TRUNCATE", "UPDATE", "RENAME", "CASCADE", "TYPE"].contains(&word),
    };
    words.windows(2).filter(takes).map(|pair| pair.join(" ")).collect()
}

#[test]
fn no_step_takes_anything_away() {
    for (home, steps) in [("postgres", server::STEPS), ("embedded", file::STEPS)] {
        for (step, number) in steps.iter().zip(1..) {
            assert_eq!(step.version, number, "{home}: steps are counted from 1 without a gap");
            assert_eq!(destroyed(step.sql), [""; 0], "{home}, {}", step.name);
        }
    }
    assert_eq!(destroyed("ALTER TABLE a DROP COLUMN b; -- DELETE"), ["DROP COLUMN"]);
    assert_eq!(destroyed("alter table a alter column b type text"), ["TYPE TEXT"]);
    assert_eq!(destroyed("DELETE FROM a WHERE updated_at < 1"), ["DELETE FROM"]);
}

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

/// The steps as they were released, in order. A warehouse that has one of them refuses another text under its number, so
/// these stay; what is to be another way is a step of its own, whose checksum is added here.
const RELEASED: [(&str, &[Step], &[&str]); 2] = [
    (
        "postgres",
        server::STEPS,
        &[
            "a036e218b2ef1cc0ec4f5fb61f669878e38619a9ee18fb802b646ded2c1a5935",
            "8dcc9677734fd915643df27d60bd5849af3ff21ef9ca05f3e0b9c3219317f883",
            "6a78439ed9924d9f1c9706a3f6fbd4e0a8f8df7a3b9c518a02c87cadd67a525a",
            "4f5087ecb819be991479c7f516da5d5073c12f30f44e846ce5fe1a48cc237979",
            "88072bfb3fb4371ef3ece110b0db658a13e55227c121c66f846c18c8a3b39f28",
        ],
    ),
    (
        "embedded",
        file::STEPS,
        &[
            "92fb170a92a4c2eb4be47f3f411dd202c52d81c61aa981af5408797b3509b305",
            "b386255d7542c4ca5ada943f98c6de62859e1a1aeba965cd8f22a55aefc41b11",
            "93465b2aa1103f5360a094a65165bb0e2e7d6e861a58d65f8e3f5ab97447e457",
            "2c694b0793254f86d4d499b465f6dd4db47744972fe8187b71412f4e7bb26bc3",
        ],
    ),
];

#[test]
fn a_step_that_was_released_is_what_it_was() {
    for (home, steps, released) in RELEASED {
        let checksums: Vec<String> = steps.iter().map(Step::checksum).collect();
        assert_eq!(checksums, released, "{home}: a warehouse that was migrated before would be refused");
    }
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

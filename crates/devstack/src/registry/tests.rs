//! The rules without HTTP. A made-up reader keeps Avro out: `"b"` reads what `"a"` wrote, but not the other way round.

use super::{
    book::{Book, Which},
    error::RegistryError as Error,
    level::Level,
};

const A: &str = "\"a\"";
const B: &str = "\"b\"";
const C: &str = "\"c\"";

fn reads(new: &str, old: &str) -> Result<(), Vec<String>> {
    match (new.trim(), old.trim()) {
        (A, A) | (B, B | A) | (C, C | B) => Ok(()),
        (new, old) => Err(vec![format!("{new} cannot read {old}")]),
    }
}

fn book(level: Level, texts: &[&str]) -> Book {
    let mut book = Book::default();
    book.set_global_level(Level::None);
    for text in texts {
        book.register("s", text, reads).unwrap();
    }
    book.set_level("s", level);
    book
}

#[track_caller]
fn check(level: Level, texts: &[&str], new: &str, compatible: bool) {
    let problems = book(level, texts).problems("s", None, new, reads).unwrap();
    assert_eq!(problems.is_empty(), compatible, "{level:?}: {new} after {texts:?}: {problems:?}");
}

#[test]
fn each_level_looks_in_its_own_directions_and_as_far_back_as_it_says() {
    check(Level::None, &[B], A, true);
    check(Level::Backward, &[A], B, true);
    check(Level::Backward, &[B], A, false);
    check(Level::Forward, &[A], B, false);
    check(Level::Forward, &[B], A, true);
    check(Level::Full, &[A], B, false);
    check(Level::Full, &[A], A, true);
    check(Level::Backward, &[A, B], C, true);
    check(Level::BackwardTransitive, &[A, B], C, false);
    check(Level::ForwardTransitive, &[C, B], A, false);
    check(Level::FullTransitive, &[], A, true);
}

#[test]
fn an_incompatible_schema_changes_nothing() {
    let mut book = book(Level::Full, &[A]);
    let before = book.clone();
    assert!(matches!(book.register("s", B, reads), Err(Error::Incompatible(name, _)) if name == "s"));
    assert_eq!(book, before);
}

#[test]
fn the_same_schema_keeps_its_id_in_every_subject_and_however_it_is_written() {
    let mut book = book(Level::Full, &[A, B]);
    assert_eq!(book.register("s", " \"b\" ", reads), Ok(2));
    assert_eq!(book.register("other", B, reads), Ok(2));
    assert_eq!(book.version("other", Which::Latest, false).unwrap().version, 1);
    assert_eq!(book.uses(2, false).unwrap(), [("other", 1), ("s", 2)]);
}

#[test]
fn a_deleted_subject_is_hidden_first_and_its_id_stays_readable() {
    let mut book = book(Level::None, &[A, B]);
    assert_eq!(book.delete_subject("s", true), Err(Error::SubjectNotDeleted("s".into())));
    assert_eq!(book.delete_subject("s", false), Ok(vec![1, 2]));
    assert_eq!(book.delete_subject("s", false), Err(Error::SubjectDeleted("s".into())));
    assert_eq!((book.subjects(false), book.subjects(true)), (vec![], vec!["s"]));
    assert_eq!(book.versions("s", false), Err(Error::NoSubject("s".into())));
    assert_eq!(book.delete_subject("s", true), Ok(vec![1, 2]));
    assert_eq!((book.schema(2), book.schema(3)), (Ok(B), Err(Error::NoId(3))));
    assert_eq!(book.register("s", C, reads), Ok(3), "an id is never used again");
}

#[test]
fn a_deleted_version_leaves_a_gap() {
    let mut book = book(Level::None, &[A, B, C]);
    let two = Which::Number(2);
    assert_eq!(book.delete_version("s", two, true), Err(Error::VersionNotDeleted("s".into(), 2)));
    assert_eq!(book.delete_version("s", two, false), Ok(2));
    assert_eq!(book.version("s", two, false), Err(Error::NoVersion(2)));
    assert_eq!(book.version("s", two, true).unwrap().id, 2);
    assert_eq!(book.delete_version("s", two, true), Ok(2));
    let left: Vec<u32> = book.versions("s", true).unwrap().iter().map(|one| one.version).collect();
    assert_eq!(left, [1, 3]);
}

#[test]
fn a_version_is_a_number_or_latest() {
    assert_eq!((Which::parse("latest"), Which::parse("-1")), (Ok(Which::Latest), Ok(Which::Latest)));
    assert_eq!(Which::parse("7"), Ok(Which::Number(7)));
    for wrong in ["0", "-2", "x", "", "2147483648"] {
        assert_eq!(Which::parse(wrong), Err(Error::Version(wrong.into())));
    }
}

#[test]
fn what_is_no_schema_is_refused() {
    let mut book = Book::default();
    assert!(matches!(book.register("s", "nonsense", reads), Err(Error::Schema(_))));
    assert!(book.subjects(true).is_empty());
}

#[test]
fn a_subject_without_a_level_of_its_own_has_the_global_one() {
    let mut book = Book::default();
    assert_eq!(book.own_level("s"), Err(Error::NoLevel("s".into())));
    assert_eq!(book.level_of("s"), Level::Backward);
    book.set_level("s", Level::FullTransitive);
    assert_eq!(book.own_level("s"), Ok(Level::FullTransitive));
    assert_eq!(book.clear_level("s"), Ok(Level::FullTransitive));
    assert_eq!(book.level_of("s"), Level::Backward);
    assert_eq!(Level::parse("full_transitive"), Some(Level::FullTransitive));
    assert_eq!(Level::parse("half"), None);
}

#[test]
fn the_book_reads_what_it_wrote() {
    let mut book = book(Level::FullTransitive, &[A]);
    book.delete_subject("s", false).unwrap();
    let text = serde_json::to_string(&book).unwrap();
    assert_eq!(serde_json::from_str::<Book>(&text).unwrap(), book);
}

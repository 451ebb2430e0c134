//! Names, aliases and what is neither.

use super::*;

fn departments() -> Departments {
    let department = |name: &str, aliases: &[&str]| Department {
        name: name.to_owned(),
        aliases: aliases.iter().map(|&alias| alias.to_owned()).collect(),
    };
    Departments::new(vec![
        department("sales", &["Vertrieb", "SALES"]),
        department("street", &["Straße", "ΟΔΟΣ"]),
        department("operations", &["Général"]),
        department(OTHERS, &[]),
    ])
    .unwrap()
}

#[track_caller]
fn check(text: Option<&str>, department: Option<&str>, range: &str) {
    let expected = Resolved { department: department.map(str::to_owned), range };
    assert_eq!(departments().resolve(text), expected, "{text:?}");
}

#[test]
fn a_name_and_its_aliases_are_found_trimmed_and_in_any_case() {
    for text in ["sales", "Sales", "  SALES\n", "vertrieb", "VERTRIEB "] {
        check(Some(text), Some("sales"), "sales");
    }
}

#[test]
fn case_is_folded_beyond_ascii() {
    for text in ["STRASSE", "straße", "Strasse", "οδος", "οδοσ", "ΟΔΟΣ"] {
        check(Some(text), Some("street"), "street");
    }
    check(Some("GÉNÉRAL"), Some("operations"), "operations");
}

#[test]
fn an_unknown_text_is_kept_and_goes_to_the_others() {
    check(Some(" Legal "), Some("Legal"), OTHERS);
    check(Some("Others"), Some(OTHERS), OTHERS);
}

#[test]
fn no_text_is_no_department() {
    check(None, None, OTHERS);
    check(Some("  "), None, OTHERS);
}

#[test]
fn two_departments_cannot_claim_the_same_text() {
    let claim =
        |name: &str, alias: &str| Department { name: name.to_owned(), aliases: vec![alias.to_owned()] };
    let error =
        Departments::new(vec![claim("sales", "Vertrieb"), claim("service", " VERTRIEB")]).unwrap_err();
    assert_eq!(error.to_string(), "departments `sales` and `service` both claim the text ` VERTRIEB`");
    assert!(Departments::new(vec![claim("sales", "Sales")]).is_ok());
}

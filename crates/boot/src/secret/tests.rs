use serde::Deserialize;

use super::*;

#[derive(Debug, Deserialize)]
struct Holder {
    secrets: Vec<SecretRef>,
}

fn read(toml: &str) -> Vec<SecretRef> {
    toml::from_str::<Holder>(toml).unwrap().secrets
}

#[test]
fn a_secret_is_a_text_or_names_a_variable_or_a_file() {
    let read = read("secrets = ['whsec_x', { env = 'NAME' }, { file = '/run/secrets/x' }]");
    let file = PathBuf::from("/run/secrets/x");
    let expected =
        [SecretRef::from("whsec_x"), SecretRef::Env { env: "NAME".to_owned() }, SecretRef::File { file }];
    assert_eq!(read, expected);
    assert_eq!(read.iter().map(SecretRef::is_literal).collect::<Vec<_>>(), [true, false, false]);
}

#[test]
fn a_file_loses_its_last_newline_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    std::fs::write(&file, " a\nb \r\n").unwrap();
    assert_eq!(SecretRef::File { file }.resolve().unwrap().expose(), " a\nb ");
}

#[test]
fn a_variable_is_read_when_it_is_resolved() {
    let path = SecretRef::Env { env: "PATH".to_owned() }.resolve().unwrap();
    assert_eq!(path.expose(), std::env::var("PATH").unwrap());
}

#[test]
fn a_missing_or_empty_secret_says_where_and_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let [missing, empty, blank, binary] =
        ["missing", "empty", "blank", "binary"].map(|name| folder.path().join(name));
    std::fs::write(&empty, "\n").unwrap();
    std::fs::write(&blank, " \t\n").unwrap();
    std::fs::write(&binary, [0xff, 0xfe]).unwrap();
    let cases = [
        (SecretRef::Env { env: "OKR_NOT_SET_ANYWHERE".to_owned() }, "env_missing", "OKR_NOT_SET_ANYWHERE"),
        (SecretRef::File { file: missing }, "file_unreadable", "missing"),
        (SecretRef::File { file: empty }, "empty", "empty"),
        (SecretRef::File { file: binary }, "not_text", "binary"),
        (SecretRef::File { file: blank }, "empty", "blank"),
        (SecretRef::from(""), "empty", "configuration"),
    ];
    for (secret, reason, named) in cases {
        let error = secret.resolve().unwrap_err();
        assert_eq!(error.reason(), reason);
        assert!(error.to_string().contains(named), "{error}");
    }
}

#[test]
fn no_debug_output_shows_a_secret() {
    let literal = SecretRef::from("hush");
    let secret = literal.resolve().unwrap();
    let shown = format!("{literal:?} {secret:?} {:?}", Some(vec![&literal]));
    assert!(!shown.contains("hush"), "{shown}");
}

#[test]
fn secrets_are_the_same_if_all_their_letters_are() {
    let secret = |text: &str| Secret::new(text.to_owned());
    assert_eq!(secret("open sesame"), secret("open sesame"));
    for other in ["open sesamf", "npen sesame", "open sesam", "open sesame ", ""] {
        assert_ne!(secret("open sesame"), secret(other), "{other}");
    }
}

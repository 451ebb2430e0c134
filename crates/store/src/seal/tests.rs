//! Sealing and opening.

use super::*;

fn key(letter: char) -> Secret {
    Secret::new(letter.to_string().repeat(44))
}

fn secret() -> Secret {
    Secret::new("b537207f20cbfa02357cf448134da559e8bd39d61597dcd5631b8012eae53e81".to_owned())
}

#[test]
fn what_was_sealed_opens_for_its_source_alone() {
    let seal = Seal::new(&[key('a')]).unwrap();
    let sealed = seal.seal("goals", &secret()).unwrap();
    let opened = Opened { secret: secret(), is_current: true };
    assert_eq!(seal.open("goals", &sealed), Some(opened));
    assert_eq!(seal.open("other", &sealed), None, "it was sealed for another source");
    assert_eq!(
        Seal::new(&[key('b')]).unwrap().open("goals", &sealed),
        None,
        "it was sealed with another key"
    );
}

#[test]
fn any_changed_byte_opens_nothing() {
    let seal = Seal::new(&[key('a')]).unwrap();
    let sealed = seal.seal("goals", &secret()).unwrap();
    for at in 0..sealed.bytes.len() {
        let mut changed = sealed.clone();
        changed.bytes[at] ^= 1;
        assert_eq!(seal.open("goals", &changed), None, "at {at}");
        changed.bytes.truncate(at);
        assert_eq!(seal.open("goals", &changed), None, "cut at {at}");
    }
}

#[test]
fn nothing_of_the_secret_shows_and_the_same_secret_has_the_same_id() {
    let seal = Seal::new(&[key('a')]).unwrap();
    let (one, other) = (seal.seal("goals", &secret()).unwrap(), seal.seal("goals", &secret()).unwrap());
    assert_eq!(one.id, other.id);
    assert_ne!(one.bytes, other.bytes, "each is sealed with bytes of its own");
    assert_ne!(seal.seal("other", &secret()).unwrap().id, one.id);
    assert_ne!(seal.seal("goals", &Secret::new("another".to_owned())).unwrap().id, one.id);
    let shown = String::from_utf8_lossy(&one.bytes).into_owned() + &one.id + &format!("{seal:?}");
    assert!(!shown.contains(&secret().expose()[..6]) && !shown.contains("aaaa"), "{shown}");
}

#[test]
fn an_old_key_still_opens_and_says_that_it_is_old() {
    let sealed = Seal::new(&[key('a')]).unwrap().seal("goals", &secret()).unwrap();
    let rotated = Seal::new(&[key('b'), key('a')]).unwrap();
    assert_eq!(rotated.open("goals", &sealed), Some(Opened { secret: secret(), is_current: false }));
    let anew = rotated.seal("goals", &secret()).unwrap();
    assert!(Seal::new(&[key('b')]).unwrap().open("goals", &anew).is_some(), "sealed with the first");
}

#[test]
fn a_key_that_can_be_guessed_is_refused_without_showing_it() {
    let error = Seal::new(&[Secret::new("hunter2".to_owned())]).unwrap_err();
    assert_eq!(error, SealError::Short(7));
    assert!(!error.to_string().contains("hunter2"), "{error}");
    assert_eq!(Seal::new(&[]).unwrap_err(), SealError::Missing);
}

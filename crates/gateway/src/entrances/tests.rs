//! What goes on after an exchange, and what does not.

use super::*;

fn set(sections: &[(&str, &str)], before: &Entrances, house: &House) -> Entrances {
    let build =
        |(name, section): &(&str, &str)| Source::build(name, &toml::from_str(section).unwrap()).unwrap();
    Entrances::new(sections.iter().map(build).collect(), before, house).unwrap()
}

fn limited(rate: &str) -> String {
    format!("kind = \"okr\"\nverify = {{ scheme = \"none\" }}\nrate_limit = \"{rate}\"")
}

fn issued(url: &str) -> String {
    format!(
        "kind = \"okr\"\nverify = {{ scheme = \"jwt\", issuer = \"us\", audience = \"okr\", jwks = {{ url = \"{url}\" }} }}"
    )
}

/// Nobody listens there, so a look ends at once and nothing is learned.
const NOWHERE: &str = "http://127.0.0.1:1/keys";

#[tokio::test]
async fn tokens_that_are_spent_stay_spent_unless_the_limit_is_another() {
    let house = House::new(boot::system_clock());
    let first = set(&[("acme", &limited("1/m"))], &Entrances::default(), &house);
    let spent = |set: &Entrances| set.get("acme").unwrap().bucket().unwrap().take(Instant::now()).is_err();
    assert!(!spent(&first));
    let again = set(&[("new", &limited("9/s")), ("acme", &limited("1/m"))], &first, &house);
    assert!(spent(&again), "the bucket goes on");
    let wider = set(&[("acme", &limited("2/m"))], &again, &house);
    assert!(!spent(&wider), "another limit begins anew");
    let open = set(&[("acme", "kind = \"okr\"\nverify = { scheme = \"none\" }")], &wider, &house);
    assert!(open.get("acme").unwrap().bucket().is_none());
}

#[tokio::test]
async fn keys_go_on_while_their_address_stays_and_are_left_alone_with_their_source() {
    let house = House::new(boot::system_clock());
    let looks = || house.tasks.running().len();
    let first = set(&[("sso", &issued(NOWHERE))], &Entrances::default(), &house);
    let second = set(&[("sso", &issued(NOWHERE))], &first, &house);
    let keys = |set: &Entrances| std::ptr::from_ref(set.get("sso").unwrap().keys().unwrap());
    assert!(std::ptr::eq(keys(&first), keys(&second)));
    assert_eq!(looks(), 1);
    let current = Current::new(first);
    let of_a_request = current.take();
    current.exchange(set(&[("sso", &issued("http://127.0.0.1:1/others"))], &second, &house));
    assert_eq!(looks(), 2, "another address is looked at by itself");
    drop(second);
    assert_eq!(looks(), 2, "a request still has the keys of before");
    drop(of_a_request);
    crate::tests::until("an end of the first look", || looks() == 1).await;
    current.exchange(Entrances::default());
    crate::tests::until("an end of all looks", || looks() == 0).await;
}

#[test]
fn a_name_stands_for_one_source() {
    let house = House::new(boot::system_clock());
    let build = || Source::build("acme", &toml::from_str(&limited("1/s")).unwrap()).unwrap();
    let error = Entrances::new(vec![build(), build()], &Entrances::default(), &house).unwrap_err();
    assert!(error.to_string().contains("sources.acme"), "{error}");
}

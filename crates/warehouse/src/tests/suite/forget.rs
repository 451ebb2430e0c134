//! Who is forgotten is gone from all tables, and nothing that comes brings them back.

use std::sync::Arc;

use okr::{Change, OkrEvent};
use serde_json::json;

use super::exact::some;
use crate::erasures::{Erasure, Erasures, listed};
use crate::forget::{Forget, list};
use crate::migrate::{Migration, Step};
use crate::sweep::Tally;
use crate::tests::bench::{Behind, Bench, Member};
use crate::tests::history::{at, bare, minutes};
use crate::tests::reference;
use crate::{Person, migrate};

const TABLES: &[&str] =
    &["okr_events", "okr_state", "okr_progress_daily", "okr_corrections", "okr_sink_offsets", "okr_erasures"];

pub(super) fn asked(words: &[&str]) -> Person {
    Person { words: words.iter().map(|word| (*word).to_owned()).collect(), ..Person::default() }
}

async fn look(bench: &Bench, person: &Person) -> Tally {
    Forget::open(&bench.place, person).await.unwrap().look().await.unwrap()
}

pub(super) async fn apply(bench: &Bench, person: &Person) -> Tally {
    Forget::open(&bench.place, person).await.unwrap().apply("run 1").await.unwrap()
}

/// Whether any table says this anywhere.
async fn is_said(bench: &Bench, word: &str) -> bool {
    for table in TABLES {
        let rows = json!(bench.rows(&format!("SELECT * FROM {table}")).await).to_string();
        if rows.to_lowercase().contains(word) {
            return true;
        }
    }
    false
}

pub(super) fn named(id: &str, name: &str, email: &str) -> Option<okr::Person> {
    let part = |text: &str| Some(text.to_owned());
    Some(okr::Person { id: part(id), name: part(name), email: part(email) })
}

pub(super) fn dana() -> Option<okr::Person> {
    named("u7", "Dana Ng", "Dana@Example.com")
}

pub(super) fn max() -> Option<okr::Person> {
    named("u8", "Max", "max@example.com")
}

/// What was said while Max owned a key result, and then Dana.
fn told() -> Vec<OkrEvent> {
    let note = |text: &str| Some(text.to_owned());
    let first = OkrEvent { owner: max(), manager: dana(), note: note("mine"), ..at("a", 1, 0, 0.1) };
    let second = OkrEvent { owner: dana(), actor: note("DANA@example.com"), ..at("a", 2, 10, 0.2) };
    let second = OkrEvent { note: note("u7 was here"), ..second };
    let third =
        OkrEvent { owner: dana(), actor: note("Max"), note: note("well done"), ..at("a", 3, 20, 0.3) };
    let mut other = OkrEvent { owner: max(), ..at("b", 4, 30, 0.4) };
    other.attributes = [("reviewer", "dana@example.com"), ("room", "7")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
    vec![first, second, third, other, at("c", 5, 40, 0.5)]
}

/// The same without Dana, by hand.
fn without_dana() -> Vec<OkrEvent> {
    let mut events = told();
    events[0].manager = None;
    (events[1].owner, events[1].actor, events[1].note) = (None, None, None);
    events[2].owner = None;
    events[3].attributes.remove("reviewer");
    events
}

pub async fn who_is_forgotten_is_out_of_all_tables_and_stays_out(bench: Bench) {
    let mut member = Member::join(&bench.target, [0]).await;
    member.take_all(told()).await;
    let person = asked(&[" dana@example.com"]);
    let seen = look(&bench, &person).await;
    reference::check(&bench, &told()).await.unwrap();
    assert!(bench.table("okr_erasures").await.is_empty(), "a look changed something");
    assert_eq!((seen.events, seen.changed, seen.subjects), (5, 4, 2));
    assert_eq!((seen.owners, seen.managers, seen.actors, seen.notes, seen.attributes), (2, 1, 1, 1, 1));
    assert_eq!(seen.known_as.iter().map(String::as_str).collect::<Vec<_>>(), ["dana ng", "u7"]);

    assert_eq!(apply(&bench, &person).await, seen);
    let mut expected = without_dana();
    reference::check(&bench, &expected).await.unwrap();
    let owner = bench.rows("SELECT owner_name FROM okr_state WHERE subject_id = 'a'").await;
    assert_eq!(owner[0]["owner_name"], "Max", "the one who was said before");
    assert!(!is_said(&bench, "dana").await);

    // The same records again, a better copy of one, a late one, and a new one.
    let better = OkrEvent { received_at: minutes(5), ..told().remove(1) };
    let late = OkrEvent { owner: dana(), team: Some("blue".into()), ..bare("a", 6, 15) };
    let new = OkrEvent { owner: dana(), change: Change::Commented, ..bare("d", 7, 50) };
    member.take_all(told()).await;
    member.take_all([better.clone(), late.clone()]).await;
    member.take_all([new.clone()]).await;
    expected.push(OkrEvent { received_at: minutes(5), ..expected[1].clone() });
    expected.extend([late, new].map(|event| OkrEvent { owner: None, ..event }));
    reference::check(&bench, &expected).await.unwrap();
    assert!(!is_said(&bench, "dana").await);

    let again = apply(&bench, &person).await;
    assert_eq!((again.changed, again.subjects), (0, 0));
    assert_eq!(bench.table("okr_erasures").await.len(), 1);
}

fn left(tally: &Tally) -> Vec<(&str, u64)> {
    tally.left.iter().map(|(column, events)| (*column, *events)).collect()
}

pub async fn text_that_mentions_somebody_goes_only_where_it_is_asked_for(bench: Bench) {
    let mut member = Member::join(&bench.target, [0]).await;
    let mut said =
        OkrEvent { note: Some("ask Zoe\u{308} Ng".into()), actor: Some("Max".into()), ..at("a", 1, 0, 0.1) };
    said.attributes = [("comment", r#"{"by":["zo\u00eb ng left"]}"#), ("room", "7")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
    said.subject.title = Some("Help Zo\u{eb} Ng".into());
    let boss = okr::Person { name: Some("Zo\u{eb} Ng (Sales)".into()), ..okr::Person::default() };
    let other = OkrEvent { note: Some("Bozo\u{eb} Ngo".into()), manager: Some(boss), ..at("a", 2, 9, 0.2) };
    member.take_all([said.clone(), other.clone()]).await;
    let mut person = asked(&["Zo\u{eb} Ng"]);
    let seen = apply(&bench, &person).await;
    assert_eq!((seen.changed, seen.mentions, seen.titles), (0, 2, 1));
    assert_eq!(left(&seen), [("attributes", 1), ("manager_name", 1), ("note", 1), ("subject_title", 1)]);
    reference::check(&bench, &[said.clone(), other.clone()]).await.unwrap();

    person.mentions = true;
    let seen = look(&bench, &person).await;
    assert_eq!((seen.changed, seen.notes, seen.attributes, seen.managers), (2, 1, 1, 1));
    assert_eq!((seen.mentions, left(&seen)), (0, vec![("subject_title", 1)]));
    assert_eq!(apply(&bench, &person).await, seen);
    let bare = |event: &OkrEvent| {
        let mut bare = OkrEvent { note: None, ..event.clone() };
        bare.attributes.remove("comment");
        bare
    };
    let other = OkrEvent { manager: None, ..other };
    reference::check(&bench, &[bare(&said), other.clone()]).await.unwrap();
    // A better copy of that event comes without its text as well, and so does one that is new.
    let better = OkrEvent { received_at: minutes(-1), ..said.clone() };
    let new = OkrEvent { note: Some("met zo\u{eb} ng's team".into()), ..at("b", 3, 12, 0.3) };
    member.take_all([better.clone(), new.clone()]).await;
    reference::check(&bench, &[bare(&said), other, bare(&better), bare(&new)]).await.unwrap();
}

/// What Ada's address may stand in, and goes with it.
fn addressed() -> Vec<OkrEvent> {
    let note = |text: &str| Some(text.to_owned());
    let person = |name: &str| Some(okr::Person { name: note(name), ..okr::Person::default() });
    let owned = OkrEvent { owner: person("Ada L. <Ada@Example.org>"), ..at("a", 1, 0, 0.1) };
    let led = OkrEvent { manager: person("mailto:ada@example.org"), ..at("a", 2, 1, 0.2) };
    let told = OkrEvent { actor: note("Max"), note: note("ask ada@example.org."), ..at("a", 3, 2, 0.3) };
    let done = OkrEvent { actor: note("(ada@example.org)"), note: note("mine"), ..at("b", 4, 3, 0.4) };
    let mut listed = at("b", 5, 4, 0.5);
    listed.attributes = [
        ("comment", r#"{"thread":[{"text":"said \u0061da@example.org"}]}"#),
        ("link", "https://tool.example/u?m=ada%40example.org"),
        ("ada\u{ff20}example.org", "reviewer"),
        ("other", "m.ada@example.org and ada@example.org.uk"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    vec![owned, led, told, done, listed]
}

/// The same without her, by hand.
fn without_ada() -> Vec<OkrEvent> {
    let mut events = addressed();
    (events[0].owner, events[1].manager, events[2].note) = (None, None, None);
    (events[3].actor, events[3].note) = (None, None);
    events[4].attributes.retain(|name, _| name == "other");
    events
}

pub async fn an_address_goes_wherever_it_stands_and_stays_out(bench: Bench) {
    let mut member = Member::join(&bench.target, [0]).await;
    let mut named = at("c", 6, 5, 0.6);
    (named.subject.title, named.subject.url) =
        (Some("Welcome ada@example.org".into()), Some("https://x.example/ada@example.org".into()));
    member.take_all(addressed()).await;
    member.take_all([named.clone()]).await;
    let person = asked(&["ADA@example.org"]);
    let seen = look(&bench, &person).await;
    assert_eq!((seen.events, seen.changed, seen.subjects), (6, 5, 2));
    assert_eq!((seen.owners, seen.managers, seen.actors, seen.notes, seen.attributes), (1, 1, 1, 2, 1));
    assert_eq!((seen.mentions, seen.titles), (0, 1));
    assert_eq!(left(&seen), [("subject_title", 1), ("subject_url", 1)]);
    assert_eq!(apply(&bench, &person).await, seen);
    let mut expected = without_ada();
    expected.push(named);
    reference::check(&bench, &expected).await.unwrap();
    // What comes later goes by the same rule, in whatever field.
    let again = |event: &OkrEvent| OkrEvent { received_at: minutes(60), ..event.clone() };
    let late: Vec<OkrEvent> = addressed().iter().map(again).collect();
    member.take_all(late).await;
    expected.extend(without_ada().iter().map(again));
    reference::check(&bench, &expected).await.unwrap();
    assert_eq!(apply(&bench, &person).await.changed, 0);
}

pub async fn a_list_is_taken_to_another_warehouse(bench: Bench) {
    let mut member = Member::join(&bench.target, [0]).await;
    member.take_all(told()).await;
    apply(&bench, &asked(&["dana@example.com"])).await;
    let lines: Vec<String> = list(&bench.place).await.unwrap().iter().map(Erasure::line).collect();
    assert!(lines.len() == 1 && !lines[0].contains("dana"), "{lines:?}");
    // Another one begins without it, has a list of its own, and reads the topic.
    bench.run(EMPTY, EMPTY).await;
    apply(&bench, &asked(&["nobody@example.com"])).await;
    member.take_all(told()).await;
    assert!(is_said(&bench, "dana").await);
    let rows: Vec<Erasure> = lines.iter().map(|line| Erasure::parse(line).unwrap()).collect();
    let take = async || Forget::take_over(&bench.place, rows.clone()).await.unwrap();
    assert_eq!(take().await.look().await.unwrap().changed, 4);
    assert!(is_said(&bench, "dana").await && !take().await.is_known());
    assert_eq!(take().await.apply("run 2").await.unwrap().changed, 4);
    assert!(take().await.is_known());
    member.take_all(told()).await;
    let late = OkrEvent { owner: dana(), team: Some("blue".into()), ..bare("a", 6, 15) };
    member.take_all([late.clone()]).await;
    let mut expected = without_dana();
    expected.push(OkrEvent { owner: None, ..late });
    reference::check(&bench, &expected).await.unwrap();
    assert!(!is_said(&bench, "dana").await);
}

pub async fn an_id_of_one_namespace_is_another_person_in_the_next(bench: Bench) {
    let mut member = Member::join(&bench.target, [0]).await;
    let ours = OkrEvent { owner: dana(), ..at("a", 1, 0, 0.1) };
    let mut theirs = OkrEvent { owner: named("u7", "Ida", "ida@example.com"), ..at("b", 2, 0, 0.1) };
    theirs.subject.namespace = "elsewhere".into();
    member.take_all([ours.clone(), theirs.clone()]).await;
    let person = Person { namespace: Some("acme".into()), ..asked(&["u7"]) };
    assert_eq!(apply(&bench, &person).await.owners, 1);
    member.take_all([ours.clone(), theirs.clone()]).await;
    reference::check(&bench, &[OkrEvent { owner: None, ..ours }, theirs]).await.unwrap();
}

/// While members write, in any batches: nothing is half erased, and states are the fold of what is left.
pub async fn a_person_is_forgotten_while_members_write(bench: Bench) {
    let bench = Arc::new(bench);
    let mut list = Erasures::default();
    listed(list.salt(), None, "red", false).iter().for_each(|erasure| list.add(erasure));
    for (n, history) in some(60).enumerate().step_by(2) {
        let writing = (bench.clone(), history.clone());
        let member = tokio::spawn(async move {
            let (bench, history) = writing;
            let mut member = Member::join(&bench.target, 0..3).await;
            for batch in history.batches() {
                member.take(batch).await;
            }
        });
        apply(&bench, &asked(&["Red"])).await;
        member.await.unwrap();
        let mut events = history.all();
        for event in &mut events {
            list.erase(event);
        }
        if let Err(why) = reference::check(&bench, &events).await {
            panic!("history {n}: {why}\n{history:#?}");
        }
        let left = apply(&bench, &asked(&["red"])).await;
        assert_eq!(left.changed, 0, "history {n}");
        bench.run(EMPTY, EMPTY).await;
    }
}

/// The offsets go on; everything else begins anew, the list too.
const EMPTY: &str = "DELETE FROM okr_events; DELETE FROM okr_state; DELETE FROM okr_progress_daily;
    DELETE FROM okr_corrections; DELETE FROM okr_erasures;";

/// Applies a step of a later release, as its `warehouse migrate --apply` does.
async fn add_a_column(bench: &Bench) {
    fn with(steps: &[Step]) -> Vec<Step> {
        let sql =
            "ALTER TABLE okr_events ADD COLUMN region text; ALTER TABLE okr_state ADD COLUMN region text;";
        let step = Step { version: steps.len() as i64 + 1, name: "region", sql };
        steps.iter().copied().chain([step]).collect()
    }
    let pending = match &bench.behind {
        Behind::Postgres { .. } => {
            let mut client = store::testing::connect(&bench.place.url).await.unwrap();
            let steps = with(migrate::postgres::STEPS);
            Migration::of(&bench.place.schema, &steps).apply(&mut client).await.unwrap().pending
        }
        Behind::File { connection, .. } => {
            migrate::embedded::applied(connection, &with(migrate::embedded::STEPS)).await.unwrap().pending
        }
    };
    assert_eq!(pending.len(), 1);
}

/// A member of this release writes on, whole batches at a time, while a later release adds a column.
pub async fn a_column_that_a_later_release_adds_stops_no_member(bench: Bench) {
    let mut member = Member::join(&bench.target, [0]).await;
    let mut events = Vec::new();
    for n in 0..30u32 {
        if n == 10 {
            add_a_column(&bench).await;
        }
        // New ones, late ones, and one that has to be folded anew.
        let new = at(&format!("kr-{}", n % 3), n, i64::from(n), 0.5);
        let late = at("kr-0", 100 + n, -i64::from(n), 0.25);
        let better =
            OkrEvent { received_at: minutes(-9_000), ..at("kr-1", n / 3 * 3 + 1, i64::from(n), 0.5) };
        let batch = if n % 5 == 0 { vec![new, late, better] } else { vec![new, late] };
        member.take_all(batch.clone()).await;
        events.extend(batch);
    }
    let empty = bench.rows("SELECT region FROM okr_events WHERE region IS NULL").await;
    assert_eq!(empty.len(), bench.rows("SELECT event_id FROM okr_events").await.len());
    let stripped = |table: &str| format!("ALTER TABLE {table} DROP COLUMN region;");
    let strip = ["okr_events", "okr_state"].map(stripped).concat();
    bench.run(&strip, &strip).await;
    reference::check(&bench, &events).await.unwrap();
}

//! A question and its answer, with and without a process that holds the file.

use boot::{House, system_clock};
use jiff::Timestamp;
use store::Store;
use worker::{Brake, Brakes, Halted};

use super::*;

fn halted(service: &str) -> Question {
    Question::Halted { service: service.to_owned() }
}

async fn store(folder: &Path) -> Arc<Store> {
    let url = format!("file:{}", folder.join("state.db").display());
    Store::open(&url, system_clock()).await.expect("a store")
}

fn brake(why: &str) -> Brake {
    let since = Timestamp::UNIX_EPOCH;
    Brake { halted: Some(Halted { why: why.to_owned(), since }), ..Brake::default() }
}

#[tokio::test]
async fn the_holder_of_the_file_answers_and_resumes_every_consumer_of_the_service() {
    let folder = tempfile::tempdir().expect("a folder");
    let socket = folder.path().join(SOCKET);
    assert_eq!(ask_holder(&socket, &halted("notifier")).await.expect("no trouble"), None, "nobody listens");
    let (house, store) = (House::new(system_clock()), store(folder.path()).await);
    // Left behind by a process that was killed.
    std::fs::write(&socket, "").expect("a file");
    serve(&house, folder.path(), Arc::clone(&store));
    store.save("notifier", &brake("fuse")).await.expect("kept");
    store.save("notifier.replay", &brake("store_broken")).await.expect("kept");
    let halts = [("notifier", "fuse"), ("notifier.replay", "store_broken")];
    let halts = halts.map(|(consumer, why)| Halt {
        consumer: consumer.to_owned(),
        why: why.to_owned(),
        since: Timestamp::UNIX_EPOCH,
        gaps: Vec::new(),
    });
    let expected = Some(Answer::Halts(halts.to_vec()));
    assert_eq!(ask_holder(&socket, &halted("notifier")).await.expect("an answer"), expected);
    let resume = Question::Resume { service: "notifier".to_owned(), accept_gaps: false };
    assert_eq!(ask_holder(&socket, &resume).await.expect("an answer"), expected);
    let nothing = Some(Answer::Halts(Vec::new()));
    assert_eq!(ask_holder(&socket, &halted("notifier")).await.expect("an answer"), nothing);
    house.shutdown.cancel();
}

#[tokio::test]
async fn only_the_user_of_the_process_may_open_the_socket() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().expect("a folder");
    let house = House::new(system_clock());
    serve(&house, folder.path(), store(folder.path()).await);
    let mode = std::fs::metadata(folder.path().join(SOCKET)).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    house.shutdown.cancel();
}

#[tokio::test]
async fn what_is_no_question_is_refused_in_words() {
    let folder = tempfile::tempdir().expect("a folder");
    let house = House::new(system_clock());
    serve(&house, folder.path(), store(folder.path()).await);
    let mut stream =
        BufReader::new(UnixStream::connect(folder.path().join(SOCKET)).await.expect("it answers"));
    stream.get_mut().write_all(b"hello\n").await.expect("said");
    let mut text = String::new();
    stream.read_line(&mut text).await.expect("an answer");
    assert!(text.starts_with(r#"{"refused":"no such question: "#), "{text}");
    house.shutdown.cancel();
}

#[tokio::test]
async fn a_path_that_is_too_long_for_a_socket_stops_nobody() {
    let folder = tempfile::tempdir().expect("a folder");
    let deep = folder.path().join("d".repeat(120));
    let house = House::new(system_clock());
    serve(&house, &deep, store(folder.path()).await);
    assert!(house.tasks.running().is_empty());
    assert_eq!(ask_holder(&deep.join(SOCKET), &halted("notifier")).await.expect("no trouble"), None);
}

#[tokio::test]
async fn what_is_missing_is_shown_and_given_up_only_on_demand() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = store(folder.path()).await;
    let ask = async |question: Question| answer(&store, &question).await.expect("an answer");
    let resume = |accept_gaps| Question::Resume { service: "warehouse".to_owned(), accept_gaps };
    let halts = |answer: Answer| match answer {
        Answer::Halts(halts) => halts.into_iter().map(|halt| (halt.why, halt.gaps.len())).collect::<Vec<_>>(),
        Answer::Refused(why) => vec![(why, 0)],
        Answer::Registrations(_) => panic!("nobody asked for it"),
    };
    let slot = bus::Slot::new("okr.events", 3);
    let gap = worker::Gap { slot, from: 500, found: 900, why: "gone".to_owned() };
    let halted_by_it = async || {
        store.note_gaps("warehouse", std::slice::from_ref(&gap)).await.expect("kept");
        store.save("warehouse", &brake("gap")).await.expect("kept");
    };
    let shown = [("gap".to_owned(), 1)];

    halted_by_it().await;
    assert_eq!(halts(ask(halted("warehouse")).await), shown);
    assert_eq!(halts(ask(resume(false)).await), shown);
    assert_eq!(store.gaps("warehouse", true).await.expect("an answer"), [], "it is only looked for again");
    halted_by_it().await;
    assert_eq!(halts(ask(resume(true)).await), shown);
    assert_eq!(store.gaps("warehouse", true).await.expect("an answer"), std::slice::from_ref(&gap));
    assert_eq!(store.load("warehouse").await.expect("an answer").halted, None);
    store.save("warehouse", &brake("store_broken")).await.expect("kept");
    let refused = "nothing is missing that was not accepted before".to_owned();
    assert_eq!(halts(ask(resume(true)).await), [(refused, 0)]);
    assert!(
        store.load("warehouse").await.expect("an answer").halted.is_some(),
        "another halt is another question"
    );
}

#[tokio::test]
async fn a_source_is_opened_and_forgotten_by_whoever_holds_the_store() {
    let folder = tempfile::tempdir().expect("a folder");
    let (house, store) = (House::new(system_clock()), store(folder.path()).await);
    serve(&house, folder.path(), Arc::clone(&store));
    let socket = folder.path().join(SOCKET);
    let ask = async |question: Question| match ask_holder(&socket, &question).await.expect("an answer") {
        Some(Answer::Registrations(known)) => known,
        other => panic!("{other:?}"),
    };
    assert_eq!(ask(Question::Registrations).await, []);
    let known = ask(Question::Open { source: "goals".to_owned(), seconds: 600 }).await;
    assert!(
        known[0].source == "goals" && known[0].open_seconds.is_some_and(|left| (590..=600).contains(&left))
    );
    let sealed = store::Sealed { id: "a".to_owned(), bytes: vec![1] };
    store.learn("goals", &sealed, 9).await.expect("kept");
    assert_eq!(ask(Question::Registrations).await[0].learned.len(), 1);
    let forget = Question::Forget { source: "goals".to_owned() };
    assert_eq!(ask(forget).await[0].learned.len(), 1, "what is forgotten is told");
    assert_eq!(ask(Question::Registrations).await, []);
    house.shutdown.cancel();
}

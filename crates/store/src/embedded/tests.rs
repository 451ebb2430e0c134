//! Group commit, watched from inside.

use outbox::{Effect, QueueError};
use tokio::sync::oneshot;
use uuid::Uuid;

use super::desk::{self, Call, Job};
use super::session::Session;
use super::{plan, schema, upkeep};

type Answer = oneshot::Receiver<Result<bool, QueueError>>;

fn session(folder: &tempfile::TempDir) -> Session {
    let mut session = Session::open(&folder.path().join("state.db")).unwrap();
    schema::migrate(&mut session).unwrap();
    session
}

/// A call that claims event `n`, for a target of the given length, and then perhaps fails.
fn claim(n: u8, target_bytes: usize, fails: bool) -> (Box<dyn Job>, Answer) {
    let (reply, answer) = oneshot::channel();
    let effect = Effect {
        service: "s".into(),
        event_id: Uuid::from_u128(n.into()),
        target: "t".repeat(target_bytes),
        replay_id: String::new(),
    };
    let work = move |session: &mut Session| {
        let claimed = plan::claim(session, &effect, 1)?;
        if fails { Err(QueueError::Broken("on purpose".into())) } else { Ok(claimed) }
    };
    (Box::new(Call::new(work, reply)), answer)
}

/// Runs the calls in one transaction; what each caller hears.
fn run(session: &mut Session, calls: Vec<(Box<dyn Job>, Answer)>) -> Vec<Result<bool, QueueError>> {
    let (mut jobs, answers): (Vec<_>, Vec<_>) = calls.into_iter().unzip();
    let verdicts = desk::commit(session, &mut jobs);
    for (job, verdict) in jobs.into_iter().zip(verdicts) {
        job.answer(verdict);
    }
    answers.into_iter().map(|mut answer| answer.try_recv().unwrap()).collect()
}

#[test]
fn a_call_that_fails_takes_back_its_own_work_and_nobody_elses() {
    let folder = tempfile::tempdir().unwrap();
    let mut session = session(&folder);
    let answers = run(&mut session, vec![claim(1, 1, false), claim(2, 1, true), claim(3, 1, false)]);
    assert_eq!((&answers[0], answers[1].is_err(), &answers[2]), (&Ok(true), true, &Ok(true)));
    let again = run(&mut session, vec![claim(1, 1, false), claim(2, 1, false), claim(3, 1, false)]);
    assert_eq!(again, [Ok(false), Ok(true), Ok(false)]);
}

#[test]
fn a_full_disk_is_passing_and_nothing_is_half_done() {
    let folder = tempfile::tempdir().unwrap();
    let mut session = session(&folder);
    session.script("PRAGMA max_page_count = 40").unwrap();
    let answers = run(&mut session, vec![claim(1, 1, false), claim(2, 200_000, false), claim(3, 1, false)]);
    for answer in &answers {
        assert!(matches!(answer, Err(QueueError::Unavailable(_)) | Ok(true)), "{answer:?}");
    }
    assert!(answers[1].is_err());
    session.script("PRAGMA max_page_count = 100000").unwrap();
    let again = run(&mut session, vec![claim(1, 1, false), claim(2, 200_000, false), claim(3, 1, false)]);
    for (before, now) in answers.iter().zip(&again) {
        assert_eq!(now, &Ok(before.is_err()), "what was not acknowledged is new, what was is known");
    }
    upkeep::ping(&mut session).unwrap();
}

/// What a program does wrong would befall every row, and costs none of them its place.
#[test]
fn only_what_lies_in_the_values_is_refused_for_what_it_says() {
    let folder = tempfile::tempdir().unwrap();
    let mut session = session(&folder);
    session.script("CREATE TABLE kept (id INTEGER PRIMARY KEY, word TEXT UNIQUE)").unwrap();
    let put = "INSERT INTO kept (word) VALUES (?1)";
    session.run(put, ["once"]).unwrap();
    assert!(session.run(put, ["once"]).is_err() && session.is_content_refused());
    assert!(session.run("INSERT INTO kept (id) VALUES (?1)", ["no number"]).is_err());
    assert!(!session.is_content_refused(), "a type that no number is");
}

//! The suite on an embedded file, and what only a file promises.

use super::bench::Bench;
use super::ends;
use crate::{OpenError, Tables, open};

/// Runs one function of the suite on a new file.
pub(super) async fn check(promise: impl AsyncFnOnce(Bench)) {
    ends(promise(Bench::file().await)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_is_one_process_s_alone() {
    let bench = Bench::file().await;
    let held = open(&bench.place, Tables::Migrate).await.unwrap_err();
    assert!(matches!(&held, OpenError::File(why) if why.contains("held by process")), "{held}");
    assert!(!held.is_passing());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_committed_is_there_when_it_is_opened_again() {
    let bench = Bench::file().await;
    let mut member = super::bench::Member::join(&bench.target, [0]).await;
    member.take_all([super::history::at("kr", 1, 0, 0.5)]).await;
    // The folder stays.
    let Bench { target, place, behind: _folder } = bench;
    drop((member, target));
    let target = open(&place, Tables::Expect).await.unwrap();
    let stands = target.offsets().await.unwrap();
    assert_eq!((stands[0].epoch, stands[0].next), (1, 1));
    target.ping().await.unwrap();
}

#[tokio::test]
async fn a_url_that_is_no_warehouse_is_refused_without_being_shown() {
    for url in ["mysql://okr:hunter2@db/okr", "file:", "file:folder/", "okr:hunter2@db"] {
        let place = crate::Place { url: url.to_owned(), schema: crate::SCHEMA.to_owned() };
        let refused = open(&place, Tables::Expect).await.unwrap_err();
        assert!(matches!(refused, OpenError::Url) && !refused.to_string().contains("hunter2"), "{refused}");
    }
}

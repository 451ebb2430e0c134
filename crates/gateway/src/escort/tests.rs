//! Work goes on without its owner.

use std::time::Duration;

use futures::FutureExt;
use tokio::sync::oneshot;
use tokio_util::task::TaskTracker;

use super::{Escort, said};

const LONG: Duration = Duration::from_secs(60);

#[tokio::test]
async fn what_is_waited_for_runs_where_it_is_waited_for() {
    let alone = TaskTracker::new();
    let here = tokio::task::try_id();
    let told = Escort::new(Box::pin(async { tokio::task::try_id() }), &alone, LONG).await;
    assert_eq!(told.unwrap(), here, "no task of its own");
    assert!(alone.is_empty());
}

#[tokio::test]
async fn what_is_left_goes_on_alone_and_is_waited_for_at_the_end() {
    let alone = TaskTracker::new();
    let ((go, gone), (sender, mut done)) = (oneshot::channel::<()>(), oneshot::channel());
    let work = async move {
        gone.await.unwrap();
        sender.send("done").unwrap();
    };
    let mut escort = Escort::new(Box::pin(work), &alone, LONG);
    assert!((&mut escort).now_or_never().is_none() && alone.is_empty());
    drop(escort);
    assert_eq!(alone.len(), 1);
    go.send(()).unwrap();
    alone.close();
    alone.wait().await;
    assert_eq!(done.try_recv(), Ok("done"));
}

#[tokio::test]
async fn what_was_never_begun_is_begun_alone() {
    let alone = TaskTracker::new();
    let (sender, done) = oneshot::channel();
    drop(Escort::new(Box::pin(async move { sender.send(()) }), &alone, LONG));
    done.await.unwrap();
}

#[tokio::test]
async fn a_panic_comes_back_as_words() {
    let told = Escort::new(Box::pin(async { panic!("no {}", "way") }), &TaskTracker::new(), LONG).await;
    assert_eq!(said(&*told.unwrap_err()), "no way");
}

#[tokio::test]
async fn what_takes_too_long_alone_is_given_up() {
    let alone = TaskTracker::new();
    let (sender, done) = oneshot::channel::<()>();
    let work = async move {
        std::future::pending::<()>().await;
        drop(sender);
    };
    drop(Escort::new(Box::pin(work), &alone, Duration::from_millis(1)));
    assert!(done.await.is_err(), "dropped");
}

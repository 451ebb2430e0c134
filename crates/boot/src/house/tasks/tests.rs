use super::*;

fn tasks() -> (Tasks, CancellationToken) {
    let shutdown = CancellationToken::new();
    (Tasks::new(shutdown.clone()), shutdown)
}

#[tokio::test]
async fn a_task_that_ends_well_leaves_the_others_alone() {
    let (tasks, shutdown) = tasks();
    tasks.spawn("short", async { Ok(()) });
    let stay = CancellationToken::new();
    let asked = stay.clone();
    tasks.spawn("long", async move {
        asked.cancelled().await;
        Ok(())
    });
    assert_eq!(tasks.running(), ["short", "long"]);
    stay.cancel();
    tasks.idle().await;
    assert!(tasks.running().is_empty() && tasks.failed().is_empty() && !shutdown.is_cancelled());
}

#[tokio::test]
async fn an_error_asks_the_role_to_stop_and_names_the_task() {
    let (tasks, shutdown) = tasks();
    tasks.spawn("broken", async { Err("no luck".into()) });
    shutdown.cancelled().await;
    tasks.idle().await;
    assert_eq!(tasks.failed(), ["broken"]);
}

#[tokio::test]
async fn a_panic_counts_as_an_error() {
    let (tasks, shutdown) = tasks();
    tasks.spawn("panicking", async { panic!("on purpose") });
    shutdown.cancelled().await;
    tasks.idle().await;
    assert_eq!(tasks.failed(), ["panicking"]);
}

#[test]
fn causes_are_told_once_each() {
    #[derive(Debug, thiserror::Error)]
    #[error("cannot start")]
    struct Outer(#[source] std::io::Error);
    let error = Outer(std::io::Error::other("disk is full"));
    assert_eq!(chain(&error), "cannot start: disk is full");
    let repeated: BoxError = std::io::Error::other("same").into();
    assert_eq!(chain(repeated.as_ref()), "same");
}

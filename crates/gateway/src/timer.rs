//! A deadline that moves: one timer of a connection for all of its requests. To move it further costs a store; a timer of
//! its own for each request would take the lock of all timers twice.

use std::{
    future::{Future, poll_fn},
    pin::{Pin, pin},
    sync::{Mutex, PoisonError},
    task::{Context, Poll},
};

use tokio::time::{Instant, Sleep, sleep_until};

/// See the head of this file. Not for two that wait at the same time.
#[derive(Debug)]
pub(crate) struct Timer(Mutex<Pin<Box<Sleep>>>);

/// It was too late.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Late;

impl Timer {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(Box::pin(sleep_until(Instant::now()))))
    }

    /// What comes of this until then. One that has its end already, has it.
    ///
    /// # Errors
    /// It has none at that time; it is dropped with this future.
    pub(crate) async fn within<F: Future>(&self, deadline: Instant, work: F) -> Result<F::Output, Late> {
        let mut work = pin!(work);
        poll_fn(|task| match work.as_mut().poll(task) {
            Poll::Ready(done) => Poll::Ready(Ok(done)),
            Poll::Pending => self.poll(deadline, task).map(|()| Err(Late)),
        })
        .await
    }

    /// Whether it is that time; if not, the task is woken then, and perhaps once more.
    pub(crate) fn poll(&self, deadline: Instant, task: &mut Context<'_>) -> Poll<()> {
        let mut sleep = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if sleep.deadline() != deadline {
            sleep.as_mut().reset(deadline);
        }
        sleep.as_mut().poll(task)
    }
}

#[cfg(test)]
mod tests {
    use std::{future::pending, time::Duration};

    use tokio::{sync::oneshot, time::timeout};

    use super::*;

    const SOON: Duration = Duration::from_millis(20);
    const LONG: Duration = Duration::from_secs(30);

    #[tokio::test]
    async fn what_is_late_is_given_up_and_the_next_has_a_deadline_of_its_own() {
        let timer = Timer::new();
        for _ in 0..3 {
            let deadline = Instant::now() + SOON;
            assert_eq!(timeout(LONG, timer.within(deadline, pending::<()>())).await, Ok(Err(Late)));
            assert!(Instant::now() >= deadline);
        }
    }

    #[tokio::test]
    async fn what_is_ready_is_taken_however_late() {
        assert_eq!(Timer::new().within(Instant::now(), async { 7 }).await, Ok(7));
    }

    #[tokio::test]
    async fn an_earlier_deadline_than_the_last_holds() {
        let timer = Timer::new();
        let (say, word) = oneshot::channel();
        let waiting = timer.within(Instant::now() + 4 * LONG, word);
        let saying = async {
            tokio::task::yield_now().await;
            say.send(()).unwrap();
        };
        assert_eq!(tokio::join!(waiting, saying).0, Ok(Ok(())));
        let late = timeout(LONG, timer.within(Instant::now() + SOON, pending::<()>())).await;
        assert_eq!(late, Ok(Err(Late)));
    }
}

//! Whether to leave, asked at every poll of every connection. A token's own future takes a lock that all of them share
//! each time; this one only when the token has something to say.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use futures::task::AtomicWaker;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// Ready once the token is cancelled.
pub(crate) struct Leaving {
    word: Pin<Box<WaitForCancellationFutureOwned>>,
    bell: Arc<Bell>,
    waker: Waker,
}

struct Bell {
    rang: AtomicBool,
    task: AtomicWaker,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.rang.store(true, Ordering::Release);
        self.task.wake();
    }
}

impl Leaving {
    pub(crate) fn new(token: CancellationToken) -> Self {
        // It has not been asked yet.
        let bell = Arc::new(Bell { rang: AtomicBool::new(true), task: AtomicWaker::new() });
        Self { word: Box::pin(token.cancelled_owned()), waker: bell.clone().into(), bell }
    }

    /// Whether it is time. Not to be asked again after that.
    pub(crate) fn poll(&mut self, task: &mut Context<'_>) -> Poll<()> {
        // First whom to wake, then whether it rang: so no ring is missed in between.
        self.bell.task.register(task.waker());
        if !self.bell.rang.swap(false, Ordering::AcqRel) {
            return Poll::Pending;
        }
        self.word.as_mut().poll(&mut Context::from_waker(&self.waker))
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    #[tokio::test]
    async fn it_is_heard_before_and_while_somebody_waits() {
        let token = CancellationToken::new();
        let mut waiting = Leaving::new(token.clone());
        let (asked, is_asked) = tokio::sync::oneshot::channel();
        let mut asked = Some(asked);
        let task = tokio::spawn(poll_fn(move |task| {
            let polled = waiting.poll(task);
            asked.take().map(|asked| asked.send(()));
            polled
        }));
        is_asked.await.unwrap();
        token.cancel();
        task.await.unwrap();
        let mut late = Leaving::new(token);
        poll_fn(|task| late.poll(task)).await;
    }

    #[tokio::test]
    async fn whoever_asked_last_is_woken() {
        let token = CancellationToken::new();
        let mut leaving = Leaving::new(token.clone());
        let nobody = &mut Context::from_waker(Waker::noop());
        assert!(leaving.poll(nobody).is_pending());
        let (asked, is_asked) = tokio::sync::oneshot::channel();
        let mut asked = Some(asked);
        let task = tokio::spawn(poll_fn(move |task| {
            let polled = leaving.poll(task);
            asked.take().map(|asked| asked.send(()));
            polled
        }));
        is_asked.await.unwrap();
        token.cancel();
        task.await.unwrap();
    }
}

//! Work that its owner waits for, and that goes on by itself should the owner go away.

use std::{
    future::Future,
    panic::AssertUnwindSafe,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use futures::{FutureExt, future::CatchUnwind};
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

/// Runs in the task that waits for it, for a task of its own costs two wake-ups of other threads. Dropped before its
/// end, it becomes one.
pub(crate) struct Escort<F: Future<Output: Send> + Send + 'static> {
    work: Option<CatchUnwind<AssertUnwindSafe<Pin<Box<F>>>>>,
    alone: TaskTracker,
    alone_max: Duration,
}

impl<F: Future<Output: Send> + Send + 'static> Escort<F> {
    /// `alone` knows the work whose owner went away; so long it may still take then, and is given up.
    pub(crate) fn new(work: Pin<Box<F>>, alone: &TaskTracker, alone_max: Duration) -> Self {
        let work = Some(AssertUnwindSafe(work).catch_unwind());
        Self { work, alone: alone.clone(), alone_max }
    }
}

impl<F: Future<Output: Send> + Send + 'static> Future for Escort<F> {
    type Output = std::thread::Result<F::Output>;

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(work) = self.work.as_mut() else { return Poll::Pending };
        let polled = work.poll_unpin(task);
        if polled.is_ready() {
            self.work = None;
        }
        polled
    }
}

/// What a panic said.
pub(crate) fn said(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("a panic without words")
}

impl<F: Future<Output: Send> + Send + 'static> Drop for Escort<F> {
    fn drop(&mut self) {
        if let Some(work) = self.work.take() {
            let alone_max = self.alone_max;
            self.alone.spawn(async move {
                match timeout(alone_max, work).await {
                    Ok(Ok(_)) => {}
                    Ok(Err(panic)) => {
                        let panic = said(&*panic);
                        tracing::error!(
                            error = panic,
                            "a delivery without its sender ended in a panic: {panic}"
                        );
                    }
                    Err(_) => {
                        tracing::error!("a delivery without its sender was given up after {alone_max:?}")
                    }
                }
            });
        }
    }
}

#[cfg(test)]
mod tests;

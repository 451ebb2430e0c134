//! The span in which something is going on, for code that is called from within and hands a context on.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::Pin;

use super::TraceContext;

thread_local! {
    static CURRENT: Cell<Option<TraceContext>> = const { Cell::new(None) };
}

/// The context that the work under way runs in; none outside of [`within`].
pub fn current() -> Option<TraceContext> {
    CURRENT.get()
}

/// Does work in a context: [`current`] gives it whenever the work is polled, on whichever thread. Without a context it
/// is as if this function was not there. Work that is not `Unpin` is handed over as `pin!(work)`, so that it is not kept
/// twice.
pub async fn within<F: Future + Unpin>(context: Option<TraceContext>, mut work: F) -> F::Output {
    poll_fn(|task| {
        let _entered = context.map(|context| Entered(CURRENT.replace(Some(context))));
        Pin::new(&mut work).poll(task)
    })
    .await
}

/// Puts back what was there before, after a panic too.
struct Entered(Option<TraceContext>);

impl Drop for Entered {
    fn drop(&mut self) {
        CURRENT.set(self.0);
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use super::*;

    fn context(last: u8) -> TraceContext {
        TraceContext::new([1; 16], [last; 8], true).unwrap()
    }

    #[tokio::test]
    async fn a_context_holds_inside_and_not_beside() {
        let (outer, inner) = (context(1), context(2));
        assert_eq!(current(), None);
        let seen = async {
            let before = current();
            let inside = pin!(async {
                tokio::task::yield_now().await;
                current()
            });
            let within = within(Some(inner), inside);
            let beside = async {
                tokio::task::yield_now().await;
                current()
            };
            let (within, beside) = tokio::join!(within, beside);
            (before, within, beside, super::within(None, pin!(async { current() })).await)
        };
        let seen = super::within(Some(outer), pin!(seen)).await;
        assert_eq!(seen, (Some(outer), Some(inner), Some(outer), Some(outer)));
        assert_eq!(current(), None);
    }
}

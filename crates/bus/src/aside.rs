//! Closing a Kafka client waits for threads and sometimes for the network, so no client is dropped on an async thread.

use std::ops::Deref;

/// Holds a client that is dropped on a thread of its own.
pub(crate) struct Aside<T: Send + 'static>(Option<T>);

impl<T: Send + 'static> Aside<T> {
    pub(crate) fn new(client: T) -> Self {
        Self(Some(client))
    }
}

impl<T: Send + 'static> Deref for Aside<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // It is taken only in `drop`.
        match &self.0 {
            Some(client) => client,
            None => unreachable!("the client is there until the drop"),
        }
    }
}

impl<T: Send + 'static> Drop for Aside<T> {
    fn drop(&mut self) {
        if let Some(client) = self.0.take() {
            // Without a thread the closure is dropped here, client and all: slower, and still right.
            let _ = std::thread::Builder::new().name("bus-drop".into()).spawn(move || drop(client));
        }
    }
}

//! The named tasks of a role.

use std::future::Future;

use tokio_util::sync::CancellationToken;

use crate::BoxError;

/// The named tasks of a role. Cheap to clone; all clones are one.
#[derive(Debug, Clone)]
pub struct Tasks {
    shutdown: CancellationToken,
}

impl Tasks {
    pub(crate) fn new(shutdown: CancellationToken) -> Self {
        Self { shutdown }
    }

    /// Starts a task. If it ends with an error or panics, the role is asked to stop and exits with 1, naming the task.
    pub fn spawn(
        &self,
        _name: &'static str,
        _task: impl Future<Output = Result<(), BoxError>> + Send + 'static,
    ) {
        let _ = &self.shutdown;
        todo!()
    }
}

//! The rules of goals: events, progress, conditions, templates and which state supersedes which. Pure: no IO, no clock.

mod event;

pub use event::{
    Change, Cycle, EventId, Metric, OkrEvent, Person, Previous, Source, Status, Subject, SubjectType,
};

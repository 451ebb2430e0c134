//! The rules of goals: events, progress, departments, conditions, templates and which state supersedes which.
//!
//! Pure: no IO, no clock, no async, and no knowledge of any tool's or channel's name.

mod condition;
mod departments;
mod event;
mod expression;
mod fold;
mod ids;
mod mapping;
mod order;
pub mod progress;
#[cfg(test)]
mod sample;
mod scan;
mod strict;
mod template;
pub mod time;
mod view;

pub use condition::{Condition, Verdict};
pub use departments::{AmbiguousDepartment, Department, Departments, OTHERS, Resolved};
pub use event::{
    Change, Cycle, EventId, Metric, OkrEvent, Person, Previous, Source, Status, Subject, SubjectType,
};
pub use expression::ExpressionError;
pub use fold::{NotApplied, State, fold, fold_onto, replaces};
pub use ids::{ce_type, event_id, object_key, subject_key};
pub use mapping::{Mapping, Root, Scope};
pub use order::{Rank, rank, supersedes};
pub use template::{DEFAULT_TEMPLATE, Template};
pub use view::EventView;

//! Words that tools use for the same thing.

use okr::{Change, Status, SubjectType};

/// Splits a type such as `key_result.checked_in`. `None`: not about goals, so nothing for us. A change that is not
/// listed is [`Change::Unknown`].
pub(crate) fn event_type(word: &str) -> Option<(SubjectType, Change)> {
    let (subject, change) = word.split_once('.')?;
    Some((subject_type(subject)?, self::change(change)))
}

/// The four types of subjects, by their exact names.
pub(crate) fn subject_type(word: &str) -> Option<SubjectType> {
    Some(match word {
        "objective" => SubjectType::Objective,
        "key_result" => SubjectType::KeyResult,
        "initiative" => SubjectType::Initiative,
        "custom" => SubjectType::Custom,
        _ => return None,
    })
}

/// What happened, by its exact word; one that is not listed is [`Change::Unknown`].
pub(crate) fn change(word: &str) -> Change {
    match word {
        "created" => Change::Created,
        "updated" => Change::Updated,
        "checked_in" => Change::CheckedIn,
        "status_changed" => Change::StatusChanged,
        "closed" => Change::Closed,
        "deleted" => Change::Deleted,
        "commented" => Change::Commented,
        _ => Change::Unknown,
    }
}

/// A health word, however it is written: `onTrack`, `on_track`, `On track`. A word that nobody listed says nothing.
pub(crate) fn status(word: &str) -> Status {
    let plain: String =
        word.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).take(24).collect();
    match plain.as_str() {
        "ontrack" | "green" | "healthy" | "progressing" => Status::OnTrack,
        "atrisk" | "yellow" | "amber" => Status::AtRisk,
        "offtrack" | "behind" | "red" => Status::Behind,
        "done" | "completed" | "complete" | "achieved" | "closed" => Status::Done,
        "cancelled" | "canceled" | "dropped" => Status::Cancelled,
        _ => Status::Unknown,
    }
}

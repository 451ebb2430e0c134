//! What the file is asked, in the order of a commit.

use super::columns::event_columns;

pub(super) const STANDS: &str = "SELECT 1 FROM okr_sink_offsets
    WHERE topic = ?1 AND partition = ?2 AND epoch = ?3 AND next_offset = ?4";

pub(super) const EVENT_KNOWN: &str =
    "SELECT event_id, ordered_at, source_sequence, received_at, revision, subject_uid
    FROM okr_events WHERE event_id = ?1";

pub(super) const HAS_CORRECTIONS: &str = "SELECT 1 FROM okr_corrections LIMIT 1";

pub(super) const CORRECTION_KNOWN: &str = "SELECT revision FROM okr_corrections WHERE delivery_uid = ?1";

pub(super) const STATE: &str =
    concat!("SELECT ", event_columns!(), ", version FROM okr_state WHERE subject_uid = ?1");

pub(super) const TAKE_OUT: &str = "DELETE FROM okr_events WHERE event_id = ?1";

pub(super) const CORRECT: &str = "DELETE FROM okr_events
    WHERE source_delivery_id = ?1 AND subject_namespace = ?2 AND revision < ?3 RETURNING subject_uid";

pub(super) const NOTE_CORRECTION: &str =
    "INSERT INTO okr_corrections (delivery_uid, subject_namespace, source_delivery_id, revision)
    VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO UPDATE SET revision = max(revision, excluded.revision)";

pub(super) const ADD: &str = concat!(
    "INSERT INTO okr_events (",
    event_columns!(),
    ", kafka_topic, kafka_partition, kafka_offset, written_at)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,
        ?, ?, ?, ?, ?, ?, ?, ?)"
);

pub(super) const HISTORY: &str =
    concat!("SELECT ", event_columns!(), " FROM okr_events WHERE subject_uid = ?1 AND ordered_at >= ?2");

pub(super) const LAST_DAY: &str =
    "SELECT day, department, team, progress, confidence, status, metric_current, cycle_name,
        cycle_start, cycle_end, is_deleted, is_closed
    FROM okr_progress_daily WHERE subject_uid = ?1 AND day <= ?2 ORDER BY day DESC LIMIT 1";

pub(super) const PUT_STATE: &str = concat!(
    "INSERT OR REPLACE INTO okr_state (",
    event_columns!(),
    ", version, updated_at)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,
        ?, ?, ?, ?, ?, ?)"
);

pub(super) const DROP_STATE: &str = "DELETE FROM okr_state WHERE subject_uid = ?1";

pub(super) const DROP_DAYS: &str = "DELETE FROM okr_progress_daily WHERE subject_uid = ?1";

pub(super) const PUT_DAY: &str =
    "INSERT OR REPLACE INTO okr_progress_daily (subject_uid, day, department, team, progress,
        confidence, status, metric_current, cycle_name, cycle_start, cycle_end, is_deleted, is_closed)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

pub(super) const MARK: &str =
    "UPDATE okr_sink_offsets SET next_offset = ?3, last_offset = ?4, fingerprint = ?5,
        updated_at = ?6 WHERE topic = ?1 AND partition = ?2";

pub(super) const ASSIGN: &str =
    "INSERT INTO okr_sink_offsets (topic, partition, epoch, next_offset, updated_at)
    VALUES (?1, ?2, 1, 0, ?3) ON CONFLICT DO UPDATE SET epoch = epoch + 1, updated_at = excluded.updated_at";

pub(super) const STANDING: &str = "SELECT topic, partition, epoch, next_offset, last_offset, fingerprint
    FROM okr_sink_offsets WHERE topic = ?1 AND partition = ?2";

pub(super) const OFFSETS: &str = "SELECT topic, partition, epoch, next_offset, last_offset, fingerprint
    FROM okr_sink_offsets ORDER BY topic, partition";

pub(super) const RESTART: &str =
    "UPDATE okr_sink_offsets SET next_offset = 0, last_offset = NULL, fingerprint = NULL, updated_at = ?5
    WHERE topic = ?1 AND partition = ?2 AND epoch = ?3 AND next_offset = ?4";

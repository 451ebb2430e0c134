-- What every table, view and column means, for whoever opens the database with a tool that shows it. A name means the
-- same wherever it stands; what differs follows below. A later step comments on what it adds.

DO $$
DECLARE
    said record;
BEGIN
    FOR said IN
        SELECT relation.relname, attribute.attname, word.comment
        FROM (VALUES
            ('event_id', 'Identity of the event: the same delivery of the same subject always gets the same one.'),
            ('revision', '0, or the time (microseconds) of the replay that corrected the event.'),
            ('occurred_at', 'When it happened, as the tool or its envelope says, else received_at.'),
            ('received_at', 'When the gateway had the whole delivery.'),
            ('source_name', 'The configured sender, as in the path /in/{name}.'),
            ('source_kind', 'Which dialect the sender speaks, as configured.'),
            ('source_delivery_id', 'The identity of the delivery that the event came in.'),
            ('source_sequence', 'The tool''s own counter: the higher one is the newer one.'),
            ('change', 'What happened: created, updated, checked_in, status_changed, closed, deleted, commented, unknown.'),
            ('subject_uid', 'The subject in one column: UUIDv5 (namespace OID) of namespace/type/id. Join by it.'),
            ('subject_namespace', 'Keeps the ids of two tools apart.'),
            ('subject_type', 'objective, key_result, initiative or custom.'),
            ('subject_id', 'The tool''s own id.'),
            ('subject_parent_id', 'The id of what it hangs under, in the same namespace.'),
            ('subject_title', 'What people call it.'),
            ('subject_url', 'Where people look at it.'),
            ('title', 'What people call it.'),
            ('url', 'Where people look at it.'),
            ('department', 'The canonical name where it is a known one, else the tool''s own text; null where nothing was said.'),
            ('team', 'The tool''s own text.'),
            ('owner_id', 'Who answers for it: the tool''s own id.'),
            ('owner_name', 'Who answers for it: the name to show.'),
            ('owner_email', 'Who answers for it: the address as the tool gives it.'),
            ('manager_id', 'Whom the owner reports to: the tool''s own id.'),
            ('manager_name', 'Whom the owner reports to: the name to show.'),
            ('manager_email', 'Whom the owner reports to: the address as the tool gives it.'),
            ('cycle_name', 'The period that it belongs to, such as 2026 Q3.'),
            ('cycle_start', 'First day of the period.'),
            ('cycle_end', 'Last day of the period.'),
            ('metric_start', 'The number at progress 0, in the tool''s own unit.'),
            ('metric_target', 'The number at progress 1; it may lie below the start.'),
            ('metric_current', 'The number now.'),
            ('metric_unit', 'Such as EUR or %.'),
            ('progress', '0 is the start, 1 the goal, at most 6.5; null where nothing was said.'),
            ('confidence', '0 to 1; null where nothing was said.'),
            ('status', 'The tool''s judgement: on_track, at_risk, behind, done, cancelled, unknown.'),
            ('previous_progress', 'Progress before the change, where the tool says so.'),
            ('previous_status', 'Status before the change, where the tool says so.'),
            ('previous_current', 'The number before the change, where the tool says so.'),
            ('actor', 'Who did it, in the tool''s words.'),
            ('note', 'The comment that came with the change.'),
            ('attributes', 'Whatever else the tool says, a JSON object of texts.'),
            ('ordered_at', 'When it counts as having happened: occurred_at, at most five minutes after received_at.'),
            ('kafka_topic', 'The topic that it was read from.'),
            ('kafka_partition', 'The partition that it was read from.'),
            ('kafka_offset', 'Its place in the partition.'),
            ('written_at', 'When the row was written.'),
            ('updated_at', 'When the row was last written.'),
            ('version', 'Grows with each event of the subject that counts.'),
            ('is_deleted', 'Whether the newest change was that it is gone from the tool.'),
            ('is_closed', 'Whether the newest change was that it came to its end.'),
            ('day', 'A day of UTC on which something was heard of it.'),
            ('today', 'The day of UTC that the views call today.'),
            ('iso_year', 'The year that the week belongs to; around New Year it may be another one than that of its days.'),
            ('iso_week', 'Number of the week in iso_year, 1 to 53.'),
            ('week_start', 'The Monday of the week.'),
            ('key_results', 'How many key results this is about.'),
            ('key_results_measured', 'How many of them have a progress; the averages are of these.'),
            ('key_results_rated', 'How many of them have a confidence; the average is of these.'),
            ('key_results_checked_in', 'How many different key results were checked in.'),
            ('key_results_at_risk', 'How many of them have the status at_risk.'),
            ('key_results_behind', 'How many of them have the status behind.'),
            ('key_results_done', 'How many of them have the status done.'),
            ('progress_avg', 'Mean progress; past the goal counts as 1, so that no key result hides another.'),
            ('progress_min', 'The lowest progress.'),
            ('progress_max', 'The highest progress; past the goal counts as 1.'),
            ('progress_rolled_up', 'Mean progress of the key results under it, each once; past the goal counts as 1.'),
            ('confidence_avg', 'Mean confidence of those that have one.'),
            ('confidence_change', 'confidence_avg less that of the week before; null where either is missing.'),
            ('check_ins', 'How many check-ins were made.'),
            ('days_between_avg', 'Mean number of days from the check-in before of the same key result, over these check-ins.'),
            ('in_cycle', 'Whether today lies in its cycle; what has no cycle always does.'),
            ('is_open', 'Neither done nor cancelled, and not closed by its newest change.'),
            ('objective_uid', 'The objective that it hangs under directly, as subject_uid.'),
            ('objective_id', 'The objective that it hangs under directly.'),
            ('objective_title', 'What people call that objective.'),
            ('first_day', 'The day on which it was first heard of.'),
            ('last_check_in_day', 'The day of its newest check-in; null where there was none.'),
            ('days_since_check_in', 'Days from the newest check-in to today; from first_day where there was none.'),
            ('last_progress_day', 'The day on which its progress last became another one, up or down.'),
            ('days_without_progress', 'Days from last_progress_day to today; from first_day where it never had a progress.'),
            ('reason', 'no_check_in, no_progress or both: what it was not seen to do for 14 days.'),
            ('parent_uid', 'What it hangs under, as subject_uid.'),
            ('parent_type', 'Type of what it hangs under.'),
            ('parent_id', 'Id of what it hangs under.'),
            ('level', 'How many subjects are above it; 0 at the top.'),
            ('in_loop', 'Whether following its parents leads back to itself: a mistake in the tool.'),
            ('objectives', 'How many objectives are open today.'),
            ('objectives_covered', 'How many of them have a key result that was checked in within the last 14 days.'),
            ('coverage', 'objectives_covered by objectives.'),
            ('delivery_uid', 'The delivery in one column, to look it up by.'),
            ('topic', 'The topic that is read.'),
            ('partition', 'The partition that is read.'),
            ('next_offset', 'The first offset that is not contained yet.'),
            ('epoch', 'Grows with each assignment; who writes with a lower one is refused.'),
            ('last_offset', 'The last record that is contained.'),
            ('fingerprint', 'Of that record, to notice a topic that was made anew.')
        ) AS word (name, comment)
        JOIN pg_attribute AS attribute ON attribute.attname = word.name AND attribute.attnum > 0
        JOIN pg_class AS relation
            ON relation.oid = attribute.attrelid
            AND relation.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema())
            AND relation.relkind IN ('r', 'v')
            AND relation.relname LIKE 'okr\_%'
    LOOP
        EXECUTE format('COMMENT ON COLUMN %I.%I IS %L', said.relname, said.attname, said.comment);
    END LOOP;
END
$$;

COMMENT ON TABLE okr_events IS 'One row per event: what was said of a subject, and when. The highest revision of each.';
COMMENT ON TABLE okr_state IS 'One row per subject: what is known of it now, put together from its events. Times, change, actor, note and previous are those of its newest event.';
COMMENT ON TABLE okr_progress_daily IS 'One row per subject and day on which something was heard of it: how it stood at the end of that day.';
COMMENT ON TABLE okr_corrections IS 'Deliveries that a replay corrected, so that older revisions are refused. For the program alone.';
COMMENT ON TABLE okr_sink_offsets IS 'How far each partition is contained, written together with the rows. For the program alone.';
COMMENT ON COLUMN okr_corrections.revision IS 'The highest revision of the delivery.';

COMMENT ON VIEW okr_clock IS 'The day that the other views go by: that of UTC, whatever the session''s time zone.';
COMMENT ON VIEW okr_parents IS 'What hangs under what: one row per living subject whose parent is a living subject.';
COMMENT ON VIEW okr_key_results IS 'One row per key result that is not deleted, as it stands now.';
COMMENT ON VIEW okr_stalled IS 'Open key results of a running cycle without a check-in, or without progress, for 14 days.';
COMMENT ON VIEW okr_key_results_by_status IS 'How many key results have which status, by department, team and cycle.';
COMMENT ON VIEW okr_key_result_weeks IS 'One row per key result and ISO week in which it counts, as it stood at the end of that week: while its cycle lasts, not while it is deleted or cancelled, and without a cycle until it has come to its end.';
COMMENT ON VIEW okr_progress_weekly IS 'Mean progress by department and ISO week, in the department that each key result belonged to then.';
COMMENT ON VIEW okr_confidence_trend IS 'Mean confidence by department and ISO week, and how it changed.';
COMMENT ON VIEW okr_check_in_cadence IS 'How often key results are checked in, by department and ISO week.';
COMMENT ON VIEW okr_coverage IS 'By team: which share of its open objectives has a key result that was checked in within the last 14 days.';
COMMENT ON VIEW okr_rollup IS 'One row per objective that is not deleted: what all key results under it, at any level, come to. Cancelled ones do not count.';

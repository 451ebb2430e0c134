-- Views for BI. Each can be made again at any time.
--
-- Days are days of UTC, weeks are ISO weeks (Monday to Sunday; the one with a year's first Thursday is its first). No
-- view reads the session's time zone, so everybody sees the same numbers. Averages count what is past its goal as 1.

CREATE OR REPLACE VIEW okr_clock AS SELECT (now() AT TIME ZONE 'UTC')::date AS today;

-- An id does not say of which type the parent is: of the living subjects with that id, the likeliest type is taken.
CREATE OR REPLACE VIEW okr_parents AS
SELECT DISTINCT ON (child.subject_uid)
    child.subject_uid,
    child.subject_namespace,
    child.subject_type,
    child.subject_id,
    parent.subject_uid AS parent_uid,
    parent.subject_type AS parent_type,
    parent.subject_id AS parent_id
FROM okr_state AS child
JOIN okr_state AS parent
    ON parent.subject_namespace = child.subject_namespace
    AND parent.subject_id = child.subject_parent_id
    AND parent.subject_uid <> child.subject_uid
WHERE NOT child.is_deleted AND NOT parent.is_deleted
ORDER BY
    child.subject_uid,
    strpos(
        CASE child.subject_type
            WHEN 'key_result' THEN 'objective initiative custom key_result'
            WHEN 'initiative' THEN 'key_result objective initiative custom'
            ELSE 'objective key_result initiative custom'
        END,
        parent.subject_type
    );

CREATE OR REPLACE VIEW okr_key_results AS
SELECT
    state.subject_uid,
    state.subject_namespace,
    state.subject_id,
    state.subject_title AS title,
    state.subject_url AS url,
    state.department,
    state.team,
    state.owner_name,
    state.cycle_name,
    state.cycle_start,
    state.cycle_end,
    coalesce(state.cycle_start <= clock.today, true) AND coalesce(state.cycle_end >= clock.today, true) AS in_cycle,
    state.status NOT IN ('done', 'cancelled') AND state.change <> 'closed' AS is_open,
    state.status,
    state.progress,
    state.confidence,
    state.metric_start,
    state.metric_target,
    state.metric_current,
    state.metric_unit,
    objective.subject_uid AS objective_uid,
    objective.subject_id AS objective_id,
    objective.subject_title AS objective_title,
    heard.first_day,
    checked.last_check_in_day,
    greatest(clock.today - coalesce(checked.last_check_in_day, heard.first_day), 0) AS days_since_check_in,
    moved.last_progress_day,
    greatest(clock.today - coalesce(moved.last_progress_day, heard.first_day), 0) AS days_without_progress
FROM okr_state AS state
CROSS JOIN okr_clock AS clock
LEFT JOIN okr_parents AS parent ON parent.subject_uid = state.subject_uid AND parent.parent_type = 'objective'
LEFT JOIN okr_state AS objective ON objective.subject_uid = parent.parent_uid
CROSS JOIN LATERAL (
    SELECT min(day) AS first_day FROM okr_progress_daily AS daily WHERE daily.subject_uid = state.subject_uid
) AS heard
CROSS JOIN LATERAL (
    SELECT (max(ordered_at) AT TIME ZONE 'UTC')::date AS last_check_in_day
    FROM okr_events AS event
    WHERE event.subject_uid = state.subject_uid AND event.change = 'checked_in' AND event.subject_type = 'key_result'
) AS checked
CROSS JOIN LATERAL (
    -- The first day after the last one that ended with another progress than today's.
    SELECT min(day) AS last_progress_day
    FROM okr_progress_daily AS daily
    WHERE daily.subject_uid = state.subject_uid
        AND state.progress IS NOT NULL
        AND daily.day > coalesce(
            (
                SELECT max(other.day) FROM okr_progress_daily AS other
                WHERE other.subject_uid = state.subject_uid AND other.progress IS DISTINCT FROM state.progress
            ),
            '-infinity'
        )
) AS moved
WHERE state.subject_type = 'key_result' AND NOT state.is_deleted;

CREATE OR REPLACE VIEW okr_stalled AS
SELECT
    subject_uid, subject_namespace, subject_id, title, url, department, team, owner_name, cycle_name, status, progress,
    last_check_in_day, days_since_check_in, last_progress_day, days_without_progress,
    CASE
        WHEN days_since_check_in >= 14 AND days_without_progress >= 14 THEN 'both'
        WHEN days_since_check_in >= 14 THEN 'no_check_in'
        ELSE 'no_progress'
    END AS reason
FROM okr_key_results
WHERE is_open AND in_cycle AND (days_since_check_in >= 14 OR days_without_progress >= 14);

CREATE OR REPLACE VIEW okr_key_results_by_status AS
SELECT
    department, team, cycle_name, status,
    count(*) AS key_results,
    avg(CASE WHEN progress > 1 THEN 1 ELSE progress END) AS progress_avg,
    avg(confidence) AS confidence_avg
FROM okr_state
WHERE subject_type = 'key_result' AND NOT is_deleted
GROUP BY department, team, cycle_name, status;

CREATE OR REPLACE VIEW okr_key_result_weeks AS
WITH heard AS (
    SELECT
        state.subject_namespace, state.subject_id,
        daily.day - (extract(isodow FROM daily.day)::int - 1) AS heard_week,
        lead(daily.day) OVER (PARTITION BY daily.subject_uid ORDER BY daily.day) AS next_day,
        daily.*
    FROM okr_progress_daily AS daily
    JOIN okr_state AS state ON state.subject_uid = daily.subject_uid AND state.subject_type = 'key_result'
),
-- How it stood at the end of each week in which it was heard of.
stood AS (
    SELECT heard.*, next_day - (extract(isodow FROM next_day)::int - 1) - 7 AS last_week
    FROM heard
    WHERE next_day IS NULL OR next_day > heard_week + 6
)
SELECT
    subject_uid,
    subject_namespace,
    subject_id,
    extract(isoyear FROM week.week_start)::int AS iso_year,
    extract(week FROM week.week_start)::int AS iso_week,
    week.week_start,
    department,
    team,
    cycle_name,
    status,
    progress,
    confidence
FROM stood
CROSS JOIN okr_clock AS clock
CROSS JOIN LATERAL (
    -- So it stood until it was heard of again, in the weeks that its cycle touches.
    SELECT generate_series(
        -- A tool with a wrong clock may speak of the year 1: nobody draws a hundred thousand weeks.
        greatest(heard_week, cycle_start - (extract(isodow FROM cycle_start)::int - 1), date '2000-01-03')::timestamp,
        least(
            last_week,
            clock.today,
            cycle_end,
            -- What has come to its end and has no cycle counts in that week for the last time.
            CASE WHEN cycle_end IS NULL AND (status = 'done' OR is_closed) THEN heard_week END
        )::timestamp,
        interval '7 days'
    )::date AS week_start
) AS week
WHERE NOT is_deleted AND status <> 'cancelled';

CREATE OR REPLACE VIEW okr_progress_weekly AS
SELECT
    department, iso_year, iso_week, week_start,
    count(*) AS key_results,
    count(progress) AS key_results_measured,
    avg(CASE WHEN progress > 1 THEN 1 ELSE progress END) AS progress_avg,
    min(CASE WHEN progress > 1 THEN 1 ELSE progress END) AS progress_min,
    max(CASE WHEN progress > 1 THEN 1 ELSE progress END) AS progress_max
FROM okr_key_result_weeks
GROUP BY department, iso_year, iso_week, week_start;

CREATE OR REPLACE VIEW okr_confidence_trend AS
WITH weekly AS (
    SELECT
        department, iso_year, iso_week, week_start,
        count(*) AS key_results,
        count(confidence) AS key_results_rated,
        avg(confidence) AS confidence_avg
    FROM okr_key_result_weeks
    GROUP BY department, iso_year, iso_week, week_start
)
SELECT
    weekly.*,
    CASE
        WHEN lag(week_start) OVER by_week = week_start - 7 THEN confidence_avg - lag(confidence_avg) OVER by_week
    END AS confidence_change
FROM weekly
WINDOW by_week AS (PARTITION BY department ORDER BY week_start);

CREATE OR REPLACE VIEW okr_check_in_cadence AS
WITH check_ins AS (
    SELECT
        subject_uid,
        (ordered_at AT TIME ZONE 'UTC')::date AS day,
        lag((ordered_at AT TIME ZONE 'UTC')::date) OVER (PARTITION BY subject_uid ORDER BY ordered_at) AS before
    FROM okr_events
    WHERE change = 'checked_in' AND subject_type = 'key_result'
),
by_key_result AS (
    SELECT
        daily.department,
        daily.day - (extract(isodow FROM daily.day)::int - 1) AS week_start,
        check_ins.subject_uid,
        count(*) AS check_ins,
        sum(check_ins.day - before) AS days_between,
        count(before) AS gaps
    FROM check_ins
    JOIN okr_progress_daily AS daily ON daily.subject_uid = check_ins.subject_uid AND daily.day = check_ins.day
    GROUP BY 1, 2, 3
),
-- A line for all that either has. A department may be null, so the two are not joined by it.
lines AS (
    SELECT department, week_start, 0 AS key_results, check_ins, 1 AS checked_in, days_between, gaps
    FROM by_key_result
    UNION ALL
    SELECT department, week_start, count(*), 0, 0, 0, 0
    FROM okr_key_result_weeks
    GROUP BY department, week_start
)
SELECT
    department,
    extract(isoyear FROM week_start)::int AS iso_year,
    extract(week FROM week_start)::int AS iso_week,
    week_start,
    sum(key_results)::bigint AS key_results,
    sum(check_ins)::bigint AS check_ins,
    sum(checked_in)::bigint AS key_results_checked_in,
    sum(days_between)::double precision / nullif(sum(gaps), 0)::double precision AS days_between_avg
FROM lines
GROUP BY department, week_start;

CREATE OR REPLACE VIEW okr_coverage AS
WITH checked_in AS (
    SELECT DISTINCT parent.parent_uid
    FROM okr_parents AS parent
    CROSS JOIN okr_clock AS clock
    CROSS JOIN LATERAL (
        SELECT (max(ordered_at) AT TIME ZONE 'UTC')::date AS last_day
        FROM okr_events AS event
        WHERE event.subject_uid = parent.subject_uid AND event.change = 'checked_in' AND event.subject_type = 'key_result'
    ) AS checked
    WHERE parent.subject_type = 'key_result' AND parent.parent_type = 'objective' AND checked.last_day > clock.today - 14
)
SELECT
    objective.department,
    objective.team,
    count(*) AS objectives,
    count(checked_in.parent_uid) AS objectives_covered,
    count(checked_in.parent_uid)::double precision / count(*) AS coverage
FROM okr_state AS objective
CROSS JOIN okr_clock AS clock
LEFT JOIN checked_in ON checked_in.parent_uid = objective.subject_uid
WHERE objective.subject_type = 'objective'
    AND NOT objective.is_deleted
    AND objective.change <> 'closed'
    AND objective.status NOT IN ('done', 'cancelled')
    AND coalesce(objective.cycle_start <= clock.today, true)
    AND coalesce(objective.cycle_end >= clock.today, true)
GROUP BY objective.department, objective.team;

CREATE OR REPLACE VIEW okr_rollup AS
WITH RECURSIVE parents AS MATERIALIZED (
    SELECT * FROM okr_parents
),
-- All that is above a subject. Each pair once (UNION), so that a loop of parents comes to an end.
above AS (
    SELECT subject_uid, subject_type, parent_uid AS above_uid, parent_type AS above_type FROM parents
    UNION
    SELECT above.subject_uid, above.subject_type, parents.parent_uid, parents.parent_type
    FROM above
    JOIN parents ON parents.subject_uid = above.above_uid
),
place AS (
    SELECT
        subject_uid,
        count(*) FILTER (WHERE above_uid <> subject_uid) AS level,
        count(*) FILTER (WHERE above_uid = subject_uid) > 0 AS in_loop
    FROM above
    WHERE subject_type = 'objective'
    GROUP BY subject_uid
),
under AS (
    SELECT
        above.above_uid,
        count(*) AS key_results,
        count(state.progress) AS key_results_measured,
        avg(CASE WHEN state.progress > 1 THEN 1 ELSE state.progress END) AS progress_rolled_up,
        avg(state.confidence) AS confidence_avg,
        count(*) FILTER (WHERE state.status = 'at_risk') AS key_results_at_risk,
        count(*) FILTER (WHERE state.status = 'behind') AS key_results_behind,
        count(*) FILTER (WHERE state.status = 'done') AS key_results_done
    FROM above
    JOIN okr_state AS state ON state.subject_uid = above.subject_uid
    WHERE above.above_type = 'objective' AND above.subject_type = 'key_result' AND state.status <> 'cancelled'
    GROUP BY above.above_uid
)
SELECT
    objective.subject_uid,
    objective.subject_namespace,
    objective.subject_id,
    objective.subject_title AS title,
    objective.subject_url AS url,
    objective.department,
    objective.team,
    objective.owner_name,
    objective.cycle_name,
    objective.status,
    objective.status NOT IN ('done', 'cancelled') AND objective.change <> 'closed' AS is_open,
    parents.parent_uid,
    parents.parent_type,
    parents.parent_id,
    coalesce(place.level, 0) AS level,
    coalesce(place.in_loop, false) AS in_loop,
    objective.progress,
    coalesce(under.key_results, 0) AS key_results,
    coalesce(under.key_results_measured, 0) AS key_results_measured,
    under.progress_rolled_up,
    under.confidence_avg,
    coalesce(under.key_results_at_risk, 0) AS key_results_at_risk,
    coalesce(under.key_results_behind, 0) AS key_results_behind,
    coalesce(under.key_results_done, 0) AS key_results_done
FROM okr_state AS objective
LEFT JOIN parents ON parents.subject_uid = objective.subject_uid
LEFT JOIN place ON place.subject_uid = objective.subject_uid
LEFT JOIN under ON under.above_uid = objective.subject_uid
WHERE objective.subject_type = 'objective' AND NOT objective.is_deleted;

-- Who only draws charts needs no rights on tables, where notes and addresses of people are: a role of this name may read
-- the views, if there is one. A view reads its tables with the rights of whoever made it.
DO $$
DECLARE
    seen name;
BEGIN
    IF to_regrole('okr_reader') IS NOT NULL THEN
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO okr_reader', current_schema());
        FOR seen IN SELECT viewname FROM pg_views WHERE schemaname = current_schema() AND viewname LIKE 'okr\_%' LOOP
            EXECUTE format('GRANT SELECT ON %I TO okr_reader', seen);
        END LOOP;
    END IF;
END
$$;

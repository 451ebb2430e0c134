-- Views for BI in an embedded file: the same names, columns, rows and numbers as in Postgres, where the columns are
-- explained (postgres/0003_comments.sql). Each can be made again at any time.
--
-- Days are days of UTC, weeks are ISO weeks (Monday to Sunday; the one with a year's first Thursday is its first).
-- Averages count what is past its goal as 1. The date functions are those of SQLite 3.35 and newer.

DROP VIEW IF EXISTS okr_clock;
CREATE VIEW okr_clock AS SELECT date('now') AS today;

-- An id does not say of which type the parent is: of the living subjects with that id, the likeliest type is taken.
DROP VIEW IF EXISTS okr_parents;
CREATE VIEW okr_parents AS
SELECT subject_uid, subject_namespace, subject_type, subject_id, parent_uid, parent_type, parent_id
FROM (
    SELECT
        child.subject_uid,
        child.subject_namespace,
        child.subject_type,
        child.subject_id,
        parent.subject_uid AS parent_uid,
        parent.subject_type AS parent_type,
        parent.subject_id AS parent_id,
        row_number() OVER (
            PARTITION BY child.subject_uid
            ORDER BY instr(
                CASE child.subject_type
                    WHEN 'key_result' THEN 'objective initiative custom key_result'
                    WHEN 'initiative' THEN 'key_result objective initiative custom'
                    ELSE 'objective key_result initiative custom'
                END,
                parent.subject_type
            )
        ) AS choice
    FROM okr_state AS child
    JOIN okr_state AS parent
        ON parent.subject_namespace = child.subject_namespace
        AND parent.subject_id = child.subject_parent_id
        AND parent.subject_uid <> child.subject_uid
    WHERE NOT child.is_deleted AND NOT parent.is_deleted
)
WHERE choice = 1;

DROP VIEW IF EXISTS okr_key_results;
CREATE VIEW okr_key_results AS
WITH living AS MATERIALIZED (
    SELECT
        state.*,
        clock.today,
        (SELECT min(day) FROM okr_progress_daily AS daily WHERE daily.subject_uid = state.subject_uid) AS first_day,
        (
            SELECT date(max(ordered_at)) FROM okr_events AS event
            WHERE event.subject_uid = state.subject_uid
                AND event.change = 'checked_in' AND event.subject_type = 'key_result'
        ) AS last_check_in_day,
        (
            -- The first day after the last one that ended with another progress than today's.
            SELECT min(day) FROM okr_progress_daily AS daily
            WHERE daily.subject_uid = state.subject_uid
                AND state.progress IS NOT NULL
                AND daily.day > coalesce(
                    (
                        SELECT max(other.day) FROM okr_progress_daily AS other
                        WHERE other.subject_uid = state.subject_uid AND other.progress IS NOT state.progress
                    ),
                    ''
                )
        ) AS last_progress_day
    FROM okr_state AS state
    CROSS JOIN okr_clock AS clock
    WHERE state.subject_type = 'key_result' AND NOT state.is_deleted
)
SELECT
    living.subject_uid,
    living.subject_namespace,
    living.subject_id,
    living.subject_title AS title,
    living.subject_url AS url,
    living.department,
    living.team,
    living.owner_name,
    living.cycle_name,
    living.cycle_start,
    living.cycle_end,
    coalesce(living.cycle_start <= today, 1) AND coalesce(living.cycle_end >= today, 1) AS in_cycle,
    living.status NOT IN ('done', 'cancelled') AND living.change <> 'closed' AS is_open,
    living.status,
    living.progress,
    living.confidence,
    living.metric_start,
    living.metric_target,
    living.metric_current,
    living.metric_unit,
    objective.subject_uid AS objective_uid,
    objective.subject_id AS objective_id,
    objective.subject_title AS objective_title,
    first_day,
    last_check_in_day,
    max(CAST(julianday(today) - julianday(coalesce(last_check_in_day, first_day)) AS INTEGER), 0) AS days_since_check_in,
    last_progress_day,
    max(CAST(julianday(today) - julianday(coalesce(last_progress_day, first_day)) AS INTEGER), 0) AS days_without_progress
FROM living
LEFT JOIN okr_parents AS parent ON parent.subject_uid = living.subject_uid AND parent.parent_type = 'objective'
LEFT JOIN okr_state AS objective ON objective.subject_uid = parent.parent_uid;

DROP VIEW IF EXISTS okr_stalled;
CREATE VIEW okr_stalled AS
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

DROP VIEW IF EXISTS okr_key_results_by_status;
CREATE VIEW okr_key_results_by_status AS
SELECT
    department, team, cycle_name, status,
    count(*) AS key_results,
    avg(min(progress, 1)) AS progress_avg,
    avg(confidence) AS confidence_avg
FROM okr_state
WHERE subject_type = 'key_result' AND NOT is_deleted
GROUP BY department, team, cycle_name, status;

DROP VIEW IF EXISTS okr_key_result_weeks;
CREATE VIEW okr_key_result_weeks AS
WITH RECURSIVE heard AS (
    SELECT
        state.subject_namespace, state.subject_id,
        date(daily.day, '-6 days', 'weekday 1') AS heard_week,
        lead(daily.day) OVER (PARTITION BY daily.subject_uid ORDER BY daily.day) AS next_day,
        daily.*
    FROM okr_progress_daily AS daily
    JOIN okr_state AS state ON state.subject_uid = daily.subject_uid AND state.subject_type = 'key_result'
),
-- How it stood at the end of each week in which it was heard of.
stood AS (
    SELECT *, date(next_day, '-6 days', 'weekday 1', '-7 days') AS last_week
    FROM heard
    WHERE next_day IS NULL OR next_day > date(heard_week, '+6 days')
),
-- So it stood until it was heard of again, in the weeks that its cycle touches.
span AS (
    SELECT
        *,
        -- A tool with a wrong clock may speak of the year 1: nobody draws a hundred thousand weeks.
        max(heard_week, coalesce(date(cycle_start, '-6 days', 'weekday 1'), heard_week), '2000-01-03') AS first_week,
        min(
            today,
            coalesce(last_week, today),
            coalesce(cycle_end, today),
            -- What has come to its end and has no cycle counts in that week for the last time.
            CASE WHEN cycle_end IS NULL AND (status = 'done' OR is_closed) THEN heard_week ELSE today END
        ) AS final_week
    FROM stood
    CROSS JOIN okr_clock
    WHERE NOT is_deleted AND status <> 'cancelled'
),
week (week_start) AS (
    SELECT min(first_week) FROM span
    UNION ALL
    SELECT date(week_start, '+7 days') FROM week CROSS JOIN okr_clock WHERE date(week_start, '+7 days') <= today
)
SELECT
    subject_uid,
    subject_namespace,
    subject_id,
    CAST(strftime('%Y', week_start, '+3 days') AS INTEGER) AS iso_year,
    (CAST(strftime('%j', week_start, '+3 days') AS INTEGER) + 6) / 7 AS iso_week,
    week_start,
    department,
    team,
    cycle_name,
    status,
    progress,
    confidence
FROM span
JOIN week ON week_start BETWEEN first_week AND final_week;

DROP VIEW IF EXISTS okr_progress_weekly;
CREATE VIEW okr_progress_weekly AS
SELECT
    department, iso_year, iso_week, week_start,
    count(*) AS key_results,
    count(progress) AS key_results_measured,
    avg(min(progress, 1)) AS progress_avg,
    min(min(progress, 1)) AS progress_min,
    max(min(progress, 1)) AS progress_max
FROM okr_key_result_weeks
GROUP BY department, iso_year, iso_week, week_start;

DROP VIEW IF EXISTS okr_confidence_trend;
CREATE VIEW okr_confidence_trend AS
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
        WHEN lag(week_start) OVER by_week = date(week_start, '-7 days')
            THEN confidence_avg - lag(confidence_avg) OVER by_week
    END AS confidence_change
FROM weekly
WINDOW by_week AS (PARTITION BY department ORDER BY week_start);

DROP VIEW IF EXISTS okr_check_in_cadence;
CREATE VIEW okr_check_in_cadence AS
WITH check_ins AS (
    SELECT
        subject_uid,
        date(ordered_at) AS day,
        lag(date(ordered_at)) OVER (PARTITION BY subject_uid ORDER BY ordered_at) AS before
    FROM okr_events
    WHERE change = 'checked_in' AND subject_type = 'key_result'
),
by_key_result AS (
    SELECT
        daily.department,
        date(daily.day, '-6 days', 'weekday 1') AS week_start,
        check_ins.subject_uid,
        count(*) AS check_ins,
        sum(julianday(check_ins.day) - julianday(before)) AS days_between,
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
    CAST(strftime('%Y', week_start, '+3 days') AS INTEGER) AS iso_year,
    (CAST(strftime('%j', week_start, '+3 days') AS INTEGER) + 6) / 7 AS iso_week,
    week_start,
    sum(key_results) AS key_results,
    sum(check_ins) AS check_ins,
    sum(checked_in) AS key_results_checked_in,
    CAST(sum(days_between) AS REAL) / nullif(sum(gaps), 0) AS days_between_avg
FROM lines
GROUP BY department, week_start;

DROP VIEW IF EXISTS okr_coverage;
CREATE VIEW okr_coverage AS
WITH checked_in AS (
    SELECT DISTINCT parent.parent_uid
    FROM okr_parents AS parent
    CROSS JOIN okr_clock AS clock
    WHERE parent.subject_type = 'key_result' AND parent.parent_type = 'objective'
        AND (
            SELECT date(max(ordered_at)) FROM okr_events AS event
            WHERE event.subject_uid = parent.subject_uid
                AND event.change = 'checked_in' AND event.subject_type = 'key_result'
        ) > date(clock.today, '-14 days')
)
SELECT
    objective.department,
    objective.team,
    count(*) AS objectives,
    count(checked_in.parent_uid) AS objectives_covered,
    CAST(count(checked_in.parent_uid) AS REAL) / count(*) AS coverage
FROM okr_state AS objective
CROSS JOIN okr_clock AS clock
LEFT JOIN checked_in ON checked_in.parent_uid = objective.subject_uid
WHERE objective.subject_type = 'objective'
    AND NOT objective.is_deleted
    AND objective.change <> 'closed'
    AND objective.status NOT IN ('done', 'cancelled')
    AND coalesce(objective.cycle_start <= clock.today, 1)
    AND coalesce(objective.cycle_end >= clock.today, 1)
GROUP BY objective.department, objective.team;

DROP VIEW IF EXISTS okr_rollup;
CREATE VIEW okr_rollup AS
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
        avg(min(state.progress, 1)) AS progress_rolled_up,
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
    coalesce(place.in_loop, 0) AS in_loop,
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

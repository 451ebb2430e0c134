//! What a person computes in the head, for the cases that `hard_cases` in tests/python/warehouse/events.py names: so that
//! the script and the views do not share a mistake.

use super::*;

#[track_caller]
fn check(place: &str, rows: &[Value], expected: &[Value]) {
    assert_eq!(rows.len(), expected.len(), "{place}: {rows:#?}");
    for (row, expected) in rows.iter().zip(expected) {
        for (name, value) in expected.as_object().expect("an object") {
            let close = |left: f64, right: f64| (left - right).abs() < 1e-9;
            let is = row[name].as_f64().zip(value.as_f64()).map_or(row[name] == *value, |(a, b)| close(a, b));
            assert!(is, "{place}: {name} is {} and not {value} in {row}", row[name]);
        }
    }
}

/// Asks both homes on this day.
async fn ask(homes: &[Home], today: &str, sql: &str, expected: Value) {
    for home in homes {
        home.on(today).await;
        let rows = home.rows(sql).await;
        check(&format!("{}, {sql} on {today}", home.name()), &rows, expected.as_array().expect("rows"));
    }
}

#[tokio::test]
async fn hard_cases_come_out_as_a_person_computes_them() {
    let homes = Home::both(&Company::new(1, 0).await).await;
    let weekly = |department: &str| {
        format!("SELECT * FROM okr_progress_weekly WHERE department = '{department}' ORDER BY week_start")
    };
    // The last evening of the year in New York is the next year in UTC, and the week is the 53rd of 2026. The Monday
    // morning in Auckland before it was a Sunday, in week 52.
    let turn = serde_json::json!([
        {"iso_year": 2026, "iso_week": 52, "week_start": "2026-12-21", "progress_avg": 0.2},
        {"iso_year": 2026, "iso_week": 53, "week_start": "2026-12-28", "progress_avg": 0.4},
    ]);
    ask(&homes, "2027-01-03", &weekly("turn"), turn).await;
    let ancient = serde_json::json!([
        {"iso_year": 2000, "iso_week": 1, "week_start": "2000-01-03", "progress_avg": 0.1},
        {"iso_year": 2000, "iso_week": 2, "week_start": "2000-01-10", "progress_avg": 0.1},
        {"iso_year": 2000, "iso_week": 3, "week_start": "2000-01-17", "progress_avg": 0.8},
    ]);
    ask(&homes, "2027-01-03", &weekly("ancient"), ancient).await;
    let confidence = "SELECT * FROM okr_confidence_trend WHERE department = 'turn' ORDER BY week_start";
    let change =
        serde_json::json!([{"confidence_change": null}, {"confidence_avg": 0.5, "confidence_change": -0.2}]);
    ask(&homes, "2027-01-03", confidence, change).await;
    // From the Sunday (27 December) to the Friday (1 January) are five days.
    let cadence = "SELECT * FROM okr_check_in_cadence WHERE department = 'turn' ORDER BY week_start";
    let gaps = serde_json::json!([{"check_ins": 1, "days_between_avg": null}, {"check_ins": 1, "days_between_avg": 5}]);
    ask(&homes, "2027-01-03", cadence, gaps).await;
    // Fourteen days after the check-in of 1 January it is no longer within fourteen days.
    let coverage = "SELECT * FROM okr_coverage WHERE department = 'turn'";
    for (today, covered) in [("2027-01-14", 1), ("2027-01-15", 0)] {
        let expected = serde_json::json!([{"team": "t", "objectives": 1, "objectives_covered": covered, "coverage": covered}]);
        ask(&homes, today, coverage, expected).await;
        let stalled = "SELECT reason FROM okr_stalled WHERE subject_id = 'turn'";
        let expected =
            if covered == 1 { serde_json::json!([]) } else { serde_json::json!([{"reason": "both"}]) };
        ask(&homes, today, stalled, expected).await;
    }
    // Moved on a Thursday: that week counts where it was at its end.
    let (here, there) = (
        serde_json::json!([{"week_start": "2026-03-02", "progress_avg": 0.5}]),
        serde_json::json!([{"week_start": "2026-03-09"}, {"week_start": "2026-03-16", "key_results": 1}]),
    );
    ask(&homes, "2026-03-18", &weekly("here"), here).await;
    ask(&homes, "2026-03-18", &weekly("there"), there).await;
    // Created in week 15, deleted in 16, back in 19.
    let phoenix =
        serde_json::json!([{"iso_week": 15}, {"iso_week": 19, "progress_avg": 0.9}, {"iso_week": 20}]);
    ask(&homes, "2026-05-15", &weekly("ash"), phoenix).await;
    // Closed in week 20 without a cycle: it counts there for the last time, and past its goal no more than at it.
    let shut = serde_json::json!([{"iso_week": 19, "progress_avg": 1}, {"iso_week": 20}]);
    ask(&homes, "2026-06-15", &weekly("shut"), shut).await;
    ask(&homes, "2026-06-15", "SELECT * FROM okr_coverage WHERE team = 's'", serde_json::json!([])).await;
    let edge = "SELECT * FROM okr_stalled WHERE department = 'edge' ORDER BY subject_id";
    let expected =
        serde_json::json!([{"reason": "no_check_in"}, {"subject_id": "still", "reason": "no_progress"}]);
    ask(&homes, "2027-01-02", edge, expected).await;
    ask(&homes, "2027-01-01", edge, serde_json::json!([])).await;
    // From 12.5 down to 5; 8.75 is half of the way.
    let falling = "SELECT progress FROM okr_key_results WHERE subject_id = 'falling'";
    ask(&homes, "2026-06-02", falling, serde_json::json!([{"progress": 0.5}])).await;
    // Its cycle is the year, so it counts until week 53 and not in the next one.
    let last = "SELECT max(week_start) AS last FROM okr_progress_weekly WHERE department = 'down'";
    ask(&homes, "2027-02-01", last, serde_json::json!([{"last": "2026-12-28"}])).await;
    // Each objective of the ring has all three key results under it (0, 0.25, 0.5); nothing is its own parent.
    let ring =
        "SELECT * FROM okr_rollup WHERE subject_id LIKE 'ring%' OR subject_id = 'self' ORDER BY subject_id";
    let all = serde_json::json!({"key_results": 3, "progress_rolled_up": 0.25, "level": 2});
    let alone =
        serde_json::json!({"key_results": 1, "progress_rolled_up": 0.75, "level": 0, "parent_id": null});
    ask(&homes, "2026-07-03", ring, Value::Array(vec![all.clone(), all.clone(), all, alone])).await;
    for home in &homes {
        let loops = "SELECT count(*) AS count FROM okr_rollup WHERE in_loop AND subject_id LIKE 'ring%'";
        assert_eq!(home.count(loops).await, 3, "{}", home.name());
    }
}

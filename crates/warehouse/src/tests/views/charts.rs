//! Whoever draws: the queries of docs/warehouse.md and of the dashboard run, and with no more rights than they need.

use super::*;

const PAGE: &str = include_str!("../../../../../docs/warehouse.md");
/// A day on which there is something of everything.
const TODAY: &str = "2027-01-02";
const DASHBOARD: &str = include_str!("../../../../../deploy/grafana/dashboards/okr-progress.json");

/// The code blocks of a page that begin with this word behind the fence.
fn blocks<'p>(page: &'p str, kind: &str) -> Vec<&'p str> {
    let fence = format!("```{kind}\n");
    page.split(&fence).skip(1).filter_map(|rest| rest.split("```").next()).collect()
}

/// The statements of a block.
fn statements(block: &str) -> impl Iterator<Item = &str> {
    block.split(';').map(str::trim).filter(|sql| !sql.is_empty())
}

/// A query as Grafana sends it, with its own words filled in.
fn filled(sql: &str) -> String {
    let time = "week_start BETWEEN '2026-06-01T00:00:00Z' AND '2027-01-03T12:00:00Z'";
    sql.replace("$__timeFilter(week_start)", time)
        .replace("$department", "'sales','engineering','people','(none)'")
}

fn queries(dashboard: &Value) -> Vec<(String, String)> {
    let panels = dashboard["panels"].as_array().expect("panels").iter();
    let targets = panels.flat_map(|panel| {
        let targets = panel["targets"].as_array().expect("targets").iter();
        targets.map(move |target| {
            (panel["title"].to_string(), target["rawSql"].as_str().expect("SQL").to_owned())
        })
    });
    let variables = dashboard["templating"]["list"].as_array().expect("variables").iter();
    let variables =
        variables.map(|of| (of["name"].to_string(), of["query"].as_str().expect("SQL").to_owned()));
    targets.chain(variables).collect()
}

/// A warehouse on a day of the company's, seen by the role that may only look at views.
async fn looked_at() -> Home {
    let home = Home::postgres(&Company::new(7, 250).await).await;
    home.on(TODAY).await;
    home.run("RESET DateStyle; RESET search_path; SET ROLE okr_reader").await;
    home
}

#[tokio::test]
async fn every_chart_of_the_dashboard_has_something_to_draw() {
    let home = looked_at().await;
    let dashboard: Value = serde_json::from_str(DASHBOARD).expect("it is JSON");
    let queries = queries(&dashboard);
    assert!(queries.len() > 12, "only {} were found", queries.len());
    for (title, sql) in queries {
        assert!(!home.rows(&filled(&sql)).await.is_empty(), "{title} shows nothing: {sql}");
    }
}

#[tokio::test]
async fn every_query_of_the_page_answers() {
    let home = Home::postgres(&Company::new(7, 250).await).await;
    home.on(TODAY).await;
    home.run("RESET DateStyle; RESET search_path").await;
    let blocks = blocks(PAGE, "sql");
    assert!(blocks.len() >= 10, "only {} were found", blocks.len());
    for sql in blocks.iter().flat_map(|block| statements(block)) {
        assert!(!home.rows(sql).await.is_empty(), "it answers nothing: {sql}");
    }
}

#[tokio::test]
async fn who_draws_charts_sees_views_and_no_tables() {
    let home = looked_at().await;
    let may =
        "SELECT relname, relkind::text AS kind, has_table_privilege('okr_reader', oid, 'SELECT') AS may,
        has_table_privilege('okr_reader', oid, 'INSERT, UPDATE, DELETE') AS writes
        FROM pg_class WHERE relnamespace = 'okr'::regnamespace AND relkind IN ('r', 'v')";
    let all = home.rows(may).await;
    assert!(all.len() > 15, "{all:?}");
    for relation in all {
        assert_eq!(relation["may"], relation["kind"] == "v", "{relation}");
        assert_eq!(relation["writes"], false, "{relation}");
    }
    let Home::Postgres { client, .. } = &home else { panic!("it is Postgres") };
    let refused =
        client.query("SELECT note FROM okr.okr_events", &[]).await.expect_err("a note is not for charts");
    assert!(
        refused.as_db_error().is_some_and(|said| said.message().contains("permission denied")),
        "{refused:?}"
    );
}

#[tokio::test]
async fn every_query_of_the_page_for_the_file_answers() {
    let home = Home::embedded(&Company::new(7, 250).await).await;
    home.on(TODAY).await;
    let blocks = blocks(PAGE, "sqlite");
    assert!(!blocks.is_empty());
    for sql in blocks.iter().flat_map(|block| statements(block)) {
        assert!(!home.rows(sql).await.is_empty(), "it answers nothing: {sql}");
    }
}

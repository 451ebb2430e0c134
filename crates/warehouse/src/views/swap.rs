//! Other tables in the place of the views' tables, as a rebuild puts them.

use super::*;
use crate::migrate::{embedded, postgres};

const TABLES: [&str; 3] = ["okr_events", "okr_state", "okr_progress_daily"];
const SEEN: &str = "SELECT count(*) AS count FROM okr_key_result_weeks";

#[tokio::test]
async fn views_that_are_made_again_read_the_tables_that_have_the_names_now() {
    let company = Company::new(5, 30).await;
    for home in Home::both(&company).await {
        let (place, views) = match &home {
            Home::Postgres { .. } => ("CREATE TABLE {} (LIKE {}_old INCLUDING ALL)", postgres::VIEWS),
            Home::Embedded { .. } => ("CREATE TABLE {} AS SELECT * FROM {}_old WHERE false", embedded::VIEWS),
        };
        let before = home.count(SEEN).await;
        assert!(before > 0, "{}", home.name());
        home.run("BEGIN").await;
        for table in TABLES {
            home.run(&format!("ALTER TABLE {table} RENAME TO {table}_old")).await;
            home.run(&place.replace("{}", table)).await;
        }
        // A view goes with its table, not with the name.
        assert_eq!(home.count(SEEN).await, before, "{}", home.name());
        home.run(views).await;
        home.run("COMMIT").await;
        assert_eq!(home.count(SEEN).await, 0, "{}", home.name());
        if home.name() == "postgres" {
            home.run("SET ROLE okr_reader").await;
            assert_eq!(home.count(SEEN).await, 0, "the rights stay");
        }
    }
}

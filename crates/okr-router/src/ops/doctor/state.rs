//! The store.

use std::path::Path;

use store::{Look, StoreError};

use super::finding::Finding;
use crate::{
    cli::resume::SERVICES,
    config::Whole,
    desk::{self, Answer, Halt, Question},
    parts,
};

/// Looks at the store without opening it: opening makes tables and takes the lock.
pub async fn examine(whole: &Whole) -> Vec<Finding> {
    let url = match parts::store_url(whole) {
        Ok(url) => url,
        Err(error) => return vec![Finding::wrong("store", format!("{error:#}"), "correct `store.url`")],
    };
    let look = store::look(url.expose()).await;
    let socket = whole.shared.data_dir.join(desk::SOCKET);
    let is_held = matches!(look, Err(StoreError::Held { .. }));
    let told = if is_held { told(&socket).await } else { None };
    let mut findings = vec![store(&look, told.is_some())];
    findings.extend(told.iter().flatten().map(|halt| halted(&halt.consumer, &halt.why)));
    if let Ok(Look::Database { halts, .. }) = &look {
        findings.extend(halts.iter().map(|(consumer, why)| halted(consumer, why)));
    }
    findings
}

/// What of our services is halted, as whoever holds the file says; none if nobody of ours does.
async fn told(socket: &Path) -> Option<Vec<Halt>> {
    let mut halts = Vec::new();
    for service in SERVICES {
        let question = Question::Halted { service: (*service).to_owned() };
        if let Answer::Halts(more) = desk::ask_holder(socket, &question).await.ok()?? {
            halts.extend(more);
        }
    }
    Some(halts)
}

/// What a look at the store means; `has_answer`: whoever holds the file is one of ours.
pub fn store(look: &Result<Look, StoreError>, has_answer: bool) -> Finding {
    match look {
        Ok(Look::File { exists: true }) => Finding::well("store", "the file is there, and nobody holds it"),
        Ok(Look::File { exists: false }) => {
            Finding::well("store", "there is no file yet; the first role that needs it makes it")
        }
        Ok(Look::Database { version: None, .. }) => {
            Finding::well("store", "the database answers; the first role that needs it makes the tables")
        }
        Ok(Look::Database { version: Some(version), .. }) => {
            Finding::well("store", format!("the database answers, its tables have version {version}"))
        }
        Err(StoreError::Held { holder, .. }) if has_answer => {
            Finding::well("store", format!("{holder} has the file and answers"))
        }
        Err(error @ StoreError::Held { holder, .. }) => Finding::wrong(
            "store",
            error.to_string(),
            format!("end {holder}, which does not answer as ours would, or give this one another `data_dir`"),
        ),
        Err(error @ StoreError::Newer { .. }) => {
            Finding::wrong("store", error.to_string(), "install the newer release again")
        }
        Err(error @ StoreError::Url(_)) => Finding::wrong("store", error.to_string(), "correct `store.url`"),
        Err(error @ StoreError::File { path, .. }) => {
            let remedy = format!("give this user the right to read and write {path}, or change `store.url`");
            Finding::wrong("store", error.to_string(), remedy)
        }
        Err(error @ StoreError::Home(_)) if error.is_passing() => Finding::wrong(
            "store",
            error.to_string(),
            "start the database, or correct `store.url`; services wait for it and lose nothing",
        ),
        Err(error @ StoreError::Home(_)) => Finding::wrong(
            "store",
            error.to_string(),
            "correct user, password and database of `store.url`, and let the user make tables",
        ),
    }
}

fn halted(consumer: &str, why: &str) -> Finding {
    let says = format!("is halted: {why}");
    // `notifier.replay` is resumed with its service.
    let service = consumer.split('.').next().unwrap_or(consumer);
    Finding::wrong(
        format!("service {consumer}"),
        says,
        format!("mend the cause, then okr-router resume {service} --apply"),
    )
}

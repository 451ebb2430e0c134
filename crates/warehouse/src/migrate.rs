//! The tables of the warehouse, made and brought up to date. Forward only: a step that was released is never changed,
//! a new one is added, and no step destroys anything.
//!
//! What was applied stands in `okr_migrations` with its checksum, so that a database which another program, or a build
//! that was no release, has made is refused before anything in it is touched. [`Migration`] does it on Postgres,
//! [`embedded`] in the embedded file. Both have a plan, which reads only, and an application, which is one transaction:
//! all steps, or none.
//!
//! A field that a release adds to an event becomes a column in a step of its own, `ALTER TABLE … ADD COLUMN` without
//! `NOT NULL`. That rewrites no row, and who writes without knowing the column goes on writing, for every writer names
//! its columns. So members of the release before need not be stopped first.

pub mod embedded;
mod place;
pub mod postgres;
#[cfg(test)]
mod tests;

use sha2::{Digest, Sha256};

pub use place::{apply, plan};
pub use postgres::Migration;

/// One step of a home's tables, from the version before it to its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// Counted from 1, without a gap.
    pub version: i64,
    /// What it is about, as in its file's name.
    pub name: &'static str,
    /// Its statements, in the words of its home.
    pub sql: &'static str,
}

/// What was applied, as the database has noted it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Applied {
    pub(crate) version: i64,
    pub(crate) name: String,
    pub(crate) checksum: String,
}

/// What a database has, and what it still lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The newest version that was applied; 0 where there is none.
    pub found: i64,
    /// What is to be applied, in this order; nothing, when the database is up to date.
    pub pending: Vec<Step>,
}

/// Why a warehouse was not brought up to date, cut by what a person does next. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// A newer release made the tables.
    #[error(
        "warehouse has version {found} of its tables, this program knows up to {known}: run a release at least as new as \
         the one that migrated it"
    )]
    Newer {
        /// The newest version that was applied.
        found: i64,
        /// The newest one that this program has.
        known: i64,
    },
    /// What was applied is not what this program would have applied.
    #[error(
        "step {version} ({name}) of this warehouse's tables is not the one of this program: it was changed, or made by a \
         build that was no release; run the program that made it, or name another place (warehouse.schema or \
         warehouse.url) and let this one fill it anew from Kafka"
    )]
    Other {
        /// The first step that differs.
        version: i64,
        /// Its name in the database.
        name: String,
    },
    /// Its database cannot hold every text.
    #[error(
        "warehouse's database has the encoding {0}, which cannot hold every text: make one with ENCODING 'UTF8' and name it \
         in warehouse.url"
    )]
    Encoding(String),
    /// Its server lacks what members lean on: a look at how far another one's `COPY` is, and a bound on idle sessions.
    #[error(
        "warehouse's server is PostgreSQL {0}, and this needs 14 or a newer one: name another server in warehouse.url"
    )]
    Old(String),
    /// Somebody holds what a step has to change.
    #[error(
        "warehouse was in use for too long while its tables were to be changed ({0}): end long queries and open \
         transactions on it, then run this again"
    )]
    Busy(String),
    /// The database could not be asked, or went away; passes by itself.
    #[error("warehouse does not answer: {0}")]
    Unavailable(String),
    /// The database refused.
    #[error("warehouse could not be migrated, {doing}: {cause}")]
    Refused {
        /// What was being done.
        doing: String,
        /// What the database said.
        cause: String,
    },
}

impl MigrateError {
    /// Whether trying again later may succeed by itself.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Busy(_) | Self::Unavailable(_))
    }
}

impl Step {
    /// What tells this step from every other text. Ends of lines are left out: some checkouts change them.
    pub fn checksum(&self) -> String {
        hex::encode(Sha256::digest(self.sql.replace('\r', "")))
    }

    fn is(&self, applied: &Applied) -> bool {
        self.version == applied.version && self.checksum() == applied.checksum
    }

    fn doing(&self) -> String {
        format!("in step {} ({})", self.version, self.name)
    }
}

/// Compares what was applied, in order, with the steps that this program has.
pub(crate) fn compare(steps: &[Step], applied: &[Applied]) -> Result<Plan, MigrateError> {
    let found = applied.last().map_or(0, |newest| newest.version);
    let known = steps.len() as i64;
    if found > known {
        return Err(MigrateError::Newer { found, known });
    }
    if let Some((_, other)) = steps.iter().zip(applied).find(|(step, applied)| !step.is(applied)) {
        return Err(MigrateError::Other { version: other.version, name: other.name.clone() });
    }
    Ok(Plan { found, pending: steps.iter().skip(applied.len()).copied().collect() })
}

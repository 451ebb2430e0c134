//! The registry's rules: subjects, versions, ids, levels. Values in, values out.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    error::RegistryError as Error,
    level::{Level, Reads},
};

/// All that the registry knows; this is what its file holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Book {
    /// Schema texts by id; the first id is 1. Never removed, so an id in a record stays readable.
    schemas: Vec<String>,
    subjects: BTreeMap<String, Subject>,
    level: Level,
    levels: BTreeMap<String, Level>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Subject {
    /// In order of version. A permanently deleted one leaves a gap.
    versions: Vec<Version>,
}

/// One version of a subject.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Version {
    pub version: u32,
    pub id: u32,
    pub deleted: bool,
}

/// Which version a caller means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Which {
    Latest,
    Number(u32),
}

impl Default for Book {
    fn default() -> Self {
        Self {
            schemas: Vec::new(),
            subjects: BTreeMap::new(),
            level: Level::Backward,
            levels: BTreeMap::new(),
        }
    }
}

impl Which {
    /// Reads `latest`, `-1` or a number.
    pub fn parse(text: &str) -> Result<Self, Error> {
        match text {
            "latest" | "-1" => Ok(Self::Latest),
            number => match number.parse() {
                Ok(number) if (1..=i32::MAX.unsigned_abs()).contains(&number) => Ok(Self::Number(number)),
                _ => Err(Error::Version(text.into())),
            },
        }
    }
}

impl Book {
    /// The text of a schema.
    pub fn schema(&self, id: u32) -> Result<&str, Error> {
        let at = usize::try_from(id).ok().and_then(|id| id.checked_sub(1));
        at.and_then(|at| self.schemas.get(at)).map(String::as_str).ok_or(Error::NoId(id))
    }

    /// Where a schema is in use: subject and version.
    pub fn uses(&self, id: u32, deleted: bool) -> Result<Vec<(&str, u32)>, Error> {
        self.schema(id)?;
        let all = self
            .subjects
            .iter()
            .flat_map(|(name, subject)| subject.versions.iter().map(move |one| (name, one)));
        Ok(all
            .filter(|(_, one)| one.id == id && (deleted || !one.deleted))
            .map(|(name, one)| (name.as_str(), one.version))
            .collect())
    }

    pub fn subjects(&self, deleted: bool) -> Vec<&str> {
        let shown = |subject: &Subject| subject.versions.iter().any(|one| deleted || !one.deleted);
        self.subjects.iter().filter(|(_, subject)| shown(subject)).map(|(name, _)| name.as_str()).collect()
    }

    /// The versions of a subject, at least one.
    pub fn versions(&self, name: &str, deleted: bool) -> Result<Vec<&Version>, Error> {
        let subject = self.subjects.get(name).ok_or_else(|| Error::NoSubject(name.into()))?;
        let shown: Vec<_> = subject.versions.iter().filter(|one| deleted || !one.deleted).collect();
        if shown.is_empty() { Err(Error::NoSubject(name.into())) } else { Ok(shown) }
    }

    pub fn version(&self, name: &str, which: Which, deleted: bool) -> Result<&Version, Error> {
        let shown = self.versions(name, deleted)?;
        match which {
            Which::Latest => shown.last().copied().ok_or_else(|| Error::NoSubject(name.into())),
            Which::Number(number) => {
                shown.into_iter().find(|one| one.version == number).ok_or(Error::NoVersion(number))
            }
        }
    }

    /// The version under which a subject holds a schema.
    pub fn find(&self, name: &str, schema: &str, deleted: bool) -> Result<&Version, Error> {
        let shown = self.versions(name, deleted)?;
        let same = |one: &&Version| self.schema(one.id).is_ok_and(|text| same(text, schema));
        shown.into_iter().find(same).ok_or(Error::NoSchema)
    }

    /// Registers a schema and returns its id: the one it has already, in this subject or another, or a new one.
    pub fn register(&mut self, name: &str, schema: &str, reads: Reads) -> Result<u32, Error> {
        valid(schema, reads)?;
        if let Ok(known) = self.find(name, schema, false) {
            return Ok(known.id);
        }
        let problems = self.level_of(name).problems(schema, &self.texts(name), reads);
        if !problems.is_empty() {
            return Err(Error::Incompatible(name.into(), problems));
        }
        let id = match self.schemas.iter().position(|text| same(text, schema)) {
            Some(at) => u32::try_from(at + 1),
            None => {
                self.schemas.push(schema.into());
                u32::try_from(self.schemas.len())
            }
        };
        let id = id.map_err(|_| Error::Store("there are no more ids".into()))?;
        let subject = self.subjects.entry(name.into()).or_default();
        let version = subject.versions.last().map_or(1, |last| last.version + 1);
        subject.versions.push(Version { version, id, deleted: false });
        Ok(id)
    }

    /// What would keep `schema` from being registered. `None` asks against what the subject's level asks for; a
    /// version given is compared alone, and where there is none yet, nothing is in the way of the latest.
    pub fn problems(
        &self,
        name: &str,
        which: Option<Which>,
        schema: &str,
        reads: Reads,
    ) -> Result<Vec<String>, Error> {
        valid(schema, reads)?;
        let level = self.level_of(name);
        match which {
            None => Ok(level.problems(schema, &self.texts(name), reads)),
            Some(Which::Latest) if self.versions(name, false).is_err() => Ok(Vec::new()),
            Some(which) => {
                let one = self.version(name, which, false)?;
                Ok(level.problems(schema, &[self.schema(one.id)?], reads))
            }
        }
    }

    /// Hides a subject's versions, or forgets hidden ones. Ids stay.
    pub fn delete_subject(&mut self, name: &str, permanent: bool) -> Result<Vec<u32>, Error> {
        let missing = || Error::NoSubject(name.into());
        let subject = self.subjects.get_mut(name).ok_or_else(missing)?;
        let all_hidden = subject.versions.iter().all(|one| one.deleted);
        if permanent != all_hidden {
            let name = name.into();
            return Err(if permanent { Error::SubjectNotDeleted(name) } else { Error::SubjectDeleted(name) });
        }
        let gone =
            subject.versions.iter().filter(|one| permanent || !one.deleted).map(|one| one.version).collect();
        subject.versions.iter_mut().for_each(|one| one.deleted = true);
        if permanent {
            self.subjects.remove(name);
        }
        self.levels.remove(name);
        Ok(gone)
    }

    /// Hides one version, or forgets a hidden one. Its id stays.
    pub fn delete_version(&mut self, name: &str, which: Which, permanent: bool) -> Result<u32, Error> {
        let one = self.version(name, which, true)?;
        let (version, deleted) = (one.version, one.deleted);
        if permanent != deleted {
            let name = name.into();
            return Err(match permanent {
                true => Error::VersionNotDeleted(name, version),
                false => Error::VersionDeleted(name, version),
            });
        }
        let Some(subject) = self.subjects.get_mut(name) else { return Err(Error::NoSubject(name.into())) };
        if permanent {
            subject.versions.retain(|one| one.version != version);
        } else {
            subject
                .versions
                .iter_mut()
                .filter(|one| one.version == version)
                .for_each(|one| one.deleted = true);
        }
        Ok(version)
    }

    pub fn global_level(&self) -> Level {
        self.level
    }

    pub fn set_global_level(&mut self, level: Level) {
        self.level = level;
    }

    /// The level that was set for this subject.
    pub fn own_level(&self, name: &str) -> Result<Level, Error> {
        self.levels.get(name).copied().ok_or_else(|| Error::NoLevel(name.into()))
    }

    /// The level that holds for this subject.
    pub fn level_of(&self, name: &str) -> Level {
        self.levels.get(name).copied().unwrap_or(self.level)
    }

    pub fn set_level(&mut self, name: &str, level: Level) {
        self.levels.insert(name.into(), level);
    }

    /// Lets the global level hold again; returns the one that went.
    pub fn clear_level(&mut self, name: &str) -> Result<Level, Error> {
        self.levels.remove(name).ok_or_else(|| Error::NoLevel(name.into()))
    }

    /// The texts of the visible versions, oldest first.
    fn texts(&self, name: &str) -> Vec<&str> {
        let shown = self.versions(name, false).unwrap_or_default();
        shown.into_iter().filter_map(|one| self.schema(one.id).ok()).collect()
    }
}

/// A schema must be one, and be able to read its own data.
fn valid(schema: &str, reads: Reads) -> Result<(), Error> {
    reads(schema, schema).map_err(|problems| Error::Schema(problems.join("; ")))
}

/// Whether two texts are one schema: blanks and the order of attributes mean nothing.
fn same(one: &str, other: &str) -> bool {
    let read = |text: &str| serde_json::from_str::<serde_json::Value>(text).ok();
    one == other || read(one).zip(read(other)).is_some_and(|(one, other)| one == other)
}

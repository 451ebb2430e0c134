//! `[departments]`: which partitions of `okr.events` belong to whom.

use std::collections::{BTreeMap, HashMap};

use okr::{Department, Departments, OTHERS};
use serde::Deserialize;

use crate::GatewayError;

/// `[departments]`
#[derive(Debug, Clone, Deserialize)]
pub struct DepartmentsConfig {
    /// Partitions of `okr.events`.
    #[serde(default = "DepartmentsConfig::partitions")]
    pub partitions: i32,
    /// The departments, by canonical name.
    #[serde(flatten)]
    pub departments: BTreeMap<String, DepartmentConfig>,
}

impl DepartmentsConfig {
    fn partitions() -> i32 {
        24
    }

    /// Whether the ranges fit.
    ///
    /// # Errors
    /// The key at fault, in words.
    pub fn check(&self) -> Result<(), GatewayError> {
        Map::new(self).map(|_| ())
    }
}

impl Default for DepartmentsConfig {
    fn default() -> Self {
        Self { partitions: Self::partitions(), departments: BTreeMap::new() }
    }
}

/// `[departments.NAME]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DepartmentConfig {
    /// Its partitions, such as `0-5,24-25`; only `others` may leave it out.
    pub partitions: Option<String>,
    /// Its other names.
    #[serde(default)]
    pub aliases: Vec<String>,
}

/// Finds a department's name and its partitions.
#[derive(Debug)]
pub(crate) struct Map {
    names: Departments,
    lists: HashMap<String, Vec<i32>>,
    count: i32,
}

impl Map {
    pub(crate) fn new(config: &DepartmentsConfig) -> Result<Self, GatewayError> {
        let count = config.partitions;
        if count < 1 {
            return Err(GatewayError::config("departments.partitions", "must be at least 1"));
        }
        let mut lists = HashMap::new();
        let mut taken: BTreeMap<i32, &str> = BTreeMap::new();
        for (name, department) in &config.departments {
            let path = format!("departments.{name}.partitions");
            let Some(ranges) = &department.partitions else {
                if name == OTHERS {
                    continue;
                }
                return Err(GatewayError::config(path, "is missing: name the partitions, such as \"0-5\""));
            };
            let list =
                bus::parse_ranges(ranges).map_err(|error| GatewayError::config(&path, error.to_string()))?;
            for partition in &list {
                if !(0..count).contains(partition) {
                    let problem = format!(
                        "names partition {partition}, but `departments.partitions = {count}` has only 0-{}",
                        count - 1
                    );
                    return Err(GatewayError::config(path, problem));
                }
                if let Some(other) = taken.insert(*partition, name) {
                    let problem = format!("names partition {partition}, which `{other}` has already");
                    return Err(GatewayError::config(path, problem));
                }
            }
            if list.is_empty() {
                return Err(GatewayError::config(path, "names no partition"));
            }
            lists.insert(name.clone(), list);
        }
        if !lists.contains_key(OTHERS) {
            let rest: Vec<i32> = (0..count).filter(|partition| !taken.contains_key(partition)).collect();
            if rest.is_empty() {
                let problem = "has no partition: leave some to it, for everything unknown must go somewhere";
                return Err(GatewayError::config("departments.others.partitions", problem));
            }
            lists.insert(OTHERS.to_owned(), rest);
        }
        let named = config
            .departments
            .iter()
            .map(|(name, department)| Department { name: name.clone(), aliases: department.aliases.clone() });
        let names = Departments::new(named.collect()).map_err(|error| {
            GatewayError::config(format!("departments.{}", error.second), format!("is ambiguous: {error}"))
        })?;
        Ok(Self { names, lists, count })
    }

    /// Partitions of `okr.events`.
    pub(crate) fn count(&self) -> i32 {
        self.count
    }

    /// Puts the canonical name into the event where there is one; gives the range's name and its partitions.
    pub(crate) fn place(&self, event: &mut okr::OkrEvent, key: &str) -> (String, i32) {
        let resolved = self.names.resolve(event.department.as_deref());
        event.department = resolved.department;
        let list = self.lists.get(&resolved.range).or_else(|| self.lists.get(OTHERS));
        let partition = list.map_or(0, |list| bus::place::within(key.as_bytes(), list));
        (resolved.range, partition)
    }
}

#[cfg(test)]
mod tests;

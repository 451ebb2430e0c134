//! `[departments]`: which partitions of `okr.events` belong to whom.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

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
    /// Every key at fault, in words.
    pub fn check(&self) -> Result<(), Vec<GatewayError>> {
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
    ranges: HashMap<String, Range>,
    count: i32,
}

impl Map {
    /// What is wrong is told all at once.
    pub(crate) fn new(config: &DepartmentsConfig) -> Result<Self, Vec<GatewayError>> {
        let count = config.partitions;
        if count < 1 {
            return Err(vec![GatewayError::config("departments.partitions", "must be at least 1")]);
        }
        let (mut ranges, mut taken, mut faults) = (HashMap::new(), BTreeMap::new(), Vec::new());
        for (name, department) in &config.departments {
            let path = format!("departments.{name}.partitions");
            match list(name, department, count, &mut taken) {
                Ok(Some(list)) => {
                    ranges.insert(name.clone(), Range::new(name, list));
                }
                Ok(None) => {}
                Err(problem) => faults.push(GatewayError::config(path, problem)),
            }
        }
        if config.departments.get(OTHERS).is_none_or(|others| others.partitions.is_none()) {
            let rest: Vec<i32> = (0..count).filter(|partition| !taken.contains_key(partition)).collect();
            if rest.is_empty() {
                let problem = "has no partition: leave some to it, for everything unknown must go somewhere";
                faults.push(GatewayError::config("departments.others.partitions", problem));
            }
            ranges.insert(OTHERS.to_owned(), Range::new(OTHERS, rest));
        }
        let named = config
            .departments
            .iter()
            .map(|(name, department)| Department { name: name.clone(), aliases: department.aliases.clone() });
        match Departments::new(named.collect()) {
            Ok(names) if faults.is_empty() => Ok(Self { names, ranges, count }),
            Ok(_) => Err(faults),
            Err(error) => {
                let path = format!("departments.{}", error.second);
                faults.push(GatewayError::config(path, format!("is ambiguous: {error}")));
                Err(faults)
            }
        }
    }

    /// Partitions of `okr.events`.
    pub(crate) fn count(&self) -> i32 {
        self.count
    }

    /// Puts the canonical name into the event where there is one; gives the range's name and its partitions.
    pub(crate) fn place(&self, event: &mut okr::OkrEvent, key: &str) -> (Arc<str>, i32) {
        let resolved = self.names.resolve(event.department.as_deref());
        event.department = resolved.department;
        match self.ranges.get(resolved.range).or_else(|| self.ranges.get(OTHERS)) {
            Some(range) => (range.name.clone(), bus::place::within(key.as_bytes(), &range.partitions)),
            None => (OTHERS.into(), 0),
        }
    }
}

/// A department's own partitions.
#[derive(Debug)]
struct Range {
    name: Arc<str>,
    partitions: Vec<i32>,
}

impl Range {
    fn new(name: &str, partitions: Vec<i32>) -> Self {
        Self { name: name.into(), partitions }
    }
}

/// A department's own partitions, none for `others` that takes what is left; or what is wrong with them, in words.
fn list<'a>(
    name: &'a str,
    department: &DepartmentConfig,
    count: i32,
    taken: &mut BTreeMap<i32, &'a str>,
) -> Result<Option<Vec<i32>>, String> {
    let Some(ranges) = &department.partitions else {
        let missing = "is missing: name the partitions, such as \"0-5\"".to_owned();
        return if name == OTHERS { Ok(None) } else { Err(missing) };
    };
    let list = bus::parse_ranges(ranges).map_err(|error| error.to_string())?;
    for partition in &list {
        if !(0..count).contains(partition) {
            let last = count - 1;
            return Err(format!(
                "names partition {partition}, but `departments.partitions = {count}` has only 0-{last}"
            ));
        }
        if let Some(other) = taken.insert(*partition, name) {
            return Err(format!("names partition {partition}, which `{other}` has already"));
        }
    }
    if list.is_empty() {
        return Err("names no partition".to_owned());
    }
    Ok(Some(list))
}

#[cfg(test)]
mod tests;

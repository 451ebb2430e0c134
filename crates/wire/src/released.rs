//! The schemas of earlier releases, frozen: what they wrote may still be on Kafka.

use std::fmt;

use crate::{
    Subject,
    misfit::{fault, misfits},
};

/// One schema as a release had it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Released {
    /// The release's number: its folder in `schemas/released`.
    pub release: u32,
    /// The subject's name.
    pub subject: &'static str,
    /// The schema, as it was.
    pub schema: &'static str,
}

const fn released(release: u32, subject: &'static str, schema: &'static str) -> Released {
    Released { release, subject, schema }
}

/// Every frozen copy. A test compares it with the folder.
pub const RELEASED: &[Released] = &[
    released(1, "okr.events-value", include_str!("../../../schemas/released/1/okr_event.avsc")),
    released(1, "okr.arrivals-value", include_str!("../../../schemas/released/1/arrival.avsc")),
    released(1, "okr.audit-value", include_str!("../../../schemas/released/1/audit.avsc")),
    released(1, "okr.pending-value", include_str!("../../../schemas/released/1/pending.avsc")),
];

/// The other version that one of ours was compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Against {
    /// The frozen copy of this release.
    Released(u32),
    /// This version of the subject in the registry.
    Registered(u32),
}

impl fmt::Display for Against {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Released(release) => write!(f, "release {release}"),
            Self::Registered(version) => write!(f, "version {version}"),
        }
    }
}

/// One thing that keeps two versions from reading each other, and what mends it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The other version.
    pub against: Against,
    /// Whether ours is the one that cannot read; else it is the one that cannot be read.
    pub ours_reads: bool,
    /// From the record down, with dots; empty is the whole.
    pub field: String,
    /// What is wrong.
    pub problem: String,
    /// What to do.
    pub remedy: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { against, field, problem, .. } = self;
        match (field.is_empty(), self.ours_reads) {
            (true, true) => write!(f, "{against}: what it wrote cannot be read: {problem}"),
            (true, false) => write!(f, "{against}: it cannot read what is written now: {problem}"),
            (false, true) => write!(f, "{against}, field `{field}`, as it was written: {problem}"),
            (false, false) => write!(f, "{against}, field `{field}`, as it would be read there: {problem}"),
        }
    }
}

/// All that keeps this release's schema and another version from reading each other.
pub(crate) fn compare(ours: &str, theirs: &str, against: Against) -> Vec<Finding> {
    if let Some(error) = fault(ours) {
        let problem = format!("this release's own schema cannot be used: {error}");
        return vec![unusable(against, problem, "mend it in `schemas`, or take another build".to_owned())];
    }
    if let Some(error) = fault(theirs) {
        let problem = format!("it cannot be used as an Avro schema: {error}");
        return vec![unusable(against, problem, remedy(against))];
    }
    let directions = [(true, misfits(ours, theirs)), (false, misfits(theirs, ours))];
    let mut findings = Vec::new();
    for (ours_reads, found) in directions {
        match found {
            Ok(found) => findings.extend(found.into_iter().map(|misfit| Finding {
                against,
                ours_reads,
                field: misfit.field,
                problem: misfit.problem.to_string(),
                remedy: misfit.problem.remedy(ours_reads).to_owned(),
            })),
            // Each of them is a schema, see above.
            Err(error) => findings.push(unusable(against, error.to_string(), remedy(against))),
        }
    }
    findings.dedup();
    findings
}

fn unusable(against: Against, problem: String, remedy: String) -> Finding {
    Finding { against, ours_reads: true, field: String::new(), problem, remedy }
}

/// What to do about a version that is no schema.
fn remedy(against: Against) -> String {
    match against {
        Against::Released(release) => {
            format!("put `schemas/released/{release}` back as it was released: a frozen copy is never edited")
        }
        Against::Registered(version) => format!(
            "our services did not write with it: find out who registered version {version} of this subject, and delete that \
             version in the registry"
        ),
    }
}

impl Subject {
    /// All that keeps this release's schema and the frozen copies from reading each other. Asks nobody.
    #[must_use]
    pub fn against_releases(&self) -> Vec<Finding> {
        let earlier = RELEASED.iter().filter(|released| released.subject == self.name);
        let compared = earlier.map(|one| compare(self.schema, one.schema, Against::Released(one.release)));
        compared.flatten().collect()
    }
}

#[cfg(test)]
mod tests;

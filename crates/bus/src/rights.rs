//! Whether this user may do what its role needs, as the broker itself tells it.

use std::{fmt, sync::Arc, time::Duration};

use rdkafka::{consumer::Consumer as _, error::RDKafkaErrorCode as Code};

use crate::{
    acls::{Acl, Resource, acls},
    error::{BusError, is_missing},
    native::{self, Allowed},
    settings::Settings,
    watch::Probe,
};

/// Asks about the rights of one role. Cheap to clone.
#[derive(Clone)]
pub struct Rights {
    probe: Probe,
    acls: Arc<[Acl]>,
    role: &'static str,
}

/// What stands between a role and its work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    role: &'static str,
    /// What it may not do.
    pub lacking: Vec<Acl>,
    /// Topics that do not exist.
    pub missing: Vec<&'static str>,
}

impl Standing {
    /// What it may not do, in words, with the command that shows the way.
    pub fn refusal(&self) -> Option<String> {
        if self.lacking.is_empty() {
            return None;
        }
        let lacking: Vec<String> = self.lacking.iter().map(Acl::to_string).collect();
        Some(format!(
            "Kafka does not allow: {}; `okr-router topics acls --role {}` prints the commands that do",
            lacking.join(", "),
            self.role
        ))
    }
}

impl fmt::Debug for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rights").field("role", &self.role).finish_non_exhaustive()
    }
}

impl Rights {
    /// Of one of [`crate::ROLES`]; makes a client of its own, and nothing is connected yet.
    pub fn new(settings: &Settings, role: &'static str) -> Result<Self, BusError> {
        Ok(Self { probe: Probe::new(settings)?, acls: acls(role).into(), role })
    }

    /// Asks the cluster. A broker that does not tell rights (they are told since Kafka 2.3) lacks none.
    pub async fn look(&self, wait: Duration) -> Result<Standing, BusError> {
        let acls = Arc::clone(&self.acls);
        let asked = self.probe.ask_for(move |client| {
            let named = |wanted: fn(Resource) -> bool| {
                let mut names: Vec<&str> =
                    acls.iter().filter(|acl| wanted(acl.resource)).map(|acl| acl.resource.name()).collect();
                names.dedup();
                names
            };
            let topics = named(|resource| matches!(resource, Resource::Topic(_)));
            let mut told = (native::topics(client.client(), &topics, wait)?, Vec::new());
            for group in named(|resource| matches!(resource, Resource::Group(_))) {
                // What was learned of the topics counts, whoever does not answer for a group.
                told.1.extend(native::group(client.client(), group, wait).unwrap_or_default());
            }
            Ok(told)
        });
        let (topics, groups) = asked.await?;
        Ok(judge(self.role, &self.acls, &topics, &groups))
    }
}

fn judge(role: &'static str, acls: &[Acl], topics: &[Allowed], groups: &[Allowed]) -> Standing {
    let mut standing = Standing { role, lacking: Vec::new(), missing: Vec::new() };
    for acl in acls {
        let (told, refusal) = match acl.resource {
            Resource::Topic(_) => (topics, Code::TopicAuthorizationFailed),
            Resource::Group(_) => (groups, Code::GroupAuthorizationFailed),
        };
        let Some(told) = told.iter().find(|told| told.name == acl.resource.name()) else { continue };
        let lacks = match &told.operations {
            Ok(Some(allowed)) => !allowed.contains(&acl.operation.number()),
            Ok(None) => false,
            // Not even to be seen: of what else is allowed, nothing is told.
            Err(code) if *code == refusal => acl.operation.allows_describe(),
            Err(code) if is_missing(*code) && !standing.missing.contains(&acl.resource.name()) => {
                standing.missing.push(acl.resource.name());
                false
            }
            // A group that nobody has joined yet; a coordinator on its way.
            Err(_) => false,
        };
        if lacks {
            standing.lacking.push(*acl);
        }
    }
    standing
}

#[cfg(test)]
mod tests;

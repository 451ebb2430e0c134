//! `okr-router topics acls`: the least rights of each role, as commands for Kafka's own tool.

use std::{collections::BTreeMap, process::ExitCode};

use anyhow::Result;
use bus::{Acl, ROLES, Resource, acls};
use serde_json::json;

use crate::{
    cli::{Settings, acls::Acls},
    config::{self, Reader},
};

/// Prints them; asks no broker and needs no secret.
pub fn run(settings: &Settings, options: &Acls) -> Result<ExitCode> {
    let whole = config::read(settings, Reader::Command)?;
    let broker = whole.shared.kafka.brokers.first().cloned().unwrap_or_default();
    let roles = ROLES.iter().filter(|(role, _)| options.role.as_ref().is_none_or(|wanted| wanted == role));
    let mut text = String::new();
    let mut rows = Vec::new();
    for (role, what) in roles {
        let principal = options.principal.clone().unwrap_or_else(|| format!("User:okr-{role}"));
        let all = acls(role);
        rows.extend(all.iter().map(|acl| row(acl, &principal)));
        text.push_str(&format!("# {role}: {what}\n{}", commands(&all, &broker, &principal)));
    }
    super::put(&if options.output.json { format!("{}\n", json!(rows)) } else { text })?;
    Ok(ExitCode::SUCCESS)
}

fn row(acl: &Acl, principal: &str) -> serde_json::Value {
    let Acl { role, resource, operation } = acl;
    json!({ "role": role, "principal": principal, "resource": resource.kind(), "name": resource.name(),
            "operation": operation.name() })
}

/// One command for each topic and group.
fn commands(acls: &[Acl], broker: &str, principal: &str) -> String {
    let mut grouped: BTreeMap<Resource, String> = BTreeMap::new();
    for acl in acls {
        let operations = grouped.entry(acl.resource).or_default();
        operations.push_str(&format!(" --operation {}", acl.operation.name()));
    }
    let command = |(resource, operations): (&Resource, &String)| {
        format!(
            "kafka-acls.sh --bootstrap-server {broker} --add --allow-principal {principal}{operations} --{} {}\n",
            resource.kind(),
            resource.name()
        )
    };
    grouped.iter().map(command).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_thing_has_one_command_with_all_that_is_allowed_there() {
        let printed = commands(&acls("gateway"), "b:9092", "User:okr-gateway");
        assert_eq!(
            printed.lines().collect::<Vec<_>>()[1],
            "kafka-acls.sh --bootstrap-server b:9092 --add --allow-principal User:okr-gateway --operation Write \
             --operation DescribeConfigs --topic okr.dead.gateway"
        );
        assert_eq!(printed.lines().count(), 4);
        let printed = commands(&acls("notifier"), "b:9092", "User:n");
        assert!(printed.contains("User:n --operation Read --group okr.notifier\n"), "{printed}");
    }

    #[test]
    fn the_table_of_the_documentation_is_this_one() {
        let documented = include_str!("../../../../docs/operations.md");
        for (role, what) in ROLES {
            let mut grouped: BTreeMap<Vec<&str>, Vec<String>> = BTreeMap::new();
            let mut by_name: BTreeMap<Resource, Vec<&str>> = BTreeMap::new();
            for acl in acls(role) {
                by_name.entry(acl.resource).or_default().push(acl.operation.name());
            }
            for (resource, operations) in by_name {
                let name = format!("{} `{}`", resource.kind(), resource.name());
                grouped.entry(operations).or_default().push(name);
            }
            for (operations, names) in grouped {
                let row = format!("| `{role}` ({what}) | {} | {} |", names.join(", "), operations.join(", "));
                assert!(documented.contains(&row), "docs/operations.md lacks the row\n{row}");
            }
        }
    }
}

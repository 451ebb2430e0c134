//! `okr-router topics acls`.

use clap::Args;

use super::Output;

#[derive(Debug, Args)]
pub struct Acls {
    /// Only this role: gateway, notifier, warehouse, setup (topics plan and apply), operator (tail, dead, resume), doctor
    #[arg(long, value_name = "ROLE", value_parser = role)]
    pub role: Option<String>,
    /// Whom to allow it [default: User:okr-ROLE]
    #[arg(long, value_name = "PRINCIPAL", requires = "role")]
    pub principal: Option<String>,
    #[command(flatten)]
    pub output: Output,
}

fn role(text: &str) -> Result<String, String> {
    let known = || bus::ROLES.iter().map(|(role, _)| *role);
    match known().any(|role| role == text) {
        true => Ok(text.to_owned()),
        false => Err(format!("there are {}", known().collect::<Vec<_>>().join(", "))),
    }
}

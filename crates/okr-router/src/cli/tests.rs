//! Help texts are read by people who have nothing else: every change to one is looked at.

use clap::{Command, CommandFactory, Parser};

use super::Cli;

/// Every command's long help, in the order in which `--help` lists them.
fn help(command: &mut Command, path: &str, out: &mut String) {
    let path = format!("{path}{}", command.get_name());
    out.push_str(&format!("=== {path} --help\n{}\n", command.render_long_help()));
    let names: Vec<String> = command
        .get_subcommands()
        .map(|sub| sub.get_name().to_owned())
        .filter(|name| name != "help")
        .collect();
    for name in names {
        if let Some(sub) = command.find_subcommand_mut(&name) {
            help(sub, &format!("{path} "), out);
        }
    }
}

#[test]
fn the_help_texts_say_what_they_said() {
    let mut command = Cli::command().term_width(100);
    command.build();
    let mut out = String::new();
    help(&mut command, "", &mut out);
    insta::assert_snapshot!(out.replace(env!("CARGO_PKG_VERSION"), "VERSION"));
}

#[test]
fn the_command_line_holds_together() {
    Cli::command().debug_assert();
}

#[test]
fn a_setting_without_an_equals_sign_is_refused() {
    let refused = Cli::try_parse_from(["okr-router", "--set", "gateway.listen", "dev"]);
    assert!(refused.is_err_and(|error| error.to_string().contains("KEY=VALUE")));
}

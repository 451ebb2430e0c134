//! The command line as a shell meets it: what it prints, where, and how it ends. No servers are needed.

use std::{
    path::Path,
    process::{Command, Output},
};

use anyhow::{Context, Result, ensure};
use okr_tests::{Folder, binary};

/// Runs a line of shell in a folder; `$okr` is the binary.
fn shell(folder: &Path, line: &str) -> Result<Output> {
    let mut command = Command::new("bash");
    command.args(["-o", "pipefail", "-c", line]).current_dir(folder).env("okr", binary()?);
    command.output().context("no bash to run it")
}

#[track_caller]
fn check(folder: &Path, line: &str, code: i32, parts: &[&str]) -> Result<()> {
    let done = shell(folder, line)?;
    let said = format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    ensure!(
        done.status.code() == Some(code),
        "{line}: ended with {:?}, not {code}: {said}",
        done.status.code()
    );
    ensure!(!said.contains("panicked"), "{line}: {said}");
    for part in parts {
        ensure!(said.contains(part), "{line}: {part:?} is not in: {said}");
    }
    Ok(())
}

#[test]
fn a_reader_that_had_enough_is_no_failure_and_a_full_disk_is_one_in_words() -> Result<()> {
    let folder = Folder::new("contract")?;
    // `true` is gone long before the words come.
    for verb in ["config schema", "config print", "config check", "config schema --format markdown"] {
        check(folder.path(), &format!("(sleep 0.2; $okr {verb}) | true"), 0, &[])?;
        check(folder.path(), &format!("$okr {verb} > /dev/full"), 1, &["stdout was not written"])?;
        check(folder.path(), &format!("$okr {verb} >&-"), 0, &[])?;
    }
    Ok(())
}

/// A command in the wrong folder must not pretend to have found a configuration.
#[test]
fn a_command_without_a_file_says_aloud_what_it_uses() -> Result<()> {
    let folder = Folder::new("contract")?;
    let words = "there is no okr-router.toml here: this uses the default of `dev`";
    check(folder.path(), "$okr config check 2>&1 >/dev/null", 0, &[words])?;
    check(folder.path(), "! $okr config print 2>/dev/null | grep -F 'this uses the default'", 0, &[])?;
    check(
        folder.path(),
        "$okr config print > okr-router.toml; ! $okr config check 2>&1 | grep -F 'this uses'",
        0,
        &[],
    )
}

#[test]
fn the_default_can_be_saved_by_the_command_that_it_names() -> Result<()> {
    let folder = Folder::new("contract")?;
    check(folder.path(), "$okr gateway", 1, &["config print > okr-router.toml"])?;
    check(
        folder.path(),
        "$okr config print > okr-router.toml && cat okr-router.toml",
        0,
        &["[sources.demo]"],
    )?;
    check(folder.path(), "$okr config check", 0, &["okr-router.toml is in order"])?;
    check(
        folder.path(),
        "$okr config print > printed.toml && $okr -c printed.toml config check",
        0,
        &["in order"],
    )?;
    check(folder.path(), ": > okr-router.toml; $okr gateway", 1, &["config print > okr-router.toml"])
}

#[test]
fn what_is_printed_knows_the_environment_and_the_flags() -> Result<()> {
    let folder = Folder::new("contract")?;
    check(
        folder.path(),
        "$okr config print --set gateway.body_max=77KiB",
        0,
        &["body_max = \"77KiB\"", "[sources.demo]"],
    )?;
    check(
        folder.path(),
        "OKR_ROUTER__GATEWAY__BODY_MAX=78KiB $okr config print",
        0,
        &["body_max = \"78KiB\""],
    )
}

#[test]
fn misuse_ends_with_2_and_a_wrong_configuration_with_1() -> Result<()> {
    let folder = Folder::new("contract")?;
    for line in ["$okr", "$okr nonsense", "$okr tail --max x", "$okr config print --set nonsense"] {
        check(folder.path(), line, 2, &["--help"])?;
    }
    check(folder.path(), "$okr send --source nobody", 1, &["\"nobody\"", "demo"])?;
    check(folder.path(), "$okr config check --set gateway.lisen=1", 1, &["did you mean `listen`"])?;
    check(folder.path(), "$okr config check --set gateway.body_max=3MiB", 1, &["gateway.body_max"])
}

//! A configured okr-router in a folder of its own, on servers that are given: its config, commands and roles.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};

use crate::{Folder, Process, Role, child::Recipe, free_port};

/// What a test says about its okr-router; the rest is written for it.
#[derive(Debug, Clone, Default)]
pub struct World {
    /// `host:port` of the broker.
    pub broker: String,
    /// Base URL of the registry.
    pub registry: String,
    /// Lines for `[gateway]`, without `listen`.
    pub gateway: String,
    /// `[store] url`; empty is an embedded file in the stack's folder.
    pub store: String,
    /// All further sections: `[departments]`, `[sources.…]`, `[destinations.…]`, `[[routes]]`.
    pub sections: String,
    /// The environment of every role and command: secrets, overrides such as `OKR_ROUTER__WORKER__ATTEMPTS_MAX`.
    pub env: Vec<(String, String)>,
}

/// What one finished command left.
#[derive(Debug, Clone)]
pub struct Done {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

/// The okr-router of one test. Dropped, its folder goes; the roles are values of their own.
#[derive(Debug)]
pub struct Stack {
    world: World,
    folder: Folder,
    config: PathBuf,
    gateway: u16,
}

impl Stack {
    /// Writes the config; starts nothing.
    pub fn new(world: World) -> Result<Self> {
        let folder = Folder::new("stack")?;
        let (config, gateway) = (folder.join("okr-router.toml"), free_port());
        std::fs::write(&config, toml(&world, &folder, gateway))?;
        Ok(Self { world, folder, config, gateway })
    }

    /// Creates what the config asks for: `topics apply`, `schemas register --apply`.
    pub async fn prepare(&self) -> Result<()> {
        for args in [["topics", "apply"].as_slice(), &["schemas", "register", "--apply"]] {
            let done = self.command(args).await?;
            ensure!(done.code == 0, "{args:?} ended with {}: {}{}", done.code, done.stdout, done.stderr);
        }
        Ok(())
    }

    /// Starts a role (`gateway`, `notifier`, `dev`) without waiting for it.
    pub fn start(&self, role: &str) -> Result<Role> {
        self.start_with(role, &[])
    }

    /// As `start`, with variables that only this process gets.
    pub fn start_with(&self, role: &str, env: &[(&str, &str)]) -> Result<Role> {
        let admin = format!("127.0.0.1:{}", free_port());
        let mut all = self.world.env.clone();
        all.push(("OKR_ROUTER__ADMIN__LISTEN".into(), admin.clone()));
        all.extend(env.iter().map(|(name, value)| ((*name).into(), (*value).into())));
        let recipe = Recipe { program: binary()?, args: self.args(&[role]), env: all };
        let name = format!("{role}-{}", admin.rsplit(':').next().unwrap_or_default());
        Ok(Role::new(Process::start(&name, &recipe, &self.folder)?, admin))
    }

    /// Starts a role and waits until it is ready.
    pub async fn role(&self, role: &str) -> Result<Role> {
        let role = self.start(role)?;
        role.ready().await?;
        Ok(role)
    }

    /// Runs a command such as `topics plan` with this config to its end.
    pub async fn command(&self, args: &[&str]) -> Result<Done> {
        let mut command = tokio::process::Command::new(binary()?);
        command.args(self.args(args)).envs(self.world.env.iter().cloned()).current_dir(self.folder.path());
        let done = command.kill_on_drop(true).output().await.context("okr-router does not start")?;
        Ok(Done {
            code: done.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&done.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&done.stderr).into_owned(),
        })
    }

    /// The URL of a path of the gateway, such as `/in/acme`.
    pub fn gateway(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.gateway)
    }

    pub fn world(&self) -> &World {
        &self.world
    }

    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    fn args(&self, words: &[&str]) -> Vec<String> {
        let config = self.config.display().to_string();
        words.iter().map(|word| (*word).into()).chain(["--config".into(), config]).collect()
    }
}

/// The binary under test: `OKR_TEST_BINARY`, else the one beside the test executables.
pub fn binary() -> Result<PathBuf> {
    if let Some(given) = std::env::var_os("OKR_TEST_BINARY") {
        return Ok(given.into());
    }
    let test = std::env::current_exe()?; // …/target/debug/deps/suite-1234
    let path = test.ancestors().nth(2).context("no target folder above the test")?.join("okr-router");
    ensure!(path.exists(), "{} is missing: tests/run builds it", path.display());
    Ok(path)
}

fn toml(world: &World, folder: &Folder, gateway: u16) -> String {
    let data = folder.join("data");
    let store = match world.store.as_str() {
        "" => format!("file:{}", data.join("state.db").display()),
        given => given.into(),
    };
    format!(
        "data_dir = {data:?}

[kafka]
brokers = [{broker:?}]
replication = 1
min_insync_replicas = 1

[registry]
url = {registry:?}

[store]
url = {store:?}

[gateway]
listen = \"127.0.0.1:{gateway}\"
{lines}

{sections}
",
        broker = world.broker,
        registry = world.registry,
        lines = world.gateway,
        sections = world.sections,
    )
}

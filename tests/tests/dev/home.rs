//! An empty folder with `dev` in it, and the commands of a second terminal.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use okr_tests::{Done, Folder, Process, Recipe, Reply, Sender, binary, free_port, get, until};

/// How long anything may take that should be there at once; long, for two loaded cores.
pub const SOON: Duration = Duration::from_secs(30);
/// The secret of the source `demo` in the built-in configuration.
const SECRET: &str = "whsec_ZGVtby1zZWNyZXQtb25seS1mb3ItYS1sYXB0b3A=";

/// The four addresses of `dev`, and the key of each.
#[derive(Debug, Clone)]
pub struct Home {
    pub gateway: String,
    pub broker: String,
    pub registry: String,
    pub admin: String,
}

/// A folder, its `dev`, and the ports.
pub struct Dev {
    pub home: Home,
    pub process: Process,
    folder: Folder,
}

impl Home {
    /// Four free ports.
    pub fn new() -> Self {
        let [gateway, broker, registry, admin] = [(); 4].map(|()| format!("127.0.0.1:{}", free_port()));
        Self { gateway, broker, registry, admin }
    }

    /// What differs from the built-in configuration.
    pub fn env(&self) -> Vec<(String, String)> {
        [
            ("GATEWAY__LISTEN", self.gateway.clone()),
            ("KAFKA__BROKERS", format!("[{:?}]", self.broker)),
            ("REGISTRY__URL", format!("http://{}", self.registry)),
            ("ADMIN__LISTEN", self.admin.clone()),
        ]
        .map(|(key, value)| (format!("OKR_ROUTER__{key}"), value))
        .to_vec()
    }

    /// Starts `dev` here, without waiting for anything.
    pub fn start(&self, folder: &Folder) -> Result<Process> {
        self.start_with(folder, &[])
    }

    /// As `start`, with further flags.
    fn start_with(&self, folder: &Folder, flags: &[&str]) -> Result<Process> {
        let args = ["dev"].iter().chain(flags).map(|word| (*word).to_owned()).collect();
        let recipe = Recipe { program: binary()?, args, env: self.env() };
        Process::start("dev", &recipe, folder)
    }
}

impl Dev {
    /// In a new folder, ready.
    pub async fn start() -> Result<Self> {
        Self::start_with(&[]).await
    }

    /// As `start`, with further flags.
    pub async fn start_with(flags: &[&str]) -> Result<Self> {
        let (home, folder) = (Home::new(), Folder::new("dev")?);
        let process = home.start_with(&folder, flags)?;
        let dev = Self { home, process, folder };
        dev.ready().await?;
        Ok(dev)
    }

    /// Starts again in the same folder, after its end.
    pub async fn restart(&mut self) -> Result<()> {
        self.restart_with(&[]).await
    }

    /// As `restart`, with further flags.
    pub async fn restart_with(&mut self, flags: &[&str]) -> Result<()> {
        self.process = self.home.start_with(&self.folder, flags)?;
        self.ready().await
    }

    async fn ready(&self) -> Result<()> {
        let url = format!("http://{}/readyz", self.home.admin);
        let look = async || match self.process.ended() {
            Some(code) => Some(Err(code)),
            None => get(&url).await.ok().filter(|reply: &Reply| reply.status == 200).map(|_| Ok(())),
        };
        match until("/readyz of dev to say 200", SOON, look).await.with_context(|| self.process.tail())? {
            Ok(()) => Ok(()),
            Err(code) => bail!("dev ended with {code}: {}", self.process.tail()),
        }
    }

    /// A command in a second terminal in the same folder.
    pub async fn command(&self, args: &[&str]) -> Result<Done> {
        let mut command = tokio::process::Command::new(binary()?);
        command.args(args);
        self.run(command).await
    }

    /// Lines of a shell in that terminal, with further variables; a program of this folder comes before others.
    pub async fn shell(&self, lines: &str, variables: &[(&str, String)]) -> Result<Done> {
        let program = binary()?.parent().context("no folder")?.display().to_string();
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command = tokio::process::Command::new("sh");
        command
            .args(["-euc", lines])
            .env("PATH", format!("{}:{program}:{path}", self.folder.path().display()));
        command.envs(variables.iter().map(|(name, value)| (*name, value)));
        self.run(command).await
    }

    /// A file in the folder that is a program.
    pub fn program(&self, name: &str, text: &str) -> Result<()> {
        let path = self.folder.join(name);
        std::fs::write(&path, text)?;
        Ok(std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o755))?)
    }

    async fn run(&self, mut command: tokio::process::Command) -> Result<Done> {
        command.envs(self.home.env()).current_dir(self.folder.path()).kill_on_drop(true);
        let done = tokio::time::timeout(SOON, command.output()).await??;
        Ok(Done {
            code: done.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&done.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&done.stderr).into_owned(),
        })
    }

    /// Whoever knows the secret of `demo`.
    pub fn sender(&self) -> Result<Sender> {
        Sender::new(format!("http://{}/in/demo", self.home.gateway), SECRET)
    }

    /// How many lines of the terminal hold `words`, over all starts in this folder.
    pub fn messages(&self, words: &str) -> usize {
        self.process.stdout().lines().filter(|line| line.contains(words)).count()
    }

    /// Waits for a message that holds `words`, looking more often than people do; gives when it was there.
    pub async fn message(&self, words: &str) -> Result<Instant> {
        let begin = Instant::now();
        while self.messages(words) == 0 {
            if begin.elapsed() > SOON {
                bail!("no message with {words:?}; {}", self.process.tail());
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Ok(Instant::now())
    }
}

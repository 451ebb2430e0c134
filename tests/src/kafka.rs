//! Apache Kafka: one node, both roles, on ports and in a folder of its own.

use std::{path::PathBuf, time::Duration};

use anyhow::{Context, Result, bail, ensure};
use tokio::sync::{OnceCell, Semaphore, SemaphorePermit};

use crate::{Folder, Process, broker_answers, cache::fetched, child::Recipe, free_port, until};

/// Brokers of single tests that may run at once, beside the shared one: two cores start no more in good time.
static TURNS: Semaphore = Semaphore::const_new(2);
static SHARED: OnceCell<Kafka> = OnceCell::const_new();

const UP_WITHIN: Duration = Duration::from_secs(90);

/// The broker that all tests of this executable share; with `OKR_TEST_KAFKA=host:port`, that one. Its topics are
/// everyone's: a test takes names that no other has.
pub async fn kafka() -> Result<&'static Kafka> {
    SHARED.get_or_try_init(async || Kafka::start_with(None).await).await
}

/// What differs from a plain broker.
#[derive(Debug, Clone, Default)]
pub struct Setup {
    /// The port that clients are told to come by, where the test has something of its own in the way.
    pub behind: Option<u16>,
    /// Listeners beside the plain one: name, security protocol, port.
    pub listeners: Vec<(&'static str, &'static str, u16)>,
    /// Further lines of `server.properties`; they win.
    pub properties: String,
    /// Further arguments of the formatting of its folder.
    pub format: Vec<String>,
    /// Further arguments of its JVM.
    pub java: Vec<String>,
    /// Where it keeps its records, if not in its own folder.
    pub data: Option<PathBuf>,
}

/// A broker process, or somebody's broker at `OKR_TEST_KAFKA`.
#[derive(Debug)]
pub struct Kafka {
    address: String,
    node: Option<Node>,
    _turn: Option<SemaphorePermit<'static>>,
}

#[derive(Debug)]
struct Node {
    process: Process,
    recipe: Recipe,
    folder: Folder,
}

impl Kafka {
    /// A clean broker for one test; waits while too many run. With `OKR_TEST_KAFKA` it is that one, not clean.
    pub async fn start() -> Result<Self> {
        Self::start_with(Some(TURNS.acquire().await?)).await
    }

    /// A clean broker that this test may kill, whatever `OKR_TEST_KAFKA` says.
    pub async fn own() -> Result<Self> {
        Self::own_as(Setup::default()).await
    }

    /// As `own`, set up in another way.
    pub async fn own_as(setup: Setup) -> Result<Self> {
        Self::boot(Some(TURNS.acquire().await?), setup).await
    }

    /// As `own`, and clients are told to come by this port, where the test has something of its own in the way.
    pub async fn own_behind(port: u16) -> Result<Self> {
        Self::own_as(Setup { behind: Some(port), ..Setup::default() }).await
    }

    async fn start_with(turn: Option<SemaphorePermit<'static>>) -> Result<Self> {
        match std::env::var("OKR_TEST_KAFKA") {
            Ok(address) if !address.is_empty() => Ok(Self { address, node: None, _turn: turn }),
            _ => Self::boot(turn, Setup::default()).await,
        }
    }

    async fn boot(turn: Option<SemaphorePermit<'static>>, setup: Setup) -> Result<Self> {
        let folder = Folder::new("kafka")?;
        let (port, controller) = (free_port(), free_port());
        let properties = folder.join("server.properties");
        std::fs::write(&properties, server_properties(&setup, port, controller, &folder))?;
        let properties = properties.display().to_string();
        let (java, libs) = (java()?, libs()?);
        let id = "4L6g3nShT-eMCtK--X86sw"; // A cluster id in Kafka's own form; each folder is its own cluster.
        let format = ["kafka.tools.StorageTool", "format", "-t", id, "-c", &properties];
        let further: Vec<&str> = setup.format.iter().map(String::as_str).collect();
        let begin = ["-Xmx128m", "-XX:TieredStopAtLevel=1", "-cp", &libs];
        let format = [begin.as_slice(), &format, &further].concat();
        let made = tokio::process::Command::new(&java).args(format).output().await?;
        ensure!(made.status.success(), "no Kafka folder: {}", String::from_utf8_lossy(&made.stderr));
        let log = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn";
        let heap = ["-Xms128m", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"];
        let args = [&heap, [log, "-cp", &libs, "kafka.Kafka", &properties].as_slice()].concat();
        let args = setup.java.iter().cloned().chain(args.into_iter().map(String::from)).collect();
        let recipe = Recipe { program: java, args, env: Vec::new() };
        let process = Process::start("kafka", &recipe, &folder)?;
        let node = Node { process, recipe, folder };
        let kafka = Self { address: format!("127.0.0.1:{port}"), node: Some(node), _turn: turn };
        kafka.ready().await?;
        Ok(kafka)
    }

    /// `host:port` for clients.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// SIGKILL; the data stays for `restart`.
    pub fn kill9(&self) -> Result<()> {
        self.node()?.process.kill9();
        Ok(())
    }

    /// SIGTERM, and waits for the end; the data stays for `restart`.
    pub async fn stop(&self) -> Result<()> {
        let node = self.node()?;
        node.process.signal("TERM")?;
        node.process.end(Duration::from_secs(30)).await?;
        Ok(())
    }

    /// Its exit code, once it has ended.
    pub fn ended(&self) -> Option<i32> {
        self.node.as_ref().and_then(|node| node.process.ended())
    }

    /// Starts again on the same data and ports after `kill9` or `stop`; returns when clients are served.
    pub async fn restart(&mut self) -> Result<()> {
        let node = self.node.as_mut().context("a broker of one's own cannot be restarted")?;
        ensure!(node.process.ended().is_some(), "the broker still runs");
        node.process = Process::start("kafka", &node.recipe, &node.folder)?;
        self.ready().await
    }

    /// SIGSTOP: connections stay open, nothing is answered.
    pub fn pause(&self) -> Result<()> {
        self.node()?.process.signal("STOP")
    }

    /// SIGCONT.
    pub fn resume(&self) -> Result<()> {
        self.node()?.process.signal("CONT")
    }

    /// Runs one of Kafka's console tools, such as `org.apache.kafka.tools.TopicCommand`, with its bootstrap server
    /// given, and returns what it printed to stdout.
    pub async fn tool(&self, class: &str, args: &[&str]) -> Result<String> {
        let mut command = tokio::process::Command::new(java()?);
        command.args([
            "-Xmx128m",
            "-XX:TieredStopAtLevel=1",
            "-Dorg.slf4j.simpleLogger.defaultLogLevel=error",
        ]);
        command.args(["-cp", &libs()?, class, "--bootstrap-server", &self.address]).args(args);
        let done = command.kill_on_drop(true).output().await?;
        let said = String::from_utf8_lossy(&done.stdout).into_owned();
        ensure!(done.status.success(), "{class} failed: {said}{}", String::from_utf8_lossy(&done.stderr));
        Ok(said)
    }

    async fn ready(&self) -> Result<()> {
        let look = async || match self.node.as_ref().and_then(|node| node.process.ended()) {
            Some(code) => Some(Err(code)),
            None => broker_answers(&self.address).await.then_some(Ok(())),
        };
        match until("the broker's metadata", UP_WITHIN, look).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(code)) => bail!("Kafka ended with {code}: {}", self.node()?.process.tail()),
            Err(error) => Err(error.context(self.node()?.process.tail())),
        }
    }

    fn node(&self) -> Result<&Node> {
        self.node.as_ref().context("the broker at OKR_TEST_KAFKA is not ours to stop")
    }
}

fn java() -> Result<PathBuf> {
    fetched("java-kafka/bin/java")
}

fn libs() -> Result<String> {
    Ok(format!("{}/*", fetched("kafka-4.3.1/libs")?.display()))
}

fn server_properties(setup: &Setup, port: u16, controller: u16, folder: &Folder) -> String {
    let Setup { behind, listeners, properties, data, .. } = setup;
    let data = data.clone().unwrap_or_else(|| folder.join("data"));
    let told = behind.unwrap_or(port);
    let further = |show: fn(&(&str, &str, u16)) -> String| -> String { listeners.iter().map(show).collect() };
    let (bound, protocols) = (
        further(|(name, _, port)| format!(",{name}://127.0.0.1:{port}")),
        further(|(name, protocol, _)| format!(",{name}:{protocol}")),
    );
    format!(
        "process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}{bound}
advertised.listeners=PLAINTEXT://127.0.0.1:{told}{bound}
inter.broker.listener.name=PLAINTEXT
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT{protocols}
log.dirs={data}
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
num.network.threads=2
num.io.threads=4
log.cleaner.dedupe.buffer.size=2097152
{properties}
",
        data = data.display()
    )
}

//! What `dev` does: broker and registry first, then topics and schemas, then the services.

use std::{
    net::SocketAddr,
    path::Path,
    process::ExitCode,
    sync::{Arc, OnceLock},
};

use anyhow::{Context, Result, bail, ensure};
use boot::{BoxError, House};
use devstack::{Options, Part};
use url::Url;

use super::{gateway, notifier, reload::Reload, warehouse};
use crate::{
    cli::Settings,
    config::{self, DEV_DEFAULT, FILE, Reader, Whole},
    ops,
};

/// Runs until Ctrl-C or SIGTERM.
pub fn run(settings: &Settings) -> Result<ExitCode> {
    let whole = config::read(settings, Reader::Dev)?;
    if whole.is_default {
        eprintln!("There is no {FILE} here, so this default is used:\n");
        DEV_DEFAULT.lines().for_each(|line| eprintln!("    {line}"));
        eprintln!();
    }
    // Held until the process ends: dropped, a part stops, and the services drain into both to the last.
    let parts = Parts::default();
    super::run("dev", &whole, super::DEV_ADMIN, |house| start(&whole, settings, house, &parts))
}

/// Which check says that the store of all services is waited for.
const STORE: &str = "notifier.store";

/// The embedded servers, once they run.
type Parts = OnceLock<[Arc<dyn Part>; 2]>;

async fn start(whole: &Whole, settings: &Settings, house: House, parts: &Parts) -> Result<(), BoxError> {
    let broker = devstack::broker(Options {
        listen: broker_address(whole)?,
        file: whole.shared.data_dir.join("broker.db"),
        key: "kafka.brokers",
    });
    let broker = broker.await?;
    let registry = devstack::registry(Options {
        listen: registry_address(whole)?,
        file: whole.shared.data_dir.join("registry.json"),
        key: "registry.url",
    });
    let registry = registry.await?;
    ops::topics::differences(whole, true).await?;
    ops::schemas::register(whole, true).await?;
    let [broker, registry] = parts.get_or_init(|| [broker, registry]);
    watch(&house, broker.clone());
    watch(&house, registry.clone());
    let services = services(whole, &house).await?;
    Reload { settings: settings.clone(), reader: Reader::Dev, parts: services }.watch(whole, &house);
    introduce(whole, settings.config.as_deref(), &house);
    Ok(())
}

/// The gateway first, and before it only what it needs: a database may be waited for. The warehouse runs where somebody
/// has asked for it, so that a laptop which is left alone pays nothing for it.
async fn services(whole: &Whole, house: &House) -> Result<Vec<Box<dyn super::reload::Part>>, BoxError> {
    let wanted = super::memory::is_wanted(whole, &crate::parts::sources(whole)?);
    let early = if wanted { Some(notifier::store(whole, house, STORE).await?) } else { None };
    let gateway = gateway::start(whole, house.clone(), early.clone()).await?;
    let store = match early {
        Some(store) => store,
        None => notifier::store(whole, house, STORE).await?,
    };
    let mut parts = vec![gateway, notifier::start(whole, house.clone(), Some(store.clone())).await?];
    if ["warehouse.url", "warehouse.schema"].into_iter().any(|key| whole.document.has(key)) {
        parts.push(warehouse::start(whole, house.clone(), Some(store)).await?);
    }
    Ok(parts)
}

/// A part that ends by itself ends the process, with its reason.
fn watch(house: &House, part: Arc<dyn Part>) {
    let shutdown = house.shutdown.clone();
    house.tasks.spawn(part.name(), async move {
        tokio::select! {
            () = shutdown.cancelled() => Ok(()),
            why = part.ended() => Err(why.into()),
        }
    });
}

/// Once everything is ready: where it listens, and what to try.
fn introduce(whole: &Whole, config: Option<&Path>, house: &House) {
    let gateway: Result<::gateway::GatewayConfig, _> = whole.document.section("gateway");
    let Ok(gateway) = gateway else { return };
    let admin = whole.shared.admin.listen.unwrap_or(super::DEV_ADMIN);
    let names = whole.document.names("sources");
    let sources = names.join(", ");
    let text = format!(
        "
okr-router dev is ready.
  gateway    {scheme}://{listen}/in/{{source}}   sources: {sources}
  probes     http://{admin}/readyz  /livez  /metrics
  broker     {brokers}   (embedded, Kafka protocol)
  registry   {registry}   (embedded, Confluent API)
  data       {data}

Try, in a second terminal:
  {me} send{config}{source}
      a signed sample; the message appears where its route sends it
  {me} tail --from earliest{config}
      what is on the topic, decoded
  {me} config print{config}
      the configuration with every default, to begin one of your own
",
        scheme = gateway.scheme(),
        listen = gateway.listen,
        brokers = whole.shared.kafka.brokers.join(", "),
        registry = whole.shared.registry.url.resolve().map(|url| url.expose().to_owned()).unwrap_or_default(),
        data = whole.shared.data_dir.display(),
        me = me(),
        config = config.map(|file| format!(" --config {}", file.display())).unwrap_or_default(),
        source = match names.as_slice() {
            [first, _, ..] => format!(" --source {first}"),
            _ => String::new(),
        },
    );
    let house = house.clone();
    house.clone().tasks.spawn("introduction", async move {
        let mut look = tokio::time::interval(std::time::Duration::from_millis(50));
        while !house.health.is_ready() {
            tokio::select! {
                () = house.shutdown.cancelled() => return Ok(()),
                _ = look.tick() => {}
            }
        }
        eprintln!("{text}");
        Ok(())
    });
}

/// How this binary was called, for examples that work when pasted.
fn me() -> String {
    std::env::current_exe()
        .ok()
        .and_then(|path| {
            let here = std::env::current_dir().ok()?;
            Some(path.strip_prefix(here).unwrap_or(&path).display().to_string())
        })
        .unwrap_or_else(|| "okr-router".to_owned())
}

fn broker_address(whole: &Whole) -> Result<SocketAddr> {
    let brokers = &whole.shared.kafka.brokers;
    let [only] = brokers.as_slice() else {
        bail!(
            "{}: `dev` embeds one broker, so `kafka.brokers` names one address",
            whole.document.at("kafka.brokers")
        );
    };
    ensure!(
        whole.shared.kafka.security.is_none(),
        "the embedded broker has no login: leave `kafka.security` out"
    );
    loopback(only).with_context(|| format!("{}: `kafka.brokers`", whole.document.at("kafka.brokers")))
}

fn registry_address(whole: &Whole) -> Result<SocketAddr> {
    let at = || format!("{}: `registry.url`", whole.document.at("registry.url"));
    let url = whole.shared.registry.url.resolve().with_context(at)?;
    let url = Url::parse(url.expose()).with_context(at)?;
    ensure!(
        url.scheme() == "http" && url.path() == "/",
        "{}: the embedded registry is at http://127.0.0.1:PORT, without a path",
        at()
    );
    let host = url.host_str().with_context(at)?;
    loopback(&format!("{host}:{}", url.port().unwrap_or(80))).with_context(at)
}

/// `dev` listens on this machine only: its broker and registry have no login.
fn loopback(text: &str) -> Result<SocketAddr> {
    let text = text.replace("localhost", "127.0.0.1");
    let address: SocketAddr =
        text.parse().with_context(|| format!("{text} is no address such as 127.0.0.1:9092"))?;
    ensure!(
        address.ip().is_loopback(),
        "`dev` embeds it on this machine, so its address is a loopback one such as 127.0.0.1, not {}",
        address.ip()
    );
    Ok(address)
}

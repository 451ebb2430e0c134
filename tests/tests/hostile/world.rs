//! The gateway of this suite, who watches it, and what is true of every answer.

use std::{
    collections::BTreeMap,
    fmt::Write,
    future::Future,
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use okr_tests::{Kafka, Load, Role, Sender, Sent, Stack, World as Config, check_in, sign, until};
use tokio::task::JoinHandle;

use crate::line::{Heard, talk};

/// The most memory that the gateway may ever have, whatever is sent; most of it is what 1,200 connections read at once.
const MEMORY_MAX: u64 = 160 << 20;
/// File descriptors may differ by this much at the end: Kafka's client opens and closes connections by itself.
const DESCRIPTORS_SLACK: usize = 8;
const SOON: Duration = Duration::from_secs(40);

/// One broker, one gateway.
pub struct World {
    _kafka: Kafka,
    _stack: Stack,
    gateway: Role,
    pub address: SocketAddr,
    sender: Sender,
    secret: String,
    tally: Mutex<BTreeMap<u16, usize>>,
    /// What was not as it should be; all of it is told at the end.
    faults: Mutex<Vec<String>>,
}

impl World {
    pub async fn start() -> Result<Self> {
        let (kafka, registry) = tokio::try_join!(Kafka::start(), okr_tests::registry())?;
        let secret = sign::whsec(b"the key that acme uses now......");
        let stack = Stack::new(Config {
            broker: kafka.address().to_owned(),
            registry: registry.url().to_owned(),
            gateway: "request_deadline = \"6s\"".to_owned(),
            sections: SECTIONS.to_owned(),
            env: vec![("ACME_SECRET".to_owned(), secret.clone())],
            ..Config::default()
        })?;
        stack.prepare().await?;
        let gateway = stack.role("gateway").await?;
        let url = stack.gateway("");
        let address = url.trim_start_matches("http://").parse().context("an address")?;
        let sender = Sender::new(stack.gateway("/in/acme"), secret.clone())?;
        let (tally, faults) = (Mutex::default(), Mutex::default());
        Ok(Self { _kafka: kafka, _stack: stack, gateway, address, sender, secret, tally, faults })
    }

    /// One kind of input. What is wrong with it is told at the end, with all the others.
    pub async fn case(&self, what: &str, case: impl Future<Output = Result<()>>) {
        if let Err(error) = case.await {
            self.fault(format!("{what}: {error:#}"));
        }
    }

    fn fault(&self, fault: String) {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).push(fault);
    }

    /// Good traffic and a look at `/readyz`, until `Watch::end`.
    pub async fn watch(&self) -> Result<Watch> {
        // Before anybody else comes, the tool's own connections are there.
        let load = self.sender.load(2, "good");
        load.more_accepted(4, SOON).await?;
        let (descriptors, stop) = (self.descriptors()?, Arc::new(AtomicBool::new(false)));
        let looking = tokio::spawn(look(self.gateway.admin().to_owned(), stop.clone()));
        Ok(Watch { load, descriptors, stop, looking })
    }

    /// Says it on a connection of its own and hears so many answers.
    pub async fn talk(&self, bytes: &[u8], answers: usize) -> Result<Heard> {
        let heard = talk(self.address, bytes, answers).await.context("no connection")?;
        self.note(&heard)?;
        Ok(heard)
    }

    /// Says it, and the one answer has one of these statuses; `&[]` is for a connection that is closed without a word.
    pub async fn expect(&self, what: &str, bytes: &[u8], statuses: &[u16]) -> Result<Heard> {
        let heard = self.talk(bytes, 1).await?;
        let fits = match heard.answers.first() {
            Some(answer) => statuses.contains(&answer.status),
            None => statuses.is_empty() && heard.closed,
        };
        if !fits {
            self.fault(format!("{what}: {heard:?}, not {statuses:?}"));
        }
        Ok(heard)
    }

    /// No answer is a 5xx but the documented one, and every refusal is a problem.
    pub fn note(&self, heard: &Heard) -> Result<()> {
        for answer in &heard.answers {
            *self.tally.lock().unwrap_or_else(PoisonError::into_inner).entry(answer.status).or_default() += 1;
            let documented = answer.status == 503 && answer.head.contains("retry-after");
            ensure!(answer.status < 500 || documented, "a server error: {answer:?}");
            let refused = answer.status >= 400 && !answer.head.contains("application/problem+json");
            ensure!(!refused, "a refusal that is no problem document: {answer:?}");
        }
        Ok(())
    }

    /// The head and body of a good delivery of `acme`, with further header lines.
    pub fn signed(&self, id: &str, body: &[u8], more: &str) -> Result<Vec<u8>> {
        let mut head =
            format!("POST /in/acme HTTP/1.1\r\nhost: gateway\r\ncontent-length: {}\r\n", body.len());
        for (name, value) in self.signature(id, body)? {
            write!(head, "{name}: {value}\r\n")?;
        }
        Ok([format!("{head}{more}\r\n").as_bytes(), body].concat())
    }

    pub fn signature(&self, id: &str, body: &[u8]) -> Result<Vec<(String, String)>> {
        sign::standard_webhooks(&self.secret, id, sign::now(), body)
    }

    /// A delivery of the source that asks for no proof, with further header lines.
    pub fn open(&self, body: &[u8], more: &str) -> Vec<u8> {
        let head = format!("POST /in/open HTTP/1.1\r\nhost: gateway\r\ncontent-length: {}\r\n", body.len());
        [format!("{head}{more}\r\n").as_bytes(), body].concat()
    }

    fn descriptors(&self) -> Result<usize> {
        Ok(std::fs::read_dir(format!("/proc/{}/fd", self.gateway.id()))?.count())
    }

    /// Waits until the gateway holds no more connections than `before`.
    async fn emptied(&self, before: usize) -> Result<usize> {
        let few = async || self.descriptors().ok().filter(|now| *now <= before + DESCRIPTORS_SLACK);
        let what = format!("{before} file descriptors, as before");
        until(&what, SOON, few).await.with_context(|| format!("there are {:?}", self.descriptors()))
    }
}

/// A check-in that becomes an event.
pub fn good(subject: &str) -> Vec<u8> {
    check_in("hostile", subject, 0).to_string().into_bytes()
}

/// Good traffic and a look at readiness, beside everything else.
pub struct Watch {
    load: Load,
    descriptors: usize,
    stop: Arc<AtomicBool>,
    looking: JoinHandle<Result<usize>>,
}

impl Watch {
    /// What must be true of all that has been.
    pub async fn end(self, world: &World) -> Result<()> {
        // With the tool's own connections still open, as they were when it was counted first.
        let descriptors = world.emptied(self.descriptors).await?;
        self.load.more_accepted(4, SOON).await?;
        let sent = self.load.stop().await;
        self.stop.store(true, Ordering::Relaxed);
        let looks = self.looking.await??;
        let lost: Vec<&Sent> = sent.iter().filter(|sent| !sent.is_accepted()).collect();
        ensure!(lost.is_empty(), "{} of {} good deliveries: {:?}", lost.len(), sent.len(), lost.first());
        let slowest = sent.iter().map(|sent| sent.took).max().unwrap_or_default();
        let said = format!("{}{}", world.gateway.stdout(), world.gateway.stderr());
        ensure!(!said.contains("panicked"), "it panicked: {}", world.gateway.tail());
        let peak = world.gateway.memory_peak()?;
        ensure!(peak < MEMORY_MAX, "it had {} MiB at once", peak >> 20);
        let tally = world.tally.lock().unwrap_or_else(PoisonError::into_inner).clone();
        println!(
            "hostile answers {tally:?}; {} good deliveries, all 202, the slowest {slowest:.1?}; /readyz {looks} times 200; \
             at most {} MiB (limit {}); {} file descriptors before, {descriptors} after",
            sent.len(),
            peak >> 20,
            MEMORY_MAX >> 20,
            self.descriptors
        );
        let faults = std::mem::take(&mut *world.faults.lock().unwrap_or_else(PoisonError::into_inner));
        ensure!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
        ensure!(world.gateway.term(SOON).await? == 0, "it stops in good order");
        Ok(())
    }
}

/// Looks at `/readyz` again and again; it always says 200.
async fn look(admin: String, stop: Arc<AtomicBool>) -> Result<usize> {
    let mut looks = 0;
    while !stop.load(Ordering::Relaxed) {
        let reply = okr_tests::get(&format!("http://{admin}/readyz")).await?;
        ensure!(reply.status == 200, "/readyz says {} {}", reply.status, reply.text());
        looks += 1;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(looks)
}

const SECTIONS: &str = r#"
[departments]
partitions = 3
[departments.others]
partitions = "0-2"

[sources.acme]
kind = "standard-webhooks"
secrets = [{ env = "ACME_SECRET" }]
[sources.open]
kind = "okr"
verify = { scheme = "none" }
[sources.mapped]
kind = "generic"
verify = { scheme = "none" }
identity = "body-hash"
[sources.mapped.event]
change = "'updated'"
subject_type = "'key_result'"
subject_id = "body.id"
title = "body.title"
progress = "body.progress"
"#;

//! What ops commands ask of the state: in this process, or of the process that holds an embedded file.
//!
//! The holder listens on `<data_dir>/ops.sock`, a Unix socket that only its user may open. One question is one line of
//! JSON, and so is its answer.

mod holder;

use std::{io::ErrorKind, path::Path, sync::Arc, time::Duration};

use anyhow::{Context, Result, bail};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use store::{Registrations, Store, StoreError};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::UnixStream,
};
use worker::Brakes;

use crate::{config::Whole, parts};

pub use holder::serve;

#[cfg(test)]
mod tests;

/// The socket's name in `data_dir`.
pub const SOCKET: &str = "ops.sock";

/// What may be asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub enum Question {
    /// What of a service is halted.
    Halted { service: String },
    /// Ends the halts of a service.
    Resume {
        service: String,
        /// And gives up what is missing.
        #[serde(default)]
        accept_gaps: bool,
    },
    /// What sources may register, and what they brought.
    Registrations,
    /// Lets a source register.
    Open { source: String, seconds: u64 },
    /// Forgets what a source brought, and closes it.
    Forget { source: String },
}

/// What is answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// What is halted, or was until now.
    Halts(Vec<Halt>),
    /// How all sources stand, after what was asked for; what was forgotten is still among them.
    Registrations(Vec<Registration>),
    /// It was not done, and why.
    Refused(String),
}

/// One consumer that stands still.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Halt {
    /// The service, or one of its further consumers, such as `notifier.replay`.
    pub consumer: String,
    pub why: String,
    pub since: Timestamp,
    /// What nobody has accepted, or what is accepted now.
    #[serde(default)]
    pub gaps: Vec<Missing>,
}

/// What is kept of a source that registers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registration {
    pub source: String,
    /// How much longer it is open.
    pub open_seconds: Option<u64>,
    /// When each of its secrets came, the oldest first.
    pub learned: Vec<Timestamp>,
}

/// A partition whose next record is not there: see [`worker::Gap`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missing {
    pub topic: String,
    pub partition: i32,
    pub from: i64,
    pub found: i64,
    pub why: String,
}

/// Asks whoever can answer: the holder of the file, or else the store itself.
pub async fn ask(whole: &Whole, question: &Question) -> Result<Answer> {
    let url = parts::store_url(whole)?;
    let socket = whole.shared.data_dir.join(SOCKET);
    if is_file(url.expose())
        && let Some(answer) = ask_holder(&socket, question).await?
    {
        return Ok(answer);
    }
    match Store::open(url.expose(), boot::system_clock()).await {
        Ok(store) => answer(&store, question).await,
        Err(error @ StoreError::Held { .. }) => {
            bail!("nobody answers at {}, though {error}", socket.display())
        }
        Err(error) => Err(error).context("`store.url`"),
    }
}

/// Whether one process at a time has the store.
pub fn is_file(url: &str) -> bool {
    url.starts_with("file:")
}

/// How it shows that nobody listens; the last one is a path that is too long for a socket.
const NOBODY: [ErrorKind; 3] = [ErrorKind::NotFound, ErrorKind::ConnectionRefused, ErrorKind::InvalidInput];

/// Asks whoever holds the file; none when nobody listens there.
pub async fn ask_holder(socket: &Path, question: &Question) -> Result<Option<Answer>> {
    let stream = match UnixStream::connect(socket).await {
        Ok(stream) => stream,
        Err(error) if NOBODY.contains(&error.kind()) => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("{} was not opened", socket.display())),
    };
    let asked = async {
        let mut stream = BufReader::new(stream);
        stream.get_mut().write_all(line(question)?.as_bytes()).await?;
        let mut text = String::new();
        stream.read_line(&mut text).await?;
        Ok::<_, anyhow::Error>(serde_json::from_str(&text)?)
    };
    asked.await.map(Some).with_context(|| format!("whoever listens at {} gave no answer", socket.display()))
}

/// Answers from the store.
async fn answer(store: &Arc<Store>, question: &Question) -> Result<Answer> {
    let mut halts = Vec::new();
    match question {
        Question::Registrations => return registrations(store).await,
        Question::Open { source, seconds } => {
            store.open_window(source, Duration::from_secs(*seconds)).await?;
            return registrations(store).await;
        }
        Question::Forget { source } => {
            let before = registrations(store).await?;
            store.forget(source).await?;
            return Ok(before);
        }
        Question::Halted { service } => {
            for consumer in [service.clone(), format!("{service}.replay")] {
                if let Some(halted) = store.load(&consumer).await?.halted {
                    let gaps = store.gaps(&consumer, false).await?;
                    halts.push(halt((consumer, halted), gaps));
                }
            }
        }
        Question::Resume { service, accept_gaps } => {
            // Accepted first: cut off here, the next resume lets it go on with what is accepted.
            let mut gaps = if *accept_gaps {
                store.accept_gaps(service).await?
            } else {
                store.gaps(service, false).await?
            };
            if *accept_gaps && gaps.is_empty() {
                return Ok(Answer::Refused("nothing is missing that was not accepted before".to_owned()));
            }
            for halted in store.resume(service).await? {
                let gaps = if halted.0 == *service { std::mem::take(&mut gaps) } else { Vec::new() };
                halts.push(halt(halted, gaps));
            }
        }
    }
    Ok(Answer::Halts(halts))
}

async fn registrations(store: &Store) -> Result<Answer> {
    let one = |kept: store::Registered| Registration {
        source: kept.source,
        open_seconds: kept.open_for.map(|left| left.as_secs_f64().ceil() as u64),
        learned: kept.secrets.into_iter().map(|(_, at)| at).collect(),
    };
    Ok(Answer::Registrations(store.registered().await?.into_iter().map(one).collect()))
}

fn halt((consumer, halted): (String, worker::Halted), gaps: Vec<worker::Gap>) -> Halt {
    let missing = |gap: worker::Gap| Missing {
        topic: gap.slot.topic.to_string(),
        partition: gap.slot.partition,
        from: gap.from,
        found: gap.found,
        why: gap.why,
    };
    let gaps = gaps.into_iter().map(missing).collect();
    Halt { consumer, why: halted.why, since: halted.since, gaps }
}

fn line(said: &impl Serialize) -> Result<String> {
    Ok(serde_json::to_string(said)? + "\n")
}

//! What ops commands ask of the state: in this process, or of the process that holds an embedded file.
//!
//! The holder listens on `<data_dir>/ops.sock`, a Unix socket that only its user may open. One question is one line of
//! JSON, and so is its answer.

mod holder;

use std::{io::ErrorKind, path::Path, sync::Arc};

use anyhow::{Context, Result, bail};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use store::{Store, StoreError};
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
    Resume { service: String },
}

/// What is answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// What is halted, or was until now.
    Halts(Vec<Halt>),
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
    let halts = match question {
        Question::Halted { service } => {
            let mut halts = Vec::new();
            for consumer in [service.clone(), format!("{service}.replay")] {
                halts.extend(store.load(&consumer).await?.halted.map(|halted| (consumer, halted)));
            }
            halts
        }
        Question::Resume { service } => store.resume(service).await?,
    };
    let halt = |(consumer, halted): (String, worker::Halted)| Halt {
        consumer,
        why: halted.why,
        since: halted.since,
    };
    Ok(Answer::Halts(halts.into_iter().map(halt).collect()))
}

fn line(said: &impl Serialize) -> Result<String> {
    Ok(serde_json::to_string(said)? + "\n")
}

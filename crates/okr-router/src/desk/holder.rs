//! The side of the process that holds the file.

use std::{
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::Result;
use boot::House;
use store::Store;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{UnixListener, UnixStream},
};

use super::{Answer, SOCKET, answer, line};

/// Only the user of this process may ask.
const MODE: u32 = 0o600;
/// A question is a line; nobody sends more.
const QUESTION_BYTES_MAX: u64 = 64 * 1024;
/// How long somebody may take to say it, and to take the answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long nobody is let in after a failure.
const PAUSE: Duration = Duration::from_millis(500);

/// Listens in `data_dir` until the house shuts down. Whoever calls it holds the file, so a socket that is there already
/// was left behind. Without a socket (its path may be too long for one) only the ops commands go without.
pub fn serve(house: &House, data_dir: &Path, store: Arc<Store>) {
    let socket = data_dir.join(SOCKET);
    let listener = match bind(&socket) {
        Ok(listener) => listener,
        Err(error) => {
            let at = socket.display();
            tracing::warn!(%error, socket = %at, "ops commands cannot ask this process at {at}: {error}");
            return;
        }
    };
    let shutdown = house.shutdown.clone();
    house.tasks.spawn(SOCKET, async move {
        loop {
            tokio::select! {
                () = shutdown.cancelled() => break,
                came = listener.accept() => {
                    let Ok((stream, _)) = came else {
                        // Out of files, say: others of this process will give some back.
                        tokio::time::sleep(PAUSE).await;
                        continue;
                    };
                    let (store, shutdown) = (Arc::clone(&store), shutdown.clone());
                    tokio::spawn(async move {
                        // One who hangs up has the answer, or asks again. The store is given free when the house stops.
                        tokio::select! {
                            () = shutdown.cancelled() => {}
                            _ = tokio::time::timeout(PATIENCE, converse(stream, &store)) => {}
                        }
                    });
                }
            }
        }
        let _ = std::fs::remove_file(&socket);
        Ok(())
    });
}

/// Takes its place only when its mode is right.
fn bind(socket: &Path) -> std::io::Result<UnixListener> {
    let aside = PathBuf::from(format!("{}.{}", socket.display(), std::process::id()));
    if let Some(folder) = socket.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let _ = std::fs::remove_file(&aside);
    let listener = UnixListener::bind(&aside)?;
    std::fs::set_permissions(&aside, std::fs::Permissions::from_mode(MODE))?;
    std::fs::rename(&aside, socket)?;
    Ok(listener)
}

async fn converse(stream: UnixStream, store: &Arc<Store>) -> Result<()> {
    let (read, mut write) = stream.into_split();
    let mut text = String::new();
    BufReader::new(read.take(QUESTION_BYTES_MAX)).read_line(&mut text).await?;
    let said = match serde_json::from_str(&text) {
        Ok(question) => {
            tracing::info!(question = text.trim_end(), "an ops command asks: {}", text.trim_end());
            answer(store, &question).await.unwrap_or_else(|error| Answer::Refused(format!("{error:#}")))
        }
        Err(error) => Answer::Refused(format!("no such question: {error}")),
    };
    write.write_all(line(&said)?.as_bytes()).await?;
    Ok(())
}

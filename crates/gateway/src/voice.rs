//! The answers that hyper gives by itself: to what is no HTTP, it says 400 (or 414, 431) with an empty body. Every
//! refusal of ours is `application/problem+json`, so on its way out such an answer gets its body. And who does not listen
//! is not talked to for ever.

use std::{
    io::{Error, ErrorKind, IoSlice, Result},
    pin::Pin,
    sync::LazyLock,
    task::{Context, Poll, ready},
    time::Duration,
};

use memchr::memmem::Finder;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep},
};

use crate::{observe, problem::Problem};

/// How long a sender may take nothing of its answer.
const DEAF_TIME_MAX: Duration = Duration::from_secs(30);

/// How the two largest numbers of 64 bits begin.
const ENDLESS: &[u8] = b"1844674407370955161";
static FINDER: LazyLock<Finder<'_>> = LazyLock::new(|| Finder::new(ENDLESS));
/// How much of what comes at once is looked through for them: a head that is not too long.
const HEARD_BYTES_MAX: usize = 8 << 10;

/// A connection, heard by hyper as the stream that it is.
pub(crate) struct Voice<S> {
    stream: S,
    /// What is still to be said in place of hyper's own words.
    instead: Vec<u8>,
    said: usize,
    /// Runs while the other side takes nothing.
    patience: Option<Pin<Box<Sleep>>>,
    deaf_max: Duration,
    /// Whether what was heard since the last answer names a length that no body has.
    heard_endless: bool,
    /// The last that was heard: such a length may come in two pieces.
    tail: [u8; ENDLESS.len() - 1],
}

impl<S> Voice<S> {
    pub(crate) fn new(stream: S) -> Self {
        let (patience, deaf_max) = (None, DEAF_TIME_MAX);
        let tail = [0; ENDLESS.len() - 1];
        Self { stream, instead: Vec::new(), said: 0, patience, deaf_max, heard_endless: false, tail }
    }
}

impl<S: AsyncWrite + Unpin> Voice<S> {
    /// Something of the stream's writing side; what is pending for too long has failed.
    fn poll_out<T>(
        &mut self,
        cx: &mut Context<'_>,
        poll: impl FnOnce(Pin<&mut S>, &mut Context<'_>) -> Poll<Result<T>>,
    ) -> Poll<Result<T>> {
        let polled = poll(Pin::new(&mut self.stream), cx);
        if polled.is_ready() {
            self.patience = None;
            return polled;
        }
        let deaf_max = self.deaf_max;
        let patience = self.patience.get_or_insert_with(|| Box::pin(sleep(deaf_max)));
        ready!(patience.as_mut().poll(cx));
        Poll::Ready(Err(Error::new(ErrorKind::TimedOut, "the sender does not read its answer")))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Voice<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        let heard = &buf.filled()[before..];
        self.heard_endless |= is_endless(heard) || is_endless_between(&self.tail, heard);
        let kept = heard.len().min(self.tail.len());
        self.tail.rotate_left(kept);
        let end = self.tail.len() - kept;
        self.tail[end..].copy_from_slice(&heard[heard.len() - kept..]);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Voice<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, words: &[u8]) -> Poll<Result<usize>> {
        if self.instead.is_empty() {
            let heard_endless = std::mem::take(&mut self.heard_endless);
            match instead_of(words, heard_endless) {
                None => return self.poll_out(cx, |stream, cx| stream.poll_write(cx, words)),
                Some(problem) => {
                    observe::refused("unknown", problem.reason());
                    observe::answered("unknown", problem.status().as_u16());
                    self.instead = spoken(problem);
                }
            }
        }
        // While this is pending, hyper comes back with the same words.
        while self.said < self.instead.len() {
            let instead = std::mem::take(&mut self.instead);
            let said = self.said;
            let polled = self.poll_out(cx, |stream, cx| stream.poll_write(cx, &instead[said..]));
            self.instead = instead;
            match ready!(polled)? {
                0 => return Poll::Ready(Ok(0)),
                written => self.said += written,
            }
        }
        (self.instead, self.said) = (Vec::new(), 0);
        Poll::Ready(Ok(words.len()))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        words: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        let first = words.iter().find(|words| !words.is_empty());
        self.poll_write(cx, first.map_or(&[], |words| words))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        self.poll_out(cx, |stream, cx| stream.poll_flush(cx))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        self.poll_out(cx, |stream, cx| stream.poll_shutdown(cx))
    }
}

/// Whether a head names one of the two lengths that hyper answers 431 to, as if the head were too long: it keeps these
/// numbers for itself, and answers 400 to larger ones.
fn is_endless(words: &[u8]) -> bool {
    FINDER.find(&words[..words.len().min(HEARD_BYTES_MAX)]).is_some()
}

/// Whether such a number begins in one piece and ends in the next.
fn is_endless_between(tail: &[u8], heard: &[u8]) -> bool {
    let is_cut = tail.last().is_some_and(u8::is_ascii_digit);
    is_cut && is_endless(&[tail, &heard[..heard.len().min(tail.len())]].concat())
}

/// What to say in place of an answer without a body, which none of ours is.
fn instead_of(words: &[u8], heard_endless: bool) -> Option<Problem> {
    let status = words.strip_prefix(b"HTTP/1.1 ").or_else(|| words.strip_prefix(b"HTTP/1.0 "))?.get(..3)?;
    let problem = match status {
        b"400" => Problem::Malformed,
        b"414" => Problem::LongPath,
        b"431" if heard_endless => Problem::Malformed,
        b"431" => Problem::Headers,
        _ => return None,
    };
    let empty = b"\r\ncontent-length: 0\r\n";
    let bare = words.ends_with(b"\r\n\r\n") && words.windows(empty.len()).any(|part| part == empty);
    bare.then_some(problem)
}

/// The whole answer as it goes over the wire; the connection ends with it, for nobody knows where the next request
/// would begin.
fn spoken(problem: Problem) -> Vec<u8> {
    let (status, body) = (problem.status(), problem.body());
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/problem+json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), &body].concat()
}

#[cfg(test)]
mod tests;

//! One URL of the operator: posting to it, and what its answer means. No message of this file carries the URL, for
//! whoever knows a webhook's URL may post to it.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use boot::Clock;
use bytes::Bytes;
use egress::{Client, ClientOptions, Guard, HeaderMap, HeaderName, HeaderValue, Request, Sent, Url};
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use outbox::Refusal;

use crate::{DestinationError, catalog::Plan};

/// Connecting takes no longer than this; a shorter timeout of the destination holds for it too.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// An answer is a word or a page of excuses; nothing of more is worth reading.
const ANSWER_BYTES_MAX: usize = 16 << 10;
/// A remote that asks for more patience than this is asked again nevertheless: it may have meant milliseconds.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(3_600);
/// A part of the URL of this length or more, found in a text, makes the text unfit for logs.
const TELLING_BYTES_MIN: usize = 6;

/// A URL and the way to it.
pub(crate) struct Hook {
    url: Url,
    client: Client,
    clock: Clock,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: HeaderMap,
    /// `None`: longer than anybody reads, or it did not come whole.
    pub(crate) body: Option<Bytes>,
}

impl Hook {
    /// Fetches the URL and checks its form.
    pub(crate) fn build(plan: &Plan<'_>) -> Result<Self, DestinationError> {
        let wrong = |problem: String| DestinationError::new(plan.name, "url", problem);
        let place = plan.config.url.as_ref().ok_or_else(|| wrong("is missing".into()))?;
        let secret = place.resolve().map_err(|error| wrong(error.to_string()))?;
        let url = parse(secret.expose()).map_err(|problem| wrong(problem.into()))?;
        let options = ClientOptions {
            connect_timeout: CONNECT_TIMEOUT.min(plan.timeout),
            timeout: plan.timeout,
            response_bytes_max: ANSWER_BYTES_MAX,
            guard: Guard::Operator,
            ..ClientOptions::default()
        };
        let client = Client::new(options).map_err(|error| wrong(format!("cannot be posted to: {error}")))?;
        Ok(Self { url, client, clock: plan.clock.clone() })
    }

    /// The same for the same URL, and of no use to who reads it.
    pub(crate) fn rate_key(&self) -> String {
        let mut hasher = DefaultHasher::new();
        self.url.as_str().hash(&mut hasher);
        format!("url/{:016x}", hasher.finish())
    }

    /// Posts, and gives back any answer; a refusal only when none came.
    pub(crate) async fn post(
        &self,
        headers: Vec<(HeaderName, HeaderValue)>,
        body: Bytes,
    ) -> Result<Answer, Refusal> {
        match self.client.post_for_head(Request { url: &self.url, headers, body }).await {
            Ok(head) => Ok(Answer { status: head.status, headers: head.headers, body: head.body.ok() }),
            Err(error) if error.is_passing() => Err(Refusal::Passing {
                after: None,
                reason: error.reason(),
                error: self.scrubbed(&error.to_string()).unwrap_or_else(|| error.reason().to_owned()),
                ambiguous: error.was_sent() == Sent::Perhaps,
            }),
            Err(error) => Err(Refusal::Permanent {
                reason: "url_forbidden",
                error: self.scrubbed(&error.to_string()).unwrap_or_else(|| error.reason().to_owned()),
            }),
        }
    }

    /// What an answer means that is not the acceptance its channel documents. `word` is the remote's own, if it has
    /// any that may be repeated.
    pub(crate) fn refusal(&self, answer: &Answer, word: Option<&str>) -> Refusal {
        let status = answer.status;
        let error = match word {
            Some(word) => format!("answered {status}: {word}"),
            None => format!("answered {status}"),
        };
        let passing = |reason, ambiguous| Refusal::Passing {
            after: retry_after(&answer.headers, (self.clock)()),
            reason,
            error: error.clone(),
            ambiguous,
        };
        let permanent = |reason| Refusal::Permanent { reason, error: error.clone() };
        match status {
            429 => passing("rate_limited", false),
            408 | 425 => passing("status_408", false),
            // A gateway that lost the way back: what stands behind it may have accepted.
            502 | 504 => passing("status_5xx", true),
            500..600 => passing("status_5xx", false),
            300..400 => permanent("redirect"),
            400 => permanent("bad_request"),
            401 => permanent("unauthorized"),
            403 => permanent("forbidden"),
            404 => permanent("not_found"),
            410 => permanent("gone"),
            413 => permanent("too_large"),
            402..500 => permanent("status_4xx"),
            // A success that is not the documented one, perhaps of something in between.
            _ => passing("unexpected_answer", true),
        }
    }

    /// The text, unless it holds a part of the URL that is worth hiding.
    pub(crate) fn scrubbed(&self, text: &str) -> Option<String> {
        let url = &self.url;
        let parts = url.path().split('/').chain(url.query()).chain([url.username()]).chain(url.password());
        let mut telling = parts.filter(|part| part.len() >= TELLING_BYTES_MIN);
        (!telling.any(|part| text.contains(part))).then(|| text.to_owned())
    }
}

impl fmt::Debug for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hook(…)")
    }
}

/// Reads a URL that can be posted to. The error never quotes it, as the parser's own words could.
pub(crate) fn parse(text: &str) -> Result<Url, &'static str> {
    let url = Url::parse(text.trim()).map_err(|_| "is no URL such as https://host/path")?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err("must begin with https:// or http:// and name a host");
    }
    Ok(url)
}

/// A header with a value that may not be there, or fit no header.
pub(crate) fn header(name: &'static str, value: Option<&str>) -> Option<(HeaderName, HeaderValue)> {
    Some((HeaderName::from_static(name), HeaderValue::from_str(value?).ok()?))
}

/// How long the remote wants to be left alone: seconds or an HTTP date (RFC 9110, 10.2.3).
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get("retry-after")?.to_str().ok()?.trim();
    let wish = match text.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let until = DateTimeParser::new().parse_timestamp(text).ok()?;
            Duration::try_from(until.duration_since(now)).unwrap_or_default()
        }
    };
    Some(wish.min(RETRY_AFTER_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<u64>) {
        let headers =
            HeaderMap::from_iter([("retry-after".parse().expect("a name"), text.parse().expect("a value"))]);
        let now = "1994-11-06T08:49:37Z".parse().expect("a time");
        assert_eq!(retry_after(&headers, now), expected.map(Duration::from_secs), "{text}");
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        check("7", Some(7));
        check(" 0 ", Some(0));
        check("Sun, 06 Nov 1994 08:50:07 GMT", Some(30));
        check("Sun, 06 Nov 1994 08:00:00 GMT", Some(0));
        check("99999999", Some(3_600));
        check("soon", None);
        check("-1", None);
    }
}

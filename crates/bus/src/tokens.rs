//! Tokens for a login by OAUTHBEARER: one at a time for all clients of a process.
//!
//! librdkafka asks for a token on the thread that polls a client, which also brings the delivery reports. So a fetch runs
//! on a thread of its own, begins well before the token ends, and only who has no token at all waits for it, briefly.

use std::{
    fmt,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use rdkafka::client::OAuthToken;

/// How long the first of all tokens is waited for, and how long one after a failure.
const FIRST_WAIT: Duration = Duration::from_secs(4);
const AGAIN_WAIT: Duration = Duration::from_secs(1);
/// Part of its life, in percent, after which a token is fetched anew; librdkafka asks at 80.
const YOUNG_PERCENT: u32 = 70;

/// What proves to a broker who we are, for a while.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    /// What is sent to the broker; never printed.
    pub value: String,
    /// Whom it names, for librdkafka's own use.
    pub principal: String,
    /// When it ends.
    pub expires_at: SystemTime,
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

type Fetch = dyn Fn() -> Result<Token, String> + Send + Sync;

/// Fetches tokens and keeps the newest one. Cheap to clone; clones share it.
#[derive(Clone)]
pub struct Tokens(Arc<Shared>);

struct Shared {
    fetch: Box<Fetch>,
    state: Mutex<State>,
    fetched: Condvar,
}

#[derive(Default)]
struct State {
    /// With the time when it was fetched.
    token: Option<(Token, SystemTime)>,
    /// Why the last fetch failed, if it did.
    error: Option<String>,
    is_fetching: bool,
}

impl Tokens {
    /// `fetch` blocks and is called on a thread of its own, never twice at a time; its error is for people and holds no
    /// secret.
    pub fn new(fetch: impl Fn() -> Result<Token, String> + Send + Sync + 'static) -> Self {
        Self(Arc::new(Shared { fetch: Box::new(fetch), state: Mutex::default(), fetched: Condvar::new() }))
    }

    /// A token that is not over, or why there is none.
    pub(crate) fn give(&self) -> Result<Token, String> {
        let mut state = self.lock();
        let stage = state.stage(SystemTime::now());
        if stage != Stage::Young && !state.is_fetching {
            self.begin(&mut state);
        }
        if stage == Stage::None {
            let wait = if state.error.is_none() { FIRST_WAIT } else { AGAIN_WAIT };
            let waited = self.0.fetched.wait_timeout_while(state, wait, |state| state.is_fetching);
            (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        }
        match (&state.token, &state.error) {
            (Some((token, _)), _) if token.expires_at > SystemTime::now() => Ok(token.clone()),
            (_, Some(error)) => Err(error.clone()),
            _ => Err("the token endpoint has not answered yet".to_owned()),
        }
    }

    /// As librdkafka wants it.
    pub(crate) fn for_client(&self) -> Result<OAuthToken, String> {
        let Token { value, principal, expires_at } = self.give()?;
        let life = expires_at.duration_since(UNIX_EPOCH).unwrap_or_default();
        Ok(OAuthToken {
            token: value,
            principal_name: principal,
            lifetime_ms: i64::try_from(life.as_millis()).unwrap_or(i64::MAX),
        })
    }

    fn begin(&self, state: &mut State) {
        let tokens = self.clone();
        let run = move || {
            let fetched = (tokens.0.fetch)();
            let mut state = tokens.lock();
            state.is_fetching = false;
            match fetched {
                Ok(token) => (state.token, state.error) = (Some((token, SystemTime::now())), None),
                Err(error) => state.error = Some(error),
            }
            drop(state);
            tokens.0.fetched.notify_all();
        };
        match std::thread::Builder::new().name("bus-token".into()).spawn(run) {
            Ok(_) => state.is_fetching = true,
            Err(error) => state.error = Some(format!("no thread to fetch a token on: {error}")),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tokens(…)")
    }
}

impl PartialEq for Tokens {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Tokens {}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Good for a while.
    Young,
    /// Good, and soon over.
    Old,
    /// There is none, or it is over.
    None,
}

impl State {
    fn stage(&self, now: SystemTime) -> Stage {
        let Some((token, since)) = &self.token else { return Stage::None };
        let Ok(left) = token.expires_at.duration_since(now) else { return Stage::None };
        let life = token.expires_at.duration_since(*since).unwrap_or_default();
        if left.is_zero() {
            Stage::None
        } else if left > life * (100 - YOUNG_PERCENT) / 100 {
            Stage::Young
        } else {
            Stage::Old
        }
    }
}

#[cfg(test)]
mod tests;

//! Readiness: named checks that whoever knows turns to well or not well.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;

/// The checks of one role. Cheap to clone; all clones are one.
#[derive(Debug, Clone, Default)]
pub struct Health {
    checks: Arc<Mutex<BTreeMap<Cow<'static, str>, CheckState>>>,
}

/// One named check. Cheap to clone; all clones are one, the last word counts.
#[derive(Debug, Clone)]
pub struct Check {
    name: Cow<'static, str>,
    health: Health,
}

/// What `/readyz` answers: `{"ready":false,"checks":{"broker":{"ok":false,"why":"…"}}}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Whether every check is well.
    pub ready: bool,
    /// The checks by name.
    pub checks: BTreeMap<Cow<'static, str>, CheckState>,
}

/// How one check stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CheckState {
    /// Whether it is well.
    pub ok: bool,
    /// Why it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

impl Health {
    /// No checks yet, which counts as ready.
    pub fn new() -> Self {
        Self::default()
    }

    /// A check of this name. A new one fails with "starting" until it is told otherwise; asking for a name again
    /// gives the same check as it stands.
    pub fn check(&self, name: impl Into<Cow<'static, str>>) -> Check {
        let name = name.into();
        self.lock().entry(name.clone()).or_insert(CheckState { ok: false, why: Some("starting".to_owned()) });
        Check { name, health: self.clone() }
    }

    /// How everything stands now.
    pub fn report(&self) -> Report {
        let checks = self.lock().clone();
        Report { ready: checks.values().all(|state| state.ok), checks }
    }

    /// Whether every check is well.
    pub fn is_ready(&self) -> bool {
        self.lock().values().all(|state| state.ok)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<Cow<'static, str>, CheckState>> {
        self.checks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn turn(&self, name: &str, now: CheckState) {
        let why = now.why.clone();
        let Some(before) = self.lock().get_mut(name).map(|state| std::mem::replace(state, now)) else {
            return;
        };
        match why {
            Some(why) if before.ok => tracing::warn!(check = name, why, "{name} is not well: {why}"),
            None if !before.ok => tracing::info!(check = name, "{name} is well"),
            _ => {}
        }
    }
}

impl Check {
    /// It is well.
    pub fn ok(&self) {
        self.health.turn(&self.name, CheckState { ok: true, why: None });
    }

    /// It is not well, and this is why: a short sentence for the operator, without secrets.
    pub fn fail(&self, why: impl Into<String>) {
        self.health.turn(&self.name, CheckState { ok: false, why: Some(why.into()) });
    }
}

//! What the gateway remembers in the store, where a source asks for it: secrets that it learned, values that were used.

use std::{fmt, sync::Arc};

use boot::House;
use sources::{Greeting, Learned, Offer, Source};
use store::{Nonces, Registrations, Seal};
use tokio::time::{Instant, timeout_at};

use crate::{
    GatewayError,
    door::Door,
    observe, once,
    problem::Problem,
    registrar::{NotTaken, Registrar},
};

/// The parts of the store that the gateway uses.
#[derive(Clone)]
pub struct Memory {
    /// Learned secrets, and what seals them; none, and no source learns any.
    pub registrations: Option<(Arc<dyn Registrations>, Seal)>,
    /// Values that were used once.
    pub nonces: Arc<dyn Nonces>,
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory").field("learns", &self.registrations.is_some()).finish_non_exhaustive()
    }
}

/// The memory at work.
#[derive(Default)]
pub(crate) struct Recall {
    pub registrar: Option<Arc<Registrar>>,
    pub nonces: Option<Arc<dyn Nonces>>,
}

impl fmt::Debug for Recall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recall").field("registrar", &self.registrar).finish_non_exhaustive()
    }
}

/// Looks after it until the house shuts down.
pub(crate) fn watch(door: &Arc<Door>, house: &House) {
    if let Some(registrar) = &door.memory().registrar {
        registrar.watch(house);
    }
    if let Some(nonces) = &door.memory().nonces {
        once::prune(nonces.clone(), door.clone(), house);
    }
}

impl Recall {
    pub(crate) fn new(memory: Memory) -> Self {
        let registrar = memory.registrations.map(|(store, seal)| Registrar::new(store, seal));
        Self { registrar, nonces: Some(memory.nonces) }
    }

    /// Whether every source has what it needs of the memory.
    pub(crate) fn suffices(&self, sources: &[Source]) -> Result<(), GatewayError> {
        for source in sources {
            let name = source.name();
            if source.lacks_secrets() && self.registrar.is_none() {
                let problem = "is missing: the tool makes its secrets itself, so give them a place where they are sealed, \
                               [store] seal = { env = \"NAME\" }, and restart the gateway";
                return Err(GatewayError::config(format!("sources.{name}.secrets"), problem));
            }
            if source.nonce_age().is_some() && self.nonces.is_none() {
                let problem = "needs the store, which this gateway has not opened: restart it";
                return Err(GatewayError::config(format!("sources.{name}.verify.nonce"), problem));
            }
        }
        Ok(())
    }

    /// What the source has brought, as far as is known; none for one that brings nothing.
    pub(crate) fn learned(&self, source: &Source) -> Option<Learned> {
        let registrar = self.registrar_of(source)?;
        Some(source.learned(&registrar.secrets(source.name())))
    }

    /// Nothing that is known fits: looks whether another gateway has learned more. False where no source of this kind
    /// learns.
    pub(crate) async fn look_again(&self, source: &Source, deadline: Instant) -> Result<bool, Problem> {
        let Some(registrar) = self.registrar_of(source) else { return Ok(false) };
        match timeout_at(deadline, registrar.look()).await {
            Ok(Ok(())) => Ok(true),
            // Nobody can tell whether the sender is at fault.
            Ok(Err(_)) | Err(_) => Err(Problem::Unavailable { reason: "store" }),
        }
    }

    /// Takes the secret that a handshake offers, if a person waits for it; refused like any other request otherwise.
    pub(crate) async fn register(
        &self,
        source: &Source,
        offer: Offer,
        deadline: Instant,
    ) -> Result<Greeting, Problem> {
        let name = source.name();
        let taken = match self.registrar_of(source) {
            Some(registrar) => {
                let taking = registrar.take(name, &offer.secret);
                timeout_at(deadline, taking).await.unwrap_or(Err(NotTaken::Store))
            }
            None => Err(NotTaken::Closed),
        };
        observe::registration(name, taken.map_or_else(NotTaken::reason, |()| "taken"));
        taken.map(|()| offer.answer).map_err(|why| {
            let reason = why.reason();
            match why {
                NotTaken::Store => return Problem::Unavailable { reason },
                NotTaken::Closed => tracing::info!(
                    okr.source = name,
                    reason,
                    "refused a handshake of {name}: nobody has opened it with `okr-router sources open {name}`"
                ),
                NotTaken::Full => tracing::warn!(
                    okr.source = name,
                    reason,
                    "refused a handshake of {name}: it has learned as many secrets as it may; `okr-router sources forget \
                     {name}` makes room"
                ),
            }
            Problem::Unproven { reason }
        })
    }

    fn registrar_of(&self, source: &Source) -> Option<&Registrar> {
        self.registrar.as_deref().filter(|_| source.learns())
    }
}

//! What the gateway remembers in the store. It is opened only where a source asks for it: one that brings its secrets
//! itself, or one with a nonce.

use std::sync::Arc;

use anyhow::{Context, Result};
use boot::House;
use sources::Source;
use store::{Later, Store};

use crate::{config::Whole, desk, parts};

/// Whether a source asks for it.
pub fn is_wanted(whole: &Whole, sources: &[Source]) -> bool {
    let seals = whole.shared.store.seal.is_some();
    sources.iter().any(|source| source.nonce_age().is_some() || source.learns() && seals)
}

/// The gateway's memory, over `shared` where this process has the store open already. A database that is not up yet does
/// not keep the other sources waiting.
pub async fn memory(
    whole: &Whole,
    sources: &[Source],
    house: &House,
    shared: Option<Arc<Store>>,
) -> Result<Option<gateway::Memory>> {
    if !is_wanted(whole, sources) {
        return Ok(None);
    }
    let seal = parts::seal(whole)?;
    let later = match shared {
        Some(store) => Later::opened(store, house.clock.clone()),
        None => {
            let url = parts::store_url(whole)?;
            let later = Later::open(url.clone(), house.clock.clone()).await.context("`store.url`")?;
            if let Some(store) = later.now().filter(|_| desk::is_file(url.expose())) {
                desk::serve(house, &whole.shared.data_dir, store.clone());
            }
            later
        }
    };
    let store = Arc::new(later);
    let registrations = seal.map(|seal| (store.clone() as Arc<dyn store::Registrations>, seal));
    Ok(Some(gateway::Memory { registrations, nonces: store }))
}

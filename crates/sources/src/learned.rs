//! What a source learns after its start. Sources do no IO: whoever fetches it passes it in.

use std::sync::Arc;

use crate::verify::{KeySet, Mac};

/// Nothing, to begin with. Cheap to clone; passed to [`crate::Source::verify_with`].
#[derive(Debug, Clone, Default)]
pub struct Learned {
    pub(crate) keys: Option<Arc<KeySet>>,
    /// Secrets that the source brought itself, as keys.
    pub(crate) macs: Arc<[Mac]>,
}

impl Learned {
    /// The keys of an issuer, as its JSON Web Key Set says them at this moment; the ones before are forgotten.
    ///
    /// # Errors
    /// The text is no key set, or has no key that can be used.
    pub fn keys(jwks: &str) -> Result<Self, String> {
        KeySet::read(jwks).map(|keys| Self { keys: Some(Arc::new(keys)), macs: Arc::default() })
    }

    /// See [`crate::Source::learned`].
    pub(crate) fn macs(macs: Vec<Mac>) -> Self {
        Self { keys: None, macs: macs.into() }
    }

    /// Whether there is anything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_none() && self.macs.is_empty()
    }
}

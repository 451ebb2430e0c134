//! `[gateway] tls`: who the gateway says it is, exchanged without a restart.
//!
//! The pair is read again when the configuration is, and when its files change: whoever renews a certificate need not
//! tell the gateway. A pair that cannot be used leaves the one before in force. Open connections keep theirs.

use std::{
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use boot::{House, Secret, SecretRef};
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use serde::Deserialize;
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use crate::{GatewayError, certificate, observe};

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(if cfg!(test) { 20 } else { 5_000 });
/// How long a connection may take to agree on keys.
const HANDSHAKE_TIME_MAX: Duration = Duration::from_millis(if cfg!(test) { 300 } else { 10_000 });
/// What begins a key that somebody wrote in place of its file.
const PEM: &str = "-----BEGIN";

/// `[gateway] tls`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsConfig {
    /// The chain, the gateway's own certificate first (PEM).
    pub certificate: PathBuf,
    /// The file of its key (PEM), or where else the key itself is.
    pub key: SecretRef,
}

impl TlsConfig {
    /// Whether the pair can be had here, and used.
    ///
    /// # Errors
    /// A file cannot be read, is no PEM, or the key belongs to another certificate.
    pub fn check(&self) -> Result<(), GatewayError> {
        Material::load(self).map(drop)
    }
}

/// What is read: the same again means that nothing has changed.
#[derive(PartialEq, Eq)]
struct Pair {
    certificate: Vec<u8>,
    key: Secret,
}

impl Pair {
    fn read(config: &TlsConfig) -> Result<Self, GatewayError> {
        let certificate = std::fs::read(&config.certificate).map_err(|error| {
            let problem = format!("{} cannot be read: {error}", config.certificate.display());
            GatewayError::config("gateway.tls.certificate", problem)
        })?;
        let wrong = |problem: String| GatewayError::config("gateway.tls.key", problem);
        let place = match &config.key {
            SecretRef::Literal(text) if text.contains(PEM) => {
                return Err(wrong(
                    "is the key itself: write it into a file, and the file's name here".into(),
                ));
            }
            SecretRef::Literal(file) => SecretRef::File { file: file.into() },
            place => place.clone(),
        };
        let key = place.resolve().map_err(|error| wrong(error.to_string()))?;
        Ok(Self { certificate, key })
    }
}

/// A pair that can be used.
pub(crate) struct Material {
    config: TlsConfig,
    pair: Pair,
    server: Arc<ServerConfig>,
    /// When the certificate ends, in seconds since 1970.
    ends: Option<i64>,
}

impl std::fmt::Debug for Material {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Material").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Material {
    /// Reads the pair and makes it ready.
    ///
    /// # Errors
    /// A file cannot be read, is no PEM, or the key belongs to another certificate.
    pub(crate) fn load(config: &TlsConfig) -> Result<Self, GatewayError> {
        Self::of(config.clone(), Pair::read(config)?)
    }

    fn of(config: TlsConfig, pair: Pair) -> Result<Self, GatewayError> {
        let wrong = |key: &str, problem: &str| GatewayError::config(format!("gateway.tls.{key}"), problem);
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pair.certificate).collect();
        let chain = chain.ok().filter(|chain| !chain.is_empty());
        let chain = chain.ok_or_else(|| wrong("certificate", "holds no certificate in PEM"))?;
        let key = PrivateKeyDer::from_pem_slice(pair.key.expose().as_bytes())
            .map_err(|_| wrong("key", "holds no private key in PEM, or one with a password"))?;
        let ends = certificate::not_after(&chain[0]);
        let mut server = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| wrong("certificate", &error.to_string()))?
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(|error| match error {
                rustls::Error::InconsistentKeys(_) => wrong("key", "does not belong to the certificate"),
                error => wrong("certificate", &format!("cannot be used with its key: {error}")),
            })?;
        server.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { config, pair, server: Arc::new(server), ends })
    }

    /// What the files say now, if it is something else.
    fn renewed(&self) -> Result<Option<Self>, GatewayError> {
        let pair = Pair::read(&self.config)?;
        if pair == self.pair { Ok(None) } else { Self::of(self.config.clone(), pair).map(Some) }
    }
}

/// The pair in force; none for plain HTTP.
#[derive(Debug, Default)]
pub(crate) struct Tls(RwLock<Option<Arc<Material>>>);

impl Tls {
    /// What a connection that begins now is to agree on.
    pub(crate) fn take(&self) -> Option<Arc<ServerConfig>> {
        self.material().map(|material| material.server.clone())
    }

    /// From now on, connections that begin meet this pair.
    pub(crate) fn exchange(&self, material: Option<Material>) {
        // Without one before or now there is nothing to say, or to take back.
        if material.is_some() || self.material().is_some() {
            tell(material.as_ref());
        }
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = material.map(Arc::new);
    }

    pub(crate) fn material(&self) -> Option<Arc<Material>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Renews what is still in force; a configuration that was read meanwhile is newer.
    pub(crate) fn renew(&self, before: &Arc<Material>, renewed: Material) -> bool {
        let mut current = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let is_same = current.as_ref().is_some_and(|current| Arc::ptr_eq(current, before));
        if is_same {
            tell(Some(&renewed));
            *current = Some(Arc::new(renewed));
        }
        is_same
    }
}

fn tell(material: Option<&Material>) {
    observe::certificate_expiry(material.and_then(|material| material.ends));
}

/// Looks at the files until the house shuts down.
pub(crate) fn watch(door: Arc<crate::door::Door>, house: &House) {
    let shutdown = house.shutdown.clone();
    house.tasks.spawn("gateway tls", async move {
        let mut told = None;
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
            let Some(before) = door.tls().material() else { continue };
            let looking = before.clone();
            // A file may lie on a disk that is slow.
            let renewed = tokio::task::spawn_blocking(move || looking.renewed()).await?;
            look(door.tls(), &before, renewed, &mut told);
        }
    });
}

/// What was found is put in force or told, each trouble once.
fn look(
    tls: &Tls,
    before: &Arc<Material>,
    found: Result<Option<Material>, GatewayError>,
    told: &mut Option<String>,
) {
    match found {
        Ok(None) => *told = None,
        Ok(Some(renewed)) => {
            *told = None;
            if tls.renew(before, renewed) {
                observe::certificate("renewed");
                tracing::info!("the certificate's files have changed: new connections get the new one");
            }
        }
        Err(error) => {
            let error = error.to_string();
            if told.as_ref() != Some(&error) {
                observe::certificate("refused");
                tracing::error!(error, "the certificate before stays in force: {error}");
            }
            *told = Some(error);
        }
    }
}

/// Agrees on keys, or not; a connection that takes too long for it is ended.
pub(crate) async fn shake(stream: TcpStream, server: Arc<ServerConfig>) -> Option<TlsStream<TcpStream>> {
    let shaken = TlsAcceptor::from(server).accept(stream);
    let (stream, outcome) = match tokio::time::timeout(HANDSHAKE_TIME_MAX, shaken).await {
        Ok(Ok(stream)) => (Some(stream), "agreed"),
        Ok(Err(error)) => {
            tracing::debug!(error = %error, "a connection agreed on no keys: {error}");
            (None, "failed")
        }
        Err(_) => (None, "late"),
    };
    observe::handshake(outcome);
    stream
}

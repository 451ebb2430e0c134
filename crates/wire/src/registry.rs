//! The schema registry as records need it: which id our schema has, and which schema an id means.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use reqwest::Url;
use schema_registry_converter::{
    async_impl::{
        avro::AvroDecoder,
        schema_registry::{SrSettings, perform_sr_call},
    },
    avro_common::AvroSchema,
    error::SRCError,
    schema_registry_common::{RawError, SrCall},
};
use tokio::sync::OnceCell;

use crate::{
    Decoder, Encoder, WireError,
    error::brief,
    observe,
    schema::Ours,
    unknown::{Turn, Unknown},
};

/// One answer of the registry may take this long.
const TIMEOUT: Duration = Duration::from_secs(5);

/// A schema registry with the Confluent API. Cheap to clone; all clones share what they have learned.
///
/// The base URL may have a path (`http://host/apis/ccompat/v7`) and credentials for HTTP basic authentication.
#[derive(Clone)]
pub struct Registry {
    shared: Arc<Shared>,
}

struct Shared {
    base: String,
    http: reqwest::Client,
    settings: SrSettings,
    schemas: AvroDecoder,
    unknown: Mutex<Unknown>,
    event_id: OnceCell<u32>,
    arrival_id: OnceCell<u32>,
    audit_id: OnceCell<u32>,
    pending_id: OnceCell<u32>,
}

impl Registry {
    /// Whether `registry.url` may say this; nothing is asked.
    ///
    /// # Errors
    /// It is no URL of HTTP.
    pub fn check_url(url: &str) -> Result<(), WireError> {
        address(url).map(|_| ())
    }

    /// A registry that nobody has asked yet. Nothing is sent before the first call of another function.
    ///
    /// A schema id that the registry does not know is asked for again until `unknown_id_grace` is over. The process
    /// must have a rustls provider installed: building a client without one panics in reqwest.
    pub fn new(url: &str, unknown_id_grace: Duration) -> Result<Self, WireError> {
        let parsed = address(url)?;
        // A length prefix in a broken record must not become an allocation; the first call in a process counts.
        apache_avro::util::max_allocation_bytes(16 << 20);
        let base = url.trim_end_matches('/').to_owned();
        let client = || {
            let builder = reqwest::Client::builder().connect_timeout(TIMEOUT).timeout(TIMEOUT);
            // Asked seldom, so a connection saved is nothing; and on one on which it has just refused a request, Apicurio
            // 3.3 at times never begins the next.
            let builder = builder.pool_max_idle_per_host(0);
            // A proxy of the environment is meant for other hosts than this one.
            if is_loopback(&parsed) { builder.no_proxy() } else { builder }
        };
        let settings = SrSettings::new_builder(base.clone())
            .set_timeout(TIMEOUT)
            .build_with(client())
            .map_err(|error| WireError::Address(error.error))?;
        let http = client().build().map_err(|error| WireError::Address(error.to_string()))?;
        let schemas = AvroDecoder::new(settings.clone());
        let unknown = Mutex::new(Unknown::new(unknown_id_grace));
        let shared = Shared {
            base,
            http,
            settings,
            schemas,
            unknown,
            event_id: OnceCell::new(),
            arrival_id: OnceCell::new(),
            audit_id: OnceCell::new(),
            pending_id: OnceCell::new(),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// A writer of frames that knows this registry's ids.
    pub fn encoder(&self) -> Encoder {
        Encoder::new(self.clone())
    }

    /// A reader of frames that asks this registry for schemas.
    pub fn decoder(&self) -> Decoder {
        Decoder::new(self.clone())
    }

    /// Whether the schemas that the services write, of events, arrivals and references to these, have their ids, so that
    /// encoding will not have to ask. Asks for those that are not known yet; once known, the registry may go away.
    pub async fn ready(&self) -> Result<(), WireError> {
        self.id(Ours::Event).await?;
        self.id(Ours::Arrival).await?;
        self.id(Ours::Pending).await?;
        Ok(())
    }

    /// Our own schema has this id, and the registry is not asked for it. One that is known already stays.
    pub(crate) fn know(&self, ours: Ours, id: u32) {
        let _ = self.cell(ours).set(id);
    }

    /// The id of our own schema: looked up by the schema itself, so that another version changes nothing, and never
    /// registered on the way.
    pub(crate) async fn id(&self, ours: Ours) -> Result<u32, WireError> {
        self.cell(ours).get_or_try_init(|| self.look_up(ours)).await.copied()
    }

    /// As [`Registry::id`], if it was looked up before.
    pub(crate) fn known_id(&self, ours: Ours) -> Option<u32> {
        self.cell(ours).get().copied()
    }

    fn cell(&self, ours: Ours) -> &OnceCell<u32> {
        match ours {
            Ours::Event => &self.shared.event_id,
            Ours::Arrival => &self.shared.arrival_id,
            Ours::Audit => &self.shared.audit_id,
            Ours::Pending => &self.shared.pending_id,
        }
    }

    async fn look_up(&self, ours: Ours) -> Result<u32, WireError> {
        let subject = ours.subject();
        let body = serde_json::json!({ "schema": subject.schema, "schemaType": "AVRO" }).to_string();
        let call = SrCall::PostForVersion(subject.name, &body);
        match perform_sr_call(&self.shared.settings, call).await {
            Ok(registered) => {
                registered.id.ok_or_else(|| WireError::RegistryDown("its answer has no id".to_owned()))
            }
            Err(error) => Err(match Fault::of(&error) {
                Fault::NotFound => WireError::Unregistered(subject.name),
                Fault::Down(why) | Fault::Unusable(why) => WireError::RegistryDown(why),
            }),
        }
    }

    /// The schema that an id means. Found ones are kept for good, for an id never changes its meaning; nothing else is.
    pub(crate) async fn schema(&self, id: u32) -> Result<Arc<AvroSchema>, WireError> {
        loop {
            let turn = self.unknown(|unknown| unknown.turn(id, Instant::now()));
            match turn {
                Turn::Ask => {}
                Turn::GiveUp => return Err(WireError::UnknownId(id)),
                Turn::Wait(pause) => {
                    tokio::time::sleep(pause).await;
                    continue;
                }
            }
            let error = match self.shared.schemas.get_schema(id).await {
                Ok(schema) => {
                    observe::lookup("found");
                    self.unknown(|unknown| unknown.found(id));
                    return Ok(schema);
                }
                Err(error) => error,
            };
            // The library would otherwise answer this id with this error for ever.
            self.shared.schemas.remove_errors_from_cache();
            match Fault::of(&error) {
                Fault::NotFound => {
                    observe::lookup("unknown");
                    self.unknown(|unknown| unknown.missed(id, Instant::now()));
                }
                Fault::Down(why) => {
                    observe::lookup("failed");
                    return Err(WireError::RegistryDown(why));
                }
                Fault::Unusable(why) => {
                    observe::lookup("failed");
                    return Err(WireError::Schema(why));
                }
            }
        }
    }

    fn unknown<T>(&self, look: impl FnOnce(&mut Unknown) -> T) -> T {
        // What a panicking thread may have left half done is a time, not an invariant.
        look(&mut self.shared.unknown.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn http(&self) -> &reqwest::Client {
        &self.shared.http
    }

    pub(crate) fn base(&self) -> &str {
        &self.shared.base
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Registry") // The URL may hold credentials.
    }
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
}

/// What an error of the library means to us.
enum Fault {
    NotFound,
    Down(String),
    Unusable(String),
}

impl Fault {
    fn of(error: &SRCError) -> Self {
        let source = std::error::Error::source(error);
        if let Some(answer) = source.and_then(|source| source.downcast_ref::<RawError>()) {
            return match answer.error_code {
                404 | 40400..=40499 => Self::NotFound,
                code => Self::Down(brief(&format!("{} (error {code}: {})", error.error, answer.message))),
            };
        }
        if let Some(inner) = source.and_then(|source| source.downcast_ref::<SRCError>()) {
            return Self::of(inner); // A schema that ours refers to.
        }
        match source.and_then(|source| source.downcast_ref::<reqwest::Error>()) {
            Some(http) => Self::Down(chain(http)),
            None if error.retriable => Self::Down(brief(&error.error)),
            None => Self::Unusable(brief(&error.error)),
        }
    }
}

/// An HTTP error with its causes, for reqwest's own text stops before the reason. The address is left out of it.
pub(crate) fn chain(error: &reqwest::Error) -> String {
    let mut text =
        if error.is_timeout() { "no answer in time".to_owned() } else { "request failed".to_owned() };
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    brief(&text)
}

fn address(url: &str) -> Result<Url, WireError> {
    let parsed = Url::parse(url).map_err(|error| WireError::Address(error.to_string()))?;
    if !matches!(parsed.scheme(), "http" | "https") || !parsed.has_host() {
        return Err(WireError::Address("it does not begin with http:// or https://".to_owned()));
    }
    Ok(parsed)
}

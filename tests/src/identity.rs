//! An identity provider as a login by token sees it: a token endpoint and its keys (JWKS).

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result};
use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::{get, post},
};
use base64::{Engine, prelude::BASE64_STANDARD, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::{Folder, authority::openssl};

/// What its tokens say.
pub const AUDIENCE: &str = "kafka";
pub const ISSUER: &str = "okr-tests";
const KEY_ID: &str = "one";

/// Knows one client. Serves until the test executable ends.
#[derive(Debug)]
pub struct Identity {
    address: std::net::SocketAddr,
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    folder: Folder,
    keys: Value,
    credentials: String,
    subject: String,
    seconds: u64,
    given: AtomicUsize,
    is_forging: AtomicBool,
}

impl Identity {
    /// Gives tokens of so many seconds to this client.
    pub fn start(client: &str, secret: &str, seconds: u64) -> Result<Self> {
        let folder = Folder::new("identity")?;
        for name in ["true", "false"] {
            let key = folder.join(&format!("{name}.key")).display().to_string();
            openssl(&["genrsa", "-out", &key, "2048"])?;
        }
        let key = folder.join("true.key").display().to_string();
        let printed = openssl(&["rsa", "-in", &key, "-noout", "-modulus"])?;
        let printed = String::from_utf8(printed)?;
        let modulus = printed.trim().strip_prefix("Modulus=").context("no modulus")?;
        let modulus = BASE64_URL_SAFE_NO_PAD.encode(hex::decode(modulus)?);
        let keys = json!({ "keys": [{ "kty": "RSA", "alg": "RS256", "use": "sig", "kid": KEY_ID,
                                      "n": modulus, "e": "AQAB" }] });
        let inner = Arc::new(Inner {
            folder,
            keys,
            credentials: format!("Basic {}", BASE64_STANDARD.encode(format!("{client}:{secret}"))),
            subject: client.to_owned(),
            seconds,
            given: AtomicUsize::new(0),
            is_forging: AtomicBool::new(false),
        });
        let keys = async |State(inner): State<Arc<Inner>>| Json(inner.keys.clone());
        let router = Router::new().route("/token", post(token)).route("/keys", get(keys));
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let router = router.with_state(Arc::clone(&inner));
        // A runtime of its own: tests that share it come and go with theirs.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        std::thread::spawn(move || {
            runtime.block_on(async move {
                let listener = tokio::net::TcpListener::from_std(listener)?;
                axum::serve(listener, router).await
            })
        });
        Ok(Self { address, inner })
    }

    /// A URL of it: `token`, `keys`.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}/{path}", self.address)
    }

    /// Tokens that it gave.
    pub fn given(&self) -> usize {
        self.inner.given.load(Ordering::SeqCst)
    }

    /// From now on its tokens are signed with another key than the one that it shows.
    pub fn forge(&self, forges: bool) {
        self.inner.is_forging.store(forges, Ordering::SeqCst);
    }
}

async fn token(
    State(inner): State<Arc<Inner>>,
    headers: HeaderMap,
    body: String,
) -> (StatusCode, Json<Value>) {
    let known = headers.get("authorization").is_some_and(|told| told == inner.credentials.as_str());
    if !known {
        return (StatusCode::UNAUTHORIZED, Json(json!({ "error": "invalid_client" })));
    }
    if !body.contains("grant_type=client_credentials") || !body.contains("scope=kafka") {
        return (StatusCode::BAD_REQUEST, Json(json!({ "error": "invalid_request" })));
    }
    inner.given.fetch_add(1, Ordering::SeqCst);
    match inner.signed() {
        Ok(token) => (
            StatusCode::OK,
            Json(json!({ "access_token": token, "expires_in": inner.seconds, "token_type": "Bearer" })),
        ),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, Json(json!({ "error": error.to_string() }))),
    }
}

impl Inner {
    fn signed(&self) -> Result<String> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        let head = json!({ "alg": "RS256", "typ": "JWT", "kid": KEY_ID });
        let claims = json!({ "iss": ISSUER, "aud": AUDIENCE, "sub": self.subject, "iat": now,
                             "exp": now + self.seconds, "scope": "kafka" });
        let part = |value: Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(head), part(claims));
        let number = self.given.load(Ordering::SeqCst);
        let file = self.folder.join(&format!("{number}.txt"));
        std::fs::write(&file, &signed)?;
        let key =
            self.folder.join(if self.is_forging.load(Ordering::SeqCst) { "false.key" } else { "true.key" });
        let (key, file) = (key.display().to_string(), file.display().to_string());
        let signature = openssl(&["dgst", "-sha256", "-sign", &key, &file])?;
        Ok(format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature)))
    }
}

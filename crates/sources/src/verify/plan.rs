//! Reads `verify = { … }` into a plan, all of it but the secrets.

use std::path::PathBuf;

use boot::SecretRef;
use http::HeaderName;

use super::{
    Tool,
    mac::{Algorithm, Encoding},
    signed::Signed,
};
use crate::{Signs, SourceConfig, SourceError, TimestampConfig, VerifyConfig};

/// The schemes that are built, as the error about another one lists them.
const SCHEMES: &[&str] =
    &["hmac-sha1", "hmac-sha256", "hmac-sha512", "bearer", "basic", "jwt", "none", "stripe", "shopify"];
/// Five minutes, as nearly every tool has it.
pub(super) const TOLERANCE_MS: i64 = 5 * 60 * 1000;
/// Clocks of issuers and ours; a token has its own end.
const TOKEN_TOLERANCE_MS: i64 = 60 * 1000;

/// How to verify, checked.
#[derive(Debug)]
pub(super) enum Plan {
    Anybody,
    Standard,
    Signature(SignaturePlan),
    Stripe(StripePlan),
    Token(TokenPlan),
    Jwt(JwtPlan),
}

/// A keyed hash in a header.
#[derive(Debug)]
pub(super) struct SignaturePlan {
    pub algorithm: Algorithm,
    pub header: HeaderName,
    pub encoding: Encoding,
    pub prefix: String,
    pub separator: Option<String>,
    pub key_is_base64: bool,
    pub timestamp: Option<Stamp>,
    pub signed: Signed,
    pub tolerance_ms: i64,
}

/// Where the time of signing stands, and how it is written.
#[derive(Debug)]
pub(super) struct Stamp {
    pub place: Place,
    pub clock: Clock,
}

/// Where a value stands.
#[derive(Debug)]
pub(super) enum Place {
    Header(HeaderName),
    /// The path of a field of the JSON body, which the signature covers.
    Field(Vec<String>),
}

/// How a time is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Clock {
    Seconds,
    Millis,
    Rfc3339,
}

/// `t=…,v1=…` in one header.
#[derive(Debug)]
pub(super) struct StripePlan {
    pub header: HeaderName,
    pub tolerance_ms: i64,
}

/// A fixed word in a header.
#[derive(Debug)]
pub(super) struct TokenPlan {
    pub header: HeaderName,
    pub prefix: String,
    pub basic: bool,
}

/// A signed token in a header.
#[derive(Debug)]
pub(super) struct JwtPlan {
    pub token: TokenPlan,
    pub issuer: String,
    pub audience: String,
    pub tolerance_ms: i64,
    /// Where the issuer's keys are.
    pub keys: Keys,
}

/// Where keys come from.
#[derive(Debug)]
pub(super) enum Keys {
    File(PathBuf),
    /// The caller fetches them.
    Url(String),
}

/// The secrets that count, and their path: those of the verification, else the source's own.
pub(super) fn secrets<'a>(path: &str, config: &'a SourceConfig) -> (String, &'a [SecretRef]) {
    match &config.verify {
        Some(verify) if !verify.secrets.is_empty() => (format!("{path}.verify.secrets"), &verify.secrets),
        Some(_) if config.secrets.is_empty() => (format!("{path}.verify.secrets"), &[]),
        _ => (format!("{path}.secrets"), &config.secrets),
    }
}

impl Plan {
    /// `path` is the source's, such as `sources.acme`.
    pub(super) fn read(path: &str, config: &SourceConfig, tool: Tool) -> Result<Self, SourceError> {
        let plan = match &config.verify {
            None => Self::own(tool.signs),
            Some(verify) => Reader { path, verify }.plan()?,
        };
        let (secrets_path, secrets) = secrets(path, config);
        let brought = tool.brings_secrets && config.verify.is_none();
        if secrets.is_empty() && !brought && !matches!(plan, Self::Anybody | Self::Jwt(_)) {
            let problem =
                "is missing: without a secret nothing can be verified, so write [{ env = \"NAME\" }]";
            return Err(SourceError::new(secrets_path, problem));
        }
        Ok(plan)
    }
}

impl Plan {
    /// As the tool signs by itself.
    fn own(signs: Signs) -> Self {
        match signs {
            Signs::No | Signs::Standard => Self::Standard,
            Signs::Sha256 { header, prefix } => Self::Signature(SignaturePlan {
                algorithm: Algorithm::Sha256,
                header: HeaderName::from_static(header),
                encoding: Encoding::Hex,
                prefix: prefix.to_owned(),
                separator: None,
                key_is_base64: false,
                timestamp: None,
                signed: Signed::body(),
                tolerance_ms: TOLERANCE_MS,
            }),
        }
    }
}

struct Reader<'a> {
    path: &'a str,
    verify: &'a VerifyConfig,
}

impl Reader<'_> {
    fn fault(&self, key: &str, problem: impl Into<String>) -> SourceError {
        SourceError::new(format!("{}.verify.{key}", self.path), problem)
    }

    fn plan(&self) -> Result<Plan, SourceError> {
        let plan = match self.verify.scheme.as_str() {
            "hmac-sha1" => Plan::Signature(self.signature(Algorithm::Sha1)?),
            "hmac-sha256" => Plan::Signature(self.signature(Algorithm::Sha256)?),
            "hmac-sha512" => Plan::Signature(self.signature(Algorithm::Sha512)?),
            "shopify" => Plan::Signature(SignaturePlan {
                header: self.header("header", Some("x-shopify-hmac-sha256"))?,
                ..self.signature_in(Algorithm::Sha256, Encoding::Base64)?
            }),
            "stripe" => Plan::Stripe(StripePlan {
                header: self.header("header", Some("stripe-signature"))?,
                tolerance_ms: self.tolerance_ms(TOLERANCE_MS),
            }),
            "bearer" => Plan::Token(self.token(false)?),
            "basic" => Plan::Token(self.token(true)?),
            "none" => Plan::Anybody,
            "jwt" => Plan::Jwt(self.jwt()?),
            other => return Err(self.fault("scheme", format!("does not know `{other}`; {}", built()))),
        };
        self.unread(&plan)?;
        if let Some(nonce) = &self.verify.nonce {
            self.name("nonce.header", &nonce.header)?;
        }
        Ok(plan)
    }

    /// A key that the scheme never reads would be a promise that nobody keeps.
    fn unread(&self, plan: &Plan) -> Result<(), SourceError> {
        let signature = matches!(plan, Plan::Signature(_)) && self.verify.scheme != "shopify";
        let jwt = matches!(plan, Plan::Jwt(_));
        let token = matches!(plan, Plan::Token(_)) || jwt;
        let stripe = matches!(plan, Plan::Stripe(_));
        let stamped = signature && self.verify.timestamp.is_some();
        let v = self.verify;
        for (key, given, read) in [
            ("header", v.header.is_some(), !matches!(plan, Plan::Anybody)),
            ("prefix", v.prefix.is_some(), signature || token),
            ("encoding", v.encoding.is_some(), signature),
            ("separator", v.separator.is_some(), signature),
            ("key", v.key.is_some(), signature),
            ("timestamp", v.timestamp.is_some(), signature),
            ("signed", v.signed.is_some(), signature),
            ("nonce", v.nonce.is_some(), !matches!(plan, Plan::Anybody)),
            ("tolerance", v.tolerance.is_some(), stripe || jwt || stamped || v.nonce.is_some()),
            ("jwks", v.jwks.is_some(), jwt),
            ("issuer", v.issuer.is_some(), jwt),
            ("audience", v.audience.is_some(), jwt),
            ("secrets", !v.secrets.is_empty(), !jwt),
        ] {
            if given && !read {
                let without = if key == "tolerance" && signature { " without a `timestamp`" } else { "" };
                let problem = format!("is not read by scheme `{}`{without}; leave it out", v.scheme);
                return Err(self.fault(key, problem));
            }
        }
        Ok(())
    }

    fn signature(&self, algorithm: Algorithm) -> Result<SignaturePlan, SourceError> {
        let encoding = match self.verify.encoding.as_deref() {
            None | Some("hex") => Encoding::Hex,
            Some("base64") => Encoding::Base64,
            Some("base64url") => Encoding::Base64Url,
            Some(_) => return Err(self.fault("encoding", "must be `hex`, `base64` or `base64url`")),
        };
        let header = self.header("header", None)?;
        Ok(SignaturePlan { header, ..self.signature_in(algorithm, encoding)? })
    }

    fn signature_in(&self, algorithm: Algorithm, encoding: Encoding) -> Result<SignaturePlan, SourceError> {
        let key_is_base64 = match self.verify.key.as_deref() {
            None | Some("raw") => false,
            Some("base64") => true,
            Some(_) => return Err(self.fault("key", "must be `raw` or `base64`")),
        };
        if self.verify.separator.as_deref() == Some("") {
            return Err(self.fault("separator", "must not be empty; leave it out for a single signature"));
        }
        let timestamp = self.timestamp()?;
        let in_header = timestamp.as_ref().filter(|stamp| matches!(stamp.place, Place::Header(_)));
        let signed = match (&self.verify.signed, in_header) {
            (Some(template), _) => {
                Signed::compile(template).map_err(|problem| self.fault("signed", problem))?
            }
            (None, Some(_)) => Signed::stamped(),
            (None, None) => Signed::body(),
        };
        if !signed.has_body() {
            return Err(
                self.fault("signed", "must contain `{{ body }}`, or the signature proves nothing about it")
            );
        }
        match (&timestamp, signed.has_timestamp()) {
            (Some(Stamp { place: Place::Header(_), .. }), false) => {
                let problem =
                    "must contain `{{ timestamp }}`, or anybody could refresh an old request's time";
                return Err(self.fault("signed", problem));
            }
            (None, true) => {
                let problem =
                    "is missing, but `signed` speaks of a timestamp: write { header = \"x-timestamp\" }";
                return Err(self.fault("timestamp", problem));
            }
            _ => {}
        }
        Ok(SignaturePlan {
            algorithm,
            header: HeaderName::from_static("x-signature"),
            encoding,
            prefix: self.verify.prefix.clone().unwrap_or_default(),
            separator: self.verify.separator.clone(),
            key_is_base64,
            timestamp,
            signed,
            tolerance_ms: self.tolerance_ms(TOLERANCE_MS),
        })
    }

    fn timestamp(&self) -> Result<Option<Stamp>, SourceError> {
        let Some(config) = &self.verify.timestamp else { return Ok(None) };
        let clock = match config.unit.as_deref() {
            None | Some("s") => Clock::Seconds,
            Some("ms") => Clock::Millis,
            Some("rfc3339") => Clock::Rfc3339,
            Some(_) => return Err(self.fault("timestamp.unit", "must be `s`, `ms` or `rfc3339`")),
        };
        Ok(Some(Stamp { place: self.place(config)?, clock }))
    }

    fn place(&self, config: &TimestampConfig) -> Result<Place, SourceError> {
        match (&config.header, &config.field) {
            (Some(header), None) => self.name("timestamp.header", header).map(Place::Header),
            (None, Some(field)) if field.split('.').all(|part| !part.is_empty()) => {
                Ok(Place::Field(field.split('.').map(str::to_owned).collect()))
            }
            (None, Some(_)) => {
                Err(self.fault("timestamp.field", "is not the path of a field, such as `meta.sent_at`"))
            }
            _ => Err(self.fault("timestamp", "must say either `header` or `field`")),
        }
    }

    fn jwt(&self) -> Result<JwtPlan, SourceError> {
        let said = |key: &str, text: &Option<String>, problem: &str| {
            let text = text.clone().filter(|text| !text.trim().is_empty());
            text.ok_or_else(|| self.fault(key, problem))
        };
        let issuer = said(
            "issuer",
            &self.verify.issuer,
            "is missing: name who issues the tokens, as their `iss` says it",
        )?;
        let audience = said(
            "audience",
            &self.verify.audience,
            "is missing: name whom the tokens are for, as their `aud` says it",
        )?;
        let missing = "is missing: write { file = \"keys.json\" }";
        let jwks = self.verify.jwks.as_ref().ok_or_else(|| self.fault("jwks", missing))?;
        let keys = match (&jwks.file, &jwks.url) {
            (Some(file), None) => Keys::File(file.clone()),
            (None, Some(url)) if is_web(url) => Keys::Url(url.clone()),
            (None, Some(_)) => {
                return Err(
                    self.fault("jwks.url", "must begin with https:// (http:// for this machine alone)")
                );
            }
            _ => return Err(self.fault("jwks", "must say either `file` or `url`")),
        };
        Ok(JwtPlan {
            token: self.token(false)?,
            issuer,
            audience,
            tolerance_ms: self.tolerance_ms(TOKEN_TOLERANCE_MS),
            keys,
        })
    }

    fn token(&self, basic: bool) -> Result<TokenPlan, SourceError> {
        let header = self.header("header", Some("authorization"))?;
        let usual = match (header == http::header::AUTHORIZATION || basic, basic) {
            (_, true) => "Basic ",
            (true, false) => "Bearer ",
            (false, false) => "",
        };
        let prefix = self.verify.prefix.clone().unwrap_or_else(|| usual.to_owned());
        Ok(TokenPlan { header, prefix, basic })
    }

    fn tolerance_ms(&self, usual: i64) -> i64 {
        self.verify.tolerance.map_or(usual, |span| i64::try_from(span.0.as_millis()).unwrap_or(i64::MAX))
    }

    fn header(&self, key: &str, usual: Option<&str>) -> Result<HeaderName, SourceError> {
        match self.verify.header.as_deref().or(usual) {
            Some(name) => self.name(key, name),
            None => Err(self.fault(key, "is missing: name the header that holds the signature")),
        }
    }

    fn name(&self, key: &str, name: &str) -> Result<HeaderName, SourceError> {
        let parsed = HeaderName::from_bytes(name.as_bytes());
        parsed.map_err(|_| self.fault(key, "is not the name of a header, such as `x-signature`"))
    }
}

/// Keys that come over a line that anybody may change prove nothing.
fn is_web(url: &str) -> bool {
    url::Url::parse(url).is_ok_and(|url| {
        let local = match url.host() {
            Some(url::Host::Domain(name)) => name == "localhost",
            Some(url::Host::Ipv4(address)) => address.is_loopback(),
            Some(url::Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        };
        url.has_host() && (url.scheme() == "https" || url.scheme() == "http" && local)
    })
}

fn built() -> String {
    format!("built are {}", SCHEMES.join(", "))
}

//! Reads `verify = { … }` into a plan, all of it but the secrets.

use boot::SecretRef;
use http::HeaderName;

use super::{
    mac::{Algorithm, Encoding},
    signed::Signed,
};
use crate::{SourceConfig, SourceError, VerifyConfig};

/// The schemes that are built, as the error about another one lists them.
const SCHEMES: &[&str] =
    &["hmac-sha1", "hmac-sha256", "hmac-sha512", "bearer", "basic", "none", "stripe", "shopify"];
/// Five minutes, as nearly every tool has it.
pub(super) const TOLERANCE_MS: i64 = 5 * 60 * 1000;

/// How to verify, checked.
#[derive(Debug)]
pub(super) enum Plan {
    Anybody,
    Standard,
    Signature(SignaturePlan),
    Stripe(StripePlan),
    Token(TokenPlan),
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

/// Where the time of signing stands, and how many milliseconds one of its units has.
#[derive(Debug)]
pub(super) struct Stamp {
    pub header: HeaderName,
    pub unit_ms: i64,
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
    pub(super) fn read(path: &str, config: &SourceConfig) -> Result<Self, SourceError> {
        let plan = match &config.verify {
            None => Self::Standard,
            Some(verify) => Reader { path, verify }.plan()?,
        };
        let (secrets_path, secrets) = secrets(path, config);
        if secrets.is_empty() && !matches!(plan, Self::Anybody) {
            let problem =
                "is missing: without a secret nothing can be verified, so write [{ env = \"NAME\" }]";
            return Err(SourceError::new(secrets_path, problem));
        }
        Ok(plan)
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
        if self.verify.nonce.is_some() {
            return Err(self.fault("nonce", "is not built yet; leave it out"));
        }
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
                tolerance_ms: self.tolerance_ms(),
            }),
            "bearer" => Plan::Token(self.token(false)?),
            "basic" => Plan::Token(self.token(true)?),
            "none" => Plan::Anybody,
            "jwt" => return Err(self.fault("scheme", format!("`jwt` is not built yet; {}", built()))),
            other => return Err(self.fault("scheme", format!("does not know `{other}`; {}", built()))),
        };
        self.unread(&plan)?;
        Ok(plan)
    }

    /// A key that the scheme never reads would be a promise that nobody keeps.
    fn unread(&self, plan: &Plan) -> Result<(), SourceError> {
        let signature = matches!(plan, Plan::Signature(_)) && self.verify.scheme != "shopify";
        let token = matches!(plan, Plan::Token(_));
        let stripe = matches!(plan, Plan::Stripe(_));
        let v = self.verify;
        for (key, given, read) in [
            ("header", v.header.is_some(), !matches!(plan, Plan::Anybody)),
            ("prefix", v.prefix.is_some(), signature || token),
            ("encoding", v.encoding.is_some(), signature),
            ("separator", v.separator.is_some(), signature),
            ("key", v.key.is_some(), signature),
            ("timestamp", v.timestamp.is_some(), signature),
            ("signed", v.signed.is_some(), signature),
            ("tolerance", v.tolerance.is_some(), stripe || (signature && v.timestamp.is_some())),
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
        let signed = match (&self.verify.signed, &timestamp) {
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
            (Some(_), false) => {
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
            tolerance_ms: self.tolerance_ms(),
        })
    }

    fn timestamp(&self) -> Result<Option<Stamp>, SourceError> {
        let Some(config) = &self.verify.timestamp else { return Ok(None) };
        let unit_ms = match config.unit.as_deref() {
            None | Some("s") => 1000,
            Some("ms") => 1,
            Some(_) => return Err(self.fault("timestamp.unit", "must be `s` or `ms`")),
        };
        Ok(Some(Stamp { header: self.name("timestamp.header", &config.header)?, unit_ms }))
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

    fn tolerance_ms(&self) -> i64 {
        self.verify
            .tolerance
            .map_or(TOLERANCE_MS, |span| i64::try_from(span.0.as_millis()).unwrap_or(i64::MAX))
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

fn built() -> String {
    format!("built are {}", SCHEMES.join(", "))
}

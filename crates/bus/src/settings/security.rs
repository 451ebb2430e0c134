//! Transport and login.

use std::{fmt, path::PathBuf};

use crate::tokens::Tokens;

/// How a connection is secured and who we are.
#[derive(Clone, PartialEq, Eq)]
pub struct Security {
    /// With or without TLS, with or without a login.
    pub protocol: Protocol,
    /// Needed by the SASL protocols, ignored by others.
    pub mechanism: Option<Mechanism>,
    /// The SASL user.
    pub username: Option<String>,
    /// The SASL password; never printed.
    pub password: Option<String>,
    /// The CA certificates (PEM) to trust in place of the system's.
    pub ca_file: Option<PathBuf>,
    /// Our certificate (PEM), for mutual TLS.
    pub certificate_file: Option<PathBuf>,
    /// Our private key (PEM), for mutual TLS.
    pub key_file: Option<PathBuf>,
    /// What the private key is encrypted with; never printed.
    pub key_password: Option<String>,
    /// What OAUTHBEARER logs in with in place of a username and a password.
    pub tokens: Option<Tokens>,
}

impl Security {
    /// That protocol and nothing else.
    pub fn new(protocol: Protocol) -> Self {
        Self {
            protocol,
            mechanism: None,
            username: None,
            password: None,
            ca_file: None,
            certificate_file: None,
            key_file: None,
            key_password: None,
            tokens: None,
        }
    }
}

impl fmt::Debug for Security {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Security")
            .field("protocol", &self.protocol)
            .field("mechanism", &self.mechanism)
            .field("username", &self.username)
            .field("password", &self.password.as_ref().map(|_| "…"))
            .field("ca_file", &self.ca_file)
            .field("certificate_file", &self.certificate_file)
            .field("key_file", &self.key_file)
            .field("key_password", &self.key_password.as_ref().map(|_| "…"))
            .field("tokens", &self.tokens)
            .finish()
    }
}

/// Transport and login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// `plaintext`.
    Plaintext,
    /// `ssl`.
    Ssl,
    /// `sasl_plaintext`.
    SaslPlaintext,
    /// `sasl_ssl`.
    SaslSsl,
}

impl Protocol {
    /// Reads `plaintext`, `ssl`, `sasl_plaintext` or `sasl_ssl`, in any case.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Plaintext, Self::Ssl, Self::SaslPlaintext, Self::SaslSsl]
            .into_iter()
            .find(|protocol| protocol.name().eq_ignore_ascii_case(text))
    }

    /// The name as librdkafka and our configuration spell it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plaintext => "plaintext",
            Self::Ssl => "ssl",
            Self::SaslPlaintext => "sasl_plaintext",
            Self::SaslSsl => "sasl_ssl",
        }
    }

    pub(super) fn logs_in(self) -> bool {
        matches!(self, Self::SaslPlaintext | Self::SaslSsl)
    }
}

/// How a SASL login proves who we are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mechanism {
    /// `PLAIN`.
    Plain,
    /// `SCRAM-SHA-256`.
    ScramSha256,
    /// `SCRAM-SHA-512`.
    ScramSha512,
    /// `OAUTHBEARER`.
    OauthBearer,
}

impl Mechanism {
    /// Reads `PLAIN`, `SCRAM-SHA-256`, `SCRAM-SHA-512` or `OAUTHBEARER`, in any case.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Plain, Self::ScramSha256, Self::ScramSha512, Self::OauthBearer]
            .into_iter()
            .find(|mechanism| mechanism.name().eq_ignore_ascii_case(text))
    }

    /// The name as Kafka spells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
            Self::OauthBearer => "OAUTHBEARER",
        }
    }
}

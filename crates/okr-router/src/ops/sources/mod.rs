//! `okr-router sources`: what a source makes of a body, without sending it; and what it has learned.

mod register;
mod shown;

use std::process::ExitCode;

use anyhow::Result;
use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;
use sources::{Delivery, Explained, Reading, Request, Source, SourceConfig, VerifyConfig};

use crate::{
    cli::{
        Settings,
        sources::{Sources, Try},
    },
    config::{self, Reader, Whole},
    ops::{put, send},
    parts::located,
};

pub fn run(settings: &Settings, verb: &Sources) -> Result<ExitCode> {
    let whole = config::read(settings, Reader::Command)?;
    let options = match verb {
        Sources::Try(options) => options,
        Sources::List(output) => return register::list(&whole, *output),
        Sources::Open(options) => return register::open(&whole, options),
        Sources::Forget(options) => return register::forget(&whole, options),
    };
    let name = send::source_name(&whole, options.source.as_deref())?;
    let body = send::read(&options.file)?;
    let trial = trial(&whole, &name, options, &body)?;
    let text = if options.output.json { trial.json()? } else { trial.words() };
    put(&text)?;
    Ok(if trial.is_accepted() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Everything that a source makes of a body.
#[derive(Debug)]
struct Trial {
    source: String,
    kind: &'static str,
    proof: Proof,
    explained: Vec<Explained>,
    reading: Reading,
}

/// Whether the request proves where it comes from.
#[derive(Debug, PartialEq)]
enum Proof {
    Proven,
    /// The reason's label, and the reason in words.
    Refused(&'static str, String),
    /// It could not be looked at.
    Unknown(String),
}

impl Trial {
    fn is_accepted(&self) -> bool {
        self.proof == Proof::Proven && self.reading.events.is_ok()
    }
}

fn trial(whole: &Whole, name: &str, options: &Try, body: &[u8]) -> Result<Trial> {
    let config: SourceConfig = whole.document.entry("sources", name)?;
    Source::check(name, &config).map_err(|error| located(&whole.document, &error.path, &error))?;
    let now = options.at.unwrap_or_else(Timestamp::now);
    let built = Source::build(name, &config);
    let mut headers = headers(&options.headers)?;
    if let (true, Ok(source)) = (options.sign, &built) {
        for (name, value) in source.sign(body, now) {
            headers.insert(HeaderName::try_from(name)?, HeaderValue::try_from(value)?);
        }
    }
    let (source, proof) = match built {
        Ok(source) => {
            let proof = match source.verify(&Request { headers: &headers, body, now }) {
                Ok(()) => Proof::Proven,
                Err(refusal) => Proof::Refused(refusal.reason(), refusal.to_string()),
            };
            (source, proof)
        }
        // The mapping needs no secret.
        Err(error) => (Source::build(name, &unverified(config))?, Proof::Unknown(error.to_string())),
    };
    let delivery = Delivery { headers: &headers, body, received_at: now };
    Ok(Trial {
        source: name.to_owned(),
        kind: source.kind(),
        proof,
        explained: source.explain(&delivery),
        reading: source.read(&delivery),
    })
}

fn unverified(mut config: SourceConfig) -> SourceConfig {
    config.secrets.clear();
    config.verify = Some(VerifyConfig::none());
    config
}

fn headers(given: &[(String, String)]) -> Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    for (name, value) in given {
        let parsed = (HeaderName::try_from(name), HeaderValue::try_from(value));
        let (Ok(name), Ok(value)) = parsed else {
            anyhow::bail!("--header '{name}: …' is not a header that HTTP can carry");
        };
        headers.append(name, value);
    }
    Ok(headers)
}

#[cfg(test)]
mod tests;

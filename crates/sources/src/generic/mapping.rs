//! `identity`, `each`, `when` and `[sources.NAME.event]`, compiled at the start.

use okr::{ExpressionError, Mapping, Root};

use super::{
    Generic, Rule,
    fields::{ATTRIBUTES, Field, SUBJECT_ID},
};
use crate::{Mapped, SourceConfig, SourceError};

impl Generic {
    /// Compiles what a section says. `path` is the source's, such as `sources.acme`.
    pub(crate) fn compile(path: &str, config: &SourceConfig) -> Result<Self, SourceError> {
        let proof = config.verify.as_ref().and_then(|verify| verify.header.as_deref());
        let mut compiler = Compiler { path, proof, headers: Vec::new() };
        let whole = [Root::Body, Root::Headers];
        let each = config.each.as_deref().map(|text| compiler.mapping("each", text, &whole)).transpose()?;
        let identity = match config.identity.as_deref() {
            None | Some("body-hash") => Rule::BodyHash,
            Some("none") => Rule::New,
            Some(text) => Rule::Given(compiler.mapping("identity", text, &whole)?),
        };
        let id_headers = match &identity {
            Rule::Given(mapping) => mapping.headers(),
            Rule::BodyHash | Rule::New => Vec::new(),
        };
        let id_headers =
            id_headers.iter().filter_map(|name| name.to_ascii_lowercase().parse().ok()).collect();
        let item = [Root::Item, Root::Body, Root::Headers];
        let when = config.when.as_deref().map(|text| compiler.mapping("when", text, &item)).transpose()?;
        let mut generic = Self {
            headers: Vec::new(),
            identity,
            id_headers,
            when,
            each,
            fields: Vec::new(),
            attributes: Vec::new(),
            stamp: None,
        };
        let missing = "is missing: kind `generic` needs to be told at least what the subject is";
        let event = config.event.as_ref().ok_or_else(|| compiler.fault("event", missing))?;
        for (key, mapped) in event {
            match mapped {
                Mapped::Expression(text) => generic.field(&mut compiler, key, text)?,
                Mapped::Table(table) => {
                    for (part, text) in table {
                        generic.field(&mut compiler, &format!("{key}.{part}"), text)?;
                    }
                }
            }
        }
        if !generic.fields.iter().any(|(field, _)| field.path == SUBJECT_ID) {
            return Err(compiler
                .fault("event.subject_id", "is missing: without it nobody knows what an event is about"));
        }
        generic.headers = compiler.headers;
        let timestamp = config.verify.as_ref().and_then(|verify| verify.timestamp.as_ref());
        generic.stamp = timestamp
            .and_then(|timestamp| timestamp.field.as_ref())
            .map(|field| field.split('.').map(str::to_owned).collect());
        Ok(generic)
    }

    fn field(&mut self, compiler: &mut Compiler<'_>, key: &str, text: &str) -> Result<(), SourceError> {
        let path = format!("event.{key}");
        let mapping = compiler.mapping(&path, text, &[Root::Item, Root::Body, Root::Headers])?;
        if let Some(name) = key.strip_prefix(ATTRIBUTES).and_then(|rest| rest.strip_prefix('.')) {
            self.attributes.push((name.to_owned(), mapping));
            return Ok(());
        }
        let field = Field::of(key).ok_or_else(|| compiler.fault(&path, unknown(key)))?;
        if self.fields.iter().any(|(other, _)| other.path == field.path) {
            return Err(compiler.fault(&path, "stands there twice, under two names"));
        }
        self.fields.push((field, mapping));
        Ok(())
    }
}

/// Headers that prove who sent something: what a mapping reads is kept with the arrival, and these never are.
const PROOFS: &[&str] =
    &["authorization", "proxy-authorization", "cookie", "stripe-signature", "x-shopify-hmac-sha256"];

struct Compiler<'a> {
    path: &'a str,
    /// The header of the source's own verification.
    proof: Option<&'a str>,
    headers: Vec<(String, http::HeaderName)>,
}

impl Compiler<'_> {
    fn fault(&self, key: &str, problem: impl Into<String>) -> SourceError {
        SourceError::new(format!("{}.{key}", self.path), problem)
    }

    fn mapping(&mut self, key: &str, text: &str, roots: &[Root]) -> Result<Mapping, SourceError> {
        let wrong =
            |error: ExpressionError| self.fault(key, format!("is no expression that can be used: {error}"));
        let mapping = Mapping::compile(text, roots).map_err(wrong)?;
        for written in mapping.headers() {
            let name = written.to_ascii_lowercase().parse();
            let name =
                name.map_err(|_| self.fault(key, format!("reads `{written}`, which is no header's name")))?;
            let is_proof = |proof: &str| proof.eq_ignore_ascii_case(&written);
            if PROOFS.iter().copied().chain(self.proof).any(is_proof) {
                let problem = format!("reads `{written}`, which is a secret: what a mapping reads is kept");
                return Err(self.fault(key, problem));
            }
            if !self.headers.iter().any(|(known, _)| *known == written) {
                self.headers.push((written, name));
            }
        }
        Ok(mapping)
    }
}

fn unknown(key: &str) -> String {
    let names = Field::names();
    let near = names.iter().min_by_key(|name| strsim::damerau_levenshtein(name, key));
    match near.filter(|near| strsim::damerau_levenshtein(near, key) <= 3) {
        Some(near) => format!("is no field of an event, did you mean `{near}`?"),
        None => format!("is no field of an event; there are {}, and attributes.*", names.join(", ")),
    }
}

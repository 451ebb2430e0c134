//! What an operator does to the registry: look, register, set the level. No service ever calls this.

use reqwest::{Method, StatusCode, header};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::{
    Against, Finding, Registry, SUBJECTS, Subject, WireError, error::brief, registry::chain,
    released::compare,
};

/// The compatibility level of our subjects: every version can read every other one.
pub const FULL_TRANSITIVE: &str = "FULL_TRANSITIVE";

const MEDIA_TYPE: &str = "application/vnd.schemaregistry.v1+json";

/// How one of our subjects stands in the registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The subject's name.
    pub subject: &'static str,
    /// The id of this release's schema, where it is registered.
    pub id: Option<u32>,
    /// Whether this release's schema fits the versions that are registered.
    pub fit: Fit,
    /// The compatibility level that holds for the subject, where the registry says one.
    pub level: Option<String>,
}

impl Standing {
    /// Whether nothing is left to do.
    pub fn is_settled(&self) -> bool {
        self.id.is_some() && self.level.as_deref() == Some(FULL_TRANSITIVE)
    }
}

/// How this release's schema goes with the registered versions, in both directions and with every one of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fit {
    /// There is no version yet.
    First,
    /// It reads all of them and they read it.
    Full,
    /// It does not; each finding names the version, the field and the reason.
    Broken(Vec<Finding>),
}

impl Registry {
    /// How all of our subjects stand. Changes nothing.
    pub async fn check(&self) -> Result<Vec<Standing>, WireError> {
        let mut standings = Vec::with_capacity(SUBJECTS.len());
        for subject in SUBJECTS {
            standings.push(self.standing(subject).await?);
        }
        Ok(standings)
    }

    /// Registers this release's schemas and sets FULL_TRANSITIVE on their subjects; what is so already stays. A schema
    /// that does not fit the registered versions is not registered, and none of the others either
    /// ([`WireError::Schema`]). Gives back how things stand afterwards.
    pub async fn register(&self) -> Result<Vec<Standing>, WireError> {
        let before = self.check().await?;
        for standing in &before {
            if let Fit::Broken(findings) = &standing.fit {
                let reasons: Vec<String> = findings.iter().map(Finding::to_string).collect();
                return Err(WireError::Schema(format!("{}: {}", standing.subject, reasons.join("; "))));
            }
        }
        for (subject, standing) in SUBJECTS.iter().zip(before) {
            // An existing subject gets its level first, so that the registry checks the new version by it; not every
            // registry lets one set the level of a subject that does not exist.
            if standing.fit != Fit::First {
                self.set_level(subject.name, FULL_TRANSITIVE).await?;
            }
            if standing.id.is_none() {
                let path = format!("/subjects/{}/versions", subject.name);
                let _: Option<Registered> = self.change(Method::POST, &path, schema(subject)).await?;
            }
            if standing.fit == Fit::First {
                self.set_level(subject.name, FULL_TRANSITIVE).await?;
            }
        }
        self.check().await
    }

    /// Sets the compatibility level of a subject, such as [`FULL_TRANSITIVE`].
    pub async fn set_level(&self, subject: &str, level: &str) -> Result<(), WireError> {
        let body = json!({ "compatibility": level });
        let answer: Option<Value> = self.change(Method::PUT, &format!("/config/{subject}"), body).await?;
        answer
            .map(drop)
            .ok_or_else(|| WireError::RegistryDown(format!("it has no place for the level of {subject}")))
    }

    async fn standing(&self, subject: &'static Subject) -> Result<Standing, WireError> {
        let path = format!("/subjects/{}", subject.name);
        let registered: Option<Registered> = self.call(Method::POST, &path, Some(schema(subject))).await?;
        let versions: Option<Vec<u32>> = self.call(Method::GET, &format!("{path}/versions"), None).await?;
        let versions = versions.unwrap_or_default();
        let mut findings = Vec::new();
        for version in &versions {
            let path = format!("{path}/versions/{version}");
            let Some(Version { schema }) = self.call(Method::GET, &path, None).await? else { continue };
            findings.extend(compare(subject.schema, &schema, Against::Registered(*version)));
        }
        let fit = match (versions.is_empty(), findings.is_empty()) {
            (true, _) => Fit::First,
            (false, true) => Fit::Full,
            (false, false) => Fit::Broken(findings),
        };
        let path = format!("/config/{}?defaultToGlobal=true", subject.name);
        let level: Option<Level> = self.call(Method::GET, &path, None).await?;
        let level = level.and_then(|level| level.compatibility_level);
        Ok(Standing { subject: subject.name, id: registered.map(|registered| registered.id), fit, level })
    }

    /// A call that changes something. Of two who register at the same time, one may be refused because what the other
    /// is making exists already; asked again, the registry finds it there.
    async fn change<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Value,
    ) -> Result<Option<T>, WireError> {
        match self.call(method.clone(), path, Some(body.clone())).await {
            Err(WireError::Schema(_)) => self.call(method, path, Some(body)).await,
            answer => answer,
        }
    }

    /// One call; nothing is the registry's word that what the path names does not exist.
    async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<Option<T>, WireError> {
        let body = body.map(|body| body.to_string());
        let (status, text) = match self.exchange(&method, path, body.as_deref()).await {
            // Whether it took the request is unknown, and nothing that is asked here does more when it is done twice.
            Err(error) if !error.is_connect() => self.exchange(&method, path, body.as_deref()).await,
            answer => answer,
        }
        .map_err(|error| WireError::RegistryDown(chain(&error)))?;
        if status.is_success() {
            let answer = serde_json::from_str(&text);
            return answer
                .map(Some)
                .map_err(|error| WireError::RegistryDown(brief(&format!("{path}: {error}"))));
        }
        let refusal: Refusal = serde_json::from_str(&text).unwrap_or_default();
        match (status, refusal.error_code) {
            (StatusCode::NOT_FOUND, 404 | 40400..=40499) => Ok(None),
            (StatusCode::CONFLICT | StatusCode::UNPROCESSABLE_ENTITY, _) => {
                Err(WireError::Schema(brief(&format!("{path}: {}", refusal.message))))
            }
            _ => Err(WireError::RegistryDown(brief(&format!("{path}: {status} {}", refusal.message)))),
        }
    }

    async fn exchange(
        &self,
        method: &Method,
        path: &str,
        body: Option<&str>,
    ) -> Result<(StatusCode, String), reqwest::Error> {
        let mut request = self.http().request(method.clone(), format!("{}{path}", self.base()));
        request = request.header(header::ACCEPT, format!("{MEDIA_TYPE}, application/json"));
        if let Some(body) = body {
            request = request.header(header::CONTENT_TYPE, MEDIA_TYPE).body(body.to_owned());
        }
        let response = request.send().await?;
        Ok((response.status(), response.text().await?))
    }
}

fn schema(subject: &Subject) -> Value {
    json!({ "schema": subject.schema, "schemaType": "AVRO" })
}

#[derive(Deserialize)]
struct Registered {
    id: u32,
}

#[derive(Deserialize)]
struct Version {
    schema: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Level {
    compatibility_level: Option<String>,
}

#[derive(Default, Deserialize)]
struct Refusal {
    #[serde(default)]
    error_code: u32,
    #[serde(default)]
    message: String,
}

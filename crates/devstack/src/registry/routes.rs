//! The Confluent API over HTTP.

use axum::{
    Router,
    body::Bytes,
    extract::{Path, Query, State},
    http::header,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Shelf,
    book::{Version, Which},
    error::{MEDIA_TYPE, RegistryError as Error},
    level::{Level, Reads},
};

type Answer = Result<Body, Error>;

/// Our own Avro rules, the same that the services read with.
const READS: Reads = wire::compatible;

/// A 200 with Confluent's media type.
struct Body(Value);

impl IntoResponse for Body {
    fn into_response(self) -> Response {
        ([(header::CONTENT_TYPE, MEDIA_TYPE)], self.0.to_string()).into_response()
    }
}

/// The flags of a query, absent ones false.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Flags {
    deleted: bool,
    permanent: bool,
    verbose: bool,
    default_to_global: bool,
    subject_prefix: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Posted {
    schema: String,
    schema_type: Option<String>,
    #[serde(default)]
    references: Vec<Value>,
}

#[derive(Deserialize)]
struct PostedLevel {
    compatibility: String,
}

pub(super) fn router(shelf: Shelf) -> Router {
    Router::new()
        .route("/", get(async || Body(json!({}))))
        .route("/mode", get(async || Body(json!({ "mode": "READWRITE" }))))
        .route("/schemas/types", get(async || Body(json!(["AVRO"]))))
        .route("/schemas/ids/{id}", get(schema))
        .route("/schemas/ids/{id}/schema", get(schema_text))
        .route("/schemas/ids/{id}/versions", get(uses))
        .route("/subjects", get(subjects))
        .route("/subjects/{subject}", post(find).delete(delete_subject))
        .route("/subjects/{subject}/versions", get(versions).post(register))
        .route("/subjects/{subject}/versions/{version}", get(version).delete(delete_version))
        .route("/subjects/{subject}/versions/{version}/schema", get(version_text))
        .route("/compatibility/subjects/{subject}/versions", post(check_all))
        .route("/compatibility/subjects/{subject}/versions/{version}", post(check_one))
        .route("/config", get(level).put(set_level))
        .route("/config/{subject}", get(subject_level).put(set_subject_level).delete(clear_subject_level))
        .with_state(shelf)
}

async fn schema(State(shelf): State<Shelf>, Path(id): Path<u32>) -> Answer {
    shelf.read(|book| Ok(Body(json!({ "schema": book.schema(id)? }))))
}

async fn schema_text(State(shelf): State<Shelf>, Path(id): Path<u32>) -> Answer {
    shelf.read(|book| text(book.schema(id)?))
}

async fn uses(State(shelf): State<Shelf>, Path(id): Path<u32>, Query(flags): Query<Flags>) -> Answer {
    shelf.read(|book| {
        let uses = book.uses(id, flags.deleted)?;
        let each =
            uses.into_iter().map(|(subject, version)| json!({ "subject": subject, "version": version }));
        Ok(Body(each.collect()))
    })
}

async fn subjects(State(shelf): State<Shelf>, Query(flags): Query<Flags>) -> Body {
    shelf.read(|book| {
        let all = book.subjects(flags.deleted).into_iter();
        Body(all.filter(|name| name.starts_with(&flags.subject_prefix)).collect())
    })
}

async fn versions(
    State(shelf): State<Shelf>,
    Path(subject): Path<String>,
    Query(flags): Query<Flags>,
) -> Answer {
    shelf.read(|book| {
        let all = book.versions(&subject, flags.deleted)?;
        Ok(Body(all.into_iter().map(|one| one.version).collect()))
    })
}

async fn version(
    State(shelf): State<Shelf>,
    Path((subject, which)): Path<(String, String)>,
    Query(flags): Query<Flags>,
) -> Answer {
    let which = Which::parse(&which)?;
    shelf.read(|book| {
        let Version { version, id, .. } = book.version(&subject, which, flags.deleted)?;
        Ok(Body(json!({ "subject": subject, "version": version, "id": id, "schema": book.schema(*id)? })))
    })
}

async fn version_text(
    State(shelf): State<Shelf>,
    Path((subject, which)): Path<(String, String)>,
    Query(flags): Query<Flags>,
) -> Answer {
    let which = Which::parse(&which)?;
    shelf.read(|book| text(book.schema(book.version(&subject, which, flags.deleted)?.id)?))
}

async fn find(
    State(shelf): State<Shelf>,
    Path(subject): Path<String>,
    Query(flags): Query<Flags>,
    body: Bytes,
) -> Answer {
    let schema = posted(&body)?;
    shelf.read(|book| {
        let Version { version, id, .. } = book.find(&subject, &schema, flags.deleted)?;
        Ok(Body(json!({ "subject": subject, "version": version, "id": id, "schema": book.schema(*id)? })))
    })
}

async fn register(State(shelf): State<Shelf>, Path(subject): Path<String>, body: Bytes) -> Answer {
    let schema = posted(&body)?;
    let id = shelf.change(|book| book.register(&subject, &schema, READS)).await?;
    Ok(Body(json!({ "id": id })))
}

async fn check_all(
    State(shelf): State<Shelf>,
    Path(subject): Path<String>,
    Query(flags): Query<Flags>,
    body: Bytes,
) -> Answer {
    check(&shelf, &subject, None, &flags, &body)
}

async fn check_one(
    State(shelf): State<Shelf>,
    Path((subject, which)): Path<(String, String)>,
    Query(flags): Query<Flags>,
    body: Bytes,
) -> Answer {
    check(&shelf, &subject, Some(Which::parse(&which)?), &flags, &body)
}

fn check(shelf: &Shelf, subject: &str, which: Option<Which>, flags: &Flags, body: &[u8]) -> Answer {
    let schema = posted(body)?;
    let problems = shelf.read(|book| book.problems(subject, which, &schema, READS))?;
    let mut answer = json!({ "is_compatible": problems.is_empty() });
    if flags.verbose {
        answer["messages"] = problems.into();
    }
    Ok(Body(answer))
}

async fn delete_subject(
    State(shelf): State<Shelf>,
    Path(subject): Path<String>,
    Query(flags): Query<Flags>,
) -> Answer {
    let gone = shelf.change(|book| book.delete_subject(&subject, flags.permanent)).await?;
    Ok(Body(gone.into()))
}

async fn delete_version(
    State(shelf): State<Shelf>,
    Path((subject, which)): Path<(String, String)>,
    Query(flags): Query<Flags>,
) -> Answer {
    let which = Which::parse(&which)?;
    let gone = shelf.change(|book| book.delete_version(&subject, which, flags.permanent)).await?;
    Ok(Body(gone.into()))
}

async fn level(State(shelf): State<Shelf>) -> Body {
    Body(json!({ "compatibilityLevel": shelf.read(|book| book.global_level()) }))
}

async fn set_level(State(shelf): State<Shelf>, body: Bytes) -> Answer {
    let level = posted_level(&body)?;
    shelf
        .change(|book| {
            book.set_global_level(level);
            Ok(())
        })
        .await?;
    Ok(Body(json!({ "compatibility": level })))
}

async fn subject_level(
    State(shelf): State<Shelf>,
    Path(subject): Path<String>,
    Query(flags): Query<Flags>,
) -> Answer {
    let level = shelf.read(|book| match flags.default_to_global {
        true => Ok(book.level_of(&subject)),
        false => book.own_level(&subject),
    })?;
    Ok(Body(json!({ "compatibilityLevel": level })))
}

async fn set_subject_level(State(shelf): State<Shelf>, Path(subject): Path<String>, body: Bytes) -> Answer {
    let level = posted_level(&body)?;
    shelf
        .change(|book| {
            book.set_level(&subject, level);
            Ok(())
        })
        .await?;
    Ok(Body(json!({ "compatibility": level })))
}

async fn clear_subject_level(State(shelf): State<Shelf>, Path(subject): Path<String>) -> Answer {
    let level = shelf.change(|book| book.clear_level(&subject)).await?;
    Ok(Body(json!({ "compatibilityLevel": level })))
}

/// The schema of a posted body.
fn posted(body: &[u8]) -> Result<String, Error> {
    let posted: Posted = serde_json::from_slice(body).map_err(|error| Error::Request(error.to_string()))?;
    match posted.schema_type.as_deref() {
        None | Some("AVRO") if posted.references.is_empty() => Ok(posted.schema),
        None | Some("AVRO") => Err(Error::Schema("references are not supported here".into())),
        Some(other) => Err(Error::Schema(format!("schema type {other} is not supported here, only AVRO"))),
    }
}

fn posted_level(body: &[u8]) -> Result<Level, Error> {
    let posted: PostedLevel =
        serde_json::from_slice(body).map_err(|error| Error::Request(error.to_string()))?;
    Level::parse(&posted.compatibility).ok_or(Error::Level(posted.compatibility))
}

/// A schema as the document itself, not as a string in one.
fn text(schema: &str) -> Answer {
    serde_json::from_str(schema).map(Body).map_err(|error| Error::Store(error.to_string()))
}

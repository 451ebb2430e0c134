//! A registry with the Confluent API, under a path as Apicurio has it; it can be told to fail and to hide ids.

use std::{
    collections::{BTreeMap, HashSet},
    sync::{Arc, Mutex, MutexGuard},
};

use axum::{
    Json, Router,
    extract::{Path, Request, State},
    http::StatusCode,
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post, put},
};
use serde_json::{Value, json};

/// What a test may look at and change while the registry runs.
#[derive(Debug, Default)]
pub struct Inside {
    /// Every schema ever; its id is its place, and ids begin with 1.
    pub schemas: Vec<String>,
    /// Per subject the ids of its versions.
    pub subjects: BTreeMap<String, Vec<u32>>,
    /// Per subject its level.
    pub levels: BTreeMap<String, String>,
    /// Ids that it does not know yet.
    pub hidden: HashSet<u32>,
    /// What it answers to everything, when it is broken.
    pub broken: Option<(u16, &'static str)>,
    /// The next so many settings of a level are answered as to somebody who came second.
    pub second: usize,
    /// Method and path of every call, in order.
    pub calls: Vec<String>,
}

/// A running one; it ends with the test's runtime.
#[derive(Debug, Clone)]
pub struct Fake {
    pub url: String,
    inside: Arc<Mutex<Inside>>,
}

impl Fake {
    pub async fn start() -> Self {
        let inside = Arc::new(Mutex::new(Inside::default()));
        let api = Router::new()
            .route("/schemas/ids/{id}", get(by_id))
            .route("/subjects/{subject}", post(look_up))
            .route("/subjects/{subject}/versions", get(versions).post(register))
            .route("/subjects/{subject}/versions/{version}", get(version))
            .route("/config/{subject}", put(set_level).get(level))
            .layer(middleware::from_fn_with_state(inside.clone(), note))
            .with_state(inside.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/apis/ccompat/v7", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, Router::new().nest("/apis/ccompat/v7", api)).await });
        Self { url, inside }
    }

    pub fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap()
    }

    /// Adds a version to a subject as somebody else would; gives back its id.
    pub fn add(&self, subject: &str, schema: &str) -> u32 {
        self.inside().add(subject, schema)
    }

    /// How many calls were made whose method and path begin like this.
    pub fn calls(&self, beginning: &str) -> usize {
        self.inside().calls.iter().filter(|call| call.starts_with(beginning)).count()
    }
}

impl Inside {
    fn add(&mut self, subject: &str, schema: &str) -> u32 {
        let at = self.schemas.iter().position(|known| known == schema).unwrap_or_else(|| {
            self.schemas.push(schema.to_owned());
            self.schemas.len() - 1
        });
        let id = at as u32 + 1;
        let versions = self.subjects.entry(subject.to_owned()).or_default();
        if !versions.contains(&id) {
            versions.push(id);
        }
        id
    }
}

type Shelf = State<Arc<Mutex<Inside>>>;

async fn note(State(inside): Shelf, request: Request, next: Next) -> Response {
    let broken = {
        let mut inside = inside.lock().unwrap();
        inside.calls.push(format!("{} {}", request.method(), request.uri()));
        inside.broken
    };
    match broken {
        Some((status, body)) => (StatusCode::from_u16(status).unwrap(), body).into_response(),
        None => next.run(request).await,
    }
}

fn missing(code: u32) -> Response {
    (StatusCode::NOT_FOUND, Json(json!({ "error_code": code, "message": "not found" }))).into_response()
}

async fn by_id(State(inside): Shelf, Path(id): Path<u32>) -> Response {
    let inside = inside.lock().unwrap();
    match inside.schemas.get(id.wrapping_sub(1) as usize) {
        Some(schema) if !inside.hidden.contains(&id) => Json(json!({ "schema": schema })).into_response(),
        _ => missing(40403),
    }
}

async fn look_up(State(inside): Shelf, Path(subject): Path<String>, body: String) -> Response {
    let inside = inside.lock().unwrap();
    let posted: Value = serde_json::from_str(&body).unwrap();
    let Some(versions) = inside.subjects.get(&subject) else { return missing(40401) };
    let found = versions.iter().position(|id| posted["schema"] == inside.schemas[*id as usize - 1]);
    match found {
        Some(at) => {
            Json(json!({ "subject": subject, "id": versions[at], "version": at + 1 })).into_response()
        }
        None => missing(40403),
    }
}

async fn register(State(inside): Shelf, Path(subject): Path<String>, body: String) -> Response {
    let posted: Value = serde_json::from_str(&body).unwrap();
    let id = inside.lock().unwrap().add(&subject, posted["schema"].as_str().unwrap());
    Json(json!({ "id": id })).into_response()
}

async fn versions(State(inside): Shelf, Path(subject): Path<String>) -> Response {
    match inside.lock().unwrap().subjects.get(&subject) {
        Some(versions) => Json((1..=versions.len()).collect::<Vec<_>>()).into_response(),
        None => missing(40401),
    }
}

async fn version(State(inside): Shelf, Path((subject, version)): Path<(String, usize)>) -> Response {
    let inside = inside.lock().unwrap();
    let id = inside.subjects[&subject][version - 1];
    Json(json!({ "id": id, "schema": inside.schemas[id as usize - 1] })).into_response()
}

async fn set_level(State(inside): Shelf, Path(subject): Path<String>, body: String) -> Response {
    let mut inside = inside.lock().unwrap();
    if !inside.subjects.contains_key(&subject) {
        return missing(40401);
    }
    if inside.second > 0 {
        inside.second -= 1;
        let refusal = json!({ "error_code": 409, "message": "A rule named 'COMPATIBILITY' already exists." });
        return (StatusCode::CONFLICT, Json(refusal)).into_response();
    }
    let posted: Value = serde_json::from_str(&body).unwrap();
    inside.levels.insert(subject, posted["compatibility"].as_str().unwrap().to_owned());
    Json(posted).into_response()
}

async fn level(State(inside): Shelf, Path(subject): Path<String>) -> Response {
    match inside.lock().unwrap().levels.get(&subject) {
        Some(level) => Json(json!({ "compatibilityLevel": level })).into_response(),
        None => Json(json!({ "compatibilityLevel": "BACKWARD" })).into_response(),
    }
}

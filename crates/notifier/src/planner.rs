//! What is to be done about an event: pure, the moment is passed in.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bus::InRecord;
use jiff::Timestamp;
use okr::{EventView, OkrEvent};
use outbox::{Content, Destination, Effect, Form, Parcel, RecordCopy};

use crate::Routes;
use crate::replay::Errand;
use crate::routes::{Choice, Route};

/// The service's name in effects, metrics and dead letters.
pub(crate) const SERVICE: &str = "notifier";

/// Routes, destinations and the limit of age.
pub(crate) struct Planner {
    routes: Routes,
    destinations: HashMap<String, Arc<dyn Destination>>,
    age_max: Duration,
}

/// Why a record is here, and when.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Occasion<'a> {
    /// It is new.
    Live(Timestamp),
    /// A person sent it back: neither its age nor a revision is a reason to hold it back.
    Again(&'a Errand),
}

/// What is to be done, and which routes could not say whether they want the event.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Decision<'a> {
    pub(crate) verdict: Verdict<'a>,
    pub(crate) unknown: Vec<&'a str>,
}

/// What is to be done about an event.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict<'a> {
    /// Never delivered by itself.
    Suppressed(Suppression),
    /// No route wants it.
    Unmatched,
    /// One parcel per target of the route.
    Deliver { route: &'a str, parcels: Vec<Parcel> },
}

/// Why an event is not delivered although a route may want it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Suppression {
    /// Received too long ago: a new group reads the whole history, and nobody wants it as messages.
    Age,
    /// A correction of an event that was delivered when it was new.
    Revision,
}

/// A message that could not be made of this event; its words may stand in a dead letter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PlanError {
    #[error("route `{route}` has no message for this event: {problem}")]
    Template { route: String, problem: String },
    #[error("the event is not JSON: {0}")]
    Json(String),
    #[error("there is no destination `{0}` any more: put it back, or drop the letter")]
    NoDestination(String),
    #[error("no route names the destination `{0}` any more, so there are no words for it")]
    NoRoute(String),
}

impl PlanError {
    /// A label of a closed set, for metrics and dead letters.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Self::Template { .. } => "template",
            Self::Json(_) => "json",
            Self::NoDestination(_) => "no_destination",
            Self::NoRoute(_) => "no_route",
        }
    }
}

impl Suppression {
    /// Its label in metrics.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Age => "age",
            Self::Revision => "revision",
        }
    }
}

impl Planner {
    /// `routes` were compiled against the names of these destinations.
    pub(crate) fn new(routes: Routes, destinations: &[Arc<dyn Destination>], age_max: Duration) -> Self {
        let named =
            destinations.iter().map(|destination| (destination.name().to_owned(), destination.clone()));
        Self { routes, destinations: named.collect(), age_max }
    }

    /// Decides about `event`, which stood in `record`.
    pub(crate) fn decide(
        &self,
        event: &OkrEvent,
        record: &InRecord,
        occasion: Occasion<'_>,
    ) -> Result<Decision<'_>, PlanError> {
        if let Occasion::Live(now) = occasion
            && let Some(suppression) = self.suppression(event, now)
        {
            return Ok(Decision { verdict: Verdict::Suppressed(suppression), unknown: Vec::new() });
        }
        let view = EventView::new(event);
        let (choice, only, replay_id) = match occasion {
            Occasion::Live(_) => (self.routes.choose(&view), None, ""),
            Occasion::Again(Errand { replay_id, target: None }) => {
                (self.routes.choose(&view), None, replay_id.as_str())
            }
            Occasion::Again(Errand { replay_id, target: Some(target) }) => {
                (self.choose_for(&view, target)?, Some(target), replay_id.as_str())
            }
        };
        let Some(route) = choice.route else {
            return Ok(Decision { verdict: Verdict::Unmatched, unknown: choice.unknown });
        };
        let targets = route.to.iter().filter(|target| only.is_none_or(|only| only == *target));
        let (mut parcels, mut json) = (Vec::new(), None);
        // The routes name only destinations that are here.
        for destination in targets.filter_map(|target| self.destinations.get(target)) {
            let content = content((event, &mut json), &view, route, destination.as_ref())?;
            let effect = Effect {
                service: SERVICE.to_owned(),
                event_id: event.event_id.0,
                target: destination.name().to_owned(),
                replay_id: replay_id.to_owned(),
            };
            parcels.push(parcel(event, record, effect, content));
        }
        let verdict = Verdict::Deliver { route: &route.name, parcels };
        Ok(Decision { verdict, unknown: choice.unknown })
    }

    /// The route that has words for this target, though it may not be the first that matches.
    fn choose_for(&self, view: &EventView, target: &str) -> Result<Choice<'_>, PlanError> {
        if !self.destinations.contains_key(target) {
            return Err(PlanError::NoDestination(target.to_owned()));
        }
        let choice = self.routes.choose_for(view, target);
        if choice.route.is_none() { Err(PlanError::NoRoute(target.to_owned())) } else { Ok(choice) }
    }

    fn suppression(&self, event: &OkrEvent, now: Timestamp) -> Option<Suppression> {
        if event.revision > 0 {
            return Some(Suppression::Revision);
        }
        let age = Duration::try_from(now.duration_since(event.received_at)).unwrap_or_default();
        (age > self.age_max).then_some(Suppression::Age)
    }
}

/// What the destination gets of the event, in the words of the route. The event's JSON is made once for all of them.
fn content(
    (event, json): (&OkrEvent, &mut Option<Arc<str>>),
    view: &EventView,
    route: &Route,
    destination: &dyn Destination,
) -> Result<Content, PlanError> {
    match destination.form() {
        Form::Text => {
            let text = route
                .template
                .render(view, destination.escape())
                .map_err(|error| PlanError::Template { route: route.name.clone(), problem: error.message })?;
            let title = event.subject.title.as_deref().map(destination.escape());
            Ok(Content { text: Some(text), title, ..Content::default() })
        }
        Form::Event => {
            if json.is_none() {
                let made =
                    serde_json::to_string(event).map_err(|error| PlanError::Json(error.to_string()))?;
                *json = Some(made.into());
            }
            Ok(Content { event: json.clone(), ..Content::default() })
        }
    }
}

fn parcel(event: &OkrEvent, record: &InRecord, effect: Effect, content: Content) -> Parcel {
    Parcel {
        effect,
        subject_key: okr::subject_key(&event.subject),
        received_at: event.received_at,
        content,
        record: RecordCopy::of(record),
    }
}

//! Metrics and logs of the notifier.

use metrics::counter;
use outbox::Depth;

use crate::planner::Suppression;

/// An event became parcels, new ones or ones that were planned before.
pub(crate) fn planned(route: &str, parcels: usize) {
    counter!("okr_notifier_events_total", "outcome" => "planned").increment(1);
    counter!("okr_notifier_parcels_total", "route" => route.to_owned()).increment(parcels as u64);
}

/// No route wanted an event.
pub(crate) fn unmatched() {
    counter!("okr_notifier_events_total", "outcome" => "unmatched").increment(1);
}

/// An event is not delivered although a route may want it.
pub(crate) fn suppressed(suppression: Suppression) {
    counter!("okr_notifier_events_total", "outcome" => "suppressed").increment(1);
    counter!("okr_notifier_suppressed_events_total", "reason" => suppression.label()).increment(1);
}

/// A condition touched what the event does not say.
pub(crate) fn condition_unknown(route: &str) {
    counter!("okr_condition_unknown_total", "route" => route.to_owned()).increment(1);
}

/// Rows wait for a destination that the configuration does not have any more.
pub(crate) fn orphaned(depth: &Depth) {
    tracing::warn!(
        destination.name = depth.target,
        rows = depth.rows,
        "{} planned deliveries wait for the destination `{}`, which is not configured: put it back, or they wait on",
        depth.rows,
        depth.target,
    );
}

/// The notifier has nothing to do.
pub(crate) fn no_routes() {
    tracing::warn!("there are no routes: events are read and nothing is delivered");
}

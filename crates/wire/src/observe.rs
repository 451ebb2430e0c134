//! The metrics of this crate.

/// Schemas that the registry was asked for, by outcome: `found`, `unknown`, `failed`.
pub(crate) fn lookup(outcome: &'static str) {
    metrics::counter!("okr_schema_lookups_total", "outcome" => outcome).increment(1);
}

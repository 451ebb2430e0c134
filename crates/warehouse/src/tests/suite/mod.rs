//! What every home promises. Each function is called with an empty warehouse.

pub(super) mod exact;
pub(super) mod offsets;

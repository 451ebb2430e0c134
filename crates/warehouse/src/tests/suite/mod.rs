//! What every home promises. Each function is called with an empty warehouse.

pub(crate) mod ages;
pub(crate) mod exact;
pub(crate) mod forget;
pub(crate) mod offsets;
pub(crate) mod recall;

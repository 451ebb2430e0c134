//! The schema registry: one suite for Apicurio's and the embedded one, and what our services make of many versions.

mod evolution;
#[cfg(feature = "embedded")]
mod pairs;
#[cfg(feature = "embedded")]
mod side_by_side;
mod suite;

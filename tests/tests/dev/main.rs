//! `okr-router dev` as a newcomer starts it: an empty folder, the built-in configuration, other ports.
#![cfg(feature = "embedded")]

mod first;
mod home;
mod idle;
mod page;
mod refusals;
mod survival;
mod warehouse;

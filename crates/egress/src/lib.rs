//! The one guarded way out over HTTP: timeouts, a bounded answer, no redirects, no proxy from the environment, and
//! for addresses that came through an API a guard against private networks at connect time.

mod client;
mod error;
mod guard;

pub use crate::client::{Client, ClientOptions, Head, Request, Response, install_crypto};
pub use crate::error::{EgressError, Sent};
pub use crate::guard::Guard;
pub use http::{HeaderMap, HeaderName, HeaderValue};
pub use url::Url;

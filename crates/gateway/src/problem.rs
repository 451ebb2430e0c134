//! Every answer that is not 2xx: RFC 9457 `application/problem+json`.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use http_body_util::Full;

/// The body of every answer of ours: whole, in memory.
pub(crate) type Answer = Response<Full<Bytes>>;

/// How long a sender is asked to wait when we cannot say.
pub(crate) const RETRY_AFTER_SECONDS: u64 = 5;
/// A pause is a person's doing, and lasts.
const PAUSED_RETRY_AFTER_SECONDS: u64 = 60;

/// What is wrong with a request. The sender is told no more than that; a reason is a label for our metrics, and told only
/// of a pause, which is nobody's fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Problem {
    UnknownSource,
    Method,
    MediaType,
    Encoding,
    TooLarge {
        bytes_max: u64,
    },
    TooManyItems {
        items_max: usize,
    },
    Headers,
    /// No HTTP that anybody could read.
    Malformed,
    LongPath,
    BodyLate,
    /// It came too slowly while others needed its room.
    BodySlow,
    BodyBroken,
    Unproven {
        reason: &'static str,
    },
    TooMany {
        retry_after: u64,
    },
    Connections,
    /// A person has paused the source.
    Paused,
    Unavailable {
        reason: &'static str,
    },
    Internal,
}

impl Problem {
    pub(crate) fn status(self) -> StatusCode {
        match self {
            Self::UnknownSource => StatusCode::NOT_FOUND,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::MediaType | Self::Encoding => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooLarge { .. } | Self::TooManyItems { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Headers => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::LongPath => StatusCode::URI_TOO_LONG,
            Self::BodyLate => StatusCode::REQUEST_TIMEOUT,
            Self::BodyBroken | Self::Malformed => StatusCode::BAD_REQUEST,
            Self::Unproven { .. } => StatusCode::UNAUTHORIZED,
            Self::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Connections | Self::Paused | Self::BodySlow | Self::Unavailable { .. } => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// What the sender is told.
    pub(crate) fn detail(self) -> String {
        let fixed = match self {
            Self::UnknownSource => "no source has this path; webhooks go to /in/{source}",
            Self::Method => "webhooks are sent with POST",
            Self::MediaType => "this source does not send this media type",
            Self::Encoding => "a body is sent plain or with content-encoding gzip",
            Self::TooLarge { bytes_max } => return format!("a body may have at most {bytes_max} bytes"),
            Self::TooManyItems { items_max } => {
                return format!("a batch may have at most {items_max} items; send it in parts");
            }
            Self::Headers => "the request has too many or too long headers",
            Self::Malformed => "this is not HTTP as it is spoken here",
            Self::LongPath => "the path is too long; webhooks go to /in/{source}",
            Self::BodyLate => "the body did not arrive in time",
            Self::BodySlow => "the body came too slowly while many others were coming; send it again later",
            Self::BodyBroken => "the body broke off",
            Self::Unproven { .. } => "the request does not prove where it comes from",
            Self::TooMany { .. } => "this source sends too much at once; send it again later",
            Self::Connections => "too many connections; send it again later",
            Self::Paused => "this source is paused, nothing was kept; send it again later",
            Self::Unavailable { .. } => "the delivery could not be stored safely; send it again later",
            Self::Internal => "something is wrong on our side; send it again later",
        };
        fixed.to_owned()
    }

    /// What else it is told.
    pub(crate) fn header(self) -> Option<(HeaderName, HeaderValue)> {
        Some(match self {
            Self::Method => (header::ALLOW, HeaderValue::from_static("POST")),
            Self::Encoding => (header::ACCEPT_ENCODING, HeaderValue::from_static("gzip, identity")),
            Self::Unproven { .. } => (header::WWW_AUTHENTICATE, HeaderValue::from_static("Signature")),
            Self::TooMany { retry_after } => (header::RETRY_AFTER, HeaderValue::from(retry_after)),
            Self::Connections => (header::RETRY_AFTER, HeaderValue::from(1_u64)),
            Self::Paused => (header::RETRY_AFTER, HeaderValue::from(PAUSED_RETRY_AFTER_SECONDS)),
            Self::BodySlow | Self::Unavailable { .. } | Self::Internal => {
                (header::RETRY_AFTER, HeaderValue::from(RETRY_AFTER_SECONDS))
            }
            _ => return None,
        })
    }

    /// A stable label for metrics.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::UnknownSource => "unknown_source",
            Self::Method => "method",
            Self::MediaType => "media_type",
            Self::Encoding => "encoding",
            Self::TooLarge { .. } => "too_large",
            Self::TooManyItems { .. } => "too_many_items",
            Self::Headers => "headers",
            Self::Malformed => "malformed",
            Self::LongPath => "long_path",
            Self::BodyLate => "body_late",
            Self::BodySlow => "body_slow",
            Self::BodyBroken => "body_broken",
            Self::Unproven { reason } | Self::Unavailable { reason } => reason,
            Self::TooMany { .. } => "rate",
            Self::Connections => "connections",
            Self::Paused => "paused",
            Self::Internal => "internal",
        }
    }

    /// The problem document.
    pub(crate) fn body(self) -> Bytes {
        let status = self.status();
        let mut body = serde_json::json!({
            "type": "about:blank",
            "title": status.canonical_reason().unwrap_or("Error"),
            "status": status.as_u16(),
            "detail": self.detail(),
        });
        if self == Self::Paused {
            body["reason"] = self.reason().into();
        }
        Bytes::from(body.to_string())
    }

    pub(crate) fn answer(self) -> Answer {
        let mut answer = Response::new(Full::new(self.body()));
        *answer.status_mut() = self.status();
        let headers = answer.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some((name, value)) = self.header() {
            headers.insert(name, value);
        }
        answer
    }
}

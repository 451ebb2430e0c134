//! The config keys of `[sources.*]`, for checking, printing and documenting them.

use boot::{Key, Kind};

const fn key(path: &'static str, kind: Kind, default: Option<&'static str>, doc: &'static str) -> Key {
    Key { path, kind, default, doc }
}

/// Every key under `[sources.NAME]`, those of kinds that are not built yet included.
pub const KEYS: &[Key] = &[
    key("sources.*.kind", Kind::Text, None, "Which tool this is, such as `standard-webhooks` or `okr`."),
    key(
        "sources.*.secrets",
        Kind::Secrets,
        Some("[]"),
        "The tool's secrets, all live at once, so that one can be exchanged without a gap.",
    ),
    key(
        "sources.*.namespace",
        Kind::Text,
        None,
        "What the ids of its subjects are unique in; the source's name when left out.",
    ),
    key(
        "sources.*.rate_limit",
        Kind::Rate,
        Some("\"none\""),
        "Deliveries accepted per second, such as `50/s`; more are answered 429.",
    ),
    key(
        "sources.*.silent_after",
        Kind::Span,
        None,
        "A silence of this length raises `okr_source_silent`; left out, it is learned at which hours of the week the source usually speaks.",
    ),
    key(
        "sources.*.paused",
        Kind::Flag,
        Some("false"),
        "Whether its deliveries are answered 503 with `Retry-After` and nothing is kept, so that the tool sends them again later; SIGHUP is enough to change it.",
    ),
    key("sources.*.department", Kind::Text, None, "The department of events that name none."),
    key(
        "sources.*.progress_scale",
        Kind::Number,
        Some("1"),
        "What the tool means by reaching the goal: 1, or 100 where it speaks in percent.",
    ),
    key(
        "sources.*.identity",
        Kind::Text,
        None,
        "Kind `generic`: what makes two deliveries the same, an expression, `body-hash` or `none`.",
    ),
    key(
        "sources.*.each",
        Kind::Expression,
        None,
        "Kind `generic`: the list in the body that gives one event per item.",
    ),
    key(
        "sources.*.when",
        Kind::Expression,
        None,
        "Kind `generic`: which bodies, or items, are events; where it does not hold, or touches what is missing, there is nothing for us.",
    ),
    key(
        "sources.*.event",
        Kind::Table,
        None,
        "Kind `generic`: an expression over body, item and headers per field of the event; see docs/sources.md.",
    ),
    key(
        "sources.*.verify.scheme",
        Kind::Text,
        None,
        "`hmac-sha1`, `hmac-sha256`, `hmac-sha512`, `bearer`, `basic`, `jwt`, `none`, `stripe` or `shopify`.",
    ),
    key(
        "sources.*.verify.header",
        Kind::Text,
        None,
        "The header that holds the signature or the token; `authorization` for `bearer`, `basic` and `jwt`.",
    ),
    key(
        "sources.*.verify.encoding",
        Kind::Choice(&["hex", "base64", "base64url"]),
        None,
        "How the signature is written; `hex` when left out.",
    ),
    key(
        "sources.*.verify.prefix",
        Kind::Text,
        None,
        "What stands before the signature, such as `sha256=`; nothing when left out, and `Bearer ` or `Basic ` in the header `authorization`.",
    ),
    key(
        "sources.*.verify.separator",
        Kind::Text,
        None,
        "What stands between several signatures in one header, such as `,`.",
    ),
    key(
        "sources.*.verify.key",
        Kind::Choice(&["raw", "base64"]),
        None,
        "How the secret becomes a key; `raw` when left out.",
    ),
    key(
        "sources.*.verify.timestamp.header",
        Kind::Text,
        None,
        "The header that says when the body was signed.",
    ),
    key(
        "sources.*.verify.timestamp.field",
        Kind::Text,
        None,
        "Or the field of the JSON body that says so, such as `meta.sent_at`; the body is then sent uncompressed.",
    ),
    key(
        "sources.*.verify.timestamp.unit",
        Kind::Choice(&["s", "ms", "rfc3339"]),
        None,
        "Its unit since 1970, or how it is written; `s` when left out.",
    ),
    key(
        "sources.*.verify.signed",
        Kind::Text,
        None,
        "What is signed, over the raw bytes: `{{ timestamp }}`, `{{ body }}`, `{{ headers['x'] }}` and text; the body alone, or `{{ timestamp }}.{{ body }}` when there is a timestamp.",
    ),
    key(
        "sources.*.verify.tolerance",
        Kind::Span,
        None,
        "How far the timestamp may lie in the past or in the future; 5m when left out. For `jwt` how far the clocks may differ; 1m when left out.",
    ),
    key(
        "sources.*.verify.jwks.file",
        Kind::Text,
        None,
        "Scheme `jwt`: the file with the issuer's JSON Web Key Set; give the new key beside the old one while they are exchanged.",
    ),
    key(
        "sources.*.verify.jwks.url",
        Kind::Text,
        None,
        "Scheme `jwt`: or the address of the issuer's JSON Web Key Set, fetched at the start, every hour, and when a token has a key that is not known.",
    ),
    key(
        "sources.*.verify.issuer",
        Kind::Text,
        None,
        "Scheme `jwt`: who must have issued a token, exactly as its `iss` says it.",
    ),
    key(
        "sources.*.verify.audience",
        Kind::Text,
        None,
        "Scheme `jwt`: whom a token must be meant for, one of its `aud`.",
    ),
    key(
        "sources.*.verify.nonce.header",
        Kind::Text,
        None,
        "The header with a value that may be used once, kept in the store for twice the `tolerance`. It belongs under the signature: name it in `signed`.",
    ),
    key(
        "sources.*.verify.secrets",
        Kind::Secrets,
        Some("[]"),
        "The secrets of this verification, all live; the source's own when left out. For `basic` each is `user:password`.",
    ),
];

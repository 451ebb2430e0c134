//! The vocabulary of the configuration: each crate that reads it exports a list of [`Key`]s, and that one list
//! drives the checks, the printed configuration, the JSON Schema and the table in the documentation.

/// One key of the configuration.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Key {
    /// Where it stands: `gateway.listen`; `*` stands for any name (`sources.*.secrets`), `[]` for each item of an
    /// array of tables (`routes[].when`).
    pub path: &'static str,
    /// What may stand there.
    pub kind: Kind,
    /// The value that holds when the key is left out, as TOML (`"\"10s\""`, `"3"`); `None` if there is none.
    pub default: Option<&'static str>,
    /// One or two plain sentences for the documentation; Markdown, no line break.
    pub doc: &'static str,
}

/// What may stand at a key.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// Any text.
    Text,
    /// A whole number.
    Integer,
    /// A number, whole or not.
    Number,
    /// `true` or `false`.
    Flag,
    /// A length of time, see [`crate::Span`].
    Span,
    /// A size, see [`crate::Bytes`].
    Bytes,
    /// How often, see [`crate::Rate`].
    Rate,
    /// An address to listen on, `127.0.0.1:8080`.
    Address,
    /// One secret, see [`crate::SecretRef`].
    Secret,
    /// A list of secrets, the first one signs, all of them verify.
    Secrets,
    /// A text that may be kept elsewhere like a secret: a URL with a token or a password in it.
    TextOrSecret,
    /// A list of texts.
    TextList,
    /// A list of whole numbers.
    Integers,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A condition, template or mapping expression; whether it compiles is checked by who uses it.
    Expression,
    /// A table; free to hold anything unless other keys lie under it.
    Table,
}

impl Kind {
    /// In plain words, with its article, for errors and documentation.
    pub fn expected(self) -> String {
        match self {
            Self::Text => "a text".into(),
            Self::Integer => "a whole number".into(),
            Self::Number => "a number".into(),
            Self::Flag => "true or false".into(),
            Self::Span => crate::Span::EXPECTED.into(),
            Self::Bytes => crate::Bytes::EXPECTED.into(),
            Self::Rate => crate::Rate::EXPECTED.into(),
            Self::Address => "an address such as \"127.0.0.1:8080\"".into(),
            Self::Secret => "a secret: { env = \"NAME\" } or { file = \"PATH\" }".into(),
            Self::Secrets => "a list of secrets such as [{ env = \"NAME\" }]".into(),
            Self::TextOrSecret => "a text, { env = \"NAME\" } or { file = \"PATH\" }".into(),
            Self::TextList => "a list of texts such as [\"a\", \"b\"]".into(),
            Self::Integers => "a list of whole numbers such as [1, 2]".into(),
            Self::Choice(words) => {
                let words: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
                format!("one of {}", words.join(", "))
            }
            Self::Expression => "an expression, written as a text".into(),
            Self::Table => "a table".into(),
        }
    }

    /// Whether a value of this kind, written into the configuration itself, must not be shown.
    pub fn is_secret(self) -> bool {
        matches!(self, Self::Secret | Self::Secrets | Self::TextOrSecret)
    }
}

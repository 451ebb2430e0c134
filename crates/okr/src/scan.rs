//! A reading of expression source by words and marks: enough to find `has(…)`, filters and tests, which minijinja
//! itself would only miss when the expression runs.

use std::ops::Range;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A name or a keyword.
    Word,
    /// One character that is neither.
    Mark(char),
    /// A number or a quoted text.
    Literal,
}

/// A token and the bytes of the source that it covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    pub kind: Kind,
    pub span: Range<usize>,
}

/// A `has(…)`: the whole call, and what it asks about.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Probe {
    pub call: Range<usize>,
    pub argument: Range<usize>,
}

/// The tokens of `source` within a span of it; spaces are left out, an unfinished text runs to the end.
pub(crate) fn tokens(source: &str, within: Range<usize>) -> Vec<Token> {
    let mut tokens = Vec::new();
    let text = &source[within.clone()];
    let mut at = 0;
    while let Some(first) = text[at..].chars().next() {
        let rest = &text[at..];
        let (kind, length) = match first {
            c if c.is_whitespace() => {
                at += c.len_utf8();
                continue;
            }
            c if c == '_' || c.is_alphabetic() => {
                (Kind::Word, run(rest, |c| c == '_' || c.is_alphanumeric()))
            }
            c if c.is_ascii_digit() => {
                (Kind::Literal, run(rest, |c| c == '.' || c == '_' || c.is_ascii_alphanumeric()))
            }
            '"' | '\'' => (Kind::Literal, quoted(rest, first)),
            c => (Kind::Mark(c), c.len_utf8()),
        };
        let start = within.start + at;
        tokens.push(Token { kind, span: start..start + length });
        at += length;
    }
    tokens
}

fn run(text: &str, belongs: impl Fn(char) -> bool) -> usize {
    text.find(|c| !belongs(c)).unwrap_or(text.len())
}

/// The length of the quoted text at the beginning, its quotes included.
fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return at + c.len_utf8(),
            _ => {}
        }
    }
    text.len()
}

/// The parts of a template that are code: what stands in `{{ }}` and `{% %}`. Comments and `raw` blocks are text.
pub(crate) fn code(template: &str) -> Vec<Range<usize>> {
    let mut spans = Vec::new();
    let mut at = 0;
    while let Some(open) = template[at..].find('{').map(|open| at + open) {
        let (start, rest) = (open + 2, template.get(open + 1..).unwrap_or_default());
        let close = match rest.chars().next() {
            Some('{') => "}}",
            Some('%') => "%}",
            Some('#') => {
                at = template[start..].find("#}").map_or(template.len(), |end| start + end + 2);
                continue;
            }
            _ => {
                at = open + 1;
                continue;
            }
        };
        let end = end_of_code(template, start, close);
        spans.push(start..end);
        at = (end + 2).min(template.len());
        if template[start..end].trim_matches(['-', '+', ' ']) == "raw" {
            at = template[at..].find("endraw").map_or(template.len(), |end| at + end);
        }
    }
    spans
}

fn end_of_code(template: &str, start: usize, close: &str) -> usize {
    let mut at = start;
    while let Some(c) = template[at..].chars().next() {
        match c {
            '"' | '\'' => at += quoted(&template[at..], c),
            _ if template[at..].starts_with(close) => return at,
            c => at += c.len_utf8(),
        }
    }
    template.len()
}

/// The names that stand where a filter stands.
pub(crate) fn filters<'s>(source: &'s str, tokens: &[Token]) -> Vec<&'s str> {
    tokens
        .windows(2)
        .filter(|pair| pair[0].kind == Kind::Mark('|') && pair[1].kind == Kind::Word)
        .map(|pair| &source[pair[1].span.clone()])
        .collect()
}

/// The names that stand where a test stands: after `is` or `is not`.
pub(crate) fn tests<'s>(source: &'s str, tokens: &[Token]) -> Vec<&'s str> {
    let word = |token: &Token| (token.kind == Kind::Word).then(|| &source[token.span.clone()]);
    let mut names = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let attribute = at > 0 && tokens[at - 1].kind == Kind::Mark('.');
        if word(token) != Some("is") || attribute {
            continue;
        }
        let mut following = tokens[at + 1..].iter().filter_map(word);
        let name = match following.next() {
            Some("not") => following.next(),
            name => name,
        };
        names.extend(name);
    }
    names
}

/// The outermost `has(…)` calls.
pub(crate) fn probes(source: &str, tokens: &[Token]) -> Vec<Probe> {
    let mut probes: Vec<Probe> = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let called = tokens.get(at + 1).is_some_and(|next| next.kind == Kind::Mark('('));
        let own = at == 0 || !matches!(tokens[at - 1].kind, Kind::Mark('.' | '|'));
        let nested = probes.last().is_some_and(|last| token.span.start < last.call.end);
        if token.kind != Kind::Word || &source[token.span.clone()] != "has" || !called || !own || nested {
            continue;
        }
        let mut depth = 0;
        for closing in &tokens[at + 1..] {
            match closing.kind {
                Kind::Mark('(' | '[' | '{') => depth += 1,
                Kind::Mark(')' | ']' | '}') => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                probes.push(Probe {
                    call: token.span.start..closing.span.end,
                    argument: tokens[at + 1].span.end..closing.span.start,
                });
                break;
            }
        }
    }
    probes
}

/// The names that stand behind `headers`: `headers['x-id']` or `headers.host`. Any other use is refused in words.
pub(crate) fn headers(source: &str) -> Result<Vec<String>, String> {
    let tokens = tokens(source, 0..source.len());
    let mark = |at: usize, mark: char| tokens.get(at).is_some_and(|token| token.kind == Kind::Mark(mark));
    let text = |at: usize, kind: Kind| {
        tokens.get(at).filter(|token| token.kind == kind).map(|token| &source[token.span.clone()])
    };
    let mut names = Vec::new();
    for at in 0..tokens.len() {
        let own = at == 0 || !matches!(tokens[at - 1].kind, Kind::Mark('.' | '|'));
        if !own || text(at, Kind::Word) != Some("headers") {
            continue;
        }
        let name = if mark(at + 1, '.') {
            text(at + 2, Kind::Word)
        } else if mark(at + 1, '[') && mark(at + 3, ']') {
            let quoted = text(at + 2, Kind::Literal).unwrap_or_default();
            let bare = |mark: char| quoted.strip_prefix(mark)?.strip_suffix(mark);
            bare('\'').or_else(|| bare('"'))
        } else {
            None
        };
        let plain = |name: &&str| !name.is_empty() && !name.contains('\\');
        let name = name.filter(plain).ok_or("a header is named outright: headers['x-request-id']")?;
        if !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    Ok(names)
}

#[cfg(test)]
#[path = "scan/tests.rs"]
mod scan_tests;

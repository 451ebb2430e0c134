//! W3C trace context: `traceparent` read and written.

use std::fmt;

/// The length of a `traceparent` of version 00.
const LENGTH: usize = 55;
const SAMPLED: u8 = 1;

/// A place in a trace: which trace, which span of it, and whether it is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceContext {
    pub(super) trace_id: [u8; 16],
    pub(super) span_id: [u8; 8],
    pub(super) is_sampled: bool,
}

impl TraceContext {
    /// `None` if an id is all zeros, which stands for no id.
    pub fn new(trace_id: [u8; 16], span_id: [u8; 8], is_sampled: bool) -> Option<Self> {
        let given = trace_id != [0; 16] && span_id != [0; 8];
        given.then_some(Self { trace_id, span_id, is_sampled })
    }

    /// Reads a `traceparent` as <https://www.w3.org/TR/trace-context/> wants it read: 55 bytes in lower case, no id of
    /// zeros, never version ff; a version after 00 may have more behind a further dash.
    pub fn parse(value: &[u8]) -> Option<Self> {
        let (head, tail) = value.split_at_checked(LENGTH)?;
        let dashes = [2, 35, 52].iter().all(|at| head.get(*at) == Some(&b'-'));
        let [version] = hex(head.get(..2)?)?;
        let ends = tail.is_empty() || (version != 0 && tail.first() == Some(&b'-'));
        if !dashes || !ends || version == 0xff {
            return None;
        }
        let [flags] = hex(head.get(53..)?)?;
        Self::new(hex(head.get(3..35)?)?, hex(head.get(36..52)?)?, flags & SAMPLED == SAMPLED)
    }

    /// The trace's id.
    pub fn trace_id(&self) -> [u8; 16] {
        self.trace_id
    }

    /// Whether its spans are recorded.
    pub fn is_sampled(&self) -> bool {
        self.is_sampled
    }

    /// Another span of the same trace; this one itself if the id is zeros.
    #[must_use]
    pub fn with_span(self, span_id: [u8; 8]) -> Self {
        Self::new(self.trace_id, span_id, self.is_sampled).unwrap_or(self)
    }
}

/// As `traceparent`, version 00.
impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flags = if self.is_sampled { SAMPLED } else { 0 };
        let (trace, span) = (u128::from_be_bytes(self.trace_id), u64::from_be_bytes(self.span_id));
        write!(f, "00-{trace:032x}-{span:016x}-{flags:02x}")
    }
}

fn hex<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0; N];
    if text.len() != 2 * N {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        *byte = digit(*pair.first()?)? << 4 | digit(*pair.last()?)?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests;

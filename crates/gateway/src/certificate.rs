//! When a certificate ends: the one thing that is read of it, for whoever watches over renewals.

/// The end of its validity, in seconds since 1970, as DER says it; none if it says nothing that can be read.
///
/// `Certificate ::= SEQUENCE { tbs SEQUENCE { [0] version?, serial, algorithm, issuer, validity { from, to } … } … }`
pub(crate) fn not_after(der: &[u8]) -> Option<i64> {
    let (_, certificate, _) = element(der)?;
    let (_, tbs, _) = element(certificate)?;
    let (first, _, after_first) = element(tbs)?;
    let mut rest = if first == VERSION { element(after_first)?.2 } else { after_first };
    for _ in ["algorithm", "issuer"] {
        rest = element(rest)?.2;
    }
    let (_, validity, _) = element(rest)?;
    let (_, _, after_begin) = element(validity)?;
    let (kind, text, _) = element(after_begin)?;
    time(kind, std::str::from_utf8(text).ok()?)
}

const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;

/// The first element: its tag, its content, and what comes after it.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&length, rest) = rest.split_first()?;
    let (length, rest) = match length {
        0..=0x7f => (usize::from(length), rest),
        0x81..=0x84 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(length & 0x7f))?;
            (bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

/// `260203101500Z` (before 2050) or `20260203101500Z`.
fn time(kind: u8, text: &str) -> Option<i64> {
    let text = if kind == UTC_TIME {
        let century = if text.get(..2)?.parse::<u8>().ok()? < 50 { "20" } else { "19" };
        format!("{century}{text}")
    } else {
        text.to_owned()
    };
    let time = jiff::civil::DateTime::strptime("%Y%m%d%H%M%SZ", text).ok()?;
    Some(time.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_second())
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::{CertificateDer, pem::PemObject};

    use super::*;

    #[test]
    fn the_end_of_a_certificate_is_read() {
        let one = CertificateDer::from_pem_slice(include_bytes!("../fixtures/tls/one.crt")).unwrap();
        assert_eq!(not_after(&one), Some(ONE_ENDS), "as `openssl x509 -enddate` says");
        assert_eq!(time(UTC_TIME, "260203101500Z"), Some(1_770_113_700));
        assert_eq!(time(UTC_TIME, "991231235959Z"), Some(946_684_799));
    }

    #[test]
    fn what_is_cut_off_has_no_end_and_does_no_harm() {
        let one = CertificateDer::from_pem_slice(include_bytes!("../fixtures/tls/one.crt")).unwrap();
        for length in 0..one.len() {
            assert_eq!(not_after(&one[..length]), None, "{length}");
        }
        assert_eq!(not_after(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff, 0x30]), None);
    }

    const ONE_ENDS: i64 = 4949036357;
}

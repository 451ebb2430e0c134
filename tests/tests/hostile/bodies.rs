//! Bodies that are not what they claim to be, or are more than one would think.

use std::io::Write;

use anyhow::{Result, ensure};
use flate2::{Compression, write::GzEncoder};

use crate::{
    line::Answer,
    world::{World, good},
};

/// What is in an okr body besides its subject.
fn with(more: &str) -> Vec<u8> {
    format!(r#"{{"type":"key_result.checked_in","subject":{{"id":"kr-1"}},{more}}}"#).into_bytes()
}

fn deep(open: &str, close: &str, levels: usize) -> Vec<u8> {
    format!("{}1{}", open.repeat(levels), close.repeat(levels)).into_bytes()
}

/// Every body that is no JSON, or JSON of the kind that breaks parsers. All are held or accepted, and none is an error.
fn bodies() -> Vec<(&'static str, Vec<u8>)> {
    let numbers = (0..100_000).map(|number| (number % 10).to_string()).collect::<Vec<_>>().join(",");
    let keys = (0..20_000).map(|number| format!(r#""k{number}":"v""#)).collect::<Vec<_>>().join(",");
    let utf16: Vec<u8> = r#"{"type":"x"}"#.encode_utf16().flat_map(u16::to_be_bytes).collect();
    vec![
        ("arrays in arrays", deep("[", "]", 10_000)),
        ("arrays that never end", "[".repeat(200_000).into_bytes()),
        ("objects in objects", deep(r#"{"a":"#, "}", 10_000)),
        (
            "depth in a field",
            with(&format!(r#""attributes":{}"#, String::from_utf8_lossy(&deep("[", "]", 10_000)))),
        ),
        (
            "invalid UTF-8",
            with("\"note\":\"\u{fffd}\"")
                .into_iter()
                .map(|byte| if byte == 0xef { 0xff } else { byte })
                .collect(),
        ),
        ("half a character", b"{\"type\":\"\xe2\x82".to_vec()),
        ("overlong", b"{\"type\":\"\xc0\xaf\"}".to_vec()),
        ("UTF-16", utf16),
        ("a mark of byte order", [b"\xef\xbb\xbf".as_slice(), &with(r#""progress":0.1"#)].concat()),
        ("a lone surrogate", with(r#""note":"\ud800""#)),
        ("surrogates the wrong way round", with(r#""note":"\udc00\ud800""#)),
        ("NUL in text", with(r#""note":"\u0000""#)),
        ("NUL bytes", vec![0; 100_000]),
        ("a number beyond all", with(r#""progress":1e999"#)),
        ("a number below all", with(r#""progress":-1e999"#)),
        ("a number near nothing", with(r#""progress":1e-999"#)),
        ("a long number", with(&format!(r#""progress":{}"#, "9".repeat(100_000)))),
        ("a long exponent", with(&format!(r#""progress":1e{}"#, "9".repeat(100_000)))),
        ("a number beyond 2^53", with(r#""source":{"sequence":9223372036854775808}"#)),
        ("NaN", with(r#""progress":NaN"#)),
        ("Infinity", with(r#""progress":Infinity"#)),
        ("a key twice", with(r#""progress":0.1,"progress":0.9"#)),
        ("a subject twice", with(r#""subject":{"id":"kr-2"}"#)),
        ("text of half a megabyte", with(&format!(r#""note":"{}""#, "x".repeat(500_000)))),
        ("escapes without end", with(&format!(r#""note":"{}""#, r"\u00e9".repeat(80_000)))),
        ("an array of 100,000", format!("[{numbers}]").into_bytes()),
        ("100,000 in a field", with(&format!(r#""people":[{numbers}]"#))),
        ("20,000 attributes", with(&format!(r#""attributes":{{{keys}}}"#))),
        ("20,000 keys", with(&keys)),
        ("a key of half a megabyte", with(&format!(r#""{}":1"#, "k".repeat(500_000)))),
        ("nothing", Vec::new()),
        ("blanks", vec![b' '; 300_000]),
        ("null", b"null".to_vec()),
        ("text", b"\"text\"".to_vec()),
        ("a comment", b"{/* */}".to_vec()),
        ("two documents", b"{}{}".to_vec()),
        ("a time beyond time", with(r#""occurred_at":"+999999-12-31T23:59:60Z""#)),
        ("a script", with(r#""note":"<script>alert(1)</script>{{ 7 * 7 }}${jndi:ldap://x}""#)),
    ]
}

pub async fn not_what_they_claim(world: &World) -> Result<()> {
    let bodies = bodies();
    for (what, body) in &bodies {
        for door in ["open", "mapped"] {
            let head =
                format!("POST /in/{door} HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", body.len());
            world.expect(&format!("{what} for {door}"), &[head.as_bytes(), body].concat(), &[202]).await?;
        }
        // Signed, so that it is read; a stranger's is refused before anybody looks at it.
        world.expect(what, &world.signed(&format!("msg {what}"), body, "")?, &[202]).await?;
        let unsigned = format!("POST /in/acme HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", body.len());
        world.expect(what, &[unsigned.as_bytes(), body].concat(), &[401]).await?;
    }
    let large = with(&format!(r#""note":"{}""#, "x".repeat(1 << 20)));
    world.expect("text of a megabyte", &world.open(&large, ""), &[413]).await?;
    let lie = b"POST /in/open HTTP/1.1\r\nhost: x\r\ncontent-length: 18446744073709551615\r\n\r\n{}".to_vec();
    world.expect("a length beyond all", &lie, &[400, 413, 431]).await?;
    println!("bodies: {} kinds, each at three doors and once more without a proof", bodies.len());
    Ok(())
}

/// The same as batches, in both forms, and batches that are more than one would think. What is no batch is held whole.
pub async fn batches(world: &World) -> Result<()> {
    let batch = |kind: &str, body: &[u8]| {
        let length = body.len();
        let head = "POST /in/open/batch HTTP/1.1\r\nhost: x\r\n";
        let head = format!("{head}content-type: {kind}\r\ncontent-length: {length}\r\n\r\n");
        [head.as_bytes(), body].concat()
    };
    for (what, body) in bodies() {
        for kind in ["application/json", "application/x-ndjson"] {
            world.expect(&format!("{what} as {kind}"), &batch(kind, &body), &[202, 413]).await?;
        }
    }
    let item = with(r#""progress":0.5"#);
    let many = |open: &str, between: &str, close: &str, items: usize| {
        let items = vec![String::from_utf8_lossy(&item).into_owned(); items];
        format!("{open}{}{close}", items.join(between)).into_bytes()
    };
    for (what, kind, body, statuses) in [
        ("1,000 items", "application/json", many("[", ",", "]", 1_000), [202].as_slice()),
        ("1,001 items", "application/json", many("[", ",", "]", 1_001), &[413]),
        ("1,001 lines", "application/x-ndjson", many("", "\n", "\n", 1_001), &[413]),
        ("100,000 empty lines", "application/x-ndjson", vec![b'\n'; 100_000], &[202, 413]),
        (
            "100,000 commas",
            "application/json",
            [b"[".as_slice(), &[b','; 100_000], b"]"].concat(),
            &[202, 413],
        ),
        ("a list that never ends", "application/json", many("[", ",", "", 10), &[202]),
        ("a list in a list", "application/json", many("[[", ",", "]]", 10), &[202]),
    ] {
        world.expect(what, &batch(kind, &body), statuses).await?;
    }
    println!("batches: the same bodies in two forms, and lists beyond their bounds");
    Ok(())
}

fn gzip(body: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(body)?;
    Ok(encoder.finish()?)
}

/// Gzip that is a bomb, torn, or followed by something else.
pub async fn packed(world: &World) -> Result<()> {
    let coded = "content-encoding: gzip\r\n";
    let bomb = gzip(&vec![b' '; 16 << 20])?;
    let chain = gzip(&vec![b' '; 1 << 20])?.repeat(300);
    ensure!(bomb.len().max(chain.len()) < 400 << 10, "the bombs fit the wire");
    let fine = gzip(&good("packed"))?;
    let members = gzip(b" ")?.repeat(10_000);
    let mut flipped = fine.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 0x55;
    for (what, body, status, held) in [
        ("a bomb", bomb.clone(), 413, None),
        ("300 bombs in a row", chain.clone(), 413, None),
        ("a bomb in a bomb", gzip(&bomb)?, 202, Some(1)),
        ("a plain good one", fine.clone(), 202, Some(0)),
        ("with garbage behind it", [fine.as_slice(), b"garbage"].concat(), 202, Some(1)),
        ("with zeros behind it", [fine.as_slice(), &[0; 64]].concat(), 202, Some(1)),
        ("torn off", fine[..fine.len() - 5].to_vec(), 202, Some(1)),
        ("only a head", fine[..10].to_vec(), 202, Some(1)),
        ("with a flipped bit", flipped, 202, Some(1)),
        ("10,000 members", members, 202, Some(1)),
        ("not packed at all", good("unpacked"), 202, Some(1)),
        ("nothing", Vec::new(), 202, Some(1)),
    ] {
        let heard =
            world.expect(what, &world.signed(&format!("zip {what}"), &body, coded)?, &[status]).await?;
        let answer = heard.answers.first().map(Answer::json).unwrap_or_default();
        ensure!(held.is_none_or(|held| answer["held"] == held), "{what}: {answer}");
    }
    // Twenty bombs at once are refused one by one and never held at once.
    let request = world.signed("twenty", &chain, coded)?;
    let all =
        futures::future::try_join_all((0..20).map(|_| world.expect("one of twenty", &request, &[413, 503])))
            .await?;
    println!("gzip: bombs of 16 and 300 MiB refused, {} at once", all.len());
    for encoding in ["br", "deflate", "gzip, gzip", "gzip\r\ncontent-encoding: gzip", "\"gzip\"", "gzip;q=0"]
    {
        let more = format!("content-encoding: {encoding}\r\n");
        world.expect(encoding, &world.signed("other", &fine, &more)?, &[415]).await?;
    }
    Ok(())
}

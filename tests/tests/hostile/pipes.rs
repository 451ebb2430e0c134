//! Where one request ends and the next begins.

use anyhow::{Result, ensure};

use crate::world::{World, good};

fn chunked(chunks: &str) -> Vec<u8> {
    format!("POST /in/open HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n{chunks}").into_bytes()
}

/// Chunks as they may be, and as they may not.
pub async fn chunks(world: &World) -> Result<()> {
    let tiny: String = "1\r\n \r\n".repeat(20_000);
    let long = "x".repeat(100_000);
    let trailers: String = (0..5_000).map(|number| format!("x-{number}: 1\r\n")).collect();
    for (what, chunks, statuses) in [
        ("plain", "2\r\n{}\r\n0\r\n\r\n", [202].as_slice()),
        ("with an extension", "2;a=b;c=\"d\"\r\n{}\r\n0;e\r\n\r\n", &[202]),
        ("with a trailer", "2\r\n{}\r\n0\r\nx: y\r\n\r\n", &[202, 400]),
        ("with a length as a trailer", "2\r\n{}\r\n0\r\ncontent-length: 9\r\n\r\n", &[202, 400]),
        ("in capitals", "0000000000000002\r\n{}\r\n0\r\n\r\n", &[202, 400]),
        ("a size beyond all", "FFFFFFFFFFFFFFFFF\r\n{}\r\n0\r\n\r\n", &[400]),
        ("a size near the end of numbers", "FFFFFFFFFFFFFFFF\r\n{}\r\n", &[400, 408, 413]),
        ("a size below nothing", "-2\r\n{}\r\n0\r\n\r\n", &[400]),
        ("a size of words", "two\r\n{}\r\n0\r\n\r\n", &[400]),
        ("no size", "\r\n{}\r\n0\r\n\r\n", &[400]),
        ("a size as in programs", "0x2\r\n{}\r\n0\r\n\r\n", &[400]),
        ("a chunk that goes on", "2\r\n{}{}\r\n0\r\n\r\n", &[400]),
        ("an endless extension", &format!("2;{long}\r\n{{}}\r\n0\r\n\r\n"), &[400]),
        ("an endless size", &"0".repeat(100_000), &[400, 408]),
        ("20,000 small ones", &format!("{tiny}0\r\n\r\n"), &[202]),
        ("endless trailers", &format!("2\r\n{{}}\r\n0\r\n{trailers}\r\n"), &[400, 431]),
        ("one that never ends", "2\r\n{}\r\n", &[408]),
    ] {
        world.expect(what, &chunked(chunks), statuses).await?;
    }
    Ok(())
}

/// Several requests in one breath: each is answered by itself, in order.
pub async fn pipelines(world: &World) -> Result<()> {
    let one = |nth: usize| world.signed(&format!("piped-{nth}"), &good("piped"), "");
    let two = [one(1)?, one(2)?].concat();
    ensure!(world.talk(&two, 2).await?.statuses() == [202, 202], "valid and valid");
    let garbage = [one(3)?, b"\x00\x01\x02 garbage\r\n\r\n".to_vec()].concat();
    let heard = world.talk(&garbage, 3).await?;
    ensure!(heard.statuses() == [202, 400] && heard.closed, "valid and garbage: {heard:?}");
    let refused =
        [b"POST /in/nobody HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}".to_vec(), one(4)?].concat();
    let heard = world.talk(&refused, 2).await?;
    ensure!(heard.statuses() == [404, 202] || (heard.statuses() == [404] && heard.closed), "{heard:?}");
    let many: Result<Vec<Vec<u8>>> = (10..60).map(one).collect();
    let heard = world.talk(&many?.concat(), 50).await?;
    ensure!(heard.statuses() == [202; 50], "fifty: {:?}", heard.statuses());
    let blank = [b"\r\n\r\n".to_vec(), one(70)?].concat();
    world.expect("blank lines before", &blank, &[202, 400]).await?;
    Ok(())
}

/// A length and chunks at once: whichever comes first in the head, the chunks tell where the request ends, what stands
/// behind them is no part of it, and it is read as a request of its own that proves itself or is nothing.
pub async fn two_lengths(world: &World) -> Result<()> {
    let smuggled = "POST /in/acme HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}";
    for (what, lengths) in [
        ("length, chunks", "content-length: 4\r\ntransfer-encoding: chunked\r\n"),
        ("chunks, length", "transfer-encoding: chunked\r\ncontent-length: 4\r\n"),
        ("chunks twice", "transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n"),
        ("chunks in capitals", "Transfer-Encoding: CHUNKED\r\nContent-Length: 4\r\n"),
        ("chunks behind a tab", "transfer-encoding:\tchunked\r\ncontent-length: 4\r\n"),
    ] {
        let request =
            format!("POST /in/open HTTP/1.1\r\nhost: x\r\n{lengths}\r\n2\r\n{{}}\r\n0\r\n\r\n{smuggled}");
        let heard = world.talk(request.as_bytes(), 2).await?;
        let fine = match heard.statuses()[..] {
            [400] => heard.closed,
            [202] => heard.closed,
            [202, 401] => true,
            _ => false,
        };
        ensure!(fine, "{what}: {heard:?}");
    }
    let old = "POST /in/open HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n";
    world.expect("chunks in HTTP/1.0", old.as_bytes(), &[400]).await?;
    Ok(())
}

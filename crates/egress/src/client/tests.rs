//! Against real servers on this machine that behave badly in one way each.

use std::future::Future;
use std::net::SocketAddr;
use std::process::Command;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use super::*;
use crate::Sent;

const LONG: Duration = Duration::from_secs(30);
const SHORT: Duration = Duration::from_millis(200);

/// Serves each connection with `behave`, which gets the whole request; the receiver gets every request.
async fn server<F, Fut>(behave: F) -> (SocketAddr, mpsc::UnboundedReceiver<String>)
where
    F: Fn(TcpStream) -> Fut + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (seen, requests) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let request = read_request(&mut stream).await;
            let _ = seen.send(request);
            tokio::spawn(behave(stream));
        }
    });
    (address, requests)
}

async fn read_request(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let count = stream.read(&mut chunk).await.unwrap_or(0);
        bytes.extend_from_slice(&chunk[..count]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            if count == 0 { return text } else { continue }
        };
        let length =
            head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
        if count == 0 || body.len() >= length.unwrap_or(0) {
            return text;
        }
    }
}

async fn say(stream: &mut TcpStream, text: &str) {
    let _ = stream.write_all(text.as_bytes()).await;
}

fn client(timeout: Duration, guard: Guard) -> Client {
    Client::new(ClientOptions { timeout, guard, response_bytes_max: 1_000, ..ClientOptions::default() })
        .unwrap()
}

async fn post(client: &Client, url: &str) -> Result<Response, EgressError> {
    let url: Url = url.parse().unwrap();
    let headers = vec![(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"))];
    client.post(Request { url: &url, headers, body: Bytes::from_static(b"{\"a\":1}") }).await
}

async fn post_to(address: SocketAddr, timeout: Duration) -> Result<Response, EgressError> {
    post(&client(timeout, Guard::Operator), &format!("http://{address}/hook?token=hush")).await
}

#[track_caller]
fn check(outcome: Result<Response, EgressError>, reason: &str, sent: Sent) {
    let error = outcome.unwrap_err();
    assert_eq!((error.reason(), error.was_sent()), (reason, sent), "{error}");
    assert!(!error.to_string().contains("hush"), "a URL may hold a token: {error}");
}

#[tokio::test]
async fn a_name_and_password_in_the_url_become_the_header_that_they_mean() {
    let (address, mut requests) = server(|mut stream| async move {
        say(&mut stream, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    })
    .await;
    let answer = post(&client(LONG, Guard::Operator), &format!("http://us%40er:hush@{address}/hook")).await;
    assert_eq!(answer.unwrap().status, 200);
    let request = requests.recv().await.unwrap();
    // us@er:hush
    assert!(request.contains("\r\nauthorization: Basic dXNAZXI6aHVzaA==\r\n"), "{request}");
    assert!(request.starts_with("POST /hook HTTP/1.1\r\n") && !request.contains("hush"), "{request}");
}

#[tokio::test]
async fn a_post_arrives_whole_and_its_answer_comes_back_whole() {
    let (address, mut requests) = server(|mut stream| async move {
        say(&mut stream, "HTTP/1.1 429 Too Many\r\nretry-after: 7\r\ncontent-length: 4\r\n\r\nslow").await;
    })
    .await;
    let answer = post_to(address, LONG).await.unwrap();
    assert_eq!(
        (answer.status, &answer.headers["retry-after"], &answer.body[..]),
        (429, &"7".parse().unwrap(), &b"slow"[..])
    );
    let request = requests.recv().await.unwrap();
    assert!(request.starts_with("POST /hook?token=hush HTTP/1.1\r\n"), "{request}");
    assert!(request.contains("\r\ncontent-type: application/json\r\n"), "{request}");
    assert!(
        request.contains(concat!("\r\nuser-agent: okr-router/", env!("CARGO_PKG_VERSION"), "\r\n")),
        "{request}"
    );
    assert!(request.ends_with("\r\n\r\n{\"a\":1}"), "{request}");
}

#[tokio::test]
async fn a_refused_connection_was_surely_not_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    check(post_to(address, LONG).await, "connect", Sent::No);
}

#[tokio::test]
async fn an_unknown_host_was_surely_not_sent() {
    let outcome = post(&client(LONG, Guard::Public), "http://nobody.invalid/hush").await;
    check(outcome, "connect", Sent::No);
}

#[tokio::test]
async fn a_tls_handshake_that_hangs_was_surely_not_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/hush", listener.local_addr().unwrap());
    let options = ClientOptions {
        connect_timeout: SHORT,
        timeout: LONG,
        guard: Guard::Operator,
        ..ClientOptions::default()
    };
    check(post(&Client::new(options).unwrap(), &url).await, "connect", Sent::No);
}

#[tokio::test]
async fn a_server_that_hangs_runs_into_the_timeout_and_may_have_seen_it() {
    let (address, mut requests) = server(|stream| async move {
        std::future::pending::<()>().await;
        drop(stream);
    })
    .await;
    check(post_to(address, SHORT).await, "timeout", Sent::Perhaps);
    assert!(requests.recv().await.is_some());
}

#[tokio::test]
async fn a_server_that_closes_after_reading_may_have_seen_it() {
    let (address, _requests) = server(|stream| async move { drop(stream) }).await;
    check(post_to(address, LONG).await, "closed", Sent::Perhaps);
}

#[tokio::test]
async fn an_answer_that_breaks_off_may_have_been_seen() {
    let (address, _requests) = server(|mut stream| async move {
        say(&mut stream, "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nonly this").await;
    })
    .await;
    check(post_to(address, LONG).await, "closed", Sent::Perhaps);
}

#[tokio::test]
async fn a_body_that_drips_for_ever_runs_into_the_timeout() {
    let (address, _requests) = server(|mut stream| async move {
        say(&mut stream, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n").await;
        std::future::pending::<()>().await;
    })
    .await;
    check(post_to(address, SHORT).await, "timeout", Sent::Perhaps);
}

#[tokio::test]
async fn an_answer_beyond_the_bound_is_not_read_to_its_end() {
    let (announced, _requests) = server(|mut stream| async move {
        say(&mut stream, "HTTP/1.1 200 OK\r\ncontent-length: 1001\r\n\r\n").await;
        std::future::pending::<()>().await;
    })
    .await;
    check(post_to(announced, LONG).await, "answer_too_large", Sent::Perhaps);
    let (endless, _requests) = server(|mut stream| async move {
        say(&mut stream, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await;
        while stream.write_all(b"5\r\nabcde\r\n").await.is_ok() {}
    })
    .await;
    let outcome = post_to(endless, LONG).await;
    assert_eq!(outcome.unwrap_err(), EgressError::TooLarge { status: 200, bytes_max: 1_000 });
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_not_followed() {
    let (target, mut followed) = server(|stream| async move { drop(stream) }).await;
    let (address, _requests) = server(move |mut stream| async move {
        let answer = format!("HTTP/1.1 307 Go\r\nlocation: http://{target}/\r\ncontent-length: 0\r\n\r\n");
        say(&mut stream, &answer).await;
    })
    .await;
    assert_eq!(post_to(address, LONG).await.unwrap().status, 307);
    assert!(followed.try_recv().is_err());
}

#[tokio::test]
async fn a_name_that_leads_inside_is_refused_at_the_connection() {
    let (address, mut requests) = server(|stream| async move { drop(stream) }).await;
    let url = format!("http://localhost:{}/hush", address.port());
    check(post(&client(LONG, Guard::Public), &url).await, "forbidden", Sent::No);
    assert!(requests.try_recv().is_err());
    check(post(&client(LONG, Guard::Operator), &url).await, "closed", Sent::Perhaps);
}

#[tokio::test]
async fn a_proxy_is_used_only_if_the_options_name_it() {
    let (proxy, mut requests) = server(|mut stream| async move {
        say(&mut stream, "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
    })
    .await;
    let named = |guard| {
        let proxy = Some(format!("http://{proxy}").parse().unwrap());
        Client::new(ClientOptions { guard, proxy, ..ClientOptions::default() })
    };
    let outcome = post(&named(Guard::Operator).unwrap(), "http://receiver.invalid/hook").await;
    assert_eq!(outcome.unwrap().status, 200);
    assert!(requests.recv().await.unwrap().starts_with("POST http://receiver.invalid/hook "));
    assert_eq!(named(Guard::Public).unwrap_err().reason(), "setup");
}

/// The environment of a process cannot be changed safely while it runs, so this test runs itself in a child.
#[tokio::test]
async fn a_proxy_of_the_environment_is_ignored() {
    const INSIDE: &str = "EGRESS_TEST_INSIDE";
    if std::env::var_os(INSIDE).is_some() {
        let outcome = post(&client(LONG, Guard::Operator), "http://receiver.invalid/hush").await;
        return check(outcome, "connect", Sent::No);
    }
    let (proxy, mut requests) = server(|stream| async move { drop(stream) }).await;
    let child = tokio::task::spawn_blocking(move || {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "client::tests::a_proxy_of_the_environment_is_ignored", "--nocapture"]);
        for name in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"] {
            command.env(name, format!("http://{proxy}"));
        }
        command.env(INSIDE, "1").output().unwrap()
    });
    let output = child.await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert!(requests.try_recv().is_err());
}

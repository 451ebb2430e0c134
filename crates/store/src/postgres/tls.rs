//! Whether a database is spoken to over TLS.

use std::net::IpAddr;

use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres_rustls::MakeRustlsConnect;

/// How the server is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Channel {
    /// In clear text.
    Clear,
    /// Over TLS, the certificate verified, or not at all.
    Verified,
    /// As [`Channel::Verified`] with a server that has TLS, else in clear text.
    Offered,
}

/// Clear text leaves this machine only where `url` says that it may. libpq's own default (`prefer`) is what the url
/// has to say: anybody on the way can answer that there is no TLS. `config` is what was read from `url`.
pub(super) fn channel(url: &str, config: &Config) -> Channel {
    match config.get_ssl_mode() {
        SslMode::Disable => Channel::Clear,
        SslMode::Prefer if is_here(config) => Channel::Clear,
        SslMode::Prefer if names_mode(url) => Channel::Offered,
        _ => Channel::Verified,
    }
}

/// Whether every server that `config` names is reached without leaving this machine. Addresses count before names.
fn is_here(config: &Config) -> bool {
    if !config.get_hostaddrs().is_empty() {
        return config.get_hostaddrs().iter().all(IpAddr::is_loopback);
    }
    config.get_hosts().iter().all(|host| match host {
        Host::Tcp(name) => {
            name.eq_ignore_ascii_case("localhost") || name.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
        }
        #[cfg(unix)]
        Host::Unix(_) => true,
    })
}

/// Whether the url says `sslmode` itself, so that `prefer` is no default.
fn names_mode(url: &str) -> bool {
    let query = url.rsplit_once('?').map_or("", |(_, query)| query);
    query.split('&').any(|option| option.starts_with("sslmode="))
}

/// Verifies against the machine's roots. There is no way to ask for less.
pub(super) fn connector() -> Result<MakeRustlsConnect, String> {
    // An error says that a provider is there already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match MakeRustlsConnect::with_native_certs() {
        Ok((tls, unreadable)) => {
            for error in unreadable {
                tracing::warn!(error = %error, "a root certificate of this machine could not be read: {error}");
            }
            Ok(tls)
        }
        Err(_) => {
            Err("this machine has no root certificates to verify Postgres with (ca-certificates)".to_owned())
        }
    }
}

/// What mends a failed TLS handshake, and whether that takes a person. `words` are the driver's.
pub(super) fn remedy(words: &str) -> Option<(&'static str, bool)> {
    if words.contains("server does not support TLS") {
        let remedy =
            "switch TLS on there, or write `sslmode=disable` into store.url if the way to it is safe";
        return Some((remedy, true));
    }
    // The server may be given another certificate, so this may pass.
    let remedy =
        "the authority must be among this machine's roots (or in SSL_CERT_FILE), the name that of store.url";
    words.contains("invalid peer certificate").then_some((remedy, false))
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::{Channel, channel};
    use crate::Store;

    #[track_caller]
    fn check(url: &str, expected: Channel) {
        assert_eq!(channel(url, &url.parse().unwrap()), expected, "{url}");
    }

    #[test]
    fn clear_text_leaves_this_machine_only_where_the_url_says_so() {
        check("postgres://okr@db/okr", Channel::Verified);
        check("postgres://okr@db/okr?sslmode=require", Channel::Verified);
        check("postgres://okr@db/okr?connect_timeout=3&sslmode=prefer", Channel::Offered);
        check("postgres://okr@db/okr?sslmode=disable", Channel::Clear);
        check("postgres://okr@10.0.0.1/okr", Channel::Verified);
        check("postgres://okr@localhost.example/okr", Channel::Verified);
        check("postgres://okr@db,localhost/okr", Channel::Verified);

        check("postgres://okr@localhost/okr", Channel::Clear);
        check("postgres://okr@localhost/okr?sslmode=prefer", Channel::Clear);
        check("postgres://okr@localhost/okr?sslmode=require", Channel::Verified);
        check("postgres://okr@127.0.0.2:5433/okr", Channel::Clear);
        check("postgres://okr@[::1]/okr", Channel::Clear);
        check("postgres://okr@%2Fvar%2Frun%2Fpostgresql/okr", Channel::Clear);
        check("postgres:///okr?host=/var/run/postgresql", Channel::Clear);
        check("postgres://okr@localhost/okr?hostaddr=10.0.0.1", Channel::Verified);
        check("postgres://okr@db/okr?hostaddr=127.0.0.1", Channel::Clear);
    }

    /// What a client says first that would like TLS.
    const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

    /// Meets one client as a server without TLS. Answers whether it asked for TLS, and whether it went on in clear text.
    async fn meet(listener: TcpListener) -> (bool, bool) {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut said = [0; 8];
        stream.read_exact(&mut said).await.unwrap();
        let asked = said == SSL_REQUEST;
        if asked {
            stream.write_all(b"N").await.unwrap();
        }
        (asked, !asked || stream.read_exact(&mut said).await.is_ok())
    }

    async fn check_meeting(host: &str, query: &str, asks: bool, goes_on: bool) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let url = format!("postgres://okr:hunter2@{host}:{port}/okr{query}");
        let (met, opened) = tokio::join!(meet(listener), Store::open(&url, boot::system_clock()));
        let error = opened.unwrap_err();
        assert_eq!(met, (asks, goes_on), "{host} {query}: {error}");
        // Waiting does not bring TLS to a server: whoever starts is told at once.
        assert_eq!(
            !error.is_passing() && error.to_string().contains("`sslmode=disable`"),
            !goes_on,
            "{error}"
        );
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }

    /// `0.0.0.0` is this machine, but not by a name that says so.
    #[tokio::test]
    async fn a_server_without_tls_hears_nothing_from_afar_unless_the_url_says_so() {
        check_meeting("0.0.0.0", "", true, false).await;
        check_meeting("0.0.0.0", "?sslmode=require", true, false).await;
        check_meeting("0.0.0.0", "?sslmode=prefer", true, true).await;
        check_meeting("0.0.0.0", "?sslmode=disable", false, true).await;
        check_meeting("127.0.0.1", "", false, true).await;
    }
}

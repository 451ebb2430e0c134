//! Tokens for Kafka from an OAuth 2 endpoint (RFC 6749, client credentials), over the one guarded way out.

use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use boot::{OauthConfig, Secret};
use bus::{Token, Tokens};
use egress::{Client, ClientOptions, Guard, HeaderName, HeaderValue, Request, Url};
use serde::Deserialize;

/// How long the endpoint may take for an answer.
const WAIT: Duration = Duration::from_secs(3);
/// The life of a token whose endpoint does not tell it.
const LIFE: Duration = Duration::from_secs(300);
/// The longest that a token is used, whatever its endpoint says.
const LIFE_MAX: Duration = Duration::from_secs(86_400);

/// What is asked, again and again.
struct Asked {
    url: Url,
    client_id: String,
    client_secret: Secret,
    scope: Option<String>,
}

/// The answer, of which only this much matters.
#[derive(Debug, Deserialize)]
struct Answer {
    access_token: Option<String>,
    /// Seconds: a number, or as some write it, a text.
    expires_in: Option<serde_json::Value>,
    /// A word of a closed set, such as `invalid_client`.
    error: Option<String>,
}

/// Fetches nothing yet. The secret is resolved once.
pub fn tokens(config: &OauthConfig) -> Result<Tokens> {
    let url = Url::parse(&config.token_url).context("`kafka.security.oauth.token_url` is no URL")?;
    let client_secret = config.client_secret.resolve().context("`kafka.security.oauth.client_secret`")?;
    let (client_id, scope) = (config.client_id.clone(), config.scope.clone());
    let asked = Asked { url, client_id, client_secret, scope };
    // It is called on a thread of its own, so the runtime is its own as well.
    Ok(Tokens::new(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.map_err(|error| error.to_string())?.block_on(fetch(&asked))
    }))
}

async fn fetch(asked: &Asked) -> Result<Token, String> {
    let at = asked.url.host_str().unwrap_or_default();
    let began = SystemTime::now();
    let options = ClientOptions { timeout: WAIT, guard: Guard::Operator, ..ClientOptions::default() };
    let answer = async { Client::new(options)?.post(request(asked)?).await };
    let answer = answer.await.map_err(|error| format!("the token endpoint at {at}: {error}"))?;
    read(answer.status, &answer.body, &asked.client_id, began)
        .map_err(|why| format!("the token endpoint at {at} {why}"))
}

/// The client proves itself in the header: the body of a request is more often logged on its way.
fn request(asked: &Asked) -> Result<Request<'_>, egress::EgressError> {
    let form = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let pair = format!("{}:{}", form(&asked.client_id), form(asked.client_secret.expose()));
    let basic = format!("Basic {}", base64::Engine::encode(&base64::prelude::BASE64_STANDARD, pair));
    let mut basic = HeaderValue::try_from(basic)
        .map_err(|_| egress::EgressError::Setup("the client's secret fits no header".to_owned()))?;
    basic.set_sensitive(true);
    let mut body = "grant_type=client_credentials".to_owned();
    if let Some(scope) = &asked.scope {
        body = format!("{body}&scope={}", form(scope));
    }
    let headers = vec![
        (HeaderName::from_static("authorization"), basic),
        (HeaderName::from_static("accept"), HeaderValue::from_static("application/json")),
        (
            HeaderName::from_static("content-type"),
            HeaderValue::from_static("application/x-www-form-urlencoded"),
        ),
    ];
    Ok(Request { url: &asked.url, headers, body: body.into() })
}

/// The token of an answer, or what is wrong with it, without what it holds.
fn read(status: u16, body: &[u8], client_id: &str, began: SystemTime) -> Result<Token, String> {
    let answer: Option<Answer> = serde_json::from_slice(body).ok();
    if status != 200 {
        // As the standard spells such words; anything else may hold what nobody should see.
        let is_word = |word: &String| {
            word.len() < 40 && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
        };
        let word = answer.and_then(|answer| answer.error).filter(is_word).unwrap_or_default();
        return Err(format!("answered {status} {word}").trim_end().to_owned());
    }
    let answer = answer.ok_or("gave no JSON")?;
    let value = answer.access_token.ok_or("gave no access_token")?;
    let life = match answer.expires_in {
        None => LIFE,
        Some(given) => {
            seconds(&given).ok_or("gave an expires_in that is no number of seconds above 0")?.min(LIFE_MAX)
        }
    };
    Ok(Token { value, principal: client_id.to_owned(), expires_at: began + life })
}

fn seconds(given: &serde_json::Value) -> Option<Duration> {
    let number = given.as_f64().or_else(|| given.as_str()?.trim().parse().ok())?;
    Duration::try_from_secs_f64(number.min(LIFE_MAX.as_secs_f64())).ok().filter(|life| !life.is_zero())
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    #[track_caller]
    fn check(status: u16, body: &str, expected: Result<(&str, u64), &str>) {
        let read = read(status, body.as_bytes(), "us", UNIX_EPOCH);
        let seconds = |token: &Token| token.expires_at.duration_since(UNIX_EPOCH).unwrap().as_secs();
        let read = read.as_ref().map(|token| (token.value.as_str(), seconds(token)));
        assert_eq!(read.map_err(String::as_str), expected, "{body}");
    }

    #[test]
    fn a_token_comes_with_its_life() {
        check(200, r#"{"access_token":"t","expires_in":60,"token_type":"Bearer"}"#, Ok(("t", 60)));
        check(200, r#"{"access_token":"t"}"#, Ok(("t", 300)));
        check(200, r#"{"access_token":"t","expires_in":"3599"}"#, Ok(("t", 3599)));
        check(200, r#"{"access_token":"t","expires_in":9223372036854775807}"#, Ok(("t", 86_400)));
        for odd in ["0", "-1", r#""soon""#, "true"] {
            let body = format!(r#"{{"access_token":"t","expires_in":{odd}}}"#);
            check(200, &body, Err("gave an expires_in that is no number of seconds above 0"));
        }
    }

    #[test]
    fn what_goes_wrong_is_told_without_what_it_holds() {
        check(401, r#"{"error":"invalid_client"}"#, Err("answered 401 invalid_client"));
        check(400, r#"{"error":"hush: secret=1"}"#, Err("answered 400"));
        check(502, "<html>", Err("answered 502"));
        check(200, "<html>", Err("gave no JSON"));
        check(200, "{}", Err("gave no access_token"));
    }

    #[test]
    fn the_secret_is_in_the_header_alone_and_encoded_as_a_form() {
        let url = Url::parse("http://127.0.0.1/token").unwrap();
        let client_secret = Secret::new("s:e c".to_owned());
        let asked = Asked { url, client_id: "us".into(), client_secret, scope: Some("a b".into()) };
        let request = request(&asked).unwrap();
        assert_eq!(&request.body[..], b"grant_type=client_credentials&scope=a+b");
        let (_, basic) = &request.headers[0];
        // us:s%3Ae+c
        assert_eq!(basic.to_str().unwrap(), "Basic dXM6cyUzQWUrYw==");
        assert!(basic.is_sensitive());
    }
}

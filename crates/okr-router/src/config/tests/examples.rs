//! The examples of `deploy/config/examples`, each run from a delivery to the words of its message.

use http::{HeaderMap, HeaderName};
use jiff::Timestamp;
use notifier::RouteConfig;
use sources::{Delivery, Request};

use crate::{
    cli::Settings,
    config::{Reader, Whole, read},
    parts,
};

/// An example with its secrets filled in.
fn example(name: &str) -> Whole {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("okr-router.toml");
    let file = format!("{}/../../deploy/config/examples/{name}.toml", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(file).unwrap();
    let text = text
        .replace("{ env = \"SLACK_URL\" }", "\"https://hooks.slack.com/services/T/B/x\"")
        .replace("{ env = \"GITHUB_WEBHOOK_SECRET\" }", "\"hush\"")
        .replace("{ env = \"FORM_CREDENTIALS\" }", "\"form:hush\"");
    std::fs::write(&path, text).unwrap();
    read(&Settings { config: Some(path), set: Vec::new() }, Reader::Command).unwrap()
}

/// What the first route that matches says about each event of a delivery that its sender signed.
fn messages(whole: &Whole, source: &str, more: &[(&str, &str)], body: &str) -> Vec<String> {
    let source = parts::source(whole, source).unwrap();
    let now = Timestamp::from_second(1_770_113_800).unwrap();
    let mut headers = HeaderMap::new();
    for (name, value) in source.sign(body.as_bytes(), now) {
        headers.insert(HeaderName::try_from(name).unwrap(), value.parse().unwrap());
    }
    for (name, value) in more {
        headers.insert(HeaderName::try_from(*name).unwrap(), value.parse().unwrap());
    }
    source.verify(&Request { headers: &headers, body: body.as_bytes(), now }).unwrap();
    let delivery = Delivery { headers: &headers, body: body.as_bytes(), received_at: now };
    let routes: Vec<RouteConfig> = whole.document.section("routes").unwrap();
    let built = parts::destinations(whole, &boot::system_clock(), &parts::Destinations::new()).unwrap();
    let (_, slack) = built.values().next().unwrap();
    let message = |event: okr::OkrEvent| {
        let view = okr::EventView::new(&event);
        let route = routes.iter().find(|route| {
            let when = okr::Condition::compile(route.when.as_deref().unwrap()).unwrap();
            when.matches(&view) == okr::Verdict::Yes
        });
        let template = okr::Template::compile(route.unwrap().template.as_deref().unwrap()).unwrap();
        template.render(&view, slack.escape()).unwrap()
    };
    source.read(&delivery).events.unwrap().into_iter().map(message).collect()
}

#[test]
fn github_comes_to_slack_with_repository_message_and_author() {
    let whole = example("github-to-slack");
    let said = |event: &str, body: &str| messages(&whole, "github", &[("x-github-event", event)], body);
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../sources/fixtures/github/");
    let body = |name: &str| std::fs::read_to_string(format!("{folder}{name}.json")).unwrap();
    assert_eq!(
        said("push", &body("push")),
        ["*example/rocket* `main`: Fix the &lt;boosters&gt; &amp; more (Robin Field)"]
    );
    assert_eq!(
        said("issues", &body("issues")),
        ["*example/rocket* #7 Boosters leak: done", "Milestone *v1.0* is at 75% (3 of 4 issues)"]
    );
    assert_eq!(said("milestone", &body("milestone")), ["Milestone *v1.0* is at 75% (3 of 4 issues)"]);
    assert!(said("ping", r#"{"zen":"Keep it logically awesome."}"#).is_empty());
}

#[test]
fn a_sign_up_form_comes_to_slack() {
    let whole = example("sign-up-form-to-slack");
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let said = |body: &str| messages(&whole, "sign-ups", &form, body);
    let robin = "name=Robin+%3CField%3E&email=robin%40example.com&plan=team&message=Hello";
    assert_eq!(said(robin), ["*Robin &lt;Field&gt;* signed up for team (robin@example.com)"]);
    assert_eq!(said("email=sam%40example.com"), ["*sam@example.com* signed up for free (sam@example.com)"]);
    let json = messages(&whole, "sign-ups", &[], r#"{"name":"Robin","email":"robin@example.com"}"#);
    assert_eq!(json, ["*Robin* signed up for free (robin@example.com)"]);
}

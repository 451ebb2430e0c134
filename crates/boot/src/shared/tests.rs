use super::*;

#[track_caller]
fn check(text: &str, expected: &[&str]) {
    let document = Document::read(text, "okr.toml", &[], &[], KEYS).unwrap();
    let shown = Shared::read(&document).err().map(|errors| errors.to_string()).unwrap_or_default();
    assert_eq!(shown.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn an_empty_configuration_is_a_whole_one() {
    check("", &[]);
}

#[test]
fn copies_and_partitions_are_checked_together() {
    check(
        "[kafka]\nreplication = 1\npartitions = 0\nbrokers = []",
        &[
            "okr.toml:4: `kafka.brokers` must name at least one broker",
            "okr.toml:3: `kafka.partitions` must be at least 1",
            "okr.toml:1: `kafka.min_insync_replicas` must not be above `replication`: nothing could ever be acknowledged",
        ],
    );
    check("[kafka]\nreplication = 1\nmin_insync_replicas = 1", &[]);
}

#[test]
fn a_session_is_long_enough_for_its_heartbeats() {
    check(
        "[kafka]\nsession_timeout = '900ms'",
        &["okr.toml:2: `kafka.session_timeout` must be at least 1s: heartbeats come three to a session"],
    );
    check("[kafka]\nsession_timeout = '6s'", &[]);
}

#[test]
fn a_login_needs_its_three_parts_and_a_certificate_its_key() {
    check(
        "[kafka]\nsecurity = { protocol = 'sasl_ssl', username = 'me', cert_file = 'c.pem' }",
        &[
            "okr.toml:2: `kafka.security.mechanism` is needed by this `protocol`",
            "okr.toml:2: `kafka.security.password` is needed by this `protocol`",
            "okr.toml:2: `kafka.security.key_file` is missing: `cert_file` and `key_file` go together",
        ],
    );
    check("[kafka.security]\nprotocol = 'ssl'", &[]);
}

#[test]
fn a_login_by_token_needs_to_know_where_tokens_come_from() {
    let oauth = "oauth = { token_url = 'https://id/token', client_id = 'c', client_secret = { env = 'S' } }";
    let begin = "[kafka.security]\nprotocol = 'sasl_ssl'\nmechanism = 'OAUTHBEARER'\n";
    check(&format!("{begin}{oauth}"), &[]);
    check(
        begin,
        &[
            "okr.toml:1: `kafka.security.oauth` is needed by OAUTHBEARER: `token_url`, `client_id`, `client_secret`",
        ],
    );
}

#[test]
fn what_the_protocol_would_ignore_is_refused() {
    check(
        "[kafka.security]\nprotocol = 'plaintext'\nmechanism = 'PLAIN'",
        &["okr.toml:3: `kafka.security.mechanism` is for the `sasl_` protocols"],
    );
    check(
        "[kafka.security]\nprotocol = 'plaintext'\nca_file = 'ca.pem'",
        &["okr.toml:2: `kafka.security.protocol` does not encrypt: certificates are for ssl and sasl_ssl"],
    );
}

#[test]
fn the_store_is_a_file_in_the_data_folder_unless_it_is_said() {
    let url = |text: &str| {
        let document = Document::read(text, "okr.toml", &[], &[], KEYS).unwrap();
        Shared::read(&document).unwrap().store_url().resolve().unwrap().expose().to_owned()
    };
    assert_eq!(url("data_dir = '/var/lib/okr'"), "file:/var/lib/okr/state.db");
    assert_eq!(url("[store]\nurl = 'postgres://u@h/db'"), "postgres://u@h/db");
}

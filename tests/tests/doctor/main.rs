//! `okr-router doctor` on real servers and broken setups: each gets a finding and what mends it, in bounded time, and
//! nothing is changed by looking.

use std::{
    fs::File,
    io::{Read, Write},
    net::TcpListener,
    time::Instant,
};

use anyhow::{Context, Result, ensure};
use okr_tests::{Answer, FakeHttp, Kafka, Stack, World, free_port, registry, sign};
use serde_json::Value;

/// How long a whole examination may take.
const MOST: std::time::Duration = std::time::Duration::from_secs(15);

/// What one run found.
struct Report {
    code: i32,
    rows: Vec<Value>,
}

impl Report {
    /// The finding of a check, with its level, words and remedy.
    #[track_caller]
    fn has(&self, check: &str, level: &str, says: &str, remedy: &str) {
        let field = |row: &Value, name: &str| row[name].as_str().unwrap_or_default().to_owned();
        let is_it = |row: &&Value| {
            field(row, "check") == check
                && field(row, "level") == level
                && field(row, "says").contains(says)
                && field(row, "remedy").contains(remedy)
        };
        assert!(
            self.rows.iter().any(|row| is_it(&row)),
            "no {level} {check} that says {says:?} and has {remedy:?} in {:#?}",
            self.rows
        );
    }

    fn wrong(&self) -> Vec<&Value> {
        self.rows.iter().filter(|row| row["level"] == "wrong").collect()
    }
}

/// Runs it with further settings. The probes' usual ports may be anybody's on this machine, so it gets one of its own.
async fn doctor(stack: &Stack, sets: &[&str]) -> Result<Report> {
    let admin = format!("admin.listen=127.0.0.1:{}", free_port());
    let given = sets.iter().any(|set| set.starts_with("admin.listen"));
    let sets = sets.iter().copied().chain((!given).then_some(admin.as_str()));
    let words: Vec<&str> =
        ["doctor", "--json"].into_iter().chain(sets.flat_map(|set| ["--set", set])).collect();
    let began = Instant::now();
    let done = stack.command(&words).await?;
    ensure!(began.elapsed() < MOST, "it took {:?}: {}", began.elapsed(), done.stdout);
    let rows: Value = serde_json::from_str(&done.stdout)
        .with_context(|| format!("{words:?} printed {:?} and said {}", done.stdout, done.stderr))?;
    Ok(Report { code: done.code, rows: rows.as_array().cloned().unwrap_or_default() })
}

fn sections(receiver: &str) -> String {
    format!(
        r#"
[departments]
partitions = 2
[sources.acme]
kind = "standard-webhooks"
secrets = [{{ env = "ACME_SECRET" }}]
[destinations.desk]
kind = "http"
url = "{receiver}"
[[routes]]
name = "all"
to = ["desk"]
"#
    )
}

fn stack(broker: &str, registry: &str, receiver: &str) -> Result<Stack> {
    Stack::new(World {
        broker: broker.to_owned(),
        registry: registry.to_owned(),
        sections: sections(receiver),
        env: vec![("ACME_SECRET".into(), sign::whsec(b"the key of acme in this test...."))],
        ..World::default()
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn with_everything_down_it_says_so_for_each_and_does_not_hang() -> Result<()> {
    // One listens and never says a word: the worst of all.
    let silent = TcpListener::bind("127.0.0.1:0")?;
    let (broker, mute) = (format!("127.0.0.1:{}", free_port()), silent.local_addr()?);
    let registry = format!("http://127.0.0.1:{}", free_port());
    let stack = stack(&broker, &registry, &format!("http://{mute}/hook"))?;
    let report = doctor(&stack, &[]).await?;
    assert_eq!(report.code, 1);
    report.has(&format!("broker {broker}"), "wrong", "refused", "start the broker");
    report.has("registry", "wrong", "", "start the registry");
    report.has("destination desk", "wrong", "no answer within", "correct `destinations.desk.url`");
    report.has("config", "well", "in order", "");
    report.has("store", "well", "no file yet", "");
    report.has("library", "well", "librdkafka", "");
    assert!(!stack.folder().join("data").exists(), "it made nothing");

    let report =
        doctor(&stack, &[&format!("kafka.brokers=[\"{mute}\"]"), "gateway.body_max=nonsense"]).await?;
    assert_eq!(report.code, 1);
    report.has("config", "wrong", "body_max", "config check");
    let report = doctor(&stack, &[&format!("kafka.brokers=[\"{mute}\"]")]).await?;
    report.has("broker", "wrong", "", "correct `kafka.security` (configured is plaintext");
    Ok(())
}

/// Somebody whose clock says that ten minutes less have passed than ours; nobody else can be asked.
#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_off_is_found_by_the_answers_of_others() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let earlier = jiff::Zoned::now().checked_sub(jiff::SignedDuration::from_mins(10))?;
    let date =
        jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&earlier.timestamp())?;
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut asked = [0; 1024];
            let _ = (&stream).read(&mut asked);
            let _ = write!(
                &stream,
                "HTTP/1.1 200 OK\r\ndate: {date}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            );
        }
    });
    let (broker, registry) =
        (format!("127.0.0.1:{}", free_port()), format!("http://127.0.0.1:{}", free_port()));
    let report = doctor(&stack(&broker, &registry, &format!("http://{address}/hook"))?, &[]).await?;
    report.has("clock", "wrong", "ahead of that of destination desk", "timedatectl set-ntp true");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn each_broken_setup_gets_its_finding_and_a_whole_one_none() -> Result<()> {
    let (kafka, registry) = tokio::try_join!(Kafka::start(), registry())?;
    let receiver = FakeHttp::start()?;
    let stack = stack(kafka.address(), registry.url(), &receiver.url("/desk"))?;

    // Nothing is prepared.
    let report = doctor(&stack, &[]).await?;
    assert_eq!(report.code, 1);
    report.has("topic okr.events", "wrong", "does not exist", "okr-router topics apply");
    report.has("topic okr.audit", "wrong", "does not exist", "okr-router topics apply");
    report.has("schema okr.events-value", "wrong", "not registered", "okr-router schemas register --apply");
    stack.prepare().await?;

    let report = doctor(&stack, &[]).await?;
    assert_eq!((report.code, report.wrong()), (0, vec![]), "{:#?}", report.rows);
    report.has("broker", "well", kafka.address(), "");
    report.has("topics", "well", "as configured", "");
    report.has("registry", "well", "FULL_TRANSITIVE", "");
    report.has("destination desk", "well", "no message was sent", "");
    let seen = receiver.seen();
    assert!(!seen.is_empty() && seen.iter().all(|seen| seen.method == "HEAD"), "{seen:?}");
    let lines = stack.command(&["doctor"]).await?.stdout;
    assert!(lines.lines().any(|line| line.starts_with("✓ broker: ")), "{lines}");

    broken_topics(&kafka, &stack).await?;
    broken_places(&stack, &receiver).await?;
    a_service_that_runs_is_asked(&stack).await
}

/// Durability and sizes that are not as configured.
async fn broken_topics(kafka: &Kafka, stack: &Stack) -> Result<()> {
    let report = doctor(stack, &["kafka.replication=2", "kafka.min_insync_replicas=2"]).await?;
    assert_eq!(report.code, 1);
    let says = "min.insync.replicas is 1, configured is 2";
    report.has("topic okr.events", "wrong", says, "kafka-reassign-partitions");
    report.has("topic okr.events", "doubt", "has 1 copies, configured are 2", "kafka.replication");

    let report = doctor(stack, &["kafka.replication=2", "kafka.min_insync_replicas=1"]).await?;
    report.has("durability", "wrong", "is 1 of 2 copies", "okr-router topics apply");

    let small = ["--alter", "--entity-type", "topics", "--entity-name", "okr.events", "--add-config"];
    kafka.tool("kafka.admin.ConfigCommand", &[&small[..], &["max.message.bytes=100000"]].concat()).await?;
    let report = doctor(stack, &[]).await?;
    report.has("size okr.events", "wrong", "takes records of 100000 bytes", "gateway.body_max");
    report.has("topic okr.events", "wrong", "max.message.bytes is 100000", "okr-router topics apply");
    stack.prepare().await?;
    assert_eq!(doctor(stack, &[]).await?.wrong(), Vec::<&Value>::new(), "what it named has mended it");
    Ok(())
}

/// Ports, files, receivers and secrets that are not there or somebody else's.
async fn broken_places(stack: &Stack, receiver: &FakeHttp) -> Result<()> {
    let door = stack.gateway("/").replace("http://", "").replace('/', "");
    let stranger = TcpListener::bind(&door)?;
    let report = doctor(stack, &[]).await?;
    report.has(&format!("port {door}"), "wrong", "none of ours", "gateway.listen");
    drop(stranger);

    std::fs::create_dir_all(stack.folder().join("data"))?;
    let lock = File::create(stack.folder().join("data/state.db.lock"))?;
    lock.lock()?;
    let report = doctor(stack, &[]).await?;
    report.has("store", "wrong", "is held by another process", "end another process");
    drop(lock);

    receiver.always("/desk", Answer::Status(404, "nobody here"));
    doctor(stack, &[]).await?.has(
        "destination desk",
        "doubt",
        "nothing at this path",
        "dead list --target desk",
    );
    receiver.always("/desk", Answer::Ok("ok"));

    let gone = format!("destinations.desk.url=http://127.0.0.1:{}/", free_port());
    doctor(stack, &[&gone]).await?.has("destination desk", "wrong", "refused", "destinations.desk.url");
    let report = doctor(stack, &["sources.acme.secrets=[{ env = \"NOT_SET_ANYWHERE\" }]"]).await?;
    report.has("secrets", "wrong", "NOT_SET_ANYWHERE", "where the gateway runs");
    Ok(())
}

async fn a_service_that_runs_is_asked(stack: &Stack) -> Result<()> {
    let admin = format!("127.0.0.1:{}", free_port());
    let notifier = stack.start_with("notifier", &[("OKR_ROUTER__ADMIN__LISTEN", &admin)])?;
    let listen = format!("admin.listen={admin}");
    let ready = async || {
        let report = doctor(stack, &[&listen]).await.ok()?;
        report
            .rows
            .iter()
            .any(|row| row["says"].as_str().is_some_and(|says| says.contains("is ready")))
            .then_some(report)
    };
    okr_tests::until("a notifier that is ready", MOST * 4, ready).await?;
    // The groups were perhaps asked for before it had joined.
    let report = doctor(stack, &[&listen]).await?;
    report.has("service notifier", "well", &admin, "");
    report.has("store", "well", &format!("process {} has the file and answers", notifier.id()), "");
    report.has("group okr.notifier", "well", "1 members", "");
    assert_eq!(report.wrong(), Vec::<&Value>::new());
    Ok(())
}

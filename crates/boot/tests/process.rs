//! Roles as real processes: probes, signals and exit codes. Each test starts this very program again with the name of
//! a role in its environment, and that child lives as [`role`] says.

#![allow(clippy::unwrap_used)] // The helpers below are tests, too, which clippy does not see.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Duration;

use boot::{House, LogConfig, LogFormat, RunOptions};

const ROLE: &str = "BOOT_TEST_ROLE";
const ADMIN: &str = "BOOT_TEST_ADMIN";
const LONG: Duration = Duration::from_secs(3_600);
/// For what is written to no pipe of ours: half a minute.
const LOOKS_MAX: usize = 1_500;
const LOOK_PAUSE: Duration = Duration::from_millis(20);

/// Lives as the role that the environment names; without one there is nothing to do.
#[test]
fn role() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let admin_listen =
        std::env::var(ADMIN).map_or(SocketAddr::from(([127, 0, 0, 1], 0)), |text| text.parse().unwrap());
    let grace = if role == "stuck" { Duration::from_millis(100) } else { LONG };
    let log = LogConfig { format: LogFormat::Json, filter: None };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let options = RunOptions { role: "test", admin_listen, grace, log, traces: None };
    let code = runtime.block_on(boot::run(options, async move |house: House| {
        let shutdown = house.shutdown.clone();
        match role.as_str() {
            "steady" => house.tasks.spawn("steady", async move {
                shutdown.cancelled().await;
                println!("DRAINED");
                Ok(())
            }),
            "listening" => house.tasks.spawn("listening", async move {
                println!("PID {}", std::process::id());
                let hangup = house.hangup.clone();
                loop {
                    tokio::select! {
                        () = shutdown.cancelled() => return Ok(()),
                        // The terminal may be gone by then.
                        () = hangup.notified() => drop(writeln!(std::io::stdout(), "HUNG UP")),
                    }
                }
            }),
            "slow" => house.tasks.spawn("slow", async move {
                shutdown.cancelled().await;
                // Work that takes a while, so that a second signal would find it unfinished.
                tokio::time::sleep(Duration::from_millis(100)).await;
                println!("DRAINED");
                Ok(())
            }),
            "stuck" | "patient" => house.tasks.spawn("sleeper", std::future::pending()),
            "failing" => house.tasks.spawn("unlucky", async { Err("out of luck".into()) }),
            "panicking" => house.tasks.spawn("unlucky", async { panic!("out of luck") }),
            _ => return Err("no such role".into()),
        }
        metrics::histogram!("okr_test_seconds").record(0.02);
        println!("ADMIN {}", house.admin.ok_or("no probes")?);
        Ok(())
    }));
    std::process::exit(if code == ExitCode::SUCCESS { 0 } else { 1 });
}

struct Role {
    child: Child,
    lines: BufReader<std::process::ChildStdout>,
}

impl Role {
    fn start(role: &str, admin: Option<SocketAddr>) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "role", "--nocapture"]);
        Self::spawn(command, role, admin)
    }

    /// In a terminal of its own, which `script` (package bsdutils) is; `before` stands before the program.
    fn in_a_terminal(role: &str, before: &str) -> Self {
        let program = std::env::current_exe().unwrap();
        let line = format!("{before} {} --exact role --nocapture", program.display());
        // Whoever runs the tests may have been told to ignore hangups, and a shell cannot take that back.
        let mut command = Command::new("env");
        command.args(["--default-signal=HUP", "script"]);
        command.args(["--quiet", "--flush", "--command", &line, "/dev/null"]);
        Self::spawn(command, role, None)
    }

    fn spawn(mut command: Command, role: &str, admin: Option<SocketAddr>) -> Self {
        command.env(ROLE, role);
        if let Some(admin) = admin {
            command.env(ADMIN, admin.to_string());
        }
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self { child, lines }
    }

    fn steady(role: &str) -> (Self, SocketAddr) {
        let mut role = Self::start(role, None);
        let address = role.says("ADMIN ").parse().unwrap();
        (role, address)
    }

    /// Reads up to the line with these words, and gives what comes behind them.
    fn says(&mut self, words: &str) -> String {
        loop {
            let mut line = String::new();
            assert!(self.lines.read_line(&mut line).unwrap() > 0, "the role ended without {words}");
            // The test harness writes its own words on the same line.
            if let Some((_, rest)) = line.split_once(words) {
                return rest.trim().to_owned();
            }
        }
    }

    fn signal(&self, name: &str) {
        let status = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status();
        assert!(status.unwrap().success());
    }

    /// Exit code, rest of stdout, stderr.
    fn end(&mut self) -> (Option<i32>, String, String) {
        let (mut out, mut err) = (String::new(), String::new());
        self.lines.read_to_string(&mut out).unwrap();
        self.child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
        (self.child.wait().unwrap().code(), out, err)
    }
}

impl Drop for Role {
    /// Leaves no process behind when a test fails.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn get(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn wait_for(address: SocketAddr, path: &str, expected: &str) -> String {
    loop {
        let answer = get(address, path);
        if answer.contains(expected) {
            return answer;
        }
        std::thread::yield_now();
    }
}

#[test]
fn probes_and_metrics_are_served() {
    let (mut role, admin) = Role::steady("steady");
    assert!(get(admin, "/livez").starts_with("HTTP/1.1 200 "));
    let ready = wait_for(admin, "/readyz", "HTTP/1.1 200 ");
    assert!(ready.ends_with(r#"{"ready":true,"checks":{"start":{"ok":true}}}"#), "{ready}");
    let metrics = get(admin, "/metrics");
    assert!(metrics.contains("content-type: text/plain; version=0.0.4"), "{metrics}");
    assert!(metrics.contains("okr_build_info{") && metrics.contains("role=\"test\""), "{metrics}");
    assert!(metrics.contains("\nokr_ready 1"), "{metrics}");
    assert!(metrics.contains("okr_test_seconds_bucket{le=\"0.025\"} 1"), "{metrics}");
    role.signal("TERM");
    assert_eq!(role.end().0, Some(0));
}

#[test]
fn sigterm_and_sigint_drain_and_exit_with_0() {
    for signal in ["TERM", "INT"] {
        let (mut role, _) = Role::steady("steady");
        role.signal(signal);
        let (code, out, err) = role.end();
        assert_eq!(code, Some(0), "{err}");
        assert!(out.contains("DRAINED"), "{out}");
        assert!(
            err.lines().any(|line| line.starts_with('{') && line.contains(&format!("SIG{signal}"))),
            "{err}"
        );
    }
}

#[test]
fn a_role_whose_words_nobody_reads_any_more_stops_when_it_is_asked_to() {
    let (mut role, _) = Role::steady("steady");
    drop(role.child.stderr.take());
    role.signal("TERM");
    let mut out = String::new();
    role.lines.read_to_string(&mut out).unwrap();
    assert_eq!(role.child.wait().unwrap().code(), Some(0));
    assert!(out.contains("DRAINED"), "{out}");
}

/// Waits for a process to end.
fn gone(id: &str) {
    for _ in 0..LOOKS_MAX {
        if !is_alive(id) {
            return;
        }
        std::thread::sleep(LOOK_PAUSE);
    }
    panic!("{id} does not end");
}

/// Whether a process is there; one that ended and waits to be asked for is not.
fn is_alive(id: &str) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    status.lines().any(|line| line.starts_with("State:") && !line.contains('Z'))
}

#[test]
fn a_hangup_is_told_and_ends_nothing() {
    let (mut role, _) = Role::steady("listening");
    for _ in 0..3 {
        role.signal("HUP");
        role.says("HUNG UP");
    }
    role.signal("TERM");
    assert_eq!(role.end().0, Some(0));
}

#[test]
fn a_role_ends_with_its_terminal_but_not_by_a_signal_alone() {
    let mut role = Role::in_a_terminal("listening", "exec");
    let id = role.says("PID ");
    Command::new("kill").args(["-s", "HUP", &id]).status().unwrap();
    role.says("HUNG UP");
    // Its terminal closes.
    role.child.kill().unwrap();
    gone(&id);
}

#[test]
fn a_role_that_was_told_to_ignore_hangups_outlives_its_terminal() {
    let mut role = Role::in_a_terminal("listening", "trap '' HUP; exec");
    let id = role.says("PID ");
    role.child.kill().unwrap();
    // Killed, it has let go of the terminal; a second signal finds whoever outlived the first.
    role.child.wait().unwrap();
    let signal = |name: &str| Command::new("kill").args(["-s", name, &id]).status().unwrap().success();
    assert!(signal("HUP") && is_alive(&id));
    assert!(signal("TERM"));
    gone(&id);
}

#[test]
fn a_role_that_outlived_its_terminal_reads_its_configuration_at_a_hangup() {
    let folder = tempfile::tempdir().unwrap();
    let said = folder.path().join("said");
    // In the background of its shell, no signal tells it of the terminal's end.
    let background = format!("bash -c 'set -m; \"$@\" > {} 2>&1 & wait' bash", said.display());
    let mut shell = Role::in_a_terminal("listening", &background);
    let says = |words: &str| {
        for _ in 0..LOOKS_MAX {
            let said = std::fs::read_to_string(&said).unwrap_or_default();
            if let Some((_, rest)) = said.split_once(words) {
                return rest.lines().next().unwrap_or_default().trim().to_owned();
            }
            std::thread::sleep(LOOK_PAUSE);
        }
        panic!("it never said {words}: {}", std::fs::read_to_string(&said).unwrap_or_default());
    };
    let id = says("PID ");
    shell.child.kill().unwrap();
    shell.child.wait().unwrap();
    says("though its terminal is gone");
    let signal = |name: &str| Command::new("kill").args(["-s", name, &id]).status().unwrap().success();
    assert!(signal("HUP"));
    says("HUNG UP");
    assert!(signal("TERM"));
    gone(&id);
}

#[test]
fn a_task_that_does_not_finish_in_the_grace_is_named_and_the_exit_code_is_1() {
    let (mut role, _) = Role::steady("stuck");
    role.signal("TERM");
    let (code, _, err) = role.end();
    assert_eq!(code, Some(1));
    assert!(err.contains("not finished within 100ms: sleeper"), "{err}");
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let (mut role, admin) = Role::steady("patient");
    role.signal("TERM");
    let stopping = wait_for(admin, "/readyz", "HTTP/1.1 503 ");
    assert!(stopping.contains(r#""shutdown":{"ok":false,"why":"stopping"}"#), "{stopping}");
    assert!(get(admin, "/livez").starts_with("HTTP/1.1 200 "));
    // At first it may still count as the same one.
    while role.child.try_wait().unwrap().is_none() {
        role.signal("TERM");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(role.end().0, Some(1));
}

#[test]
fn one_request_to_stop_may_come_as_two_signals() {
    let (mut role, _) = Role::steady("slow");
    let id = role.child.id().to_string();
    let both = Command::new("sh").args(["-c", "kill -s TERM $1; kill -s INT $1", "sh", &id]).status();
    assert!(both.unwrap().success());
    let (code, out, err) = role.end();
    assert_eq!(code, Some(0), "{err}");
    assert!(out.contains("DRAINED"), "{out}");
}

#[test]
fn an_error_or_a_panic_of_a_task_exits_with_1_and_names_the_task() {
    for name in ["failing", "panicking"] {
        let (code, _, err) = Role::start(name, None).end();
        assert_eq!(code, Some(1));
        assert!(err.contains("unlucky failed") && err.contains("out of luck"), "{err}");
    }
}

#[test]
fn a_start_that_fails_exits_with_1_and_says_why() {
    let (code, _, err) = Role::start("nonesuch", None).end();
    assert_eq!(code, Some(1));
    assert!(err.contains("start failed") && err.contains("no such role"), "{err}");
}

#[test]
fn a_taken_admin_port_is_told_with_its_address_and_key() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let (code, _, err) = Role::start("steady", Some(address)).end();
    assert_eq!(code, Some(1));
    assert!(err.contains(&address.to_string()) && err.contains("`[admin] listen`"), "{err}");
}

//! A Postgres for tests: a cluster of one's own in a temporary folder, or the one that `OKR_TEST_POSTGRES` names.
//!
//! Behind the feature `testing`, so that end-to-end tests may use it. Nothing here is part of the product.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tokio_postgres::NoTls;
use uuid::Uuid;

/// A url of an existing cluster (a role that may create databases); left out, a cluster is started.
pub const URL: &str = "OKR_TEST_POSTGRES";

/// What to say when there is no Postgres at all.
const MISSING: &str = "this test needs PostgreSQL: install it (Debian: `apt-get install postgresql`, macOS: `brew install \
     postgresql`), or name a running one: OKR_TEST_POSTGRES=postgres://user@host/database";

/// How long a cluster may take to come up or go down.
const PATIENCE: Duration = Duration::from_secs(60);

/// Waits for the end of its input, which comes with the end of the test however that ends, and clears up.
/// The line `stay` leaves the folder for another start.
const KEEPER: &str = r#"
    folder="$1"; shift
    "$@" >> "$folder.log" 2>&1 & server=$!
    trap '' INT TERM HUP
    read -r word
    kill -QUIT $server; wait $server
    test "$word" = stay || rm -rf "$folder" "$folder.log"
"#;

/// Each promise of a suite becomes a test of its name in each home: the crate has `tests::suite::$group::$promise`, and
/// `tests::embedded::check` and `tests::postgres::check`, which call one with a home of theirs.
#[macro_export]
#[allow(clippy::crate_in_macro_def)] // The caller's is meant.
macro_rules! in_both_homes {
    ($($group:ident::$promise:ident,)*) => {
        $crate::in_both_homes! { in_embedded embedded $($group $promise)* }
        $crate::in_both_homes! { in_postgres postgres $($group $promise)* }
    };
    ($name:ident $home:ident $($group:ident $promise:ident)*) => {
        mod $name {
            use crate::tests::{$home::check, suite};

            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $promise() {
                    check(suite::$group::$promise).await;
                }
            )*
        }
    };
}

/// A running cluster. Dropped, it is stopped and its folder removed.
#[derive(Debug)]
pub struct Cluster {
    place: Place,
}

#[derive(Debug)]
enum Place {
    /// Somebody else's; only databases are made and dropped there.
    Given(String),
    Own {
        programs: PathBuf,
        folder: PathBuf,
        server: Option<Child>,
    },
}

impl Cluster {
    /// The cluster of `OKR_TEST_POSTGRES`, or a new one. The error says what to install.
    pub async fn start() -> Result<Self, String> {
        match std::env::var(URL) {
            Ok(url) if !url.is_empty() => Ok(Self { place: Place::Given(url) }),
            _ => Self::own().await,
        }
    }

    /// A new cluster, whatever `OKR_TEST_POSTGRES` says: for tests that stop it. It listens on a Unix socket in its own
    /// folder only, so two of them never meet.
    pub async fn own() -> Result<Self, String> {
        let programs = programs().ok_or(MISSING)?;
        let folder = std::env::temp_dir().join(format!("okr-pg-{}", Uuid::now_v7().simple()));
        let mut initdb = as_postgres(&programs.join("initdb"))?;
        initdb.args([
            "--no-sync",
            "--auth=trust",
            "--username=postgres",
            "--encoding=UTF8",
            "--no-locale",
            "-D",
        ]);
        let made = initdb
            .arg(&folder)
            .output()
            .map_err(|error| format!("initdb did not start: {error}; {MISSING}"))?;
        if !made.status.success() {
            return Err(format!("initdb failed: {}", String::from_utf8_lossy(&made.stderr)));
        }
        let mut cluster = Self { place: Place::Own { programs, folder, server: None } };
        cluster.up().await?;
        Ok(cluster)
    }

    /// Starts a cluster that was stopped with [`Cluster::stop`].
    pub async fn up(&mut self) -> Result<(), String> {
        let Place::Own { programs, folder, server } = &mut self.place else { return Ok(()) };
        let postgres = as_postgres(&programs.join("postgres"))?;
        let mut keeper = Command::new("sh");
        keeper.args(["-c", KEEPER, "sh"]).arg(&*folder).arg(postgres.get_program()).args(postgres.get_args());
        keeper.arg("-D").arg(&*folder).arg("-k").arg(&*folder).args(["-c", "listen_addresses="]);
        let child = keeper.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        *server = Some(child.map_err(|error| format!("sh did not start: {error}"))?);
        let (url, log) = (self.url("postgres"), folder_log(self));
        let since = Instant::now();
        while let Err(error) = connect(&url).await {
            if since.elapsed() > PATIENCE {
                let log = std::fs::read_to_string(&log).unwrap_or_default();
                return Err(format!("Postgres did not come up: {error}\n{log}"));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// Stops it as a crash would (immediate mode: connections cut, nothing flushed); the data stays.
    pub fn stop(&mut self) {
        self.end("stay\n");
    }

    /// The url of a database of this cluster.
    pub fn url(&self, database: &str) -> String {
        match &self.place {
            Place::Given(url) => {
                let (path, query) =
                    url.split_once('?').map_or((url.as_str(), None), |(path, q)| (path, Some(q)));
                let start = path.find("://").map_or(0, |at| at + 3);
                let host = path[start..].find('/').map_or(path, |at| &path[..start + at]);
                let query = query.map(|query| format!("?{query}")).unwrap_or_default();
                format!("{host}/{database}{query}")
            }
            Place::Own { folder, .. } => {
                let host = folder.display().to_string().replace('/', "%2F");
                format!("postgres://postgres@{host}/{database}")
            }
        }
    }

    /// Makes an empty database; dropped with its handle.
    pub async fn database(&self) -> Result<Database, String> {
        let name = format!("okr_test_{}", Uuid::now_v7().simple());
        let admin = match &self.place {
            Place::Given(url) => url.clone(),
            Place::Own { .. } => self.url("postgres"),
        };
        run(&admin, &format!("CREATE DATABASE {name}")).await?;
        Ok(Database { url: self.url(&name), name, admin })
    }

    fn end(&mut self, word: &str) {
        if let Place::Own { server, .. } = &mut self.place
            && let Some(mut child) = server.take()
        {
            if let Some(mut input) = child.stdin.take() {
                let _ = input.write_all(word.as_bytes());
            }
            let _ = child.wait();
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.end("");
        if let Place::Own { folder, .. } = &self.place {
            // Stopped before: the keeper left it for us.
            let _ = std::fs::remove_dir_all(folder);
            let _ = std::fs::remove_file(folder_log(self));
        }
    }
}

/// A database of a test's own. Dropped, it is gone, with all connections to it.
#[derive(Debug)]
pub struct Database {
    /// For `store.url`.
    pub url: String,
    name: String,
    admin: String,
}

impl Drop for Database {
    fn drop(&mut self) {
        let (admin, sql) =
            (self.admin.clone(), format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name));
        // A runtime of its own: the test's may be ending.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.map(|runtime| runtime.block_on(run(&admin, &sql)))
        });
        let _ = dropped.join();
    }
}

fn folder_log(cluster: &Cluster) -> PathBuf {
    match &cluster.place {
        Place::Own { folder, .. } => folder.with_extension("log"),
        Place::Given(_) => PathBuf::new(),
    }
}

/// Runs statements on a connection of its own.
pub async fn run(url: &str, sql: &str) -> Result<(), String> {
    let client = connect(url).await?;
    client.batch_execute(sql).await.map_err(|error| format!("{sql}: {error}"))
}

/// A plain connection; it ends with its handle.
pub async fn connect(url: &str) -> Result<tokio_postgres::Client, String> {
    let (client, connection) =
        tokio_postgres::connect(url, NoTls).await.map_err(|error| error.to_string())?;
    tokio::spawn(connection);
    Ok(client)
}

/// Where `initdb` and `postgres` are. Debian keeps them out of the path, one folder per version.
fn programs() -> Option<PathBuf> {
    let mut folders: Vec<PathBuf> = Vec::new();
    for versions in ["/usr/lib/postgresql", "/opt/homebrew/opt", "/usr/local/opt"] {
        let found = std::fs::read_dir(versions).into_iter().flatten().flatten();
        folders.extend(found.map(|version| version.path().join("bin")));
    }
    folders.sort();
    folders.reverse();
    let path = std::env::var_os("PATH").unwrap_or_default();
    folders.extend(std::env::split_paths(&path));
    folders.into_iter().find(|folder| folder.join("initdb").is_file() && folder.join("postgres").is_file())
}

/// Postgres refuses to run as root: then it runs as the user `postgres`, whom Debian's package makes.
fn as_postgres(program: &Path) -> Result<Command, String> {
    let id = Command::new("id").arg("-u").output().map_err(|error| format!("id did not start: {error}"))?;
    let mut command = if id.stdout.trim_ascii() == b"0" {
        let known = Command::new("id").arg("postgres").output().is_ok_and(|output| output.status.success());
        if !known {
            return Err(format!(
                "as root, Postgres runs as the user `postgres`, and there is none; {MISSING}"
            ));
        }
        let mut command = Command::new("setpriv");
        command.args(["--reuid=postgres", "--regid=postgres", "--init-groups"]).arg(program);
        command
    } else {
        Command::new(program)
    };
    // The folder of the caller may be closed to that user.
    command.current_dir("/");
    Ok(command)
}

//! A process of the test executable: its output in files, its signals, its end.

use std::{
    io,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{LazyLock, Mutex, mpsc},
    time::Duration,
};

use anyhow::{Context, Result, anyhow, ensure};

use crate::{Folder, until};

type Order = (Command, mpsc::Sender<io::Result<Child>>);

/// Children ask the kernel to be killed when the *thread* that started them ends, and the threads of tests come and
/// go while a shared server stays; so one thread that never ends starts them all.
static NURSERY: LazyLock<Mutex<mpsc::Sender<Order>>> = LazyLock::new(|| {
    let (orders, inbox) = mpsc::channel::<Order>();
    std::thread::spawn(move || {
        for (mut command, reply) in inbox {
            let _ = reply.send(command.spawn());
        }
    });
    Mutex::new(orders)
});

/// What to start.
#[derive(Debug, Default, Clone)]
pub struct Recipe {
    pub program: PathBuf,
    pub args: Vec<String>,
    pub env: Vec<(String, String)>,
}

/// A running child. Dropped, it is killed.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Mutex<Child>,
    out: PathBuf,
    err: PathBuf,
}

impl Process {
    /// Starts the program with its output going to `<name>.out` and `<name>.err` in `folder`; both are appended to.
    pub fn start(name: &str, recipe: &Recipe, folder: &Folder) -> Result<Self> {
        let (out, err) = (folder.join(&format!("{name}.out")), folder.join(&format!("{name}.err")));
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "--"]).arg(&recipe.program).args(&recipe.args);
        command.envs(recipe.env.iter().map(|(key, value)| (key, value))).current_dir(folder.path());
        command.stdin(Stdio::null()).stdout(append(&out)?).stderr(append(&err)?);
        let (reply, answer) = mpsc::channel();
        let nursery = NURSERY.lock().map_err(|_| anyhow!("the starting thread is gone"))?;
        nursery.send((command, reply)).context("the starting thread is gone")?;
        let child = answer.recv()?.context("no `setpriv` (package util-linux) to start it with")?;
        Ok(Self { name: name.into(), child: Mutex::new(child), out, err })
    }

    pub fn id(&self) -> u32 {
        self.child.lock().map(|child| child.id()).unwrap_or_default()
    }

    /// Sends a signal such as `TERM`, `STOP`, `CONT`; an error when the process has ended.
    pub fn signal(&self, signal: &str) -> Result<()> {
        ensure!(self.ended().is_none(), "{} has ended already: {}", self.name, self.tail());
        let id = self.id().to_string();
        let status = Command::new("sh").args(["-c", "kill -s \"$1\" \"$2\"", "sh", signal, &id]).status()?;
        ensure!(status.success(), "no signal {signal} to {}", self.name);
        Ok(())
    }

    /// SIGKILL, and waits until the process is gone.
    pub fn kill9(&self) {
        if let Ok(mut child) = self.child.lock() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// The exit code once it has ended; a signal counts as minus its number.
    pub fn ended(&self) -> Option<i32> {
        use std::os::unix::process::ExitStatusExt;
        let status = self.child.lock().ok()?.try_wait().ok()??;
        status.code().or(status.signal().map(|signal| -signal))
    }

    /// Waits for the end.
    pub async fn end(&self, limit: Duration) -> Result<i32> {
        let what = format!("the end of {}", self.name);
        until(&what, limit, async || self.ended()).await.with_context(|| self.tail())
    }

    pub fn stdout(&self) -> String {
        read(&self.out)
    }

    pub fn stderr(&self) -> String {
        read(&self.err)
    }

    /// Resident memory in bytes.
    pub fn memory(&self) -> Result<u64> {
        self.status("VmRSS:")
    }

    /// The most resident memory that it ever had, in bytes.
    pub fn memory_peak(&self) -> Result<u64> {
        self.status("VmHWM:")
    }

    fn status(&self, name: &str) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix(name)).context("no such line")?;
        Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? * 1024)
    }

    /// Processor time used so far, user and system.
    pub fn cpu(&self) -> Result<Duration> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.id()))?;
        // The name in brackets may hold blanks; user and system ticks are the 14th and 15th fields.
        let (_, after_name) = stat.rsplit_once(')').context("no name in stat")?;
        let ticks = after_name.split_whitespace().skip(11).take(2).map(str::parse::<u64>);
        let ticks = ticks.sum::<Result<u64, _>>()?;
        Ok(Duration::from_millis(ticks * 10)) // Linux shows a hundred ticks a second on every machine.
    }

    /// The last lines of both outputs, for the message of a failing test.
    pub fn tail(&self) -> String {
        let last = |text: String| {
            let lines: Vec<&str> = text.lines().collect();
            lines[lines.len().saturating_sub(25)..].join("\n")
        };
        format!("{} said:\n{}\n{}", self.name, last(self.stdout()), last(self.stderr()))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill9();
        if std::thread::panicking() {
            eprintln!("{}", self.tail());
        }
    }
}

fn append(path: &Path) -> Result<Stdio> {
    let file = std::fs::OpenOptions::new().create(true).append(true).open(path);
    Ok(file.with_context(|| format!("no file {}", path.display()))?.into())
}

fn read(path: &Path) -> String {
    std::fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}

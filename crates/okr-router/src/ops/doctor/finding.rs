//! What the doctor says: one line per check.

use serde_json::{Value, json};

/// How grave it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// As it should be.
    Well,
    /// Worth a look; it may be meant so.
    Doubt,
    /// Wrong.
    Wrong,
}

/// One line of the doctor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What was looked at: `broker`, `topic okr.events`.
    pub check: String,
    pub level: Level,
    /// What was found.
    pub says: String,
    /// What mends it: a command, or what a person must do.
    pub remedy: Option<String>,
}

impl Finding {
    pub fn well(check: impl Into<String>, says: impl Into<String>) -> Self {
        Self { check: check.into(), level: Level::Well, says: says.into(), remedy: None }
    }

    pub fn doubt(check: impl Into<String>, says: impl Into<String>, remedy: impl Into<String>) -> Self {
        let remedy = Some(remedy.into());
        Self { check: check.into(), level: Level::Doubt, says: says.into(), remedy }
    }

    pub fn wrong(check: impl Into<String>, says: impl Into<String>, remedy: impl Into<String>) -> Self {
        let remedy = Some(remedy.into());
        Self { check: check.into(), level: Level::Wrong, says: says.into(), remedy }
    }

    fn line(&self) -> String {
        let mark = match self.level {
            Level::Well => '✓',
            Level::Doubt => '!',
            Level::Wrong => '✗',
        };
        let Self { check, says, .. } = self;
        let says = says.replace('\n', "; ");
        match &self.remedy {
            None => format!("{mark} {check}: {says}\n"),
            Some(remedy) => format!("{mark} {check}: {says} → {remedy}\n"),
        }
    }

    fn row(&self) -> Value {
        let level = match self.level {
            Level::Well => "well",
            Level::Doubt => "doubt",
            Level::Wrong => "wrong",
        };
        json!({ "check": self.check, "level": level, "says": self.says, "remedy": self.remedy })
    }
}

/// All findings, one per line or as JSON.
pub fn show(findings: &[Finding], as_json: bool) -> String {
    if as_json {
        return format!("{}\n", findings.iter().map(Finding::row).collect::<Value>());
    }
    findings.iter().map(Finding::line).collect()
}

/// Whether something is wrong; a doubt is not.
pub fn is_wrong(findings: &[Finding]) -> bool {
    findings.iter().any(|finding| finding.level == Level::Wrong)
}

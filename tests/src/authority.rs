//! Certificates for a test, made with OpenSSL.

use std::{path::PathBuf, process::Command};

use anyhow::{Context, Result, ensure};

use crate::Folder;

const EC: [&str; 5] = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

/// An authority of a test's own.
#[derive(Debug)]
pub struct Authority(Folder);

impl Authority {
    /// With a key and a certificate of its own.
    pub fn new() -> Result<Self> {
        let authority = Self(Folder::new("authority")?);
        let (key, certificate) = (authority.path("ca.key"), authority.path("ca.pem"));
        let out = ["-keyout", &key, "-out", &certificate, "-subj", "/CN=okr-tests", "-days", "2"];
        openssl(&[&["req", "-x509"], EC.as_slice(), &out].concat())?;
        Ok(authority)
    }

    /// Its own certificate.
    pub fn certificate(&self) -> PathBuf {
        self.0.join("ca.pem")
    }

    /// A certificate for this name at 127.0.0.1, and its key.
    pub fn issue(&self, name: &str) -> Result<(PathBuf, PathBuf)> {
        let (key, request) = (self.path(&format!("{name}.key")), self.path(&format!("{name}.csr")));
        let subject = format!("/CN={name}");
        openssl(
            &[&["req"], EC.as_slice(), &["-keyout", &key, "-out", &request, "-subj", &subject]].concat(),
        )?;
        let (certificate, names) = (self.path(&format!("{name}.pem")), self.path("names.cnf"));
        std::fs::write(&names, "subjectAltName=IP:127.0.0.1,DNS:localhost\n")?;
        let (ca, ca_key) = (self.path("ca.pem"), self.path("ca.key"));
        openssl(&[
            "x509",
            "-req",
            "-in",
            &request,
            "-CA",
            &ca,
            "-CAkey",
            &ca_key,
            "-CAcreateserial",
            "-days",
            "2",
            "-extfile",
            &names,
            "-out",
            &certificate,
        ])?;
        Ok((certificate.into(), key.into()))
    }

    /// Key and certificate in one file, as Kafka takes them (`ssl.keystore.type=PEM`).
    pub fn keystore(&self, name: &str) -> Result<PathBuf> {
        let (certificate, key) = self.issue(name)?;
        let both = [std::fs::read(key)?, std::fs::read(certificate)?].concat();
        let store = self.0.join(&format!("{name}.store.pem"));
        std::fs::write(&store, both)?;
        Ok(store)
    }

    /// The key of `issue`, encrypted.
    pub fn encrypted(&self, name: &str, password: &str) -> Result<PathBuf> {
        let (key, out) = (self.path(&format!("{name}.key")), self.path(&format!("{name}.encrypted.key")));
        openssl(&["pkcs8", "-topk8", "-in", &key, "-out", &out, "-passout", &format!("pass:{password}")])?;
        Ok(out.into())
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }
}

/// Runs it and gives what it printed.
pub(crate) fn openssl(args: &[&str]) -> Result<Vec<u8>> {
    let done = Command::new("openssl").args(args).output().context("no `openssl`")?;
    ensure!(done.status.success(), "openssl {args:?}: {}", String::from_utf8_lossy(&done.stderr));
    Ok(done.stdout)
}

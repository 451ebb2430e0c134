//! What holds for the whole workspace, read from `cargo metadata`: the floors of ARCHITECTURE.md, which libraries may be
//! used where, licences, versions, known vulnerabilities, sizes of files.

mod advisories;
mod edges;
mod licences;
mod metadata;
mod schemas;
mod sizes;
mod versions;

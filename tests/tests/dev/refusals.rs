//! A port that is taken: said in words, with the address and the key.

use std::net::TcpListener;

use anyhow::{Context, Result, ensure};
use okr_tests::Folder;

use crate::home::{Home, SOON};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_taken_port_ends_dev_with_the_address_and_the_key() -> Result<()> {
    for key in ["gateway.listen", "kafka.brokers", "registry.url", "[admin] listen"] {
        let home = Home::new();
        let address = match key {
            "gateway.listen" => &home.gateway,
            "kafka.brokers" => &home.broker,
            "registry.url" => &home.registry,
            _ => &home.admin,
        };
        let taken = TcpListener::bind(address)?;
        let folder = Folder::new("taken")?;
        let dev = home.start(&folder)?;
        let code = dev.end(SOON).await.context(key)?;
        ensure!(code > 0, "{key}: it ended with {code}");
        let said = dev.stderr();
        let line = said.lines().find(|line| line.contains(key) && line.contains(address.as_str()));
        ensure!(line.is_some(), "{key} and {address} are not in one line of {said}");
        drop(taken);
    }
    Ok(())
}

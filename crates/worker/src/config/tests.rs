use super::*;

#[test]
fn the_listed_defaults_are_the_real_ones() {
    let listed: String =
        KEYS.iter().map(|key| format!("{} = {}\n", key.path, key.default.unwrap())).collect();
    let listed: toml::Table = toml::from_str(&listed).unwrap();
    let read: WorkerConfig = listed["worker"].clone().try_into().unwrap();
    assert_eq!(format!("{read:?}"), format!("{:?}", WorkerConfig::default()));
}

#[test]
fn the_fuse_reads_as_the_contract_writes_it() {
    let config: WorkerConfig = toml::from_str("fuse = { in_a_row = 20, percent = 20 }").unwrap();
    assert_eq!(config.fuse, FuseConfig::default());
}

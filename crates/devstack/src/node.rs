//! nisshi put together from its services: storage on SQLite, group coordinator, Kafka's protocol.
//!
//! It is not nisshi's own `Broker`, whose waiting fetches look at the storage ten times per wait and still come late;
//! see `fetch`. Logins, ACLs and transactions are left out: nothing of ours uses them.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime},
};

use nisshi_broker::{
    Error,
    coordinator::group::administrator::{Controller, GroupCoordinatorConfig},
    service::{coordinator, storage as routes},
};
use nisshi_sans_io::{ApiKey as _, FetchRequest, ProduceRequest};
use nisshi_service::{
    BytesFrameLayer, BytesFrameService, FrameRequestLayer, FrameRouteBuilder, FrameRouteService,
    TcpBytesLayer, TcpBytesService, TcpContext, TcpContextLayer, TcpContextService,
};
use nisshi_storage::{ArcDynStorage, BrokerRegistrationRequest, GroupDetail, Storage as _, StorageContainer};
use nisshi_storage_sql::LiteEngineFactory;
use rama::{Layer as _, Service as _, extensions::Extensions, layer::MapErrLayer, tcp::TcpStream};
use tokio::{net::TcpListener, task::JoinSet, time};
use url::Url;
use uuid::Uuid;

use crate::fetch::{Fetch, News, Produce};

const CLUSTER: &str = "okr-router-dev";
const NODE: i32 = 1;
/// How often records past their retention are removed.
const SWEEP_EVERY: Duration = Duration::from_secs(600);
/// One member joins at once; it need not wait for others.
const GROUPS: GroupCoordinatorConfig = GroupCoordinatorConfig {
    initial_rebalance_delay: Duration::ZERO,
    poll_interval: Duration::from_millis(100),
};

type Connection = TcpContextService<TcpBytesService<BytesFrameService<FrameRouteService<Error>>>>;

/// The broker without its thread.
pub(crate) struct Node {
    storage: ArcDynStorage,
    groups: Controller<ArcDynStorage>,
    news: News,
}

impl Node {
    /// Opens the database at an absolute path, or makes it. `address` is what clients are told to connect to.
    pub async fn open(file: &Path, address: SocketAddr) -> Result<Self, String> {
        open(file, address).await.map_err(|error| error.to_string())
    }

    /// Serves until it fails.
    pub async fn serve(&self, listener: std::net::TcpListener) -> Result<(), String> {
        let listener = TcpListener::from_std(listener).map_err(|error| error.to_string())?;
        let mut sweep = time::interval(SWEEP_EVERY);
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => {
                        let _ = stream.set_nodelay(true);
                        let connection = self.connection().map_err(|error| error.to_string())?;
                        let stream = TcpStream::from_tokio_tcp_stream(stream, Extensions::default());
                        connections.spawn(async move {
                            // A client that leaves ends its connection with an error; that is no news.
                            if let Err(error) = connection.serve(stream).await {
                                tracing::debug!(%error, "a connection of the embedded broker ended");
                            }
                        });
                    }
                    Err(error) => {
                        // Out of file handles, most likely: connections that end give some back.
                        tracing::warn!(%error, "the embedded broker could not accept a connection");
                        time::sleep(Duration::from_millis(200)).await;
                    }
                },
                Some(_) = connections.join_next() => {}
                _ = sweep.tick() => {
                    if let Err(error) = self.storage.maintain(SystemTime::now()).await {
                        tracing::warn!(%error, "the embedded broker could not remove old records");
                    }
                }
            }
        }
    }

    /// The services of one connection.
    fn connection(&self) -> Result<Connection, Error> {
        let route = self.route(FrameRouteService::<Error>::builder())?.build()?;
        let context = TcpContext::default().cluster_id(Some(CLUSTER.into()));
        Ok((TcpContextLayer::new(context), TcpBytesLayer, BytesFrameLayer::default()).into_layer(route))
    }

    fn route(&self, builder: FrameRouteBuilder<Error>) -> Result<FrameRouteBuilder<Error>, Error> {
        let taken_over = [
            routes::consumer_group_describe,
            routes::create_topics,
            routes::delete_records,
            routes::delete_topics,
            routes::describe_cluster,
            routes::describe_configs,
            routes::describe_topic_partitions,
            routes::find_coordinator,
            routes::incremental_alter_configs,
            routes::init_producer_id,
            routes::list_offsets,
            routes::metadata,
        ];
        let builder =
            taken_over.iter().try_fold(builder, |builder, route| route(builder, self.storage.clone()))?;
        let builder = coordinator::services(builder, self.groups.clone())?;
        let fetch = Fetch::new(self.storage.clone(), self.news.clone());
        let fetch =
            (MapErrLayer::new(Error::from), FrameRequestLayer::<FetchRequest>::new()).into_layer(fetch);
        let produce = Produce::new(self.storage.clone(), self.news.clone());
        let builder = builder.with_route(FetchRequest::KEY, fetch.boxed())?;
        Ok(builder.with_capped_route::<ProduceRequest, _>(produce)?)
    }
}

async fn open(file: &Path, address: SocketAddr) -> Result<Node, Error> {
    let mut advertised = address;
    if address.ip().is_unspecified() {
        advertised.set_ip(Ipv4Addr::LOCALHOST.into());
    }
    let mut engines = StorageContainer::builder();
    engines.with_factory(Arc::new(LiteEngineFactory));
    let storage = engines
        .cluster_id(CLUSTER)
        .node_id(NODE)
        .advertised_listener(Url::parse(&format!("tcp://{advertised}"))?)
        // Four slashes: with three the path would be relative to the working folder.
        .storage(Url::parse(&format!("sqlite:///{}", file.display()))?)
        .silent(true)
        .build()
        .await?;
    let storage: ArcDynStorage = Arc::new(storage);
    let (broker_id, cluster_id, incarnation_id) = (NODE, CLUSTER.into(), Uuid::now_v7());
    let registration = BrokerRegistrationRequest { broker_id, cluster_id, incarnation_id, rack: None };
    storage.register_broker(registration).await?;
    dismiss_members(&storage).await?;
    Ok(Node { groups: Controller::new(storage.clone(), GROUPS), storage, news: News::default() })
}

/// Members of the groups of an earlier run are gone, or join again when they are told that nobody knows them. Were they
/// kept, the next member would wait for the session timeout of each one that a killed process left behind. What the
/// groups have committed stays.
async fn dismiss_members(storage: &ArcDynStorage) -> Result<(), Error> {
    for group in storage.list_groups().await? {
        let Some((detail, version)) = storage.group_with_version(&group.name).await? else { continue };
        let empty = GroupDetail { generation_id: detail.generation_id, ..GroupDetail::default() };
        let updated = storage.update_group(&group.name, empty, Some(version)).await;
        if let Err(error) = updated {
            tracing::warn!(
                ?error,
                group = group.name,
                "members of an earlier run stay until their session ends"
            );
        }
    }
    Ok(())
}

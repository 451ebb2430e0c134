//! A way to the broker that can swallow the fetches of chosen clients and nothing else.

use std::{
    collections::BTreeSet,
    io,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use anyhow::Result;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    task::JoinSet,
};

/// The number of the request that asks for records.
const FETCH: i16 = 1;

/// The way; it ends when it is dropped.
pub struct Gag {
    shared: Arc<Shared>,
    _ways: JoinSet<()>,
}

#[derive(Default)]
struct Shared {
    /// Client ids that have fetched.
    fetched: Mutex<BTreeSet<Vec<u8>>>,
    silenced: Mutex<BTreeSet<Vec<u8>>>,
    swallowed: AtomicUsize,
}

impl Gag {
    /// Listens on `port` and leads to `broker`.
    pub async fn start(port: u16, broker: &str) -> Result<Self> {
        let (listener, broker) = (TcpListener::bind(("127.0.0.1", port)).await?, broker.to_owned());
        let shared = Arc::<Shared>::default();
        let mut ways = JoinSet::new();
        let of_ways = shared.clone();
        ways.spawn(async move {
            let mut open = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let (broker, shared) = (broker.clone(), of_ways.clone());
                open.spawn(async move { drop(lead(client, &broker, &shared).await) });
            }
        });
        Ok(Self { shared, _ways: ways })
    }

    /// From now on whoever has fetched so far fetches nothing; answers how many they are.
    pub fn silence_all(&self) -> usize {
        let all = self.shared.fetched.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let count = all.len();
        *self.shared.silenced.lock().unwrap_or_else(PoisonError::into_inner) = all;
        count
    }

    /// How many fetches went nowhere.
    pub fn swallowed(&self) -> usize {
        self.shared.swallowed.load(Ordering::SeqCst)
    }
}

async fn lead(client: TcpStream, broker: &str, shared: &Shared) -> io::Result<()> {
    let broker = TcpStream::connect(broker).await?;
    let ((from_client, mut to_client), (mut from_broker, to_broker)) =
        (client.into_split(), broker.into_split());
    tokio::select! {
        asked = ask(from_client, to_broker, shared) => asked,
        answered = tokio::io::copy(&mut from_broker, &mut to_client) => answered.map(drop),
    }
}

/// Passes requests on, one by one: length, number, version, correlation id, client id.
async fn ask(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, shared: &Shared) -> io::Result<()> {
    loop {
        let length = from.read_i32().await?;
        let mut request = vec![0; usize::try_from(length).unwrap_or(0)];
        from.read_exact(&mut request).await?;
        if is_swallowed(&request, shared) {
            shared.swallowed.fetch_add(1, Ordering::SeqCst);
            continue;
        }
        to.write_i32(length).await?;
        to.write_all(&request).await?;
    }
}

fn is_swallowed(request: &[u8], shared: &Shared) -> bool {
    let number = |at: usize| Some(i16::from_be_bytes([*request.get(at)?, *request.get(at + 1)?]));
    if number(0) != Some(FETCH) {
        return false;
    }
    let length = number(8).and_then(|length| usize::try_from(length).ok()).unwrap_or(0);
    let Some(client) = request.get(10..10 + length).map(<[u8]>::to_vec) else { return false };
    let is_silenced = shared.silenced.lock().unwrap_or_else(PoisonError::into_inner).contains(&client);
    shared.fetched.lock().unwrap_or_else(PoisonError::into_inner).insert(client);
    is_silenced
}

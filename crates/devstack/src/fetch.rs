//! Fetches that wait for news, not for a clock.
//!
//! nisshi answers an empty fetch by reading again after half of the time that is left, and again, some ten times until
//! the wait is over: a record that comes early waits up to half of `fetch.wait.max.ms`, and an idle consumer costs
//! twenty rounds of queries a second. Here a fetch looks once, and then once per produced batch.
//!
//! A client has one fetch under way per broker. One that begins to read asks for the partition that it is ready for
//! first, and for the others only after the answer: were that to wait, all others would. So a fetch of other
//! partitions than the one before it is answered at once.

use std::{
    collections::BTreeSet,
    mem,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use nisshi_sans_io::{
    FetchRequest, FetchResponse, ProduceRequest, ProduceResponse, RequestInput, fetch_request::FetchTopic,
};
use nisshi_storage::{
    ArcDynStorage, Error, FetchService, FetchValidationLayer, ProduceService, Storage as _, TopicId, Topition,
};
use rama::{Layer as _, Service, service::BoxService};
use tokio::{
    sync::watch,
    time::{Instant, timeout_at},
};

/// Tells all waiting fetches that something was produced.
#[derive(Debug, Clone, Default)]
pub(crate) struct News(Arc<watch::Sender<u64>>);

/// nisshi's produce, which then tells the news.
#[derive(Debug, Clone)]
pub(crate) struct Produce {
    inner: ProduceService<ArcDynStorage>,
    news: News,
}

impl Produce {
    pub fn new(storage: ArcDynStorage, news: News) -> Self {
        Self { inner: ProduceService { storage }, news }
    }
}

impl Service<RequestInput<ProduceRequest>> for Produce {
    type Output = ProduceResponse;
    type Error = Error;

    async fn serve(&self, input: RequestInput<ProduceRequest>) -> Result<ProduceResponse, Error> {
        let done = self.inner.serve(input).await;
        self.news.0.send_modify(|count| *count += 1);
        done
    }
}

/// A partition as a client names it: by its topic's name, or by its id.
type Asked = (Option<String>, Option<[u8; 16]>, i32);

/// nisshi's fetch of one connection, asked only when it has something to say or the client's wait is over.
#[derive(Debug)]
pub(crate) struct Fetch {
    storage: ArcDynStorage,
    /// What the fetch before asked for.
    before: Mutex<BTreeSet<Asked>>,
    inner: BoxService<RequestInput<FetchRequest>, FetchResponse, Error>,
    news: News,
}

impl Fetch {
    pub fn new(storage: ArcDynStorage, news: News) -> Self {
        let inner = FetchValidationLayer::new().layer(FetchService { storage: storage.clone() }).boxed();
        Self { storage, before: Mutex::default(), inner, news }
    }

    /// Whether the fetch before asked for other partitions.
    fn is_other(&self, topics: &[FetchTopic]) -> bool {
        let partitions = |topic: &FetchTopic| {
            let (name, id) = (topic.topic.clone(), topic.topic_id);
            let all = topic.partitions.iter().flatten().map(move |one| (name.clone(), id, one.partition));
            all.collect::<Vec<Asked>>()
        };
        let asked: BTreeSet<Asked> = topics.iter().flat_map(partitions).collect();
        let mut before = self.before.lock().unwrap_or_else(PoisonError::into_inner);
        mem::replace(&mut *before, asked.clone()) != asked
    }

    /// Whether any partition has something that the client has not read, or gives an error that it should hear.
    async fn has_something(&self, topics: &[FetchTopic]) -> bool {
        for topic in topics {
            let Some(name) = self.name(topic).await else { return true };
            for partition in topic.partitions.iter().flatten() {
                let topition = Topition::new(name.clone(), partition.partition);
                let nothing = match self.storage.offset_stage(&topition).await {
                    Ok(stage) => {
                        stage.log_start() <= partition.fetch_offset
                            && stage.high_watermark() <= partition.fetch_offset
                    }
                    Err(_) => false,
                };
                if !nothing {
                    return true;
                }
            }
        }
        topics.is_empty()
    }

    /// A topic's name; newer clients send its id.
    async fn name(&self, topic: &FetchTopic) -> Option<String> {
        match TopicId::from(topic) {
            TopicId::Name(name) => Some(name),
            id @ TopicId::Id(_) => {
                let metadata = self.storage.metadata(Some(&[id])).await.ok()?;
                metadata.topics().first()?.name.clone()
            }
        }
    }
}

impl Service<RequestInput<FetchRequest>> for Fetch {
    type Output = FetchResponse;
    type Error = Error;

    async fn serve(&self, mut input: RequestInput<FetchRequest>) -> Result<FetchResponse, Error> {
        let topics = input.request.topics.clone().unwrap_or_default();
        let wait = if self.is_other(&topics) { 0 } else { input.request.max_wait_ms };
        let deadline = Instant::now() + Duration::from_millis(u64::try_from(wait).unwrap_or_default());
        let mut news = self.news.0.subscribe(); // Before the look: what comes after it is news.
        while !self.has_something(&topics).await {
            if !matches!(timeout_at(deadline, news.changed()).await, Ok(Ok(()))) {
                input.request.max_wait_ms = 1; // Nothing came: one last look, no waiting of its own.
                break;
            }
        }
        self.inner.serve(input).await
    }
}

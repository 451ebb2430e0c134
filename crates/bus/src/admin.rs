//! Topics as they are in the cluster, against topics as they should be.
//!
//! `plan` shows every difference, `apply` carries out those that only add or enlarge, and shrinks and deletes nothing.

mod describe;
mod plan;

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use rdkafka::{
    TopicPartitionList,
    admin::{
        AdminClient, AdminOptions, AlterConfig, ConfigSource, NewPartitions, NewTopic, ResourceSpecifier,
        TopicReplication, TopicResult,
    },
    consumer::{BaseConsumer, Consumer as _},
    error::{KafkaError, RDKafkaErrorCode as Code},
};

use crate::{
    acls::Operation,
    aside::Aside,
    error::BusError,
    logs::Quiet,
    native,
    settings::{self, Settings},
    topics,
    watch::Probe,
};
pub use describe::{PartitionState, TopicState, Watermarks};
pub use plan::{Difference, WantedTopic};

const ASK_WAIT: Duration = Duration::from_secs(10);
/// How long the cluster may take to carry out a change.
const CHANGE_WAIT: Duration = Duration::from_secs(30);

/// Asks about topics and changes them. Cheap to clone.
#[derive(Clone)]
pub struct Admin {
    probe: Probe,
    client: Arc<Aside<AdminClient<Quiet>>>,
    settings: Settings,
}

impl fmt::Debug for Admin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admin").field("brokers", &self.settings.brokers).finish_non_exhaustive()
    }
}

impl Admin {
    /// Makes the clients; nothing is connected yet.
    pub fn new(settings: &Settings) -> Result<Self, BusError> {
        let probe = Probe::new(settings)?;
        let client = settings::base(settings)?
            .create_with_context(Quiet::of(settings))
            .map_err(|error| BusError::from_kafka(&error))?;
        Ok(Self { probe, client: Arc::new(Aside::new(client)), settings: settings.clone() })
    }

    /// Whether a broker answers within `timeout`.
    pub async fn reachable(&self, timeout: Duration) -> Result<(), BusError> {
        self.probe.ask(timeout).await
    }

    /// The state of those of these topics that exist, in the order asked for.
    pub async fn describe(&self, topics: &[&str]) -> Result<Vec<TopicState>, BusError> {
        let mut states = self.partitions(topics).await?;
        self.log_in().await?;
        let resources: Vec<ResourceSpecifier<'_>> =
            states.iter().map(|state| ResourceSpecifier::Topic(&state.name)).collect();
        if resources.is_empty() {
            return Ok(states);
        }
        let answers = self.client.describe_configs(&resources, &options()).await;
        let mut hidden = Vec::new();
        for (state, answer) in states.iter_mut().zip(answers.map_err(|error| BusError::from_kafka(&error))?) {
            let resource = answer.map_err(|code| refusal(&state.name, code))?;
            if resource.entries.is_empty() {
                hidden.push(state.name.clone());
            }
            let set = resource.entries.into_iter().filter(|entry| entry.source == ConfigSource::DynamicTopic);
            state.configs = set.filter_map(|entry| Some((entry.name, entry.value?))).collect();
        }
        self.may_see_configs(hidden).await?;
        Ok(states)
    }

    /// As `describe`, without their configs, for which one needs a right of its own.
    pub async fn partitions(&self, topics: &[&str]) -> Result<Vec<TopicState>, BusError> {
        let names: Vec<String> = topics.iter().map(|&topic| topic.to_owned()).collect();
        // All in one question, for a cluster may be asked by whoever may see one topic.
        let answer = self.probe.run(|client| client.fetch_metadata(None, ASK_WAIT)).await?;
        let states = describe::states(&answer, &names);
        for name in names.into_iter().filter(|name| states.iter().all(|state| state.name != *name)) {
            self.seen(name).await?;
        }
        Ok(states)
    }

    /// What differs from the wanted topics.
    pub async fn plan(&self, wanted: &[WantedTopic]) -> Result<Vec<Difference>, BusError> {
        let names: Vec<&str> = wanted.iter().map(|topic| topic.name.as_str()).collect();
        let states = self.describe(&names).await?;
        Ok(wanted
            .iter()
            .flat_map(|topic| plan::compare(topic, states.iter().find(|state| state.name == topic.name)))
            .collect())
    }

    /// Carries out those differences that `Difference::is_applied` says, waits until all partitions of new topics have
    /// a leader, and leaves the rest alone. A topic that appeared meanwhile is fine.
    pub async fn apply(&self, differences: &[Difference]) -> Result<(), BusError> {
        let mut made: Vec<&str> = Vec::new();
        for difference in differences.iter().filter(|difference| difference.is_applied()) {
            match difference {
                Difference::Create(topic) => {
                    self.create(topic).await?;
                    made.push(&topic.name);
                }
                Difference::Grow { topic, to, .. } => {
                    self.grow(topic, *to).await?;
                    made.push(topic);
                }
                Difference::Config { .. } | Difference::Shrink { .. } | Difference::Replication { .. } => {}
            }
        }
        self.configure(differences).await?;
        self.await_leaders(&made).await
    }

    /// Deletes a topic with all that it holds; one that is gone already is fine. For topics that a command made for
    /// itself, never for one of [`crate::TOPICS`].
    pub async fn delete(&self, topic: &str) -> Result<(), BusError> {
        if topics::topic(topic).is_some() {
            return Err(BusError::Settings(format!(
                "{topic} is not deleted: it holds what services live on"
            )));
        }
        self.log_in().await?;
        let answers = self.client.delete_topics(&[topic], &options()).await;
        check(topic, answers, Code::UnknownTopicOrPartition)
    }

    /// The oldest and the next offset of each partition of a topic.
    pub async fn watermarks(&self, topic: &str) -> Result<Vec<Watermarks>, BusError> {
        let Some(state) = self.partitions(&[topic]).await?.pop() else {
            return Err(BusError::MissingTopics(vec![topic.to_owned()]));
        };
        let ask = move |client: &BaseConsumer<Quiet>| {
            let of = |partition: &PartitionState| {
                let (low, high) = client.fetch_watermarks(&state.name, partition.id, ASK_WAIT)?;
                Ok(Watermarks { partition: partition.id, low, high })
            };
            state.partitions.iter().map(of).collect()
        };
        self.probe.run(ask).await
    }

    /// What a group has committed on a topic: each partition with its next offset, or none.
    pub async fn committed(&self, group: &str, topic: &str) -> Result<Vec<(i32, Option<i64>)>, BusError> {
        let Some(state) = self.partitions(&[topic]).await?.pop() else {
            return Err(BusError::MissingTopics(vec![topic.to_owned()]));
        };
        let mut config = settings::base(&self.settings)?;
        config.set("group.id", group);
        let ask = move |client: &BaseConsumer<Quiet>| {
            let mut list = TopicPartitionList::new();
            for partition in &state.partitions {
                list.add_partition(&state.name, partition.id);
            }
            client.committed_offsets(list, ASK_WAIT).map(|list| describe::committed(&list))
        };
        Probe::of(&self.settings, config)?.run(ask).await
    }

    /// Fails when a topic that was not named may be there and is not for us to see. Asked for by its name: no broker
    /// creates it, for the question says so (`allow.auto.create.topics`).
    async fn seen(&self, name: String) -> Result<(), BusError> {
        let asked = name.clone();
        let answer = self.probe.run(move |client| client.fetch_metadata(Some(&asked), ASK_WAIT)).await?;
        let code = answer.topics().iter().find(|topic| topic.name() == name).and_then(|topic| topic.error());
        match code.map(Code::from) {
            Some(code @ Code::TopicAuthorizationFailed) => Err(refusal(&name, code)),
            _ => Ok(()),
        }
    }

    /// Fails when we may not see the configs of one of these topics, which came without any: rdkafka takes a refusal for
    /// an empty answer, and whoever believes that would set them all anew.
    async fn may_see_configs(&self, topics: Vec<String>) -> Result<(), BusError> {
        if topics.is_empty() {
            return Ok(());
        }
        let told = self.probe.ask_for(move |client| {
            let names: Vec<&str> = topics.iter().map(String::as_str).collect();
            native::topics(client.client(), &names, ASK_WAIT)
        });
        let see = Operation::DescribeConfigs.number();
        let refuses = |told: &&native::Allowed| {
            told.operations.as_ref().is_ok_and(|told| told.as_ref().is_some_and(|told| !told.contains(&see)))
        };
        match told.await?.iter().find(refuses) {
            Some(told) => Err(BusError::Refused(format!(
                "{}: its configs may not be seen: {} ({})",
                told.name,
                Code::TopicAuthorizationFailed,
                Operation::DescribeConfigs.name()
            ))),
            None => Ok(()),
        }
    }

    /// Gives the admin client a token, if it logs in with one: nobody polls it, so it cannot ask.
    async fn log_in(&self) -> Result<(), BusError> {
        let Some(tokens) = self.settings.tokens() else { return Ok(()) };
        let client = Arc::clone(&self.client);
        let given = tokio::task::spawn_blocking(move || {
            let token = tokens.for_client().map_err(BusError::Login)?;
            native::set_token(client.inner(), &token)
        });
        given.await.map_err(|_| BusError::Closed)?
    }

    async fn create(&self, topic: &WantedTopic) -> Result<(), BusError> {
        let configs = topic.configs();
        let mut new =
            NewTopic::new(&topic.name, topic.partitions, TopicReplication::Fixed(topic.replication));
        for (key, value) in &configs {
            new = new.set(key, value);
        }
        self.log_in().await?;
        let answers = self.client.create_topics([&new], &options()).await;
        check(&topic.name, answers, Code::TopicAlreadyExists)
    }

    async fn grow(&self, topic: &str, to: i32) -> Result<(), BusError> {
        let new = NewPartitions::new(topic, usize::try_from(to).unwrap_or(0));
        self.log_in().await?;
        let answers = self.client.create_partitions([&new], &options()).await;
        check(topic, answers, Code::NoError)
    }

    /// Sets configs topic by topic. The request replaces all that a topic has, so what is set already goes along.
    async fn configure(&self, differences: &[Difference]) -> Result<(), BusError> {
        let changes = plan::changes(differences);
        let names: Vec<&str> = changes.keys().copied().collect();
        let states = self.describe(&names).await?;
        for (topic, changed) in &changes {
            let mut all: BTreeMap<&str, &str> = BTreeMap::new();
            if let Some(state) = states.iter().find(|state| state.name == *topic) {
                all.extend(state.configs.iter().map(|(key, value)| (key.as_str(), value.as_str())));
            }
            all.extend(changed);
            let mut request = AlterConfig::new(ResourceSpecifier::Topic(topic));
            for (key, value) in &all {
                request = request.set(key, value);
            }
            self.log_in().await?;
            let answers = self.client.alter_configs([&request], &options()).await;
            for answer in answers.map_err(|error| BusError::from_kafka(&error))? {
                answer.map_err(|(_, code)| refusal(topic, code))?;
            }
        }
        Ok(())
    }

    async fn await_leaders(&self, topics: &[&str]) -> Result<(), BusError> {
        let deadline = tokio::time::Instant::now() + ASK_WAIT;
        loop {
            let states = self.partitions(topics).await?;
            let led =
                |state: &TopicState| state.partitions.iter().all(|partition| partition.leader.is_some());
            if states.len() == topics.len() && states.iter().all(led) {
                return Ok(());
            }
            if tokio::time::Instant::now() >= deadline {
                return Err(BusError::Unavailable("new partitions have no leader yet".into()));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

fn options() -> AdminOptions {
    AdminOptions::new().request_timeout(Some(CHANGE_WAIT)).operation_timeout(Some(ASK_WAIT))
}

fn check(topic: &str, answers: Result<Vec<TopicResult>, KafkaError>, fine: Code) -> Result<(), BusError> {
    for answer in answers.map_err(|error| BusError::from_kafka(&error))? {
        match answer {
            Ok(_) => {}
            Err((_, code)) if code == fine => {}
            Err((_, code)) => return Err(refusal(topic, code)),
        }
    }
    Ok(())
}

fn refusal(topic: &str, code: Code) -> BusError {
    BusError::from_code(Some(code), format!("{topic}: {code}"))
}

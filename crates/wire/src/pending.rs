//! What has to be asked for.

use okr::time::micros;
use serde::{Deserialize, Serialize};

/// Something moved in a tool whose webhook does not say how it stands now. The value of `okr.pending`; whoever reads it
/// asks the tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// The configured sender: `/in/{source}`.
    pub source: String,
    /// The source's kind when it came.
    pub kind: String,
    /// What the object's id is unique in.
    pub namespace: String,
    /// What it is, in the tool's word, such as `goal`.
    pub object_type: String,
    /// The tool's id of it.
    pub object_id: String,
    /// What happened to it, as far as the webhook says.
    pub change: okr::Change,
    /// When it happened, as the tool says.
    #[serde(with = "perhaps")]
    pub occurred_at: Option<jiff::Timestamp>,
    /// The tool's id of who did it.
    pub actor: Option<String>,
    /// When the gateway had the whole delivery.
    #[serde(with = "micros")]
    pub received_at: jiff::Timestamp,
    /// The delivery that said so: with the source, the arrival's key.
    pub delivery_id: String,
    /// Where the arrival lies in `okr.arrivals`.
    pub arrival_partition: i32,
    /// Where the arrival lies in its partition.
    pub arrival_offset: i64,
}

/// A time that may be absent.
mod perhaps {
    use jiff::Timestamp;
    use okr::time::micros;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    #[serde(transparent)]
    struct Moment(#[serde(with = "micros")] Timestamp);

    pub fn serialize<S: Serializer>(at: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
        at.map(Moment).serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
        Ok(Option::<Moment>::deserialize(deserializer)?.map(|moment| moment.0))
    }
}

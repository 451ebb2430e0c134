//! The two things that librdkafka can do and its Rust binding cannot: give a token to an admin client, which the binding
//! never polls, and ask a broker what we may do (KIP-430). The only unsafe code of the house.
#![allow(unsafe_code)]

use std::{
    ffi::{CStr, CString, c_char},
    ptr::NonNull,
    time::Duration,
};

use rdkafka::{
    bindings as c,
    client::{Client, ClientContext, OAuthToken},
    error::RDKafkaErrorCode as Code,
    types::RDKafkaRespErr,
};

use crate::error::BusError;

/// Room for the words of an error.
const WORDS_BYTES: usize = 512;

/// What a broker says about one topic or group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Allowed {
    pub(crate) name: String,
    /// The operations that we may do, as numbers of the Kafka protocol; none if the broker does not tell. Or why it
    /// says nothing of this name.
    pub(crate) operations: Result<Option<Vec<u32>>, Code>,
}

/// Lets a client log in with this token. What was given before is forgotten.
pub(crate) fn set_token<C: ClientContext>(client: &Client<C>, token: &OAuthToken) -> Result<(), BusError> {
    let value = text(&token.token)?;
    let principal = text(&token.principal_name)?;
    let mut words = [0 as c_char; WORDS_BYTES];
    // SAFETY: the client outlives the call, the texts are copied by it, and `words` has the length that is told.
    let code = unsafe {
        c::rd_kafka_oauthbearer_set_token(
            client.native_ptr(),
            value.as_ptr(),
            token.lifetime_ms,
            principal.as_ptr(),
            std::ptr::null_mut(),
            0,
            words.as_mut_ptr(),
            words.len(),
        )
    };
    if code == RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
        return Ok(());
    }
    // SAFETY: librdkafka ends what it writes there with a NUL; before, it was all NUL.
    let why = unsafe { CStr::from_ptr(words.as_ptr()) };
    Err(BusError::Login(why.to_string_lossy().into_owned()))
}

/// What we may do with these topics; nothing is said where the broker does not know the question. Blocks for `wait` at
/// most; creates nothing.
pub(crate) fn topics<C: ClientContext>(
    client: &Client<C>,
    names: &[&str],
    wait: Duration,
) -> Result<Vec<Allowed>, BusError> {
    let (_texts, mut names) = pointers(names)?;
    let ask = Ask::new(client, c::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS, wait)?;
    // SAFETY: `names` holds that many pointers to texts that live on; the collection copies them and is freed once
    // asked with, as librdkafka allows. The answer lives until the end of this function, and all that is read of it is
    // copied.
    unsafe {
        let wanted = c::rd_kafka_TopicCollection_of_topic_names(names.as_mut_ptr(), names.len());
        c::rd_kafka_DescribeTopics(client.native_ptr(), wanted, ask.options.0.as_ptr(), ask.queue.0.as_ptr());
        c::rd_kafka_TopicCollection_destroy(wanted);
        let Some(answer) = ask.answer()? else { return Ok(Vec::new()) };
        let result = c::rd_kafka_event_DescribeTopics_result(answer.0.as_ptr());
        if result.is_null() {
            return Err(BusError::Unavailable("no description of topics".into()));
        }
        let mut count = 0;
        let all = c::rd_kafka_DescribeTopics_result_topics(result, &mut count);
        let read = |&topic: &*const c::rd_kafka_TopicDescription_t| {
            let mut count = 0;
            let list = c::rd_kafka_TopicDescription_authorized_operations(topic, &mut count);
            Allowed {
                name: owned(c::rd_kafka_TopicDescription_name(topic)),
                operations: told(c::rd_kafka_TopicDescription_error(topic), list, count),
            }
        };
        Ok(slice(all, count).iter().map(read).collect())
    }
}

/// What we may do with this group, as for topics. Blocks for `wait` at most.
pub(crate) fn group<C: ClientContext>(
    client: &Client<C>,
    name: &str,
    wait: Duration,
) -> Result<Vec<Allowed>, BusError> {
    let (_texts, mut names) = pointers(&[name])?;
    let ask = Ask::new(client, c::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS, wait)?;
    // SAFETY: as for topics; the names are copied by the call.
    unsafe {
        c::rd_kafka_DescribeConsumerGroups(
            client.native_ptr(),
            names.as_mut_ptr(),
            names.len(),
            ask.options.0.as_ptr(),
            ask.queue.0.as_ptr(),
        );
        let Some(answer) = ask.answer()? else { return Ok(Vec::new()) };
        let result = c::rd_kafka_event_DescribeConsumerGroups_result(answer.0.as_ptr());
        if result.is_null() {
            return Err(BusError::Unavailable("no description of groups".into()));
        }
        let mut count = 0;
        let all = c::rd_kafka_DescribeConsumerGroups_result_groups(result, &mut count);
        let read = |&group: &*const c::rd_kafka_ConsumerGroupDescription_t| {
            let mut count = 0;
            let list = c::rd_kafka_ConsumerGroupDescription_authorized_operations(group, &mut count);
            Allowed {
                name: owned(c::rd_kafka_ConsumerGroupDescription_group_id(group)),
                operations: told(c::rd_kafka_ConsumerGroupDescription_error(group), list, count),
            }
        };
        Ok(slice(all, count).iter().map(read).collect())
    }
}

/// One question to the brokers: its options, and the queue that its answer comes to.
struct Ask {
    options: Options,
    queue: Queue,
    wait: Duration,
}

struct Options(NonNull<c::rd_kafka_AdminOptions_t>);

impl Options {
    /// Without it the answer would say nothing of rights, as if nothing were lacking.
    fn ask_for_rights(&self) -> Result<(), BusError> {
        // SAFETY: the options live; an error is a value of ours, read and then freed once.
        unsafe {
            let error = c::rd_kafka_AdminOptions_set_include_authorized_operations(self.0.as_ptr(), 1);
            if error.is_null() {
                return Ok(());
            }
            let why = owned(c::rd_kafka_error_string(error));
            c::rd_kafka_error_destroy(error);
            Err(BusError::Settings(why))
        }
    }

    fn wait(&self, millis: i32) -> Result<(), BusError> {
        let mut words = [0 as c_char; WORDS_BYTES];
        // SAFETY: the options live, and `words` has the length that is told; what is written there ends with a NUL.
        unsafe {
            let (options, room) = (self.0.as_ptr(), words.len());
            let code =
                c::rd_kafka_AdminOptions_set_request_timeout(options, millis, words.as_mut_ptr(), room);
            if code == RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
                return Ok(());
            }
            Err(BusError::Settings(owned(words.as_ptr())))
        }
    }
}

impl Drop for Options {
    fn drop(&mut self) {
        // SAFETY: made by `Ask::new`, and nobody else frees it.
        unsafe { c::rd_kafka_AdminOptions_destroy(self.0.as_ptr()) };
    }
}

struct Queue(NonNull<c::rd_kafka_queue_t>);

impl Drop for Queue {
    fn drop(&mut self) {
        // SAFETY: made by `Ask::new`, and nobody else frees it.
        unsafe { c::rd_kafka_queue_destroy(self.0.as_ptr()) };
    }
}

impl Ask {
    fn new<C: ClientContext>(
        client: &Client<C>,
        what: c::rd_kafka_admin_op_t,
        wait: Duration,
    ) -> Result<Self, BusError> {
        let none = || BusError::Settings("librdkafka made no question".into());
        // SAFETY: the client lives, and the value is freed by `drop`, once.
        let options = unsafe { NonNull::new(c::rd_kafka_AdminOptions_new(client.native_ptr(), what)) };
        let options = Options(options.ok_or_else(none)?);
        options.ask_for_rights()?;
        options.wait(millis(wait))?;
        // SAFETY: as above. It comes last, so that nothing can fail while it belongs to nobody.
        let queue = unsafe { NonNull::new(c::rd_kafka_queue_new(client.native_ptr())) };
        Ok(Self { options, queue: Queue(queue.ok_or_else(none)?), wait })
    }

    /// None where the broker is too old to know the question.
    fn answer(&self) -> Result<Option<Answer>, BusError> {
        // SAFETY: the queue lives; the event is a value of ours, freed by `Answer`.
        let event = unsafe { c::rd_kafka_queue_poll(self.queue.0.as_ptr(), millis(self.wait)) };
        let event = NonNull::new(event).ok_or_else(|| BusError::Unavailable("no answer in time".into()))?;
        let answer = Answer(event);
        // SAFETY: the event lives.
        let code = unsafe { c::rd_kafka_event_error(event.as_ptr()) };
        if code == RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
            return Ok(Some(answer));
        }
        match Code::from(code) {
            Code::UnsupportedFeature | Code::UnsupportedVersion => Ok(None),
            code => Err(BusError::from_code(Some(code), code.to_string())),
        }
    }
}

/// librdkafka takes an hour at most, and tells so.
fn millis(wait: Duration) -> i32 {
    i32::try_from(wait.as_millis()).unwrap_or(i32::MAX)
}

struct Answer(NonNull<c::rd_kafka_event_t>);

impl Drop for Answer {
    fn drop(&mut self) {
        // SAFETY: polled by `Ask::answer`, and nobody else frees it.
        unsafe { c::rd_kafka_event_destroy(self.0.as_ptr()) };
    }
}

fn text(text: &str) -> Result<CString, BusError> {
    CString::new(text).map_err(|_| BusError::Settings("a text for librdkafka holds a NUL".into()))
}

/// The texts, which have to live as long as the pointers to them are used.
fn pointers(names: &[&str]) -> Result<(Vec<CString>, Vec<*const c_char>), BusError> {
    let texts = names.iter().map(|name| text(name)).collect::<Result<Vec<_>, _>>()?;
    let pointers = texts.iter().map(|text| text.as_ptr()).collect();
    Ok((texts, pointers))
}

/// SAFETY: for the caller: `list` points to `count` values that live while the slice does, or is null.
unsafe fn slice<'a, T>(list: *mut T, count: usize) -> &'a [T] {
    if list.is_null() {
        return &[];
    }
    // SAFETY: what the caller promises.
    unsafe { std::slice::from_raw_parts(list, count) }
}

/// SAFETY: for the caller: `text` ends with a NUL, or is null.
unsafe fn owned(text: *const c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: what the caller promises.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}

/// SAFETY: for the caller: `error` lives or is null, `list` points to `count` operations or is null.
unsafe fn told(
    error: *const c::rd_kafka_error_t,
    list: *const c::rd_kafka_AclOperation_t,
    count: usize,
) -> Result<Option<Vec<u32>>, Code> {
    if !error.is_null() {
        // SAFETY: what the caller promises.
        let code = unsafe { c::rd_kafka_error_code(error) };
        if code != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
            return Err(Code::from(code));
        }
    }
    if list.is_null() {
        return Ok(None);
    }
    // SAFETY: what the caller promises; an operation is a number of four bytes.
    Ok(Some(unsafe { std::slice::from_raw_parts(list.cast::<u32>(), count) }.to_vec()))
}

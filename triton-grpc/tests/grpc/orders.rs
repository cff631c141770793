//! Orders to instances as a client of the original gives them, and what became of them.

use std::sync::Arc;

use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, SerializeOptions};
use serde_json::{Value, json};
use tonic::{Code, Status};
use triton_core::model::{InstanceId, NonUpdateStrategy, RawSize, UpdateStrategy};
use triton_core::service::{ApiError, ApiErrorKind, InstanceOrder, LifecycleApi, Made, RollbackTo};
use triton_grpc::application::application_client::ApplicationClient;
use triton_grpc::application::{
    EmptyReply, InstanceMeta, InstanceMetaRequest, RollbackReply, RollbackRequest, ScaleRequest, StartRequest,
};
use triton_grpc::server::Config;

use crate::fake::Fake;
use crate::server::Served;
use crate::views;

#[tokio::test]
async fn the_articles_scale_answers_with_the_flow_that_it_made() {
    let (fake, served) = start().await;
    let request = json!({
        "instance": { "name": "12122-sample-10010", "namespace": "default" },
        "replicas": 2,
        "strategy": {
            "podsToDelete": ["12122-sample-10010-zh98f"],
            "batchSize": "1",
            "batches": "1",
            "batchIntervalSeconds": 10,
        },
    });
    let request: ScaleRequest = from_json("application.ScaleRequest", request);
    let reply = client(&served).await.scale(request).await.unwrap().into_inner();
    assert_eq!(to_json("application.ScaleReply", &reply), json!({ "deployName": "df" }));

    let strategy = NonUpdateStrategy {
        batch_size: Some(RawSize::Int(1)),
        batches: Some(1),
        batch_interval_seconds: Some(10),
        pods_to_delete: Some(vec!["12122-sample-10010-zh98f".into()]),
        ..NonUpdateStrategy::default()
    };
    assert_eq!(fake.orders(), [(instance(), InstanceOrder::Scale { replicas: 2, strategy }, None)]);
}

#[tokio::test]
async fn a_rollback_answers_with_its_flow_and_the_one_it_returns_to() {
    let (fake, served) = start().await;
    let request = json!({
        "instance": { "name": "12122-sample-10010", "namespace": "default" },
        "deployName": "12122-sample-10010-df",
        "strategy": { "batchSize": "25%", "mode": "auto" },
        "requestID": "7f3a",
    });
    let request: RollbackRequest = from_json("application.RollbackRequest", request);
    let reply: RollbackReply = client(&served).await.rollback(request).await.unwrap().into_inner();
    let expected = json!({ "deployName": "df", "rollbackTo": "12122-sample-10010-df" });
    assert_eq!(to_json("application.RollbackReply", &reply), expected);

    let strategy = UpdateStrategy {
        batch_size: Some(RawSize::Text("25%".into())),
        mode: Some("auto".into()),
        ..UpdateStrategy::default()
    };
    let to = RollbackTo::Flow("12122-sample-10010-df".parse().unwrap());
    assert_eq!(fake.orders(), [(instance(), InstanceOrder::Rollback { to, strategy }, Some("7f3a".into()))]);
}

#[tokio::test]
async fn a_delete_of_an_absent_instance_succeeds_and_names_no_flow() {
    let (_fake, served) = start().await;
    let absent = Some(InstanceMeta { namespace: "default".into(), name: "absent".into() });
    let request = InstanceMetaRequest { instance: absent, ..InstanceMetaRequest::default() };
    let reply: EmptyReply = client(&served).await.delete(request).await.unwrap().into_inner();
    assert_eq!(to_json("application.EmptyReply", &reply), json!({}));
}

#[tokio::test]
async fn an_order_that_the_core_refuses_is_refused_in_the_terms_of_the_request() {
    let (fake, served) = start().await;
    let mut orders = client(&served).await;
    let meta = Some(InstanceMeta { namespace: "default".into(), name: "12122-sample-10010".into() });

    let words = "spec.nonUpdateStrategy.podsToDelete[0]: is listed twice; spec.application.replicas: no";
    fake.refuse(ApiError::new(ApiErrorKind::InvalidArgument, words));
    let scale = ScaleRequest { instance: meta.clone(), ..ScaleRequest::default() };
    let told = "strategy.podsToDelete[0]: is listed twice; replicas: no";
    refused(orders.scale(scale).await, Code::InvalidArgument, told);

    fake.refuse(ApiError::new(ApiErrorKind::InvalidArgument, "spec.updateStrategy.canary: no"));
    let rollback = RollbackRequest { instance: meta.clone(), ..RollbackRequest::default() };
    refused(orders.rollback(rollback).await, Code::InvalidArgument, "strategy.canary: no");

    fake.refuse(ApiError::new(ApiErrorKind::FailedPrecondition, "spec.nonUpdateStrategy: prose"));
    let start = StartRequest { instance: meta, replicas: Some(0), ..StartRequest::default() };
    refused(orders.start(start).await, Code::FailedPrecondition, "spec.nonUpdateStrategy: prose");

    fake.refuse(ApiError::new(ApiErrorKind::NotFound, "there is no instance"));
    let none = ScaleRequest { instance: None, ..ScaleRequest::default() };
    refused(orders.scale(none).await, Code::InvalidArgument, "instance: must be given");
}

#[tokio::test]
async fn the_client_gives_every_order_and_gets_its_flow_and_the_words_of_the_core() {
    let (fake, served) = start().await;
    let client = served.client().await;
    let plain = NonUpdateStrategy::default;
    let orders = [
        InstanceOrder::Restart { strategy: plain() },
        InstanceOrder::Scale { replicas: 2, strategy: plain() },
        InstanceOrder::Rollback { to: RollbackTo::LastGood, strategy: UpdateStrategy::default() },
        InstanceOrder::Start { replicas: None, strategy: plain() },
        InstanceOrder::Stop { strategy: plain() },
        InstanceOrder::Delete { strategy: plain() },
    ];
    for order in orders.clone() {
        let made = client.order(&instance(), order, Some("7f3a")).await;
        assert_eq!(made, Ok(Made { flow: Some(views::smoked("df")), rollback_to: String::new() }));
    }
    assert_eq!(fake.orders().into_iter().map(|(_, order, _)| order).collect::<Vec<_>>(), orders);

    let words = ApiError::new(ApiErrorKind::InvalidArgument, "spec.nonUpdateStrategy.batchSize: no");
    fake.refuse(words.clone());
    let stop = InstanceOrder::Stop { strategy: plain() };
    assert_eq!(client.order(&instance(), stop, None).await, Err(words));
}

async fn start() -> (Arc<Fake>, Served) {
    let fake = Arc::new(Fake::with([views::smoked("df")]));
    let served = Served::start(fake.clone(), Config::default()).await;
    (fake, served)
}

async fn client(served: &Served) -> ApplicationClient<tonic::transport::Channel> {
    ApplicationClient::connect(served.address.clone()).await.unwrap()
}

fn instance() -> InstanceId {
    InstanceId { namespace: "default".parse().unwrap(), name: "12122-sample-10010".parse().unwrap() }
}

fn refused<T: std::fmt::Debug>(outcome: Result<T, Status>, code: Code, words: &str) {
    let status = outcome.unwrap_err();
    assert_eq!((status.code(), status.message()), (code, words));
}

/// A message as generic clients write it.
fn from_json<T: Message + Default>(name: &str, value: Value) -> T {
    let message = DynamicMessage::deserialize(descriptor(name), value).unwrap();
    T::decode(message.encode_to_vec().as_slice()).unwrap()
}

/// A message as generic clients show it.
fn to_json(name: &str, message: &impl Message) -> Value {
    let message = DynamicMessage::decode(descriptor(name), message.encode_to_vec().as_slice()).unwrap();
    let options = SerializeOptions::new();
    message.serialize_with_options(serde_json::value::Serializer, &options).unwrap()
}

fn descriptor(name: &str) -> prost_reflect::MessageDescriptor {
    let pool = DescriptorPool::decode(triton_grpc::FILE_DESCRIPTOR_SET).unwrap();
    pool.get_message_by_name(name).unwrap()
}

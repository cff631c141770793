//! What a stranger with a generic client finds: refusals that name fields, health, descriptions, limits.

use std::sync::Arc;
use std::time::Duration;

use prost::bytes::{Buf, BufMut};
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus};
use triton_core::service::{ApiErrorKind, DeployApi, FlowFilter, Lifecycle, Service};
use triton_core::sim::{Sim, Timing};
use triton_grpc::application::InstanceMetaRequest;
use triton_grpc::application::application_client::ApplicationClient;
use triton_grpc::client::Client;
use triton_grpc::deployflow::deploy_flow_client::DeployFlowClient;
use triton_grpc::deployflow::{
    ApplicationSpec, ContinueRequest, CreateRequest, DeployFilter, DeployMeta, DeployMetaRequest,
    DeploysRequest, NextRequest, UpdateStrategy, WatchRequest,
};
use triton_grpc::pod::PodMetaRequest;
use triton_grpc::pod::pod_client::PodClient;
use triton_grpc::server::{Config, Reflection};
use triton_grpc::{Age, ViewAge};

use crate::fake::Fake;
use crate::server::{Served, in_time};
use crate::views;

#[tokio::test]
async fn bad_input_is_refused_and_the_field_named_as_the_request_has_it() {
    let served = fake().await;
    let channel = channel(&served).await;
    let mut deploys = DeployFlowClient::new(channel.clone());
    let meta =
        |namespace: &str, name: &str| Some(DeployMeta { namespace: namespace.into(), name: name.into() });
    let upper = DeployMetaRequest { deploy: meta("default", "DF") };

    refused(deploys.get(DeployMetaRequest::default()).await, "deploy: must be given");
    refused(deploys.get(upper.clone()).await, "deploy.name: ");
    refused(deploys.pause(upper.clone()).await, "deploy.name: ");
    refused(deploys.resume(upper.clone()).await, "deploy.name: ");
    refused(deploys.cancel(upper.clone()).await, "deploy.name: ");
    refused(deploys.delete(upper).await, "deploy.name: ");
    refused(deploys.next(NextRequest { deploy: meta("", "df"), expected: None }).await, "deploy.namespace: ");
    let no_target = ContinueRequest { deploy: meta("default", "df"), target: None };
    refused(deploys.r#continue(no_target).await, "target: must be given");
    refused(deploys.watch(WatchRequest::default()).await, "deploy: must be given");
    let filter = DeploysRequest { filter: Some(DeployFilter { page_size: -1, ..Default::default() }) };
    refused(deploys.gets(filter.clone()).await, "filter.pageSize: ");
    refused(deploys.list_and_watch(filter).await, "filter.pageSize: ");
    let mut applications = ApplicationClient::new(channel.clone());
    refused(applications.get(InstanceMetaRequest::default()).await, "instance: must be given");
    refused(PodClient::new(channel).get(PodMetaRequest::default()).await, "pod: must be given");
}

#[tokio::test]
async fn an_application_that_the_core_refuses_is_refused_in_the_terms_of_the_request() {
    let host = Sim::new(1, Timing::default()).host();
    let service = Service { store: host.clone(), names: host.clone() };
    let lifecycle = Lifecycle { deploys: service.clone(), instances: host.clone() };
    let served =
        Served::start_each(Arc::new(service), Arc::new(host), Arc::new(lifecycle), Config::default()).await;
    let request = CreateRequest {
        namespace: "default".into(),
        app_id: -1,
        app_name: "app".into(),
        instance_name: "12122-sample-10010".into(),
        application_spec: Some(ApplicationSpec { replicas: Some(10_001), ..Default::default() }),
        strategy: Some(UpdateStrategy {
            batch_size: "0%".into(),
            mode: "whenever".into(),
            ..Default::default()
        }),
        ..Default::default()
    };
    let mut deploys = DeployFlowClient::new(channel(&served).await);
    let status = deploys.create(request.clone()).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert_eq!(deploys.dry_run(request.clone()).await.unwrap_err().message(), status.message());
    refused(deploys.dry_run(CreateRequest { request_id: "one".into(), ..request }).await, "requestID: ");
    for fault in
        ["appID: ", "applicationSpec.replicas: ", "template: ", "strategy.batchSize: ", "strategy.mode: "]
    {
        assert!(status.message().contains(fault), "{fault} is not in {}", status.message());
    }
    assert!(!status.message().contains("spec.application."), "{}", status.message());
}

#[tokio::test]
async fn bytes_that_are_no_message_are_bad_input() {
    let served = fake().await;
    let mut grpc = tonic::client::Grpc::new(channel(&served).await);
    grpc.ready().await.unwrap();
    let path = "/deployflow.DeployFlow/Get".parse().unwrap();
    let status = grpc.unary(Request::new(vec![0xff; 16]), path, Bytes).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument, "{status}");
    assert!(status.message().starts_with("the request cannot be read"), "{status}");
}

#[tokio::test]
async fn a_request_that_is_too_large_is_refused_and_the_server_goes_on() {
    let served = fake().await;
    let channel = channel(&served).await;
    let mut pods = PodClient::new(channel.clone());
    let huge = triton_grpc::pod::PodMeta { namespace: "n".repeat(300 << 10), name: String::new() };
    let status = pods.get(PodMetaRequest { pod: Some(huge) }).await.unwrap_err();
    assert!(matches!(status.code(), Code::OutOfRange | Code::ResourceExhausted), "{status}");
    assert!(DeployFlowClient::new(channel).gets(DeploysRequest::default()).await.is_ok());
}

#[tokio::test]
async fn a_page_that_does_not_fit_is_cut_and_the_client_asks_for_the_rest() {
    let large = |number: u32| {
        let mut view = views::smoked(&format!("df-{number:03}"));
        view.record.message = "x".repeat(100_000);
        view
    };
    let fake = Arc::new(Fake::with((0..100).map(large)));
    let served = Served::start(fake.clone(), Config::default()).await;
    let mut raw = DeployFlowClient::new(channel(&served).await);
    let reply = raw.gets(DeploysRequest::default()).await.unwrap().into_inner();
    assert!(reply.more);
    assert!((20..50).contains(&reply.deploys.len()), "{}", reply.deploys.len());

    let client = served.client().await;
    let all = fake.list(&FlowFilter::default()).await.unwrap();
    assert_eq!(client.list(&FlowFilter::default()).await.unwrap(), all);
    let page = FlowFilter { start: 10, page_size: 60, ..FlowFilter::default() };
    assert_eq!(client.list(&page).await.unwrap(), all[10..70]);
}

#[tokio::test]
async fn the_health_service_knows_the_services() {
    let served = fake().await;
    let mut health = HealthClient::new(channel(&served).await);
    for service in ["", "deployflow.DeployFlow", "application.Application", "pod.Pod"] {
        let answer = health.check(HealthCheckRequest { service: service.into() }).await.unwrap();
        assert_eq!(answer.into_inner().status(), ServingStatus::Serving, "{service:?}");
    }
    let unknown = health.check(HealthCheckRequest { service: "deployflow.None".into() }).await.unwrap_err();
    assert_eq!(unknown.code(), Code::NotFound);
}

#[tokio::test]
async fn descriptions_are_served_in_both_versions_unless_told_otherwise() {
    let versions = ["grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"];
    for (reflection, served) in
        [(Reflection::Loopback, true), (Reflection::Everybody, true), (Reflection::Nobody, false)]
    {
        let fake = Arc::new(Fake::default());
        let config = Config { reflection, ..Config::default() };
        let server = Served::start(fake, config).await;
        for version in versions {
            let services = services(channel(&server).await, version).await;
            match services {
                Ok(names) => {
                    assert!(served, "{version} is served although {reflection:?}");
                    for name in ["deployflow.DeployFlow", "application.Application", "pod.Pod"] {
                        assert!(names.contains(name), "{name} is not in {names}");
                    }
                }
                Err(status) => {
                    assert!(!served, "{version}: {status}");
                    assert_eq!(status.code(), Code::Unimplemented);
                }
            }
        }
    }
}

#[tokio::test]
async fn every_answer_tells_how_old_it_is_and_what_is_too_old() {
    let told = ViewAge { age: Duration::from_secs(80), stale: Some("pods".into()) };
    let age = told.clone();
    let config = Config { age: Age::new(move || Some(age.clone())), ..Config::default() };
    let served = Served::start(Arc::new(Fake::default()), config).await;
    let client = served.client().await;
    assert_eq!(client.view_age(), None, "nothing was asked yet");
    client.list(&FlowFilter::default()).await.unwrap();
    assert_eq!(client.view_age(), Some(told.clone()));
    let client = served.client().await;
    let missing = views::id("missing");
    let _ = client.get(&missing).await;
    assert_eq!(client.view_age(), Some(told.clone()), "an error tells it, too");
    let client = served.client().await;
    let _stream = client.list_and_watch(&FlowFilter::default()).await;
    assert_eq!(client.view_age(), Some(told), "a stream tells it when it begins");
}

#[tokio::test]
async fn a_client_says_when_nobody_is_there() {
    let refused = in_time(Client::connect("http://127.0.0.1:1")).await.map(|_| ()).unwrap_err();
    assert_eq!(refused.kind, ApiErrorKind::Unavailable);
    assert!(refused.message.contains("127.0.0.1:1"), "{refused}");
    for address in ["https://127.0.0.1:1", "HTTPS://operator.example"] {
        let refused = in_time(Client::connect(address)).await.map(|_| ()).unwrap_err();
        assert_eq!(refused.kind, ApiErrorKind::InvalidArgument, "{refused}");
        assert!(
            refused.message.contains("TLS is not built") && refused.message.contains("http://"),
            "{refused}"
        );
    }
    let refused = Client::connect("not an address").await.map(|_| ()).unwrap_err();
    assert_eq!(refused.kind, ApiErrorKind::InvalidArgument);
}

async fn fake() -> Served {
    let fake = Arc::new(Fake::default());
    Served::start(fake, Config::default()).await
}

async fn channel(served: &Served) -> Channel {
    Endpoint::from_shared(served.address.clone()).unwrap().connect().await.unwrap()
}

fn refused<T>(outcome: Result<T, Status>, begins: &str) {
    let status = outcome.err().expect("bad input is refused");
    assert_eq!(status.code(), Code::InvalidArgument, "{status}");
    assert!(status.message().starts_with(begins), "{}", status.message());
}

/// The answer to "list_services" of a reflection service, as text.
async fn services(channel: Channel, service: &str) -> Result<String, Status> {
    // Field 7 of the request, list_services, is a text.
    let list_services = vec![0x3a, 0x01, b'*'];
    let mut grpc = tonic::client::Grpc::new(channel);
    grpc.ready().await.unwrap();
    let path = format!("/{service}/ServerReflectionInfo").parse().unwrap();
    let requests = futures::stream::iter([list_services]);
    let mut answers = grpc.streaming(Request::new(requests), path, Bytes).await?.into_inner();
    let answer = answers.message().await?.expect("an answer");
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// Messages as bytes.
struct Bytes;

impl Codec for Bytes {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Bytes {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, item: Vec<u8>, out: &mut EncodeBuf<'_>) -> Result<(), Status> {
        out.put_slice(&item);
        Ok(())
    }
}

impl Decoder for Bytes {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        let mut bytes = vec![0; from.remaining()];
        from.copy_to_slice(&mut bytes);
        Ok(Some(bytes))
    }
}

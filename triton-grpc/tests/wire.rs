//! A client generated from the original's proto files must keep working: every service, message and field
//! number of Triton v0.1, written down once more and compared with what is served.

#![allow(missing_docs, clippy::unwrap_used, reason = "tests are sentences, and may panic")]

use std::collections::BTreeMap;

use prost::Message;
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, FieldDescriptorProto, FileDescriptorSet};

/// `message: name number type, ...`; `*` = repeated; a type without a dot is a scalar; a type that begins
/// with a dot is a message.
const MESSAGES: &str = "
deployflow.DeployMeta: namespace 1 string, name 2 string
deployflow.DeployFilter: namespace 1 string, instanceName 2 string, action 3 string, start 4 int32, pageSize 5 int32, after 6 .google.protobuf.Timestamp
deployflow.TargetState: stage 1 string, batches 2 int32
deployflow.PodInfo: name 1 string, ip 2 string, port 3 int32, phase 4 string, pullInStatus 5 string
deployflow.Batch: batch 1 int32, batchSize 2 int32, canary 3 bool, phase 4 string, failedReplicas 5 int32, pods 6 *.deployflow.PodInfo, startedAt 7 .google.protobuf.Timestamp, finishedAt 8 .google.protobuf.Timestamp
deployflow.Deploy: namespace 1 string, name 2 string, appID 3 int32, groupID 4 int32, appName 5 string, instanceName 6 string, replicas 7 int32, action 8 string, availableReplicas 9 int32, updatedReplicas 10 int32, updatedReadyReplicas 11 int32, updateRevision 12 string, conditions 13 *.deployflow.Batch, paused 14 bool, phase 15 string, finished 16 bool, batches 17 int32, batchSize 18 int32, finishedBatches 19 int32, finishedReplicas 20 int32, failedReplicas 21 int32, startedAt 22 .google.protobuf.Timestamp, finishedAt 23 .google.protobuf.Timestamp, mode 24 string, batchIntervalSeconds 25 int32, timeoutSeconds 26 int32, gracefulPeriodSeconds 27 int32, canary 28 int32, updatedAt 29 .google.protobuf.Timestamp
deployflow.UpdateStrategy: canary 1 int32, batchSize 2 string, noPullIn 3 bool, stage 4 string, batches 5 int32, batchIntervalSeconds 6 int32, mode 7 string
deployflow.NonUpdateStrategy: batchSize 1 string, podsToDelete 2 *string, batches 3 int32, batchIntervalSeconds 4 int32, mode 5 string
deployflow.SidecarSpec: name 1 string, image 2 string, envs 3 *.deployflow.EnvVar, cpu 4 string, memory 5 string, guaranteedCPU 6 string, guaranteedMemory 7 string, containerPorts 8 *.deployflow.ContainerPort
deployflow.ApplicationSpec: appID 1 int32, groupID 2 int32, appName 3 string, instanceName 4 string, replicas 5 .google.protobuf.Int32Value, applicationType 6 string, applicationLabel 7 *.deployflow.ApplicationSpec.ApplicationLabelEntry
deployflow.ApplicationSpec.ApplicationLabelEntry: key 1 string, value 2 string
deployflow.EnvVar: name 1 string, value 2 string
deployflow.ContainerPort: hostPort 1 int32, containerPort 2 int32, protocol 3 string, name 4 string
deployflow.DeployMetaRequest: deploy 1 .deployflow.DeployMeta
deployflow.DeploysRequest: filter 1 .deployflow.DeployFilter
deployflow.ContinueRequest: deploy 1 .deployflow.DeployMeta, target 2 .deployflow.TargetState
deployflow.NextRequest: deploy 1 .deployflow.DeployMeta
deployflow.WatchRequest: deploy 1 .deployflow.DeployMeta, target 2 .deployflow.TargetState
deployflow.CreateRequest: appID 1 int32, groupID 2 int32, appName 3 string, instanceName 4 string, namespace 5 string, applicationSpec 6 .deployflow.ApplicationSpec, strategy 7 .deployflow.UpdateStrategy
deployflow.DeployReply: deploy 1 .deployflow.Deploy
deployflow.DeploysReply: deploys 1 *.deployflow.Deploy
deployflow.EmptyReply:
application.InstanceMeta: namespace 1 string, name 2 string
application.Instance: namespace 1 string, name 2 string, availableReplicas 3 int32, replicas 4 int32, status 5 string, appID 6 int32, groupID 7 int32, image 8 string, cpu 9 string, memory 10 string, requestCPU 11 string, requestMemory 12 string, updateRevision 13 string
application.InstanceFilter: namespace 1 string
application.GetsRequest: filter 1 .application.InstanceFilter
application.RestartRequest: instance 1 .application.InstanceMeta, strategy 2 .deployflow.NonUpdateStrategy
application.ScaleRequest: instance 1 .application.InstanceMeta, strategy 2 .deployflow.NonUpdateStrategy, replicas 3 int32
application.RollbackRequest: instance 1 .application.InstanceMeta, deployName 2 string, strategy 3 .deployflow.UpdateStrategy
application.InstanceMetaRequest: instance 1 .application.InstanceMeta
application.RestartReply: deployName 1 string
application.ScaleReply: deployName 1 string
application.RollbackReply: deployName 1 string, rollbackTo 2 string
application.InstanceReply: instance 1 .application.Instance
application.InstancesReply: instances 1 *.application.Instance
application.EmptyReply:
pod.PodMeta: namespace 1 string, name 2 string
pod.PodFilter: namespace 1 string, instanceName 2 string, ip 3 string
pod.PodInfo: namespace 1 string, name 2 string, instanceName 3 string, image 4 string, cpu 5 string, memory 6 string, guaranteedCPU 7 string, guaranteedMemory 8 string, publicNetwork 9 bool, containerName 10 string, podIP 11 string, status 12 string, hostIP 13 string, updateRevision 14 string, creationTimestamp 15 .google.protobuf.Timestamp
pod.PodMetaRequest: pod 1 .pod.PodMeta
pod.GetsRequest: filter 1 .pod.PodFilter, noSort 2 bool
pod.PodReply: pod 1 .pod.PodInfo
pod.PodsReply: pods 1 *.pod.PodInfo
";

/// `service/rpc request reply`; `*` = a stream.
const CALLS: &str = "
application.Application/Delete InstanceMetaRequest EmptyReply
application.Application/Get InstanceMetaRequest InstanceReply
application.Application/Gets GetsRequest InstancesReply
application.Application/Restart RestartRequest RestartReply
application.Application/Rollback RollbackRequest RollbackReply
application.Application/Scale ScaleRequest ScaleReply
application.Application/Start StartRequest StartReply
application.Application/Stop StopRequest StopReply
deployflow.DeployFlow/Cancel DeployMetaRequest *DeployReply
deployflow.DeployFlow/Continue ContinueRequest DeployReply
deployflow.DeployFlow/Create CreateRequest DeployReply
deployflow.DeployFlow/Delete DeployMetaRequest EmptyReply
deployflow.DeployFlow/DryRun CreateRequest DryRunReply
deployflow.DeployFlow/Edit EditRequest DeployReply
deployflow.DeployFlow/Get DeployMetaRequest DeployReply
deployflow.DeployFlow/Gets DeploysRequest DeploysReply
deployflow.DeployFlow/ListAndWatch DeploysRequest *DeploysReply
deployflow.DeployFlow/Next NextRequest DeployReply
deployflow.DeployFlow/Pause DeployMetaRequest *DeployReply
deployflow.DeployFlow/Resume DeployMetaRequest *DeployReply
deployflow.DeployFlow/Watch WatchRequest *DeployReply
pod.Pod/Get PodMetaRequest PodReply
pod.Pod/Gets GetsRequest PodsReply
";

/// The number from which additions start.
const ADDITIONS: i32 = 100;

#[test]
fn every_message_of_the_original_has_its_fields_under_their_numbers() {
    let served = messages();
    for line in MESSAGES.lines().filter(|line| !line.is_empty()) {
        let (message, fields) = line.split_once(':').unwrap();
        let found = served.get(message).unwrap_or_else(|| panic!("{message} is missing"));
        let originals: Vec<String> =
            found.field.iter().filter(|field| field.number() < ADDITIONS).map(described).collect();
        assert_eq!(originals.join(", "), fields.trim(), "{message}");
    }
}

#[test]
fn messages_that_the_original_did_not_have_are_few_and_known() {
    let old: Vec<&str> =
        MESSAGES.lines().filter_map(|line| line.split_once(':')).map(|(name, _)| name).collect();
    let new: Vec<String> = messages().into_keys().filter(|name| !old.contains(&name.as_str())).collect();
    let known = [
        "application.StartReply",
        "application.StartRequest",
        "application.StopReply",
        "application.StopRequest",
        "deployflow.BatchStage",
        "deployflow.CreateRequest.AnnotationsEntry",
        "deployflow.CreateRequest.LabelsEntry",
        "deployflow.DryRunReply",
        "deployflow.EditRequest",
        "deployflow.RollbackTarget",
        "deployflow.Waiting",
    ];
    assert_eq!(new, known);
}

#[test]
fn fields_have_the_same_name_in_json_as_in_the_proto_files() {
    for (name, message) in messages() {
        for field in &message.field {
            assert_eq!(field.json_name(), field.name(), "{name}");
        }
    }
}

#[test]
fn every_call_of_the_original_takes_and_answers_what_it_did() {
    let mut calls = Vec::new();
    for file in files() {
        for service in &file.service {
            for call in &service.method {
                let package = format!(".{}.", file.package());
                let short = |name: &str| name.strip_prefix(&package).unwrap_or(name).to_owned();
                let star = if call.server_streaming() { "*" } else { "" };
                assert!(!call.client_streaming());
                calls.push(format!(
                    "{}.{}/{} {} {star}{}",
                    file.package(),
                    service.name(),
                    call.name(),
                    short(call.input_type()),
                    short(call.output_type()),
                ));
            }
        }
    }
    calls.sort();
    assert_eq!(calls.join("\n"), CALLS.trim());
}

fn files() -> Vec<prost_types::FileDescriptorProto> {
    let set = FileDescriptorSet::decode(triton_grpc::FILE_DESCRIPTOR_SET).unwrap();
    let files: Vec<_> = set.file.into_iter().filter(|file| !file.package().starts_with("google.")).collect();
    assert_eq!(files.len(), 3);
    assert!(files.iter().all(|file| file.syntax() == "proto3"));
    files
}

fn messages() -> BTreeMap<String, DescriptorProto> {
    let mut all = BTreeMap::new();
    for file in files() {
        for message in file.message_type {
            let name = format!("{}.{}", file.package.as_deref().unwrap_or_default(), message.name());
            for nested in &message.nested_type {
                all.insert(format!("{name}.{}", nested.name()), nested.clone());
            }
            all.insert(name, message);
        }
    }
    all
}

fn described(field: &FieldDescriptorProto) -> String {
    let kind = match field.r#type() {
        Type::String => "string",
        Type::Int32 => "int32",
        Type::Bool => "bool",
        Type::Message => field.type_name(),
        other => panic!("{} is of type {other:?}", field.name()),
    };
    let star = if field.label() == Label::Repeated { "*" } else { "" };
    format!("{} {} {star}{kind}", field.name(), field.number())
}

"""Prints the flows there are, makes the tutorial's flow and leads it to Success.

It needs nothing but the published proto files, which are compiled when it runs: no generated code.
"""

import argparse
import pathlib
import sys

import grpc
from google.protobuf import json_format

ROOT = pathlib.Path(__file__).resolve().parents[3]


def main():
    options = arguments()
    # gRPC compiles proto files that it finds on the path of modules.
    sys.path.insert(0, str(options.protos))
    messages, services = grpc.protos_and_services("deployflow.proto")
    with grpc.insecure_channel(options.address) as channel:
        grpc.channel_ready_future(channel).result(timeout=30)
        return lead(messages, services.DeployFlowStub(channel), options)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--address", default="127.0.0.1:8099", help="where triton listens")
    parser.add_argument("--protos", default=ROOT / "triton-grpc/proto", help="folder of the proto files")
    parser.add_argument(
        "--request", default=ROOT / "docs/tutorial/create.json", help="the request to create a flow"
    )
    parser.add_argument("--patience", default=600, type=float, help="seconds that all of it may take")
    return parser.parse_args()


def lead(messages, flows, options):
    page = flows.Gets(messages.DeploysRequest(), timeout=30)
    print(len(page.deploys), "flows")
    for flow in page.deploys:
        print(" ", told(flow))

    text = pathlib.Path(options.request).read_text(encoding="utf-8")
    create = json_format.Parse(text, messages.CreateRequest())
    meta = messages.DeployMeta(namespace=create.namespace, name=create.name)
    try:
        flow = flows.Create(create, timeout=30).deploy
    except grpc.RpcError as error:
        if error.code() != grpc.StatusCode.ALREADY_EXISTS:
            raise
        print("the flow is there already: going on with it")
    while True:
        # Ends when the flow has ended, or waits for a person.
        for reply in flows.Watch(messages.WatchRequest(deploy=meta), timeout=options.patience):
            flow = reply.deploy
            print(told(flow), flush=True)
        if flow.finished:
            return 0 if flow.phase == "Success" else f"the flow ended as {flow.phase}: {flow.message}"
        if flow.paused or not flow.conditions:
            return f"the flow needs somebody: {flow.message}"
        # What was seen waiting goes along: permission is never given twice.
        here = flow.conditions[-1]
        expected = messages.BatchStage(batch=here.batch, stage=here.phase)
        flows.Next(messages.NextRequest(deploy=meta, expected=expected), timeout=30)
        print("Next: batch", here.batch, "was", here.phase)


def told(flow):
    text = f"{flow.namespace}/{flow.name} {flow.action} {flow.phase}"
    text += f", {flow.updatedReadyReplicas} of {flow.replicas} pods serve"
    if flow.conditions:
        text += f", batch {flow.conditions[-1].batch} {flow.conditions[-1].phase}"
    return text


if __name__ == "__main__":
    sys.exit(main())

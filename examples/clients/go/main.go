// Prints the flows there are, makes the tutorial's flow and leads it to Success.
//
// It needs nothing but the published proto files, which it reads when it runs: no generated code.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/bufbuild/protocompile"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
)

func main() {
	address := flag.String("address", "127.0.0.1:8099", "where triton listens")
	protos := flag.String("protos", "../../../triton-grpc/proto", "folder of the proto files")
	request := flag.String("request", "../../../docs/tutorial/create.json", "the request to create a flow")
	patience := flag.Duration("patience", 10*time.Minute, "how long all of it may take")
	flag.Parse()
	ctx, cancel := context.WithTimeout(context.Background(), *patience)
	defer cancel()
	if err := run(ctx, *address, *protos, *request); err != nil {
		fmt.Fprintln(os.Stderr, "quickstart:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, address, protos, request string) error {
	flows, err := dial(ctx, address, protos)
	if err != nil {
		return err
	}
	var page struct{ Deploys []deploy }
	if err := flows.call(ctx, "Gets", object{}, &page); err != nil {
		return err
	}
	fmt.Printf("%d flows\n", len(page.Deploys))
	for _, flow := range page.Deploys {
		fmt.Println(" ", flow)
	}

	text, err := os.ReadFile(request)
	if err != nil {
		return err
	}
	var create object
	if err := json.Unmarshal(text, &create); err != nil {
		return fmt.Errorf("%s: %w", request, err)
	}
	meta := object{"namespace": create["namespace"], "name": create["name"]}
	switch err := flows.call(ctx, "Create", create, nil); {
	case status.Code(err) == codes.AlreadyExists:
		fmt.Println("the flow is there already: going on with it")
	case err != nil:
		return err
	}
	for {
		flow, err := flows.watch(ctx, meta)
		if err != nil {
			return err
		}
		if flow.Finished {
			if flow.Phase != "Success" {
				return fmt.Errorf("the flow ended as %s: %s", flow.Phase, flow.Message)
			}
			return nil
		}
		if flow.Paused || len(flow.Conditions) == 0 {
			return fmt.Errorf("the flow needs somebody: %s", flow.Message)
		}
		// What was seen waiting goes along: permission is never given twice.
		here := flow.Conditions[len(flow.Conditions)-1]
		expected := object{"batch": here.Batch, "stage": here.Phase}
		if err := flows.call(ctx, "Next", object{"deploy": meta, "expected": expected}, nil); err != nil {
			return err
		}
		fmt.Printf("Next: batch %d was %s\n", here.Batch, here.Phase)
	}
}

// object is a JSON object.
type object = map[string]any

// deploy is what this program reads of a flow.
type deploy struct {
	Namespace, Name, Action, Phase, Message string
	Finished, Paused                        bool
	Replicas, UpdatedReadyReplicas          int
	Conditions                              []struct {
		Batch int
		Phase string
	}
}

func (d deploy) String() string {
	text := fmt.Sprintf("%s/%s %s %s, %d of %d pods serve",
		d.Namespace, d.Name, d.Action, d.Phase, d.UpdatedReadyReplicas, d.Replicas)
	if n := len(d.Conditions); n > 0 {
		text += fmt.Sprintf(", batch %d %s", d.Conditions[n-1].Batch, d.Conditions[n-1].Phase)
	}
	return text
}

// service calls deployflow.DeployFlow in JSON.
type service struct {
	connection *grpc.ClientConn
	methods    protoreflect.MethodDescriptors
}

func dial(ctx context.Context, address, protos string) (*service, error) {
	compiler := protocompile.Compiler{
		Resolver: protocompile.WithStandardImports(&protocompile.SourceResolver{ImportPaths: []string{protos}}),
	}
	files, err := compiler.Compile(ctx, "deployflow.proto")
	if err != nil {
		return nil, err
	}
	connection, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, err
	}
	return &service{connection, files[0].Services().ByName("DeployFlow").Methods()}, nil
}

// call makes a call with one reply, and reads it into reply unless that is nil.
func (s *service) call(ctx context.Context, name string, request object, reply any) error {
	method := s.methods.ByName(protoreflect.Name(name))
	message, err := write(method.Input(), request)
	if err != nil {
		return err
	}
	answer := dynamicpb.NewMessage(method.Output())
	// A server that has only just started is waited for.
	err = s.connection.Invoke(ctx, path(method), message, answer, grpc.WaitForReady(true))
	if err != nil || reply == nil {
		return err
	}
	return read(answer, reply)
}

// watch prints a flow until it has ended or somebody is asked; returns it as it is then.
func (s *service) watch(ctx context.Context, meta object) (deploy, error) {
	var last deploy
	method := s.methods.ByName("Watch")
	request, err := write(method.Input(), object{"deploy": meta})
	if err != nil {
		return last, err
	}
	stream, err := s.connection.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, path(method))
	if err != nil {
		return last, err
	}
	if err := errors.Join(stream.SendMsg(request), stream.CloseSend()); err != nil {
		return last, err
	}
	for {
		message := dynamicpb.NewMessage(method.Output())
		switch err := stream.RecvMsg(message); {
		case errors.Is(err, io.EOF):
			return last, nil
		case err != nil:
			return last, err
		}
		var reply struct{ Deploy deploy }
		if err := read(message, &reply); err != nil {
			return last, err
		}
		last = reply.Deploy
		fmt.Println(last)
	}
}

func path(method protoreflect.MethodDescriptor) string {
	return fmt.Sprintf("/%s/%s", method.Parent().FullName(), method.Name())
}

func write(of protoreflect.MessageDescriptor, value object) (*dynamicpb.Message, error) {
	text, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	message := dynamicpb.NewMessage(of)
	return message, protojson.Unmarshal(text, message)
}

func read(message *dynamicpb.Message, into any) error {
	text, err := protojson.Marshal(message)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}

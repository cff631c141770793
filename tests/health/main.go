// Says how deployment tools see objects, with the code of these tools: the Lua of Argo CD, the evaluator of Flux, and
// kstatus. Reads a file in JSON, writes a line for each object.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/fluxcd/pkg/apis/kustomize"
	"github.com/fluxcd/pkg/runtime/cel"
	lua "github.com/yuin/gopher-lua"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"
)

type question struct {
	Lua     string                           `json:"lua"`
	Flux    kustomize.HealthCheckExpressions `json:"flux"`
	Objects []json.RawMessage                `json:"objects"`
}

type answer struct {
	Argo    string `json:"argo"`
	Flux    string `json:"flux"`
	Kstatus string `json:"kstatus"`
}

func main() {
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var asked question
	if err := json.Unmarshal(text, &asked); err != nil {
		return err
	}
	evaluator, err := cel.NewStatusEvaluator(&asked.Flux)
	if err != nil {
		return err
	}
	out := json.NewEncoder(os.Stdout)
	for _, text := range asked.Objects {
		// Unlike encoding/json this reads whole numbers as whole numbers, as clients of Kubernetes do.
		object := &unstructured.Unstructured{}
		if err := object.UnmarshalJSON(text); err != nil {
			return err
		}
		told := answer{
			Argo:    argoSays(asked.Lua, object),
			Flux:    fluxSays(evaluator, object),
			Kstatus: kstatusSays(object),
		}
		if err := out.Encode(told); err != nil {
			return err
		}
	}
	return nil
}

func fluxSays(evaluator *cel.StatusEvaluator, object *unstructured.Unstructured) string {
	result, err := evaluator.Evaluate(context.Background(), object)
	if err != nil {
		return "error: " + err.Error()
	}
	return result.Status.String()
}

func kstatusSays(object *unstructured.Unstructured) string {
	result, err := status.Compute(object)
	if err != nil {
		return "error: " + err.Error()
	}
	return result.Status.String()
}

// argoSays runs a script as Argo CD does (util/lua): three libraries, a limited time (there one second), the object
// as the global obj.
func argoSays(script string, object *unstructured.Unstructured) string {
	machine := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer machine.Close()
	libraries := map[string]lua.LGFunction{
		lua.LoadLibName: lua.OpenPackage,
		lua.BaseLibName: lua.OpenBase,
		lua.TabLibName:  lua.OpenTable,
	}
	for _, library := range []string{lua.LoadLibName, lua.BaseLibName, lua.TabLibName} {
		machine.Push(machine.NewFunction(libraries[library]))
		machine.Push(lua.LString(library))
		machine.Call(1, 0)
	}
	limit, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	machine.SetContext(limit)
	machine.SetGlobal("obj", value(machine, object.Object))
	if err := machine.DoString(script); err != nil {
		return "error: " + err.Error()
	}
	health, ok := machine.Get(-1).(*lua.LTable)
	if !ok {
		return "error: the script returns no table"
	}
	if _, ok := health.RawGetString("message").(lua.LString); !ok {
		return "error: the message is no text"
	}
	return health.RawGetString("status").String()
}

// value is a value of JSON in Lua.
func value(machine *lua.LState, of any) lua.LValue {
	switch of := of.(type) {
	case bool:
		return lua.LBool(of)
	case string:
		return lua.LString(of)
	case float64:
		return lua.LNumber(of)
	case int64:
		return lua.LNumber(of)
	case []any:
		list := machine.NewTable()
		for _, entry := range of {
			list.Append(value(machine, entry))
		}
		return list
	case map[string]any:
		fields := machine.NewTable()
		for field, entry := range of {
			fields.RawSetString(field, value(machine, entry))
		}
		return fields
	}
	return lua.LNil
}

package workflows_test

import (
	"context"
	"log/slog"
	"os"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	sdkworker "go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"herald/worker"
	"herald/workflows"
)

// TestNamesAreKept holds the names that open runs know against the golden file: renaming a workflow, an activity, a signal or
// an update breaks every run that is under way. Set UPDATE_GOLDEN=1 to accept new ones.
func TestNamesAreKept(t *testing.T) {
	t.Parallel()
	seen := &names{}
	engine, err := client.NewLazyClient(client.Options{Plugins: []client.Plugin{seen}})
	require.NoError(t, err)
	defer engine.Close()
	// A real worker refuses two activities of one name, which the test environment does not.
	_, err = worker.New(worker.Options{Engine: engine, SMTP: "smtp://127.0.0.1:1025", Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)

	for of, orders := range workflows.Orders {
		for _, order := range orders {
			seen.add(of + " " + order)
		}
	}
	slices.Sort(seen.list)
	const golden = "testdata/names.golden"
	got := strings.Join(seen.list, "\n") + "\n"
	if os.Getenv("UPDATE_GOLDEN") != "" {
		require.NoError(t, os.WriteFile(golden, []byte(got), 0o600))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Equal(t, string(want), got)
}

// names listens to what workers register.
type names struct {
	asClient
	asWorker
	list []string
}

type (
	asClient = client.PluginBase
	asWorker = sdkworker.PluginBase
)

func (n *names) Name() string { return "names" }

func (n *names) add(name string) { n.list = append(n.list, name) }

func (n *names) ConfigureWorker(_ context.Context, o sdkworker.PluginConfigureWorkerOptions) error {
	queue := o.TaskQueue
	o.WorkerRegistryOptions.OnRegisterWorkflow = func(w any, _ workflow.RegisterOptions) {
		full := runtime.FuncForPC(reflect.ValueOf(w).Pointer()).Name()
		n.add("workflow " + full[strings.LastIndexByte(full, '.')+1:] + " on " + queue)
	}
	o.WorkerRegistryOptions.OnRegisterActivity = func(a any, _ activity.RegisterOptions) {
		for i := range reflect.TypeOf(a).NumMethod() {
			n.add("activity " + reflect.TypeOf(a).Method(i).Name + " on " + queue)
		}
	}
	return nil
}

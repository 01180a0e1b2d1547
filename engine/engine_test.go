package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

// TestMain lets the test binary stand in for the engine, so that a test can kill -9 one.
func TestMain(m *testing.M) {
	if os.Getenv("ENGINE_TEST_CHILD") != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

type child struct {
	*exec.Cmd
	addr, uiAddr string
}

func start(t *testing.T, data string, args ...string) child {
	t.Helper()
	ports, err := freePorts(2)
	require.NoError(t, err)
	c := child{addr: net.JoinHostPort("127.0.0.1", strconv.Itoa(ports[0])), uiAddr: net.JoinHostPort("127.0.0.1", strconv.Itoa(ports[1]))}
	args = append([]string{"--addr", c.addr, "--ui-addr", c.uiAddr, "--data", data, "--log-level", "error"}, args...)
	c.Cmd = exec.Command(os.Args[0], args...)
	c.Env = append(os.Environ(), "ENGINE_TEST_CHILD=1")
	c.Stderr = os.Stderr
	require.NoError(t, c.Start())
	t.Cleanup(func() { _ = c.Process.Kill() })
	return c
}

func (c child) dial(t *testing.T) client.Client {
	t.Helper()
	var cl client.Client
	require.Eventually(t, func() (ok bool) {
		var err error
		cl, err = client.Dial(client.Options{HostPort: c.addr, Logger: quiet{}})
		return err == nil
	}, 30*time.Second, 50*time.Millisecond)
	t.Cleanup(cl.Close)
	return cl
}

type quiet struct{}

func (quiet) Debug(string, ...any) {}
func (quiet) Info(string, ...any)  {}
func (quiet) Warn(string, ...any)  {}
func (quiet) Error(string, ...any) {}

// waitForGo is the run that lives through a kill: it has done its first activity and waits for a signal.
func waitForGo(ctx workflow.Context) (string, error) {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute})
	var first string
	if err := workflow.ExecuteActivity(ctx, "Greet", "before").Get(ctx, &first); err != nil {
		return "", err
	}
	var word string
	workflow.GetSignalChannel(ctx, "go").Receive(ctx, &word)
	return first + " " + word, nil
}

func Greet(_ context.Context, word string) (string, error) { return word, nil }

func startWorker(t *testing.T, cl client.Client) worker.Worker {
	t.Helper()
	w := worker.New(cl, "engine-test", worker.Options{})
	w.RegisterWorkflow(waitForGo)
	w.RegisterActivity(Greet)
	require.NoError(t, w.Start())
	return w
}

func TestARunSurvivesKill9(t *testing.T) {
	ctx, data := t.Context(), t.TempDir()
	engine := start(t, data)
	cl := engine.dial(t)
	w := startWorker(t, cl)
	run, err := cl.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: "survivor", TaskQueue: "engine-test"}, waitForGo)
	require.NoError(t, err)
	require.NoError(t, cl.SignalWorkflow(ctx, "survivor", "", "go-later", nil)) // acknowledged, so it must be there later
	require.NoError(t, engine.Process.Kill())
	_ = engine.Wait()
	w.Stop()

	cl = start(t, data).dial(t)
	w = startWorker(t, cl)
	defer w.Stop()
	require.NoError(t, cl.SignalWorkflow(ctx, "survivor", "", "go", "after"))
	var got string
	require.NoError(t, cl.GetWorkflow(ctx, "survivor", run.GetRunID()).Get(ctx, &got))
	require.Equal(t, "before after", got)

	signals := 0
	history := cl.GetWorkflowHistory(ctx, "survivor", run.GetRunID(), false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for history.HasNext() {
		event, err := history.Next()
		require.NoError(t, err)
		if event.GetEventType() == enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED {
			signals++
		}
	}
	require.Equal(t, 2, signals)
}

func TestSearchAttributesRegisterAtRunTime(t *testing.T) {
	ctx := t.Context()
	cl := start(t, t.TempDir()).dial(t)
	_, err := cl.OperatorService().AddSearchAttributes(ctx, &operatorservice.AddSearchAttributesRequest{
		Namespace:        "default",
		SearchAttributes: map[string]enumspb.IndexedValueType{"HeraldStatus": enumspb.INDEXED_VALUE_TYPE_KEYWORD},
	})
	require.NoError(t, err)
	status := temporal.NewSearchAttributeKeyKeyword("HeraldStatus")
	require.Eventually(t, func() bool { // the frontend reads namespaces every 2 s
		_, err = cl.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
			ID: "tagged", TaskQueue: "engine-test", TypedSearchAttributes: temporal.NewSearchAttributes(status.ValueSet("sending")),
		}, "Anything")
		return err == nil
	}, 20*time.Second, 100*time.Millisecond, "%v", err)
	require.Eventually(t, func() bool {
		found, err := cl.CountWorkflow(ctx, &workflowservice.CountWorkflowExecutionsRequest{Query: `HeraldStatus = "sending"`})
		return err == nil && found.GetCount() == 1
	}, 20*time.Second, 100*time.Millisecond)
}

func TestServesTheUIAndStopsInOrder(t *testing.T) {
	engine := start(t, t.TempDir())
	cl := engine.dial(t)
	namespace, err := cl.WorkflowService().DescribeNamespace(t.Context(), &workflowservice.DescribeNamespaceRequest{Namespace: "default"})
	require.NoError(t, err)
	require.Equal(t, retention, namespace.GetConfig().GetWorkflowExecutionRetentionTtl().AsDuration())

	var body []byte
	require.Eventually(t, func() bool {
		resp, err := http.Get("http://" + engine.uiAddr + "/api/v1/settings")
		if err != nil {
			return false
		}
		defer func() { _ = resp.Body.Close() }()
		body, err = io.ReadAll(resp.Body)
		return err == nil && resp.StatusCode == http.StatusOK
	}, 10*time.Second, 50*time.Millisecond)
	require.Contains(t, string(body), `"DisableNewsFetch":true`)

	require.NoError(t, engine.Process.Signal(syscall.SIGTERM))
	require.NoError(t, engine.Wait())
}

func TestTellsWhatIsInTheWay(t *testing.T) {
	data := t.TempDir()
	engine := start(t, data)
	engine.dial(t)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()

	err := run(ctx, []string{"--addr", engine.addr, "--data", t.TempDir()}, nil, io.Discard)
	require.ErrorContains(t, err, "--addr "+engine.addr)
	require.ErrorContains(t, err, "address already in use")

	ports, err := freePorts(2)
	require.NoError(t, err)
	err = run(ctx, []string{
		"--addr", net.JoinHostPort("127.0.0.1", strconv.Itoa(ports[0])),
		"--ui-addr", net.JoinHostPort("127.0.0.1", strconv.Itoa(ports[1])), "--data", data,
	}, nil, io.Discard)
	require.ErrorContains(t, err, "another engine uses "+data)
	require.FileExists(t, filepath.Join(data, databaseFile))
}

func TestEndsWithItsParent(t *testing.T) {
	ports, err := freePorts(1)
	require.NoError(t, err)
	parent := exec.Command(os.Args[0], "--with-parent", "--ui-addr", "", "--log-level", "error",
		"--addr", net.JoinHostPort("127.0.0.1", strconv.Itoa(ports[0])), "--data", t.TempDir())
	parent.Env = append(os.Environ(), "ENGINE_TEST_CHILD=1")
	stdin, err := parent.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, parent.Start())
	t.Cleanup(func() { _ = parent.Process.Kill() })
	child{Cmd: parent, addr: net.JoinHostPort("127.0.0.1", strconv.Itoa(ports[0]))}.dial(t)
	require.NoError(t, stdin.Close())
	require.NoError(t, parent.Wait())
}

package workflows

import (
	"context"
	"time"

	"github.com/google/uuid"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"herald/activities"
)

var tests *activities.Testing

// TestMessage sends one message to somebody who wants to see it; nothing is tried twice, because somebody waits.
func TestMessage(ctx workflow.Context, ref activities.TestRef) error {
	return do(workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		TaskQueue: Queue, ScheduleToCloseTimeout: testPatience, Summary: "send a test message",
		RetryPolicy: &temporal.RetryPolicy{MaximumAttempts: 1},
	}), tests.SendTestMessage, ref)
}

// testPatience is how long somebody waits for a test message.
const testPatience = 30 * time.Second

// SendTest sends a test message and returns when it was sent, or could not be.
func (f Flows) SendTest(ctx context.Context, project, test uuid.UUID) error {
	run, err := f.Client.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: "test/" + test.String(), TaskQueue: Queue, WorkflowExecutionTimeout: testPatience, StaticSummary: "a test message",
		Priority: first,
	}, TestMessage, activities.TestRef{ProjectID: project, TestID: test})
	if err != nil {
		return err
	}
	return refused(run.Get(ctx, nil))
}

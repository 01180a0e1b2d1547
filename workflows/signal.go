package workflows

import (
	"context"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/workflow"
)

// Signal is a message without content that a workflow takes without answering.
type Signal struct{ name string }

func (s Signal) send(ctx context.Context, engine client.Client, workflowID string) error {
	return engine.SignalWorkflow(ctx, workflowID, "", s.name, nil)
}

// receive waits for the next one; false when the workflow ends first.
func (s Signal) receive(ctx workflow.Context) bool {
	return workflow.GetSignalChannel(ctx, s.name).Receive(ctx, nil)
}

// drain takes one that waits already; false where none does.
func (s Signal) drain(ctx workflow.Context) bool {
	return workflow.GetSignalChannel(ctx, s.name).ReceiveAsync(nil)
}

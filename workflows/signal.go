package workflows

import (
	"context"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/workflow"
)

// News is a message with content that a workflow takes without answering.
type News[T any] struct{ name string }

// arrived reports how many are not taken yet.
func (n News[T]) arrived(ctx workflow.Context) int {
	return workflow.GetSignalChannel(ctx, n.name).Len()
}

// take is the oldest that is not taken yet; false where there is none.
func (n News[T]) take(ctx workflow.Context) (one T, ok bool) {
	ok = workflow.GetSignalChannel(ctx, n.name).ReceiveAsync(&one)
	return one, ok
}

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

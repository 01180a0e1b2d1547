package workflows_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"

	"herald/workflows"
)

func TestWhatIsTheWholeEngines(t *testing.T) {
	t.Parallel()
	for _, one := range []struct {
		err  error
		away bool
	}{
		{serviceerror.NewUnavailable(""), true},
		{serviceerror.NewDeadlineExceeded(""), true},
		{context.DeadlineExceeded, true},
		{serviceerror.NewPermissionDenied("", ""), true},
		{serviceerror.NewNamespaceNotFound(""), true},
		{errors.New("connection refused"), true},
		{serviceerror.NewResourceExhausted(enums.RESOURCE_EXHAUSTED_CAUSE_RPS_LIMIT, ""), true},
		{serviceerror.NewResourceExhausted(enums.RESOURCE_EXHAUSTED_CAUSE_BUSY_WORKFLOW, ""), false},
		{serviceerror.NewInvalidArgument("exceeded workflow execution limit for signal events"), false},
		{serviceerror.NewFailedPrecondition(""), false},
		{serviceerror.NewDataLoss(""), false},
	} {
		require.Equal(t, one.away, workflows.Away(fmt.Errorf("signal: %w", one.err)), "%T %v", one.err, one.err)
	}
}

package worker_test

import (
	"errors"
	"fmt"
	"os"
	"testing"

	"herald/internal/enginetest"
	"herald/internal/pgtest"
)

func TestMain(m *testing.M) {
	var inner error
	code, err := pgtest.Run(func() (code int) {
		code, inner = enginetest.Run(m.Run)
		return code
	})
	if err := errors.Join(err, inner); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(code)
}

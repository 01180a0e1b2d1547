package db_test

import (
	"testing"

	"herald/internal/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

package postgres

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Running is the connection string of a database of the server that another program started in dir.
func Running(dir, database string) (string, error) {
	s := &Server{dir: dir}
	password, err := os.ReadFile(filepath.Join(dir, "password"))
	if err != nil {
		return "", fmt.Errorf("no PostgreSQL runs in %s: %w", dir, err)
	}
	text, err := os.ReadFile(filepath.Join(s.cluster(), "postmaster.pid"))
	if err != nil {
		return "", fmt.Errorf("no PostgreSQL runs in %s: %w", dir, err)
	}
	lines := strings.Split(string(text), "\n") // the fourth line is the port
	if len(lines) < 4 {
		return "", fmt.Errorf("PostgreSQL is still starting in %s", dir)
	}
	if s.port, err = strconv.Atoi(strings.TrimSpace(lines[3])); err != nil {
		return "", fmt.Errorf("PostgreSQL is still starting in %s: %w", dir, err)
	}
	s.password = strings.TrimSpace(string(password))
	return s.URL(database), nil
}

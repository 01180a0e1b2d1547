package main

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// compose is what these tests look at of docker-compose.yml.
type compose struct {
	Services map[string]struct {
		Image       string
		Command     any
		Ports       []string
		Healthcheck struct{ Test any }
		DependsOn   map[string]struct{ Condition string } `yaml:"depends_on"`
		Environment map[string]string
		Volumes     []string
		ReadOnly    bool   `yaml:"read_only"`
		Container   string `yaml:"container_name"`
	}
	Volumes map[string]any
}

func readCompose(t *testing.T) (c compose, text string) {
	t.Helper()
	raw, err := os.ReadFile("docker-compose.yml")
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(raw, &c))
	return c, string(raw)
}

func TestComposeHasEveryPart(t *testing.T) {
	t.Parallel()
	c, _ := readCompose(t)
	once := []string{"migrate", "temporal-schema", "temporal-namespace"}
	lasting := []string{"postgres", "temporal", "temporal-ui", "mailpit", "api", "worker"}
	require.Len(t, c.Services, len(once)+len(lasting))
	for _, name := range lasting {
		require.Contains(t, c.Services, name)
		require.NotNil(t, c.Services[name].Healthcheck.Test, "%s has no health check", name)
	}
	for _, name := range once {
		require.Contains(t, c.Services, name)
		for user, s := range c.Services {
			if need, ok := s.DependsOn[name]; ok {
				require.Equal(t, "service_completed_successfully", need.Condition, "%s on %s", user, name)
			}
		}
	}
	for user, s := range c.Services {
		for need := range s.DependsOn {
			require.Contains(t, c.Services, need, "%s depends on it", user)
		}
		for _, port := range s.Ports {
			require.True(t, strings.HasPrefix(port, "127.0.0.1:"), "%s publishes %s to the world", user, port)
		}
		for _, volume := range s.Volumes {
			if name, _, _ := strings.Cut(volume, ":"); !strings.HasPrefix(name, ".") {
				require.Contains(t, c.Volumes, name, "%s mounts it", user)
			} else {
				require.DirExists(t, name, "%s mounts it", user)
			}
		}
		require.Regexp(t, `:\S+$`, s.Image, "%s is not pinned", user)
		require.NotContains(t, s.Image, "latest")
	}
	worker := c.Services["worker"]
	require.Empty(t, worker.Ports, "a published port keeps --scale worker=4 from working")
	require.Empty(t, worker.Container, "a fixed name does so too")
	require.True(t, worker.ReadOnly)
}

// secret matches what must not stand in a file that everyone has.
var secret = regexp.MustCompile(`(?i)(password|pwd|secret|token|key)`)

func TestComposeHasNoDefaultSecrets(t *testing.T) {
	t.Parallel()
	c, text := readCompose(t)
	required := regexp.MustCompile(`^\$\{[A-Z_]+:\?[^}]+\}$`)
	seen := 0
	for name, s := range c.Services {
		for variable, value := range s.Environment {
			if secret.MatchString(variable) {
				seen++
				require.Regexp(t, required, value, "%s: %s", name, variable)
			}
		}
	}
	require.GreaterOrEqual(t, seen, 5)
	for _, use := range regexp.MustCompile(`\$\{([A-Z_]+)([^}]*)\}`).FindAllStringSubmatch(text, -1) {
		if secret.MatchString(use[1]) {
			require.True(t, strings.HasPrefix(use[2], ":?"), "%s has a default", use[1])
		}
	}

	example, err := os.ReadFile(".env.example")
	require.NoError(t, err)
	for _, line := range strings.Split(string(example), "\n") {
		if name, value, isSetting := strings.Cut(line, "="); isSetting && !strings.HasPrefix(line, "#") && secret.MatchString(name) {
			require.Empty(t, value, "%s has a value in .env.example", name)
		}
	}
	for _, use := range regexp.MustCompile(`\$\{([A-Z_]+):\?`).FindAllStringSubmatch(text, -1) {
		require.Contains(t, string(example), "\n"+use[1]+"=", "%s is required and not in .env.example", use[1])
	}
}

// The settings of a container must be ones that the program knows.
func TestComposeSetsWhatTheProgramReads(t *testing.T) {
	t.Parallel()
	c, _ := readCompose(t)
	for _, name := range []string{"api", "worker", "migrate"} {
		s := c.Services[name]
		var out screen
		require.NoError(t, run(t.Context(), []string{name, "--help"}, nothing, &out, &out))
		for variable := range s.Environment {
			if strings.HasPrefix(variable, "HERALD_") {
				require.Contains(t, out.String(), "$"+variable, "herald %s does not read it", name)
			}
		}
	}
}

func TestTheImageRunsAsNobodySpecial(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("Dockerfile")
	require.NoError(t, err)
	text := string(raw)
	final := text[strings.LastIndex(text, "\nFROM "):]
	require.Regexp(t, `(?m)^USER [1-9]\d+:[1-9]\d+$`, final)
	require.Equal(t, 2, strings.Count("\n"+text, "\nFROM "))
}

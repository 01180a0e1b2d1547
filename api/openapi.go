package api

import (
	"embed"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"

	"github.com/labstack/echo/v4"
	"go.yaml.in/yaml/v3"
)

// The API's description: base.yaml, and a file for each noun with its paths and schemas.
//
//go:embed openapi/*.yaml
var openAPIFiles embed.FS

// openAPI is the description as one document in JSON.
var openAPI = sync.OnceValue(func() json.RawMessage {
	whole := map[string]any{}
	files, err := openAPIFiles.ReadDir("openapi")
	if err != nil {
		panic(err)
	}
	for _, file := range files {
		content, err := openAPIFiles.ReadFile("openapi/" + file.Name())
		if err != nil {
			panic(err)
		}
		var part map[string]any
		if err := yaml.Unmarshal(content, &part); err != nil {
			panic(fmt.Errorf("openapi/%s: %w", file.Name(), err))
		}
		lay(whole, part)
	}
	raw, err := json.Marshal(whole)
	if err != nil {
		panic(err)
	}
	return raw
})

// lay adds the members of part to whole, object by object.
func lay(whole, part map[string]any) {
	for name, value := range part {
		there, ok := whole[name].(map[string]any)
		further, also := value.(map[string]any)
		if ok && also {
			lay(there, further)
			continue
		}
		whole[name] = value
	}
}

func serveOpenAPI(c echo.Context) error { return c.JSONBlob(http.StatusOK, openAPI()) }

package api

import (
	"encoding/json"
	"io"

	"github.com/labstack/echo/v4"
)

// serializer writes answers with <, > and & as they stand: they go to programs and terminals, never into a page.
type serializer struct{ echo.DefaultJSONSerializer }

// Serialize writes one answer.
func (serializer) Serialize(c echo.Context, answer any, _ string) error {
	return encode(c.Response(), answer)
}

func encode(to io.Writer, answer any) error {
	encoder := json.NewEncoder(to)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(answer)
}

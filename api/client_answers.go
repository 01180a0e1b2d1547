package api

import (
	"bytes"
	"encoding/json"
	"net/http"

	"github.com/labstack/echo/v4"

	"herald/internal/fault"
)

// discreet lets a web page call what servers call: wherever the answer shows a customer, the page sees the ids alone.
func discreet(h echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		response := c.Response()
		kept := &withheld{ResponseWriter: response.Writer, status: http.StatusOK}
		response.Writer = kept
		err := h(c)
		response.Writer = kept.ResponseWriter
		if err != nil {
			return err
		}
		decoder := json.NewDecoder(&kept.body)
		decoder.UseNumber()
		var answer any
		if err := decoder.Decode(&answer); err != nil {
			return err
		}
		withhold(answer)
		response.Writer.WriteHeader(kept.status)
		encoder := json.NewEncoder(response.Writer)
		encoder.SetEscapeHTML(false)
		return encoder.Encode(answer)
	}
}

// withhold takes from every customer in an answer all but the ids.
func withhold(answer any) {
	switch value := answer.(type) {
	case []any:
		for _, item := range value {
			withhold(item)
		}
	case map[string]any:
		for name, item := range value {
			switch name {
			case "metadata", "items", "discount", "gift", "loyalty_card": // nobody is in there, whatever it looks like
			default:
				withhold(item)
			}
			if value["object"] == "customer" && name != "id" && name != "source_id" && name != "object" {
				delete(value, name)
			}
		}
		if _, whole := value["source_id"]; whole && value["object"] == "customer" {
			value["metadata"] = map[string]any{}
		}
	}
}

// withheld keeps an answer instead of sending it.
type withheld struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

// WriteHeader keeps the status.
func (w *withheld) WriteHeader(status int) { w.status = status }

// Write keeps a piece of the body.
func (w *withheld) Write(p []byte) (int, error) { return w.body.Write(p) }

// codeOfQuery serves a call whose voucher stands in the query (?code=) as one that has it in its path.
func codeOfQuery(h echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		values := c.Request().URL.Query()
		code := values.Get("code")
		if code == "" {
			return missingCode()
		}
		values.Del("code")
		c.Request().URL.RawQuery = values.Encode()
		c.SetParamNames("code")
		c.SetParamValues(code)
		return h(c)
	}
}

func missingCode() error {
	f := fault.New(fault.InvalidQuery, "Query parameter code is required: the voucher's code")
	f.Property = "code"
	return f
}

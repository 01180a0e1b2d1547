package api

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/labstack/echo/v4"

	"herald/internal/fault"
)

// createByQuery is create for integrations that can only GET: what the body would say stands in the query, as in
// campaign[name]=Spring&customer[source_id]=ann&metadata[lang]=en.
func (h publications) createByQuery(c echo.Context) error {
	q := readQuery(c)
	once := q.truth("join_once")
	body, err := q.publication()
	if err != nil {
		return err
	}
	if err := q.err(); err != nil {
		return err
	}
	body.JoinOnce = once
	if body.Campaign.count != nil && *body.Campaign.count != 1 {
		return &fault.Error{Code: fault.InvalidQuery, Property: "campaign[count]", Details: "One code is given here; POST /v1/publications gives several"}
	}
	shown, err := h.publish(c, body)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, shown)
}

// publication reads a request for a publication from nested parameters, with the strictness of a body.
func (q *query) publication() (body publicationBody, err error) {
	whole := map[string]any{}
	names := make([]string, 0, len(q.values))
	for name := range q.values {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		path := strings.Split(strings.ReplaceAll(name, "]", ""), "[")
		if !slices.Contains([]string{"voucher", "campaign", "source_id", "customer", "metadata", "channel"}, path[0]) {
			continue
		}
		var value any = q.text(name)
		if name == "campaign[count]" {
			if value, err = strconv.Atoi(q.text(name)); err != nil {
				q.complain(name, "Query parameter %s should be 1", name)
			}
		}
		if !nest(whole, path, value) {
			q.complain(name, "Query parameter %s contradicts another", name)
		}
	}
	raw, err := json.Marshal(whole)
	if err != nil {
		return body, err
	}
	return body, decode(raw, &body)
}

// nest puts a value into nested objects; false where something else stands in its way.
func nest(into map[string]any, path []string, value any) bool {
	for _, name := range path[:len(path)-1] {
		if into[name] == nil {
			into[name] = map[string]any{}
		}
		inner, ok := into[name].(map[string]any)
		if !ok {
			return false
		}
		into = inner
	}
	last := path[len(path)-1]
	if into[last] != nil {
		return false
	}
	into[last] = value
	return true
}

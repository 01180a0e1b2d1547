package api

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"herald/internal/fault"
)

// createByQuery is create for integrations that can only GET: what the body would say stands in the query, as in
// campaign[name]=Spring&customer[source_id]=ann&metadata[lang]=en.
func (h publications) createByQuery(c echo.Context) error {
	q := readQuery(c)
	once := q.truth("join_once")
	body, err := nested[publicationBody](q, "voucher", "campaign", "source_id", "customer", "metadata", "channel")
	if err != nil {
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

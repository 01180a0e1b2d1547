package api

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"herald/internal/campaign"
)

// loyalties serves loyalty programmes, which are campaigns under another path.
type loyalties struct{ campaigns campaigns }

func (h loyalties) routes(r routes) {
	h.campaigns.only = campaign.LoyaltyProgram
	r.post("/loyalties", controls, h.campaigns.create)
	r.get("/loyalties", reads, h.campaigns.list)
	r.get("/loyalties/:campaign", reads, h.campaigns.get)
	r.put("/loyalties/:campaign", controls, h.campaigns.update)
	r.delete("/loyalties/:campaign", controls, h.delete)
}

// delete begins the deletion of a programme; other than of campaigns, the answer is documented as 200.
func (h loyalties) delete(c echo.Context) error {
	action, err := h.campaigns.orderDelete(c)
	if err != nil {
		return err
	}
	return ordered(c, http.StatusOK, action)
}

package api

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"herald/internal/campaign"
	"herald/internal/distribution"
)

// shownTrigger is a row of the table of what fits what, for whoever builds a distribution.
type shownTrigger struct {
	Type          distribution.TriggerType   `json:"type"`
	Name          string                     `json:"name"`
	Category      distribution.Category      `json:"category"`
	Needs         []string                   `json:"needs"`
	Takes         []string                   `json:"takes"`
	CampaignTypes []campaign.Kind            `json:"campaign_types"`
	Actions       []distribution.ActionType  `json:"actions"`
	Channels      []distribution.ChannelType `json:"channels"`
	Data          []string                   `json:"data"`
	Object        string                     `json:"object"`
}

// triggers lists every trigger with what fits it: the table that every distribution is held against.
func (h distributions) triggers(c echo.Context) error {
	if err := readQuery(c).err(); err != nil {
		return err
	}
	return c.JSON(http.StatusOK, list("data", each(distribution.Fits, showTrigger), int64(len(distribution.Fits))))
}

func showTrigger(f distribution.Fit) shownTrigger {
	needs, takes := f.Names()
	return shownTrigger{
		Type: f.Trigger, Name: f.Name, Category: f.Category, Needs: append([]string{}, needs...), Takes: append([]string{}, takes...),
		CampaignTypes: append([]campaign.Kind{}, f.Kinds...), Actions: f.Actions, Channels: f.Channels,
		Data: append([]string{}, f.Data...), Object: "trigger",
	}
}

package api

import (
	"net/http"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"herald/db"
	"herald/internal/balance"
	"herald/internal/fault"
	"herald/internal/id"
	"herald/internal/voucher"
)

// pendingRoutes are those of points that were earned and do not count yet.
func (h loyaltyMembers) pendingRoutes(r routes) {
	r.get("/loyalties/:campaign/pending-points", reads, h.pendingOfProgramme)
	r.get("/loyalties/:campaign/members/:member/pending-points", reads, h.pendingOfMember)
	r.get("/loyalties/members/:member/pending-points", reads, h.pendingOfMember)
	r.post("/loyalties/members/:member/pending-points/:pending/activate", controls, h.activatePending)
	r.post("/loyalties/members/:member/pending-points/:pending/cancel", controls, h.cancelPending)
	r.post("/loyalties/members/:member/pending-points/:pending/balance", controls, h.adjustPending)
}

func (h loyaltyMembers) pendingOfProgramme(c echo.Context) error {
	programme, err := h.store.Programme(c.Request().Context(), caller(c).ProjectID, c.Param("campaign"))
	if err != nil {
		return err
	}
	return h.listPending(c, db.PendingList{Campaign: &programme.ID})
}

func (h loyaltyMembers) pendingOfMember(c echo.Context) error {
	card, err := h.card(c)
	if err != nil {
		return err
	}
	return h.listPending(c, db.PendingList{Voucher: &card.ID})
}

func (h loyaltyMembers) listPending(c echo.Context, want db.PendingList) error {
	q := readQuery(c)
	want.Order, want.Limit = q.choice("order", "-id", "id"), q.limit()
	if text := q.text("starting_after_id"); text != "" {
		if after, ok := id.Pending.Parse(text); ok {
			want.After = &after
		} else {
			q.complain("starting_after_id", "Query parameter starting_after_id should be the id of pending points, as in lopp_…")
		}
	}
	if err := q.err(); err != nil {
		return err
	}
	found, more, err := h.balances.store.Pending(c.Request().Context(), caller(c).ProjectID, want)
	if err != nil {
		return err
	}
	shown := each(found, balance.Pending.Show)
	answer := echo.Map{"object": "list", "data_ref": "data", "data": shown, "has_more": more}
	if more {
		answer["more_starting_after"] = shown[len(shown)-1].ID
	}
	return c.JSON(http.StatusOK, answer)
}

// pending is the card and the pending points that the path names.
func (h loyaltyMembers) pending(c echo.Context) (card voucher.Voucher, pending uuid.UUID, err error) {
	if card, err = h.card(c); err != nil {
		return card, pending, err
	}
	pending, ok := id.Pending.Parse(c.Param("pending"))
	if !ok {
		return card, pending, fault.Missing("pending_points", c.Param("pending"))
	}
	return card, pending, nil
}

func (h loyaltyMembers) activatePending(c echo.Context) error {
	card, pending, err := h.pending(c)
	if err != nil {
		return err
	}
	after, err := h.balances.store.Activate(c.Request().Context(), card, pending)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, after)
}

func (h loyaltyMembers) cancelPending(c echo.Context) error {
	card, pending, err := h.pending(c)
	if err != nil {
		return err
	}
	if err := h.balances.store.Cancel(c.Request().Context(), card, pending); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

func (h loyaltyMembers) adjustPending(c echo.Context) error {
	body, err := bind[struct {
		Points int64 `json:"points"`
	}](c)
	if err != nil {
		return err
	}
	if bad := balance.CheckAmount("points", body.Points); bad != nil {
		return bad
	}
	card, pending, err := h.pending(c)
	if err != nil {
		return err
	}
	after, err := h.balances.store.AdjustPending(c.Request().Context(), card, pending, body.Points)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, after)
}

package api

import (
	"net/http"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"herald/db"
	"herald/internal/campaign"
	"herald/internal/fault"
	"herald/internal/id"
	"herald/internal/promotion"
)

// bindStack reads a stack; what only we write is skipped.
func bindStack(c echo.Context) (promotion.StackChange, error) {
	body, err := bind[struct {
		promotion.StackChange
		CategoryID *string `json:"category_id"`
		ID         ignored `json:"id"`
		CreatedAt  ignored `json:"created_at"`
		UpdatedAt  ignored `json:"updated_at"`
		CampaignID ignored `json:"campaign_id"`
		Categories ignored `json:"categories"`
		Object     ignored `json:"object"`
	}](c)
	if err != nil {
		return promotion.StackChange{}, err
	}
	return body.StackChange, checkCategory(body.CategoryID)
}

// stack is the promotion and the stack that the path names.
func (h promotions) stack(c echo.Context) (campaign.Campaign, uuid.UUID, error) {
	of, err := h.promotion(c)
	if err != nil {
		return of, uuid.UUID{}, err
	}
	one, ok := id.Stack.Parse(c.Param("stack"))
	if !ok {
		return of, one, fault.Missing("promotion_stack", c.Param("stack"))
	}
	return of, one, nil
}

func (h promotions) createStack(c echo.Context) error {
	change, err := bindStack(c)
	if err != nil {
		return err
	}
	wanted, err := change.Over(promotion.Stack{})
	if err != nil {
		return err
	}
	of, err := h.promotion(c)
	if err != nil {
		return err
	}
	made, err := h.store.CreateStack(c.Request().Context(), of.ProjectID, of.ID, wanted)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, promotion.ShowStack(made))
}

func (h promotions) getStack(c echo.Context) error {
	of, one, err := h.stack(c)
	if err != nil {
		return err
	}
	found, err := h.store.Stack(c.Request().Context(), of.ProjectID, of.ID, one)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, promotion.ShowStack(found))
}

func (h promotions) updateStack(c echo.Context) error {
	change, err := bindStack(c)
	if err != nil {
		return err
	}
	of, one, err := h.stack(c)
	if err != nil {
		return err
	}
	changed, err := h.store.UpdateStack(c.Request().Context(), of.ProjectID, of.ID, one, change)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, promotion.ShowStack(changed))
}

func (h promotions) deleteStack(c echo.Context) error {
	of, one, err := h.stack(c)
	if err != nil {
		return err
	}
	if err := h.store.DeleteStack(c.Request().Context(), of.ProjectID, of.ID, one); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

func (h promotions) listStacks(c echo.Context) error { return h.stacks(c, nil) }

func (h promotions) stacksOf(c echo.Context) error {
	of, err := h.promotion(c)
	if err != nil {
		return err
	}
	return h.stacks(c, &of.ID)
}

// stacks lists stacks, of one promotion or all.
func (h promotions) stacks(c echo.Context, of *uuid.UUID) error {
	q := readQuery(c)
	want := db.StackList{
		Campaign: of, Filter: q.filters(),
		Order: q.choice("order", "-created_at", "created_at", "updated_at", "-updated_at", "name", "-name"),
		Limit: q.limit(), Page: q.page(lastPage),
	}
	want.CreatedAfter, want.CreatedBefore = q.between("created_at")
	want.UpdatedAfter, want.UpdatedBefore = q.between("updated_at")
	if err := q.err(); err != nil {
		return err
	}
	found, total, err := h.store.ListStacks(c.Request().Context(), caller(c).ProjectID, want)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, list("data", each(found, promotion.ShowStack), total))
}

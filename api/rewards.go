package api

import (
	"fmt"
	"net/http"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"herald/db"
	"herald/internal/campaign"
	"herald/internal/fault"
	"herald/internal/id"
	"herald/internal/loyalty"
)

// rewards serves what points can be spent on, and the programmes that offer it: an assignment is reached from its reward and
// from its programme.
type rewards struct {
	store   db.Rewards
	members db.Members
}

func (h rewards) routes(r routes) {
	r.get("/rewards", reads, h.list)
	r.post("/rewards", controls, h.create)
	r.get("/rewards/:reward", reads, h.get)
	r.put("/rewards/:reward", controls, h.update)
	r.delete("/rewards/:reward", controls, h.delete)
	r.post("/rewards/:reward/assignments", controls, h.assign)
	r.post("/loyalties/:campaign/rewards", controls, h.offer)
	for _, of := range []string{"/rewards/:reward/assignments", "/loyalties/:campaign/rewards"} {
		r.get(of, reads, h.assignments)
		r.get(of+"/:assignment", reads, h.assignment)
		r.put(of+"/:assignment", controls, h.reprice)
		r.delete(of+"/:assignment", controls, h.withdraw)
	}
	r.get("/loyalties/:campaign/reward-assignments", reads, h.assignments)
	r.get("/loyalties/:campaign/reward-assignments/:assignment", reads, h.assignment)
	r.get("/loyalties/:campaign/reward-assignments/:assignment/reward", reads, h.assigned)
	r.get("/loyalties/members/:member/rewards", reads, h.ofMember)
}

// rewardBody is a reward in a body; what only we write is skipped.
type rewardBody struct {
	loyalty.RewardDraft
	Stock     maybe[int64] `json:"stock"`
	ID        ignored      `json:"id"`
	Redeemed  ignored      `json:"redeemed"`
	CreatedAt ignored      `json:"created_at"`
	UpdatedAt ignored      `json:"updated_at"`
	Object    ignored      `json:"object"`
}

func (b rewardBody) draft() loyalty.RewardDraft {
	d := b.RewardDraft
	d.Stock = b.Stock.value
	return d
}

func (h rewards) create(c echo.Context) error {
	body, err := bind[rewardBody](c)
	if err != nil {
		return err
	}
	draft, err := body.draft().New()
	if err != nil {
		return err
	}
	made, err := h.store.Create(c.Request().Context(), caller(c).ProjectID, draft)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, loyalty.ShowReward(made))
}

func (h rewards) list(c echo.Context) error {
	q := readQuery(c)
	only, limit, page := q.assignment("assignment_id"), q.limit(), q.page(lastLoyaltyPage)
	if err := q.err(); err != nil {
		return err
	}
	found, total, err := h.store.List(c.Request().Context(), caller(c).ProjectID, only, limit, page)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, list("data", each(found, loyalty.ShowReward), total))
}

// assignment reads the id of a reward's assignment; nil where the parameter is absent.
func (q *query) assignment(name string) *uuid.UUID {
	text := q.text(name)
	if text == "" {
		return nil
	}
	one, ok := id.RewardOffer.Parse(text)
	if !ok {
		q.complain(name, "Query parameter %s should be the id of a reward's assignment", name)
	}
	return &one
}

func (h rewards) get(c echo.Context) error {
	found, err := h.store.Get(c.Request().Context(), caller(c).ProjectID, c.Param("reward"))
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, loyalty.ShowReward(found))
}

func (h rewards) update(c echo.Context) error {
	body, err := bind[rewardBody](c)
	if err != nil {
		return err
	}
	changed, err := h.store.Update(c.Request().Context(), caller(c).ProjectID, c.Param("reward"), func(r *loyalty.Reward) error {
		if body.Stock.empties() {
			r.Stock = nil
		}
		if body.Type != "" && body.Type != r.Type {
			return fault.Property("type", "Property .type cannot be changed; it is %s", r.Type)
		}
		return body.draft().Apply(r)
	})
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, loyalty.ShowReward(changed))
}

func (h rewards) delete(c echo.Context) error {
	if err := h.store.Delete(c.Request().Context(), caller(c).ProjectID, c.Param("reward")); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

// offeringBody is what a body says of an assignment; what only we write is skipped.
type offeringBody struct {
	Parameters        *loyalty.Price `json:"parameters"`
	ValidationRules   []string       `json:"validation_rules"`
	ID                ignored        `json:"id"`
	RewardID          ignored        `json:"reward_id"`
	RelatedObjectID   ignored        `json:"related_object_id"`
	RelatedObjectType ignored        `json:"related_object_type"`
	CreatedAt         ignored        `json:"created_at"`
	UpdatedAt         ignored        `json:"updated_at"`
	Object            ignored        `json:"object"`
}

// maxRules is how many validation rules can limit one assignment from the start.
const maxRules = 20

func (b offeringBody) offering(reward, path string) (db.Offering, error) {
	o := db.Offering{Reward: reward, Price: b.Parameters, Path: path}
	if len(b.ValidationRules) > maxRules {
		return o, fault.Property(path+"validation_rules", "Property .%svalidation_rules can have at most %d entries", path, maxRules)
	}
	for _, given := range b.ValidationRules {
		one, err := validationRule(&given)
		if err != nil {
			return o, err
		}
		o.Rules = append(o.Rules, *one)
	}
	return o, nil
}

// assign has a programme offer the reward.
func (h rewards) assign(c echo.Context) error {
	body, err := bind[struct {
		offeringBody
		Campaign string `json:"campaign"`
	}](c)
	if err != nil {
		return err
	}
	if body.Campaign == "" {
		return fault.Property("campaign", "Property .campaign is required: the loyalty programme that offers the reward")
	}
	found, err := h.store.Get(c.Request().Context(), caller(c).ProjectID, c.Param("reward"))
	if err != nil {
		return err
	}
	wanted, err := body.offering(id.Reward.Format(found.ID), "")
	if err != nil {
		return err
	}
	made, err := h.make(c, body.Campaign, []db.Offering{wanted})
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, loyalty.ShowAssignment(made[0]))
}

func (h rewards) make(c echo.Context, programme string, all []db.Offering) ([]loyalty.Assignment, error) {
	of, err := h.members.Programme(c.Request().Context(), caller(c).ProjectID, programme)
	if err != nil {
		return nil, err
	}
	return h.store.Offer(c.Request().Context(), of.ProjectID, of.ID, all)
}

// offer has the programme offer rewards.
func (h rewards) offer(c echo.Context) error {
	body, err := bind[[]struct {
		offeringBody
		Reward string `json:"reward"`
	}](c)
	if err != nil {
		return err
	}
	if err := checkCount(len(body), "rewards"); err != nil {
		return err
	}
	all := make([]db.Offering, len(body))
	seen := map[string]bool{}
	for i, one := range body {
		path := fmt.Sprintf("[%d].", i)
		if one.Reward == "" || seen[one.Reward] {
			return fault.Property(path+"reward", "Property .%sreward is required, each reward once", path)
		}
		seen[one.Reward] = true
		if all[i], err = one.offering(one.Reward, path); err != nil {
			return err
		}
	}
	made, err := h.make(c, c.Param("campaign"), all)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, each(made, loyalty.ShowAssignment))
}

// within is the programme or the reward that the path names.
func (h rewards) within(c echo.Context) (in db.Within, err error) {
	ctx, project := c.Request().Context(), caller(c).ProjectID
	if key := c.Param("reward"); key != "" {
		found, err := h.store.Get(ctx, project, key)
		in.Reward = &found.ID
		return in, err
	}
	var of campaign.Campaign
	of, err = h.members.Programme(ctx, project, c.Param("campaign"))
	in.Programme = &of.ID
	return in, err
}

func (h rewards) assignments(c echo.Context) error {
	q := readQuery(c)
	limit, page := q.limit(), q.page(lastLoyaltyPage)
	var only *uuid.UUID
	if c.Param("reward") == "" {
		only = q.assignment("assignment_id")
		if camel := q.assignment("assignmentId"); only == nil { // the documents spell it both ways
			only = camel
		}
	}
	if err := q.err(); err != nil {
		return err
	}
	in, err := h.within(c)
	if err != nil {
		return err
	}
	found, total, err := h.store.Assignments(c.Request().Context(), caller(c).ProjectID, in, only, limit, page)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, list("data", each(found, loyalty.ShowAssignment), total))
}

func (h rewards) find(c echo.Context) (loyalty.Offer, error) {
	in, err := h.within(c)
	if err != nil {
		return loyalty.Offer{}, err
	}
	return h.store.GetOffer(c.Request().Context(), caller(c).ProjectID, in, c.Param("assignment"))
}

func (h rewards) assignment(c echo.Context) error {
	found, err := h.find(c)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, loyalty.ShowAssignment(found.Assignment))
}

func (h rewards) assigned(c echo.Context) error {
	found, err := h.find(c)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, loyalty.ShowReward(found.Reward))
}

func (h rewards) reprice(c echo.Context) error {
	body, err := bind[struct {
		offeringBody
		ValidationRules ignored `json:"validation_rules"`
		Campaign        ignored `json:"campaign"`
		Reward          ignored `json:"reward"`
	}](c)
	if err != nil {
		return err
	}
	in, err := h.within(c)
	if err != nil {
		return err
	}
	changed, err := h.store.Reprice(c.Request().Context(), caller(c).ProjectID, in, c.Param("assignment"), body.Parameters)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, loyalty.ShowAssignment(changed))
}

func (h rewards) withdraw(c echo.Context) error {
	in, err := h.within(c)
	if err != nil {
		return err
	}
	if err := h.store.Withdraw(c.Request().Context(), caller(c).ProjectID, in, c.Param("assignment")); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

// ofMember lists what the holder of a card can get for points.
func (h rewards) ofMember(c echo.Context) error {
	q := readQuery(c)
	affordable := q.truth("affordable_only")
	if err := q.err(); err != nil {
		return err
	}
	ctx := c.Request().Context()
	card, err := h.members.Find(ctx, caller(c).ProjectID, "", c.Param("member"))
	if err != nil {
		return err
	}
	found, err := h.store.OfMember(ctx, card, affordable != nil && *affordable)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, list("data", each(found, loyalty.ShowMemberReward), int64(len(found))))
}

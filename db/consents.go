package db

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"herald/db/internal/rows"
	"herald/internal/customer"
	"herald/internal/fault"
	"herald/internal/id"
	"herald/internal/occurrence"
	"herald/internal/segment"
)

// Consents is the store of what customers can agree to, and of who did.
type Consents struct{ Pool *pgxpool.Pool }

// Create makes a consent; its name is the project's only one.
func (s Consents) Create(ctx context.Context, project uuid.UUID, name string, description, category *string) (customer.Consent, error) {
	var row rows.Consent
	err := inTx(ctx, s.Pool, func(tx pgx.Tx) (err error) {
		row, err = q.ConsentCreate(ctx, tx, rows.ConsentCreateParams{
			ProjectID: project, Name: name, Description: description, Category: category,
		})
		return err
	})
	if violates(err, "consents_name_key") {
		return customer.Consent{}, &fault.Error{Code: fault.Duplicate, Property: "name", Details: "Duplicated consent exists with name " + name}
	}
	return customer.Consent(row), err
}

// List is all consents of the project, in the order of their making.
func (s Consents) List(ctx context.Context, project uuid.UUID) ([]customer.Consent, error) {
	found, err := q.ConsentList(ctx, s.Pool, project)
	all := make([]customer.Consent, len(found))
	for i, row := range found {
		all[i] = customer.Consent(row)
	}
	return all, err
}

// ConsentChange is what a customer says: yes or no to each consent, and whether they want no messages at all.
type ConsentChange struct {
	Given        map[uuid.UUID]bool
	Unsubscribed *bool // true revokes every consent first; a consent given later ends it
}

// Give records the change, all of it or nothing, and tells of the consents that it gave or revoked; fault.NotFound names a
// consent that the project does not have.
func (s Consents) Give(ctx context.Context, project, one uuid.UUID, said ConsentChange) error {
	given := rows.ConsentGiveParams{
		CustomerID: one, ProjectID: project, Rest: said.Unsubscribed != nil && *said.Unsubscribed, Ids: []uuid.UUID{}, Given: []bool{},
	}
	unsubscribed := said.Unsubscribed
	for consent, yes := range said.Given {
		given.Ids, given.Given = append(given.Ids, consent), append(given.Given, yes)
		if yes && said.Unsubscribed == nil {
			unsubscribed = new(bool)
		}
	}
	return inChange(ctx, s.Pool, project, func(c *change) error {
		if _, err := c.hold(ctx, Saving{ID: &one}); err != nil {
			return err
		}
		unknown, err := q.ConsentUnknown(ctx, c.tx, rows.ConsentUnknownParams{ProjectID: project, Ids: given.Ids})
		if err == nil {
			return fault.Missing("consent", id.Consent.Format(unknown))
		}
		if !missing(err) {
			return err
		}
		if unsubscribed != nil {
			n, err := q.CustomerUnsubscribe(ctx, c.tx, rows.CustomerUnsubscribeParams{ProjectID: project, ID: one, Unsubscribed: *unsubscribed})
			if err != nil {
				return err
			}
			if n > 0 {
				c.touch(one, segment.Attributes)
			}
		}
		changed, err := q.ConsentGive(ctx, c.tx, given)
		c.tellConsents(one, occurrence.ConsentsGiven, changed, true)
		c.tellConsents(one, occurrence.ConsentsRevoked, changed, false)
		return err
	})
}

// tellConsents tells of the consents that were given, or of those that were revoked.
func (c *change) tellConsents(one uuid.UUID, kind occurrence.Type, changed []rows.ConsentGiveRow, given bool) {
	var shown []customer.ShownConsent
	for _, row := range changed {
		if row.Given == given {
			shown = append(shown, customer.ShownConsent{ID: id.Consent.Format(row.ID), Name: row.Name, Object: "consent"})
		}
	}
	if len(shown) > 0 {
		c.happened(occurrence.Occurrence{Type: kind, Customer: one, Data: map[string]any{"consents": shown}})
	}
}

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
)

// Consents is the store of what customers can agree to, and of who did.
type Consents struct{ Pool *pgxpool.Pool }

// Create makes a consent; its name is the project's only one.
func (s Consents) Create(ctx context.Context, project uuid.UUID, name string, description, category *string) (customer.Consent, error) {
	row, err := q.ConsentCreate(ctx, s.Pool, rows.ConsentCreateParams{
		ProjectID: project, Name: name, Description: description, Category: category,
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

// Give records the change, all of it or nothing; fault.NotFound names a consent that the project does not have.
func (s Consents) Give(ctx context.Context, project, one uuid.UUID, change ConsentChange) error {
	var given rows.ConsentGiveParams
	subscribes := false
	for consent, yes := range change.Given {
		given.Ids = append(given.Ids, consent)
		given.Given = append(given.Given, yes)
		subscribes = subscribes || yes
	}
	given.CustomerID, given.ProjectID = one, project
	return inTx(ctx, s.Pool, func(tx pgx.Tx) error {
		unsubscribed := change.Unsubscribed
		if unsubscribed == nil && subscribes {
			no := false
			unsubscribed = &no
		}
		if unsubscribed != nil {
			if _, err := q.CustomerUnsubscribe(ctx, tx, rows.CustomerUnsubscribeParams{
				ProjectID: project, ID: one, Unsubscribed: *unsubscribed,
			}); err != nil {
				return err
			}
			if *unsubscribed {
				if err := q.ConsentRevokeAll(ctx, tx, one); err != nil {
					return err
				}
			}
		}
		if len(given.Ids) == 0 {
			return nil
		}
		unknown, err := q.ConsentUnknown(ctx, tx, rows.ConsentUnknownParams{ProjectID: project, Ids: given.Ids})
		if err == nil {
			return fault.Missing("consent", id.Consent.Format(unknown))
		}
		if !missing(err) {
			return err
		}
		return q.ConsentGive(ctx, tx, given)
	})
}

package api

import (
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"herald/db"
	"herald/internal/fault"
)

// right is what a route asks of the caller's key: one of these roles.
type right []db.Role

// The rights. A key that leaks from a shop's web server (ingest) can send data in, and can read no customers out.
var (
	reads    = right{db.Admin, db.Ops, db.Viewer}
	ingests  = right{db.Admin, db.Ingest}
	acts     = right{db.Admin, db.Ops, db.Ingest} // on behalf of customers: orders, events, publications, redemptions
	controls = right{db.Admin, db.Ops}
	manages  = right{db.Admin}
	anyRole  = right{db.Admin, db.Ops, db.Ingest, db.Viewer}
)

// routes is how a noun lists its routes; each names the right it asks for, so that none is open by oversight.
type routes struct{ group *echo.Group }

func (r routes) get(path string, needs right, h echo.HandlerFunc)    { r.add("GET", path, needs, h) }
func (r routes) post(path string, needs right, h echo.HandlerFunc)   { r.add("POST", path, needs, h) }
func (r routes) put(path string, needs right, h echo.HandlerFunc)    { r.add("PUT", path, needs, h) }
func (r routes) delete(path string, needs right, h echo.HandlerFunc) { r.add("DELETE", path, needs, h) }

func (r routes) add(method, path string, needs right, h echo.HandlerFunc) {
	r.group.Add(method, path, func(c echo.Context) error {
		if err := needs.check(caller(c).Role); err != nil {
			return err
		}
		return h(c)
	})
}

func (r right) check(role db.Role) error {
	if slices.Contains(r, role) {
		return nil
	}
	names := make([]string, len(r))
	for i, allowed := range r {
		names[i] = string(allowed)
	}
	return fault.New(fault.Forbidden, "This key's role is %s; this call needs %s", role, strings.Join(names, " or "))
}

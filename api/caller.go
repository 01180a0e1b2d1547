package api

import (
	"github.com/labstack/echo/v4"

	"herald/db"
	"herald/internal/fault"
)

const callerKey = "caller"

// authenticate lets a request through when its X-App-Id and X-App-Token are a key's.
func authenticate(projects db.Projects) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			appID, token := c.Request().Header.Get("X-App-Id"), c.Request().Header.Get("X-App-Token")
			if appID == "" || token == "" {
				return &fault.Error{Code: fault.Unauthorized, Details: "Send the headers X-App-Id and X-App-Token"}
			}
			key, err := projects.Authenticate(c.Request().Context(), appID, token)
			if err != nil {
				return err
			}
			c.Set(callerKey, key)
			return next(c)
		}
	}
}

// caller is whose request this is.
func caller(c echo.Context) db.Key { return c.Get(callerKey).(db.Key) }

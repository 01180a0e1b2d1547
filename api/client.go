package api

import (
	"net"
	"net/http"

	"github.com/labstack/echo/v4"

	"herald/db"
)

// The client-side door, /client/v1, is for web pages: with keys of their own, from the origins of those, and with a rate for
// each address. What it does is done by the same handlers and stores as behind /v1; what it answers says no more of a
// customer than the page said itself, because everybody can call it in anybody's name.

const clientPath = "/client/v1/"

// visits is the right to call the client-side door.
var visits = right{db.Client}

// preflight answers what browsers ask before they call from another origin (CORS). It cannot know the key yet, so it lets any
// origin ask; the call itself is refused where its key is not for the origin, and its answer then stays unreadable.
func preflight(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		header := c.Response().Header()
		header.Add("Vary", "Origin")
		header.Set("Access-Control-Expose-Headers",
			"X-Rate-Limit-Limit, X-Rate-Limit-Remaining, X-Rate-Limit-Retry, X-Rate-Limit-Type, Retry-After")
		asked := c.Request().Header
		if c.Request().Method != http.MethodOptions || asked.Get("Origin") == "" || asked.Get("Access-Control-Request-Method") == "" {
			return next(c)
		}
		header.Set("Access-Control-Allow-Origin", asked.Get("Origin"))
		header.Set("Access-Control-Allow-Methods", "GET, POST, PUT")
		header.Set("Access-Control-Allow-Headers",
			"Content-Type, X-Client-Application-Id, X-Client-Token, X-Voucherify-Channel, X-Voucherify-Double-Opt-In, X-Voucherify-API-Version")
		header.Set("Access-Control-Max-Age", "600")
		return c.NoContent(http.StatusNoContent)
	}
}

// addressOf says how the address of a caller is found: it is who opened the connection, or, where that is one of the proxies,
// who those say they serve.
func addressOf(proxies []*net.IPNet) echo.IPExtractor {
	if len(proxies) == 0 {
		return echo.ExtractIPDirect()
	}
	trusted := []echo.TrustOption{echo.TrustLoopback(false), echo.TrustLinkLocal(false), echo.TrustPrivateNet(false)}
	for _, proxy := range proxies {
		trusted = append(trusted, echo.TrustIPRange(proxy))
	}
	return echo.ExtractIPFromXFFHeader(trusted...)
}

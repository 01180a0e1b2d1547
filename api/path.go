package api

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"herald/internal/fault"
)

// tidyPath lets every spelling of a path that official SDKs produce reach its route, without a redirect, which would turn
// a POST into a GET: "//v1/…" (a base URL that ends in a slash) and "/v1/vouchers/" (an id that is undefined). It routes on
// the escaped path, so that %2F stays within its segment.
func tidyPath(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		u := c.Request().URL
		escaped := "/" + strings.Trim(u.EscapedPath(), "/")
		path, err := url.PathUnescape(escaped)
		if err != nil {
			return fault.New(fault.NotFound, "The path cannot be read")
		}
		u.Path, u.RawPath = path, escaped
		return next(c)
	}
}

// headAsGet answers HEAD wherever there is a GET, with the same headers. It stands before the router, which goes by the method;
// the server still knows the request by its own and sends no body.
type headAsGet struct{ *echo.Echo }

// ServeHTTP lets a HEAD through as a GET.
func (h headAsGet) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodHead {
		asked := *r
		asked.Method = http.MethodGet
		r = &asked
	}
	h.Echo.ServeHTTP(w, r)
}

// decodeParams gives handlers the path's parameters as the caller meant them.
func decodeParams(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		values := c.ParamValues()
		for i, value := range values {
			decoded, err := url.PathUnescape(value)
			if err != nil || !utf8.ValidString(decoded) || strings.ContainsRune(decoded, 0) {
				return &fault.Error{Code: fault.NotFound, ResourceID: value, Details: "No such path: a segment is not valid UTF-8 text"}
			}
			values[i] = decoded
		}
		return next(c)
	}
}

// within applies the middleware, first one outermost, to every path with that prefix, whether there is a route or not: a
// group of its own would answer 404 where a path only lacks the method.
func within(prefix string, middleware ...echo.MiddlewareFunc) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		guarded := next
		for _, m := range slices.Backward(middleware) {
			guarded = m(guarded)
		}
		return func(c echo.Context) error {
			if strings.HasPrefix(c.Request().URL.Path, prefix) {
				return guarded(c)
			}
			return next(c)
		}
	}
}

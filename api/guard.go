package api

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
)

const (
	requestTime   = 60 * time.Second // for one request; what takes longer is an async action
	multipartHead = 64 << 10         // what the frame of an uploaded file may add to maxBody
	readAway      = 3 * maxBody      // of a body that is too large, before it is refused
)

// bound limits how large a request's body may be and how long serving it may take.
func bound(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		limit := int64(maxBody)
		if strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/") {
			limit += multipartHead
		}
		body := r.Body
		if r.ContentLength > limit {
			hearOut(r, body)
			return &http.MaxBytesError{Limit: maxBody}
		}
		ctx, cancel := context.WithTimeout(r.Context(), requestTime)
		defer cancel()
		r = r.WithContext(ctx)
		r.Body = http.MaxBytesReader(c.Response(), body, limit)
		c.SetRequest(r)
		err := next(c)
		if isTooLarge(err) {
			hearOut(r, body)
		}
		return err
	}
}

// hearOut reads the rest of a body that is refused, as far as that is sensible: a client that still writes when the connection
// closes often sees a broken pipe, and not the answer. One that waits to be told to go on is not.
func hearOut(r *http.Request, body io.Reader) {
	if r.Header.Get("Expect") == "" {
		_, _ = io.CopyN(io.Discard, body, readAway)
	}
}

// observe logs each request at debug, with the time it took, and turns a panic into an error with its stack.
func observe(log *slog.Logger) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) (err error) {
			began := time.Now()
			defer func() {
				if r := recover(); r != nil {
					if r == http.ErrAbortHandler {
						panic(r)
					}
					err = fmt.Errorf("panic: %v\n%s", r, debug.Stack())
				}
				if err != nil {
					c.Error(err)
				}
				log.DebugContext(c.Request().Context(), "request", "request_id", requestID(c), "method", c.Request().Method,
					"route", c.Path(), "status", c.Response().Status, "took", time.Since(began))
				err = nil
			}()
			return next(c)
		}
	}
}

package api

import (
	"context"
	"fmt"
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
)

// bound limits how large a request's body may be and how long serving it may take.
func bound(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		limit := int64(maxBody)
		if strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/") {
			limit += multipartHead
		}
		if r.ContentLength > limit {
			return &http.MaxBytesError{Limit: maxBody}
		}
		ctx, cancel := context.WithTimeout(r.Context(), requestTime)
		defer cancel()
		r = r.WithContext(ctx)
		r.Body = http.MaxBytesReader(c.Response(), r.Body, limit)
		c.SetRequest(r)
		return next(c)
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

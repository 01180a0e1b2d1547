package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/labstack/echo/v4"

	"herald/db"
	"herald/internal/fault"
)

const (
	keyLength   = 255             // characters of an Idempotency-Key
	expireEvery = 1 * time.Minute // between two deletions of old answers
)

// once serves each POST that carries an Idempotency-Key one time: the same request again gets the same answer, another
// request with the same key a 409. An answer of 5xx, 401, 403 or 429 says nothing about the request itself and is not kept.
func once(answers db.Idempotency, log *slog.Logger) echo.MiddlewareFunc {
	var expired atomic.Int64
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			key := c.Request().Header.Get("Idempotency-Key")
			if key == "" || c.Request().Method != http.MethodPost {
				return next(c)
			}
			if len(key) > keyLength {
				return fault.New(fault.InvalidPayload, "An Idempotency-Key has at most %d characters", keyLength)
			}
			hash, err := hashRequest(c.Request())
			if err != nil {
				return err
			}
			ctx := c.Request().Context()
			if last, now := expired.Load(), time.Now().Unix(); now-last > int64(expireEvery/time.Second) && expired.CompareAndSwap(last, now) {
				if err := answers.Expire(ctx); err != nil {
					log.Warn("old answers stay", "error", err)
				}
			}
			known, err := answers.Claim(ctx, caller(c).ProjectID, key, hash)
			if err != nil {
				return err
			}
			if known != nil {
				c.Response().Header().Set("Idempotent-Replayed", "true")
				if len(known.Body) == 0 {
					return c.NoContent(known.Status)
				}
				return c.Blob(known.Status, known.ContentType, known.Body)
			}
			return serveOnce(c, next, answers, key)
		}
	}
}

// serveOnce serves the request that holds the key, and keeps its answer. The answer is settled even when the caller has
// hung up meanwhile or the handler panics.
func serveOnce(c echo.Context, next echo.HandlerFunc, answers db.Idempotency, key string) (err error) {
	ctx := context.WithoutCancel(c.Request().Context())
	project := caller(c).ProjectID
	response := c.Response()
	kept := &recorder{ResponseWriter: response.Writer}
	response.Writer = kept
	settled := false
	defer func() {
		response.Writer = kept.ResponseWriter
		if !settled {
			_ = answers.Forget(ctx, project, key) // a claim without an answer is taken over later anyway
		}
	}()
	if err := next(c); err != nil {
		c.Error(err) // written here, because the answer is what is kept
	}
	if !keeps(response.Status) || c.Get(unkept) != nil {
		return nil
	}
	settled = true
	return answers.Keep(ctx, project, key, db.Answer{
		Status: response.Status, ContentType: response.Header().Get("Content-Type"), Body: kept.body.Bytes(),
	})
}

// unkept marks a request whose answer is not kept, although it is good: it changed nothing, and shows a person in words that nobody
// could find again to forget them.
const unkept = "unkept"

func keeps(status int) bool {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests:
		return false
	}
	return status < http.StatusInternalServerError
}

// recorder keeps a copy of the answer's body as it is written.
type recorder struct {
	http.ResponseWriter
	body bytes.Buffer
}

func (r *recorder) Write(p []byte) (int, error) {
	r.body.Write(p)
	return r.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController reach the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// hashRequest hashes what makes a request the same request, and leaves the body to be read again. A multipart body counts
// without its boundary, which clients draw anew for each attempt.
func hashRequest(r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, readFault(err)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	if _, params, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err == nil && params["boundary"] != "" {
		body = bytes.ReplaceAll(body, []byte(params["boundary"]), nil)
	}
	sum := sha256.New()
	for _, part := range []string{r.Method, r.URL.EscapedPath(), r.URL.RawQuery} {
		_, _ = io.WriteString(sum, part+"\x00") // a hash never fails to write
	}
	_, _ = sum.Write(body)
	return sum.Sum(nil), nil
}

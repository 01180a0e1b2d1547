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
			keyed, known, err := answers.Claim(ctx, caller(c).ProjectID, key, hash)
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
			return serveOnce(c, next, answers, keyed)
		}
	}
}

// serveOnce serves the request that holds its key, and keeps its answer. The answer is settled even when the caller has
// hung up meanwhile or the handler panics.
func serveOnce(c echo.Context, next echo.HandlerFunc, answers db.Idempotency, keyed *db.Keyed) (err error) {
	ctx := context.WithoutCancel(c.Request().Context())
	c.SetRequest(c.Request().WithContext(keyed.Within(c.Request().Context())))
	response := c.Response()
	kept := &recorder{ResponseWriter: response.Writer}
	response.Writer = kept
	settled, retriable := false, false
	defer func() {
		response.Writer = kept.ResponseWriter
		if !settled {
			_ = answers.Forget(ctx, keyed, retriable) // a claim without an answer is taken over later anyway
		}
	}()
	if err := next(c); err != nil {
		retriable = fault.Is(err, fault.Unavailable) // it says itself that the same can be asked again
		c.Error(err)                                 // written here, because the answer is what is kept
	}
	if c.Get(unkept) != nil {
		retriable = true
		return nil
	}
	if !keeps(response.Status) {
		return nil
	}
	settled = true
	if keyed.Answered() {
		return nil
	}
	return answers.Keep(ctx, keyed, db.Answer{
		Status: response.Status, ContentType: response.Header().Get("Content-Type"), Body: kept.body.Bytes(),
	})
}

// unkept marks a request whose answer is not kept, although it is good: it changed nothing, and shows a person in words that nobody
// could find again to forget them.
const unkept = "unkept"

// answerWith says how the request will be answered, so that the answer is kept in the transaction that carries it out, and can
// be given again even where the process dies at its commit. It returns show.
func answerWith[T, Shown any](c echo.Context, show func(T) Shown) func(T) Shown {
	if keyed := db.KeyedOf(c.Request().Context()); keyed != nil {
		keyed.Show = func(result any) (db.Answer, error) {
			var body bytes.Buffer
			err := encode(&body, show(result.(T)))
			return db.Answer{Status: http.StatusOK, ContentType: echo.MIMEApplicationJSON, Body: body.Bytes()}, err
		}
	}
	return show
}

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

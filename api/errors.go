package api

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"herald/internal/fault"
)

// statuses is what each code of a fault is in HTTP, with the message that goes with it.
var statuses = map[fault.Code]struct {
	status  int
	message string
}{
	fault.InvalidPayload:    {http.StatusBadRequest, "Invalid payload"},
	fault.InvalidQuery:      {http.StatusBadRequest, "Invalid query params"},
	fault.Unauthorized:      {http.StatusUnauthorized, "Unauthorized"},
	fault.Forbidden:         {http.StatusForbidden, "Forbidden"},
	fault.NotFound:          {http.StatusNotFound, "Resource not found"},
	fault.Duplicate:         {http.StatusConflict, "Duplicated resource found"},
	fault.Conflict:          {http.StatusConflict, "Conflict"},
	fault.AnswerLost:        {http.StatusConflict, "The request was carried out and its answer is lost"},
	fault.TooLarge:          {http.StatusRequestEntityTooLarge, "Payload content length greater than maximum allowed"},
	fault.UnsupportedMedia:  {http.StatusUnsupportedMediaType, "Unsupported media type"},
	fault.RateLimited:       {http.StatusTooManyRequests, "Too many requests"},
	fault.ProviderFault:     {http.StatusBadGateway, "The provider is unavailable"},
	fault.Unavailable:       {http.StatusServiceUnavailable, "Temporarily unavailable"},
	fault.MissingVouchers:   {http.StatusBadRequest, "Missing vouchers"},
	fault.NoVoucher:         {http.StatusBadRequest, "No voucher suitable for publication"},
	fault.AlreadyPublished:  {http.StatusBadRequest, "Voucher already published"},
	fault.CannotBePublished: {http.StatusBadRequest, "Voucher cannot be published"},
	fault.TooManyVouchers:   {http.StatusBadRequest, "Too many vouchers requested"},
	fault.DuplicateSourceID: {http.StatusBadRequest, "Duplicate source_id"},
	fault.PageOverLimit:     {http.StatusBadRequest, "Listing resource above 1000 page is not supported"},
	fault.InvalidVoucher:    {http.StatusBadRequest, "Invalid Voucher"},
	fault.DuplicateKey:      {http.StatusBadRequest, "Duplicate codes"},
	fault.PointsExceeded:    {http.StatusBadRequest, "loyalty card points exceeded"},
	fault.GiftExceeded:      {http.StatusBadRequest, "gift amount exceeded"},
	fault.InvalidAmount:     {http.StatusBadRequest, "Invalid Amount"},
	fault.InvalidExpiration: {http.StatusBadRequest, "Invalid Expiration Date"},
	fault.InvalidPending:    {http.StatusBadRequest, "Invalid pending points state"},
	fault.CampaignNotActive: {http.StatusBadRequest, "Loyalty campaign is not active"},
	fault.CardNotActive:     {http.StatusBadRequest, "Customer's loyalty card is not active"},
	fault.NoAutoJoin:        {http.StatusBadRequest, "Loyalty campaign does not allow auto-join for non-members"},
	fault.NotPublished:      {http.StatusBadRequest, "Voucher is not published"},
	fault.HolderDuplicate:   {http.StatusConflict, "Customer is already assigned to given redeemable"},
	fault.InvalidRules:      {http.StatusBadRequest, "Invalid Validation Rule Definition"},
	fault.InvalidBalance:    {http.StatusBadRequest, "Invalid balance"},
	fault.ResourceInUse:     {http.StatusBadRequest, "Resource in use"},
}

// body is the documented error body.
type body struct {
	Code         int         `json:"code"`
	Key          fault.Code  `json:"key"`
	Message      string      `json:"message"`
	Details      string      `json:"details,omitempty"`
	Property     string      `json:"property,omitempty"`
	RequestID    string      `json:"request_id,omitempty"`
	ResourceID   string      `json:"resource_id,omitempty"`
	ResourceType string      `json:"resource_type,omitempty"`
	RelatedIDs   []string    `json:"related_object_ids,omitempty"`
	RelatedType  string      `json:"related_object_type,omitempty"`
	RelatedTotal int64       `json:"related_object_total,omitempty"`
	Errors       []errorItem `json:"errors,omitempty"` // every fault, where there is more than one
	Error        *notice     `json:"error,omitempty"`
}

// notice is what a shop can tell its customer.
type notice struct {
	Message string `json:"message"`
}

type errorItem struct {
	Property string `json:"property,omitempty"`
	Details  string `json:"details"`
}

// answerError turns every error of a handler into the documented body; what is not the caller's doing is logged.
func answerError(log *slog.Logger) echo.HTTPErrorHandler {
	return func(err error, c echo.Context) {
		if c.Response().Committed {
			return
		}
		if isTooLarge(err) {
			_ = c.JSON(http.StatusRequestEntityTooLarge, tooLarge) // the connection is closed after it either way
			return
		}
		b := describe(err)
		b.RequestID = requestID(c)
		var f *fault.Error
		if errors.As(err, &f) && f.RetryAfter > 0 {
			c.Response().Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(f.RetryAfter.Seconds()))))
		}
		hungUp := errors.Is(err, context.Canceled) && c.Request().Context().Err() != nil
		if b.Code >= http.StatusInternalServerError && !hungUp {
			log.Error("request failed", "request_id", b.RequestID, "method", c.Request().Method, "route", c.Path(), "error", err)
		}
		if err := c.JSON(b.Code, b); err != nil {
			log.Warn("answer not written", "request_id", b.RequestID, "error", err)
		}
	}
}

func isTooLarge(err error) bool {
	var large *http.MaxBytesError
	return errors.As(err, &large) || fault.Is(err, fault.TooLarge)
}

// tooLarge is the documented answer to a body over the limit; it has a shape of its own.
var tooLarge = struct {
	StatusCode int    `json:"statusCode"`
	Error      string `json:"error"`
	Message    string `json:"message"`
}{
	http.StatusRequestEntityTooLarge, "Request Entity Too Large",
	fmt.Sprintf("Payload content length greater than maximum allowed: %d", maxBody),
}

func describe(err error) body {
	var f *fault.Error
	if errors.As(err, &f) {
		return describeFault(f)
	}
	var h *echo.HTTPError
	if errors.As(err, &h) {
		switch h.Code {
		case http.StatusNotFound:
			return body{Code: h.Code, Key: fault.NotFound, Message: "Resource not found", Details: "No such path"}
		case http.StatusMethodNotAllowed:
			return body{Code: h.Code, Key: "method_not_allowed", Message: "Method not allowed"}
		}
		return body{Code: h.Code, Key: "bad_request", Message: http.StatusText(h.Code)}
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return body{
			Code: http.StatusServiceUnavailable, Key: "timeout", Message: "Timeout",
			Details: fmt.Sprintf("The request was not served within %s; try again", requestTime),
		}
	}
	return body{Code: http.StatusInternalServerError, Key: fault.Internal, Message: "Internal error"}
}

func describeFault(f *fault.Error) body {
	known, ok := statuses[f.Code]
	if message, refused := fault.Refusals[f.Code]; refused {
		known.status, known.message = http.StatusBadRequest, message
	} else if !ok {
		known.status, known.message = http.StatusInternalServerError, "Internal error"
	}
	b := body{
		Code: known.status, Key: f.Code, Message: known.message, Details: f.Details, Property: f.Property,
		ResourceID: f.ResourceID, ResourceType: f.ResourceType, RelatedIDs: f.RelatedIDs, RelatedType: f.RelatedType,
		RelatedTotal: f.RelatedTotal,
	}
	if f.Message != "" {
		b.Message = f.Message
	}
	if f.Notice != "" {
		b.Error = &notice{f.Notice}
	}
	if len(f.Faults) > 0 {
		b.Errors = append(b.Errors, errorItem{f.Property, f.Details})
		for _, further := range f.Faults {
			b.Errors = append(b.Errors, errorItem{further.Property, further.Details})
		}
	}
	return b
}

// requestID names a request in answers, logs and async actions: "v-" and hex.
func requestID(c echo.Context) string {
	const key = "request_id"
	if known, ok := c.Get(key).(string); ok {
		return known
	}
	raw := make([]byte, 8)
	_, _ = rand.Read(raw) // never fails: crypto/rand ends the process instead
	made := "v-" + hex.EncodeToString(raw)
	c.Set(key, made)
	return made
}

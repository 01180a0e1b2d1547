package voucher

import (
	"errors"
	"fmt"

	"herald/internal/fault"
)

// Row is a voucher whose code a caller brings. Rows count from 1, the header of a file not among them.
type Row struct {
	Row int64 `json:"row"`
	Draft
}

// ImportResult is how an import ended.
type ImportResult struct {
	Message     string         `json:"message"`
	Failed      []ImportFailed `json:"failed"` // the first of them; see FailedListed
	DoneCount   int64          `json:"done_count"`
	FailedCount int64          `json:"failed_count"`
}

// ImportFailed is a row that was not imported.
type ImportFailed struct {
	Code   string `json:"code"`
	Row    int64  `json:"row"`
	Reason string `json:"reason"`
}

// FailedListed is how many failed rows a result lists; the rest are only counted.
const FailedListed = 1000

// Refuse counts a row that is not imported.
func (r *ImportResult) Refuse(row int64, code, reason string) {
	r.FailedCount++
	if len(r.Failed) < FailedListed {
		r.Failed = append(r.Failed, ImportFailed{Code: code, Row: row, Reason: reason})
	}
}

// Ended is the result with its message.
func (r ImportResult) Ended() ImportResult {
	r.Message = fmt.Sprintf("%d voucher(s) imported successfully, %d failed.", r.DoneCount, r.FailedCount)
	if r.Failed == nil {
		r.Failed = []ImportFailed{}
	}
	return r
}

// Reason is what people are told of the error for which a row is refused.
func Reason(err error) string {
	var f *fault.Error
	if errors.As(err, &f) {
		return f.Details
	}
	return err.Error()
}

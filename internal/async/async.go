// Package async is the noun of work that a request only starts: its caller gets an id at once and asks for the outcome.
package async

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"
)

// The types of async actions, as the public API names them.
const (
	CustomersImportCSV      = "CUSTOMERS.IMPORT_CSV"
	CustomersBulkUpdate     = "CUSTOMERS.BULK_UPDATE"
	CustomersMetadataUpdate = "CUSTOMERS.METADATA_UPDATE"
	VouchersGenerate        = "CAMPAIGN.VOUCHERS_GENERATE"
	VouchersImport          = "CAMPAIGN.VOUCHERS_IMPORT"
	VouchersImportCSV       = "CAMPAIGN.VOUCHERS_IMPORT_CSV"
	VouchersDelete          = "CAMPAIGN.VOUCHERS_DELETE"
	VouchersUpdate          = "CAMPAIGN.VOUCHERS_UPDATE"
	VouchersBulkUpdate      = "VOUCHERS.BULK_UPDATE"
	VouchersMetadataUpdate  = "VOUCHERS.METADATA_UPDATE"
	OrdersImport            = "ORDERS.IMPORT"
	StandaloneImport        = "VOUCHERS.IMPORT" // of vouchers without a campaign
	StandaloneImportCSV     = "VOUCHERS.IMPORT_CSV"
)

// The statuses of an action, and of what it did.
const (
	Enqueued   = "ENQUEUED"
	InProgress = "IN_PROGRESS"
	Done       = "DONE"
	Failed     = "FAILED"

	Success = "SUCCESS"
)

// Action is one piece of such work.
type Action struct {
	ID              uuid.UUID
	ProjectID       uuid.UUID
	Type            string
	Status          string
	OperationStatus *string
	RequestID       *string
	Progress        int32           // per cent
	Result          json.RawMessage // what the type says it returns; null until it ended
	ProcessingTime  *float64        // seconds
	CreatedAt       time.Time
	UpdatedAt       *time.Time
}

// CSVResult is the outcome of an import from a CSV file.
type CSVResult struct {
	Message     string      `json:"message"`
	Failed      []CSVFailed `json:"failed"` // the first of them; see FailedListed
	DoneCount   int64       `json:"done_count"`
	FailedCount int64       `json:"failed_count"`
}

// CSVFailed is a row that was not imported. Rows count from 1, the header not among them.
type CSVFailed struct {
	SourceID string `json:"source_id"`
	Row      int64  `json:"row"`
	Reason   string `json:"reason"`
}

// BulkResult is the outcome of an update in bulk.
type BulkResult struct {
	DoneCount   int64    `json:"done_count"`
	FailedCount int64    `json:"failed_count"`
	Reports     []string `json:"reports"`
	Errors      []string `json:"errors"`
}

// FailedListed is how many failed rows a result lists; the rest are only counted.
const FailedListed = 1000

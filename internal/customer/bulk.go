package customer

import (
	"encoding/json"
	"fmt"

	jsonv2 "github.com/go-json-experiment/json"

	"herald/internal/async"
	"herald/internal/fault"
)

// BulkItem is one customer of a bulk update, who is made where the source id is new.
type BulkItem struct {
	SourceID string `json:"source_id"`
	Change
}

// BulkMetadata is the same metadata for many customers, who are made where their source id is new.
type BulkMetadata struct {
	SourceIDs []string `json:"source_ids"`
	Metadata  Object   `json:"metadata"`
}

// Check says everything that is wrong with the items, by their place: "[3].email".
func Check(items []BulkItem) error {
	if len(items) == 0 {
		return fault.New(fault.InvalidPayload, "The payload cannot be empty")
	}
	var faults fault.List
	for i, item := range items {
		var of fault.List
		if f := CheckSourceID("source_id", item.SourceID); f != nil {
			of.Add(f)
		}
		_, err := item.Change.Check()
		of.AddAll(err)
		for _, f := range of {
			f.Property = fmt.Sprintf("[%d].%s", i, f.Property)
			faults.Add(f)
		}
	}
	return faults.Err()
}

// Check says everything that is wrong with it.
func (b BulkMetadata) Check() error {
	var faults fault.List
	if len(b.SourceIDs) == 0 {
		faults.Add(fault.Property("source_ids", "Property .source_ids should not be empty"))
	}
	for i, source := range b.SourceIDs {
		faults.Add(CheckSourceID(fmt.Sprintf("source_ids[%d]", i), source))
	}
	if b.Metadata.Parts == nil {
		faults.Add(fault.Property("metadata", "Property .metadata is required"))
	}
	_, err := Change{Metadata: b.Metadata}.Check()
	faults.AddAll(err)
	return faults.Err()
}

// BulkItems reads what an async action of that type works on, which was checked when it was ordered.
func BulkItems(actionType string, content json.RawMessage) (items []BulkItem, err error) {
	if actionType != async.CustomersMetadataUpdate {
		return items, jsonv2.Unmarshal(content, &items)
	}
	var b BulkMetadata
	if err := jsonv2.Unmarshal(content, &b); err != nil {
		return nil, err
	}
	for _, source := range b.SourceIDs {
		items = append(items, BulkItem{SourceID: source, Change: Change{Metadata: b.Metadata}})
	}
	return items, nil
}

package voucher

import (
	"encoding/json"
	"fmt"

	"herald/internal/async"
	"herald/internal/fault"
)

// BulkItem is the metadata of one voucher in an update of many; it is merged, and null removes a key.
type BulkItem struct {
	Code     string   `json:"code"`
	Metadata Metadata `json:"metadata"`
}

// BulkMetadata is the same metadata for many vouchers.
type BulkMetadata struct {
	Codes    []string `json:"codes"`
	Metadata Metadata `json:"metadata"`
}

// CheckBulk says everything that is wrong with the items, by their place: "[3].code".
func CheckBulk(items []BulkItem) error {
	if len(items) == 0 {
		return fault.New(fault.InvalidPayload, "The payload cannot be empty")
	}
	var faults fault.List
	for i, item := range items {
		at := fmt.Sprintf("[%d].", i)
		if item.Code == "" {
			faults.Add(fault.Property(at+"code", "Property .%scode is required", at))
		}
		if item.Metadata == nil {
			faults.Add(fault.Property(at+"metadata", "Property .%smetadata is required", at))
		}
		faults.Add(item.Metadata.Check(at + "metadata"))
	}
	return faults.Err()
}

// Check says everything that is wrong with it.
func (b BulkMetadata) Check() error {
	var faults fault.List
	if len(b.Codes) == 0 {
		faults.Add(fault.Property("codes", "Property .codes should not be empty"))
	}
	for i, one := range b.Codes {
		if one == "" {
			faults.Add(fault.Property(fmt.Sprintf("codes[%d]", i), "A code cannot be empty"))
		}
	}
	if b.Metadata == nil {
		faults.Add(fault.Property("metadata", "Property .metadata is required"))
	}
	faults.Add(b.Metadata.Check("metadata"))
	return faults.Err()
}

// BulkItems reads what an async action of that type works on, which was checked when it was ordered.
func BulkItems(actionType string, content []byte) (items []BulkItem, err error) {
	if actionType == async.VouchersBulkUpdate {
		return items, json.Unmarshal(content, &items)
	}
	var b BulkMetadata
	err = json.Unmarshal(content, &b)
	for _, one := range b.Codes {
		items = append(items, BulkItem{Code: one, Metadata: b.Metadata})
	}
	return items, err
}

// Merge lays items of the same code over each other, so that each code stands once; order stays.
func Merge(items []BulkItem) []BulkItem {
	at := make(map[string]int, len(items))
	var merged []BulkItem
	for _, item := range items {
		i, twice := at[item.Code]
		if !twice {
			at[item.Code] = len(merged)
			merged = append(merged, item)
			continue
		}
		both := make(Metadata, len(item.Metadata))
		for _, of := range []Metadata{merged[i].Metadata, item.Metadata} {
			for key, value := range of {
				both[key] = value
			}
		}
		merged[i].Metadata = both
	}
	return merged
}

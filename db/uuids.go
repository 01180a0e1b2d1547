package db

import (
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

// uuids teaches a connection to read and write UUIDs as the sixteen bytes that they are. The driver knows no type of the
// library's, and would take the way over their texts, which costs more than all else about a row of ids.
func uuids(conn *pgx.Conn) {
	types := conn.TypeMap()
	one := &pgtype.Type{Name: "uuid", OID: pgtype.UUIDOID, Codec: uuidCodec{}}
	types.RegisterType(one)
	types.RegisterType(&pgtype.Type{Name: "_uuid", OID: pgtype.UUIDArrayOID, Codec: &pgtype.ArrayCodec{ElementType: one}})
	types.TryWrapEncodePlanFuncs = append([]pgtype.TryWrapEncodePlanFunc{wrapUUIDs}, types.TryWrapEncodePlanFuncs...)
}

// uuidCodec is the driver's codec with a short way for uuid.UUID.
type uuidCodec struct{ pgtype.UUIDCodec }

// PlanEncode says how a value is written.
func (c uuidCodec) PlanEncode(m *pgtype.Map, oid uint32, format int16, value any) pgtype.EncodePlan {
	if _, ok := value.(uuid.UUID); ok && format == pgtype.BinaryFormatCode {
		return encodeUUID{}
	}
	return c.UUIDCodec.PlanEncode(m, oid, format, value)
}

// PlanScan says how a value is read.
func (c uuidCodec) PlanScan(m *pgtype.Map, oid uint32, format int16, target any) pgtype.ScanPlan {
	if _, ok := target.(*uuid.UUID); ok && format == pgtype.BinaryFormatCode {
		return scanUUID{}
	}
	return c.UUIDCodec.PlanScan(m, oid, format, target)
}

type encodeUUID struct{}

// Encode appends the value.
func (encodeUUID) Encode(value any, buf []byte) ([]byte, error) {
	one := value.(uuid.UUID)
	return append(buf, one[:]...), nil
}

type scanUUID struct{}

// Scan reads the value; null and what has another length is no UUID.
func (scanUUID) Scan(src []byte, target any) (err error) {
	*target.(*uuid.UUID), err = uuid.FromBytes(src)
	return err
}

// wrapUUIDs writes a slice of UUIDs as an array, without reflection.
func wrapUUIDs(value any) (pgtype.WrappedEncodePlanNextSetter, any, bool) {
	all, ok := value.([]uuid.UUID)
	if !ok || all == nil {
		return nil, nil, false
	}
	return &encodeUUIDs{}, pgtype.FlatArray[uuid.UUID](all), true
}

type encodeUUIDs struct{ next pgtype.EncodePlan }

// SetNext says who writes the array.
func (p *encodeUUIDs) SetNext(next pgtype.EncodePlan) { p.next = next }

// Encode appends the array.
func (p *encodeUUIDs) Encode(value any, buf []byte) ([]byte, error) {
	return p.next.Encode(pgtype.FlatArray[uuid.UUID](value.([]uuid.UUID)), buf)
}

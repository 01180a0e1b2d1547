// Package csvfile reads CSV files as people have them: with a byte order mark, from a spreadsheet in UTF-16, with semicolons,
// with quotes that never close, or with one line of a hundred megabytes. What is wrong with a row is told with that row, and
// reading goes on behind it. Memory stays bounded whatever the file holds.
package csvfile

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"

	"herald/internal/fault"
)

// maxRow is how many bytes a row can have.
const maxRow = 1 << 20

// Reader reads the rows behind a header.
type Reader struct {
	in      *bufio.Reader
	pending []line // to be read once more, as rows of their own
	comma   byte
	header  []string
	rows    int64
}

// Row is one row behind the header.
type Row struct {
	Number int64    // counts from 1
	Fields []string // as many as the header has; nil in a bad row
	Bad    string   // why the row cannot be used; empty in a good one
}

// NewReader reads the header of a file. Its errors are faults about the file as a whole.
func NewReader(r io.Reader) (*Reader, error) {
	in, err := decode(bufio.NewReaderSize(r, maxRow))
	if err != nil {
		return nil, err
	}
	f := &Reader{in: in, comma: ','}
	first, err := f.line()
	line := first.text
	switch {
	case errors.Is(err, io.EOF):
		return nil, fault.New(fault.InvalidPayload, "The file is empty; its first line should name the columns")
	case err != nil:
		return nil, err
	case first.long:
		return nil, fault.New(fault.InvalidPayload, "The first line is longer than %d bytes; it should name the columns", maxRow)
	case !utf8.Valid(line):
		return nil, fault.New(fault.InvalidPayload, "The first line is not UTF-8 text (it may be Latin-1 or Windows-1252); save the file as UTF-8")
	case bytes.ContainsRune(bytes.TrimRight(line, "\r\n"), '\r'):
		return nil, fault.New(fault.InvalidPayload, "The file's lines end in a lone carriage return; save it with line ends of LF or CRLF")
	}
	if !bytes.Contains(line, []byte{','}) {
		for _, other := range []byte{';', '\t'} {
			if bytes.Contains(line, []byte{other}) {
				f.comma = other
				break
			}
		}
	}
	p := parser{comma: f.comma}
	if !p.feed(line) || p.bad != "" {
		return nil, fault.New(fault.InvalidPayload, "The first line cannot be read: a quote in it is out of place")
	}
	f.header = p.fields
	for i, name := range f.header {
		f.header[i] = strings.TrimSpace(name)
	}
	return f, nil
}

// decode turns what the first bytes announce into UTF-8, or says why the file cannot be read.
func decode(in *bufio.Reader) (*bufio.Reader, error) {
	head, err := in.Peek(512)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	switch {
	case bytes.HasPrefix(head, []byte("PK\x03\x04")), bytes.HasPrefix(head, []byte("\x1f\x8b")), bytes.HasPrefix(head, []byte("\xd0\xcf\x11\xe0")):
		return nil, fault.New(fault.InvalidPayload, "The file is a workbook or an archive; save it as CSV in UTF-8")
	case bytes.HasPrefix(head, []byte("\xff\xfe\x00\x00")):
		return nil, fault.New(fault.InvalidPayload, "The file is in UTF-32; save it as UTF-8")
	case bytes.HasPrefix(head, []byte("\xef\xbb\xbf")):
		_, err := in.Discard(3)
		return in, err
	case bytes.HasPrefix(head, []byte("\xff\xfe")), bytes.HasPrefix(head, []byte("\xfe\xff")):
		utf16 := unicode.UTF16(unicode.LittleEndian, unicode.ExpectBOM).NewDecoder()
		return bufio.NewReaderSize(transform.NewReader(in, utf16), maxRow), nil
	case bytes.Count(head, []byte{0}) > len(head)/4:
		return nil, fault.New(fault.InvalidPayload, "The file looks like UTF-16 without a byte order mark; save it as UTF-8")
	}
	return in, nil
}

// Header is the names of the columns.
func (f *Reader) Header() []string { return f.header }

// Next is the next row, or io.EOF. Other errors are the reader's underneath.
func (f *Reader) Next() (Row, error) {
	for {
		l, err := f.line()
		if err != nil {
			return Row{}, err
		}
		if !l.long && len(bytes.TrimRight(l.text, "\r\n")) == 0 {
			continue
		}
		f.rows++
		row := Row{Number: f.rows}
		if l.long {
			row.Bad = "is longer than " + strconv.Itoa(maxRow) + " bytes"
			return row, nil
		}
		fields, bad, err := f.record(l)
		if bad == "" && err == nil {
			fields, bad = f.fit(fields)
		}
		if row.Bad = bad; bad == "" {
			row.Fields = fields
		}
		return row, err
	}
}

// record parses the row that begins with that line. Where a quote in it never closes, only this line is lost.
func (f *Reader) record(first line) (fields []string, bad string, err error) {
	p := parser{comma: f.comma}
	if p.feed(first.text) {
		return p.fields, p.bad, nil
	}
	var further []line
	for size := len(first.text); ; {
		next, err := f.line()
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, "", err
		}
		if err == nil {
			further = append(further, line{bytes.Clone(next.text), next.long})
		}
		if size += len(next.text); err != nil || next.long || size > maxRow {
			f.pending = append(further, f.pending...)
			return nil, "opens a quote that never closes", nil //nolint:nilerr // the end of the file is the row's fault
		}
		if p.feed(next.text) {
			if p.bad != "" {
				f.pending = append(further, f.pending...)
			}
			return p.fields, p.bad, nil
		}
	}
}

// fit holds the fields against the header: empty ones too many are forgiven, as spreadsheets write them.
func (f *Reader) fit(fields []string) ([]string, string) {
	for len(fields) > len(f.header) && fields[len(fields)-1] == "" {
		fields = fields[:len(fields)-1]
	}
	if len(fields) != len(f.header) {
		return nil, fmt.Sprintf("has %d fields; the header has %d", len(fields), len(f.header))
	}
	for i, field := range fields {
		if !utf8.ValidString(field) {
			return nil, fmt.Sprintf("column %s is not UTF-8 text (it may be Latin-1 or Windows-1252); save the file as UTF-8", f.header[i])
		}
		if strings.IndexByte(field, 0) >= 0 {
			return nil, fmt.Sprintf("column %s holds a NUL byte", f.header[i])
		}
	}
	return fields, ""
}

// line is one line of the file with its line end; of a long one, more than maxRow bytes, there is no text.
type line struct {
	text []byte
	long bool
}

// line reads the next line; its text is valid until the next call, unless it was pending.
func (f *Reader) line() (line, error) {
	if len(f.pending) > 0 {
		next := f.pending[0]
		f.pending = f.pending[1:]
		return next, nil
	}
	text, err := f.in.ReadSlice('\n')
	if err == nil || errors.Is(err, io.EOF) && len(text) > 0 {
		return line{text: text}, nil
	}
	if !errors.Is(err, bufio.ErrBufferFull) {
		return line{}, err
	}
	for errors.Is(err, bufio.ErrBufferFull) {
		_, err = f.in.ReadSlice('\n')
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return line{}, err
	}
	return line{long: true}, nil
}

// parser splits lines into the fields of one row.
type parser struct {
	comma  byte
	fields []string
	bad    string
	open   bool // within quotes
	field  []byte
}

// feed takes a line and reports whether the row is complete, or bad. Within quotes a row goes on over lines.
func (p *parser) feed(text []byte) bool {
	text = bytes.TrimSuffix(bytes.TrimSuffix(text, []byte{'\n'}), []byte{'\r'})
	for {
		if !p.open {
			if len(text) == 0 || text[0] != '"' {
				end := bytes.IndexByte(text, p.comma)
				if end < 0 {
					p.fields = append(p.fields, string(text))
					return true
				}
				p.fields = append(p.fields, string(text[:end]))
				text = text[end+1:]
				continue
			}
			p.open, p.field, text = true, p.field[:0], text[1:]
		}
		end := bytes.IndexByte(text, '"')
		if end < 0 {
			p.field = append(append(p.field, text...), '\n')
			return false
		}
		p.field = append(p.field, text[:end]...)
		text = text[end+1:]
		switch {
		case len(text) == 0:
			p.open, p.fields = false, append(p.fields, string(p.field))
			return true
		case text[0] == '"':
			p.field, text = append(p.field, '"'), text[1:]
		case text[0] == p.comma:
			p.open, p.fields, text = false, append(p.fields, string(p.field)), text[1:]
		default:
			p.bad = "has a quote in the middle of a quoted field; write it twice"
			return true
		}
	}
}

// Package asset draws codes as images that a till can scan: a QR code, or a barcode (Code 128).
package asset

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"strings"

	"github.com/boombuler/barcode"
	"github.com/boombuler/barcode/code128"
	"github.com/boombuler/barcode/qr"
	"github.com/google/uuid"

	"herald/internal/seal"
)

// Kind is what a code is drawn as.
type Kind string

// The kinds.
const (
	QR      Kind = "qr"
	Barcode Kind = "barcode"
)

// The formats.
const (
	PNG = "png"
	SVG = "svg"
)

// Path is where a voucher's image is, below the address of the door.
func Path(kind Kind, key seal.Key, project, voucher uuid.UUID) string {
	return "/api/v1/assets/" + string(kind) + "/" + ID(kind, key, project, voucher)
}

// ID names a voucher's image: the voucher's own id, sealed.
func ID(kind Kind, key seal.Key, project, voucher uuid.UUID) string {
	return key.Seal(string(kind), project, voucher)
}

// MaxSize and DefaultSize are sizes of images, each step pixelsPerStep wide.
const (
	MaxSize       = 100
	DefaultSize   = 25
	pixelsPerStep = 10
)

const (
	qrMargin  = 4  // modules that must stay empty around a QR code
	barMargin = 10 // and beside a barcode
)

// drawing is a code as black and white modules, with its margin.
type drawing struct {
	code                  barcode.Barcode
	width, height, margin int
}

// Draw draws the code about size times ten pixels wide, at least one pixel for each of its modules, and says what type the
// image is of. A text that a barcode cannot hold (it holds ASCII, at most 80 characters) is an error.
func Draw(kind Kind, text, format string, size int) (content []byte, contentType string, err error) {
	d, err := encode(kind, text)
	if err != nil {
		return nil, "", err
	}
	pixels := max(1, size*pixelsPerStep/d.width)
	if format == SVG {
		return d.svg(pixels), "image/svg+xml", nil
	}
	content, err = d.png(pixels)
	return content, "image/png", err
}

func encode(kind Kind, text string) (drawing, error) {
	if kind == QR {
		code, err := qr.Encode(text, qr.M, qr.Auto)
		if err != nil {
			return drawing{}, fmt.Errorf("draw a QR code: %w", err)
		}
		side := code.Bounds().Dx() + 2*qrMargin
		return drawing{code, side, side, qrMargin}, nil
	}
	code, err := code128.Encode(text)
	if err != nil {
		return drawing{}, fmt.Errorf("draw a barcode: %w", err)
	}
	width := code.Bounds().Dx() + 2*barMargin
	return drawing{code, width, width / 3, barMargin}, nil
}

// black reports whether the module at x and y is; a barcode's only row is as high as the image.
func (d drawing) black(x, y int) bool {
	b := d.code.Bounds()
	if b.Dy() == 1 {
		y = 0
	} else {
		y -= d.margin
	}
	x -= d.margin
	if x < 0 || x >= b.Dx() || y < 0 || y >= b.Dy() {
		return false
	}
	return d.code.At(b.Min.X+x, b.Min.Y+y) == color.Black
}

func (d drawing) png(pixels int) ([]byte, error) {
	picture := image.NewPaletted(image.Rect(0, 0, d.width*pixels, d.height*pixels), color.Palette{color.White, color.Black})
	for y := range d.height {
		row := picture.Pix[y*pixels*picture.Stride:]
		for x := range d.width * pixels {
			if d.black(x/pixels, y) {
				row[x] = 1
			}
		}
		for further := 1; further < pixels; further++ {
			copy(row[further*picture.Stride:(further+1)*picture.Stride], row[:picture.Stride])
		}
	}
	var out bytes.Buffer
	err := png.Encode(&out, picture)
	return out.Bytes(), err
}

func (d drawing) svg(pixels int) []byte {
	var out strings.Builder
	fmt.Fprintf(&out, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" shape-rendering="crispEdges">`,
		d.width*pixels, d.height*pixels, d.width, d.height)
	out.WriteString(`<path fill="#fff" d="M0 0h` + fmt.Sprint(d.width) + `v` + fmt.Sprint(d.height) + `H0z"/><path d="`)
	rows, high := d.height, 1
	if d.code.Bounds().Dy() == 1 {
		rows, high = 1, d.height
	}
	for y := range rows {
		for x := 0; x < d.width; x++ {
			from := x
			for d.black(x, y) {
				x++
			}
			if x > from {
				fmt.Fprintf(&out, "M%d %dh%dv%dh-%dz", from, y, x-from, high, x-from)
			}
		}
	}
	out.WriteString(`"/></svg>`)
	return []byte(out.String())
}

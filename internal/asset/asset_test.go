package asset_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"image"
	"image/png"
	"io"
	"strings"
	"testing"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/oned"
	"github.com/makiuchi-d/gozxing/qrcode"
	"github.com/stretchr/testify/require"

	"herald/internal/asset"
)

// scan reads what a picture says, as a till would.
func scan(t *testing.T, kind asset.Kind, picture image.Image) string {
	t.Helper()
	bits, err := gozxing.NewBinaryBitmapFromImage(picture)
	require.NoError(t, err)
	reader := map[asset.Kind]gozxing.Reader{asset.QR: qrcode.NewQRCodeReader(), asset.Barcode: oned.NewCode128Reader()}[kind]
	result, err := reader.Decode(bits, map[gozxing.DecodeHintType]any{gozxing.DecodeHintType_PURE_BARCODE: true})
	require.NoError(t, err, kind)
	return result.GetText()
}

func TestAPictureSaysTheCode(t *testing.T) {
	t.Parallel()
	for _, kind := range []asset.Kind{asset.QR, asset.Barcode} {
		for _, code := range []string{"SPRING-2026", "10% OFF/1", "aB3dE6gH", strings.Repeat("A1b", 20)} {
			for _, size := range []int{1, asset.DefaultSize, asset.MaxSize} {
				content, contentType, err := asset.Draw(kind, code, asset.PNG, size)
				require.NoError(t, err)
				require.Equal(t, "image/png", contentType)
				picture, err := png.Decode(bytes.NewReader(content))
				require.NoError(t, err)
				require.Equal(t, code, scan(t, kind, picture), "%s %s %d", kind, code, size)
				require.LessOrEqual(t, picture.Bounds().Dx(), 1000)
			}
		}
	}
	content, _, err := asset.Draw(asset.QR, "Grüße-☃", asset.PNG, 50)
	require.NoError(t, err)
	picture, err := png.Decode(bytes.NewReader(content))
	require.NoError(t, err)
	require.Equal(t, "Grüße-☃", scan(t, asset.QR, picture))
	_, _, err = asset.Draw(asset.Barcode, "Grüße-☃", asset.PNG, 50)
	require.Error(t, err)
}

func TestADrawingIsSVG(t *testing.T) {
	t.Parallel()
	for _, kind := range []asset.Kind{asset.QR, asset.Barcode} {
		content, contentType, err := asset.Draw(kind, `<"&'>`, asset.SVG, 25)
		require.NoError(t, err)
		require.Equal(t, "image/svg+xml", contentType)
		decoder := xml.NewDecoder(bytes.NewReader(content))
		for {
			_, err := decoder.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			require.NoError(t, err)
		}
		require.NotContains(t, string(content), `<"&`)
	}
}

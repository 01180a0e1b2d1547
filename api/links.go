package api

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"herald/db"
	"herald/internal/asset"
	"herald/internal/fault"
	"herald/internal/seal"
	"herald/internal/voucher"
)

// links makes and serves addresses that are open to whoever has them: they need no key, and name what they lead to by ids that
// only we can write and read.
type links struct {
	secrets  db.Secrets
	vouchers db.Vouchers
	base     string // the address of the door, without a slash at its end; "" is the one that a request came to
	known    *atomic.Pointer[seal.Key]
}

func newLinks(secrets db.Secrets, vouchers db.Vouchers, base string) links {
	return links{secrets, vouchers, strings.TrimRight(base, "/"), &atomic.Pointer[seal.Key]{}}
}

func (h links) routes(e *echo.Echo) {
	e.GET("/api/v1/assets/qr/:id", h.asset(asset.QR))
	e.GET("/api/v1/assets/barcode/:id", h.asset(asset.Barcode))
}

// key is the seal's key, which never changes.
func (h links) key(ctx context.Context) (seal.Key, error) {
	if known := h.known.Load(); known != nil {
		return *known, nil
	}
	key, err := h.secrets.Seal(ctx)
	if err == nil {
		h.known.Store(&key)
	}
	return key, err
}

func (h links) address(c echo.Context, path string) string {
	if h.base != "" {
		return h.base + path
	}
	return c.Scheme() + "://" + c.Request().Host + path
}

// assets are the addresses of a voucher's images.
func (h links) assets(c echo.Context, v voucher.Voucher) (*voucher.Assets, error) {
	key, err := h.key(c.Request().Context())
	if err != nil {
		return nil, err
	}
	of := func(kind asset.Kind) voucher.Asset {
		return voucher.Asset{
			ID: asset.ID(kind, key, v.ProjectID, v.ID), URL: h.address(c, asset.Path(kind, key, v.ProjectID, v.ID)),
		}
	}
	return &voucher.Assets{QR: of(asset.QR), Barcode: of(asset.Barcode)}, nil
}

// asset draws a voucher's code. What a code says never changes, so whoever has the picture can keep it.
func (h links) asset(kind asset.Kind) echo.HandlerFunc {
	return func(c echo.Context) error {
		q := readQuery(c)
		size, format := q.number("size", asset.MaxSize, asset.DefaultSize), q.choice("format", asset.PNG, asset.SVG)
		if err := q.err(); err != nil {
			return err
		}
		ctx := c.Request().Context()
		key, err := h.key(ctx)
		if err != nil {
			return err
		}
		var project, one uuid.UUID
		if !key.Open(string(kind), c.Param("id"), &project, &one) {
			return fault.Missing("asset", c.Param("id"))
		}
		found, err := h.vouchers.Get(ctx, project, one)
		if fault.Is(err, fault.NotFound) {
			return fault.Missing("asset", c.Param("id"))
		}
		if err != nil {
			return err
		}
		content, contentType, err := asset.Draw(kind, found.Code, format, size)
		if err != nil {
			return fault.New(fault.NotFound, "The code cannot be drawn so (%v); it can as a QR code", err)
		}
		header := c.Response().Header()
		header.Set("Cache-Control", "public, max-age=31536000, immutable")
		header.Set("Content-Length", strconv.Itoa(len(content)))
		return c.Blob(http.StatusOK, contentType, content)
	}
}

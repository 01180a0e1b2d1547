// Package api is the door: it authenticates, binds, calls one thing, and turns what comes back into HTTP. It decides nothing:
// rules stand in the nouns, facts in db, timing in workflows. Each noun has a file here with a struct of what its handlers
// need and one method that lists its routes.
package api

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/labstack/echo/v4"
	"go.temporal.io/sdk/client"

	"herald/db"
	"herald/workflows"
)

// Options is what the API needs.
type Options struct {
	Pool     *pgxpool.Pool
	Engine   client.Client
	EngineUI string // the address of the engine's UI, for links to runs
	// EngineNamespace is where the engine keeps the runs; "" is its default.
	EngineNamespace string
	PublicURL       string // the address of this door, for links; "" is the one that a request came to
	From            string // the mailbox of email channels that name none: "Shop <news@shop.example>"
	Log             *slog.Logger
	Delay           time.Duration               // between a confirmed manual distribution and its first message
	Ready           func(context.Context) error // why the process cannot serve, or nil
	Rate            int                         // requests a minute for each key; 0 means the usual limit
	ClientRate      int                         // requests a minute for each address at the client-side door; 0 means the usual limit
	Proxies         []*net.IPNet                // whose X-Forwarded-For is believed
}

// New is the API's handler.
func New(o Options) http.Handler {
	e := echo.New()
	e.HideBanner = true
	e.JSONSerializer = serializer{}
	e.HTTPErrorHandler = answerError(o.Log)
	e.IPExtractor = addressOf(o.Proxies)
	e.Pre(tidyPath)
	e.Use(observe(o.Log), bound)
	e.GET("/openapi.json", serveOpenAPI)
	e.GET("/readyz", func(c echo.Context) error {
		if err := o.Ready(c.Request().Context()); err != nil {
			return c.JSON(http.StatusServiceUnavailable, echo.Map{"ready": false, "reason": err.Error()})
		}
		return c.JSON(http.StatusOK, echo.Map{"ready": true})
	})

	flows := workflows.Flows{Client: o.Engine}
	e.Use(within("/v1/", authenticate(db.Projects{Pool: o.Pool}), limitRate(o.Rate), decodeParams,
		once(db.Idempotency{Pool: o.Pool}, o.Log)))
	v1 := routes{e.Group("/v1")}
	distributions{
		store: db.Distributions{Pool: o.Pool}, messages: db.Messages{Pool: o.Pool},
		campaigns: db.Campaigns{Pool: o.Pool}, segments: db.Segments{Pool: o.Pool},
		tests: db.TestMessages{Pool: o.Pool}, flows: flows,
		delay: o.Delay, from: o.From, engineUI: o.EngineUI, namespace: o.EngineNamespace,
	}.routes(v1)
	asyncActions{db.AsyncActions{Pool: o.Pool}}.routes(v1)
	ofLinks := newLinks(db.Secrets{Pool: o.Pool}, db.Vouchers{Pool: o.Pool}, o.PublicURL)
	ofLinks.routes(e)
	shown := shownVouchers{db.Campaigns{Pool: o.Pool}, db.Rules{Pool: o.Pool}, ofLinks}
	ofCampaigns := campaigns{
		store: db.Campaigns{Pool: o.Pool}, vouchers: db.Vouchers{Pool: o.Pool}, flows: flows, rules: db.Rules{Pool: o.Pool},
		promotions: db.Promotions{Pool: o.Pool}, tiers: db.Tiers{Pool: o.Pool}, shown: shown, log: o.Log,
	}
	ofCampaigns.routes(v1)
	loyalties{ofCampaigns}.routes(v1)
	ofVouchers := vouchers{db.Vouchers{Pool: o.Pool}, ofCampaigns, db.Customers{Pool: o.Pool}}
	ofVouchers.routes(v1)
	ofPublications := publications{
		db.Publications{Pool: o.Pool}, db.Campaigns{Pool: o.Pool}, db.Vouchers{Pool: o.Pool}, db.Customers{Pool: o.Pool}, shown,
	}
	ofPublications.routes(v1)
	ofCustomers := customers{db.Customers{Pool: o.Pool}, db.NewCustomerSaves(o.Pool), db.Segments{Pool: o.Pool}, db.AsyncActions{Pool: o.Pool}, flows.SaveCustomers}
	ofCustomers.routes(v1)
	ofBalances := balances{db.Balances{Pool: o.Pool}, ofVouchers}
	ofBalances.routes(v1)
	ofMembers := db.Members{Pool: o.Pool}
	loyaltyMembers{ofMembers, ofBalances, ofPublications, ofCustomers}.routes(v1)
	earningRules{db.EarningRules{Pool: o.Pool}, ofMembers}.routes(v1)
	tiers{db.Tiers{Pool: o.Pool}, ofMembers, db.EarningRules{Pool: o.Pool}, db.Rewards{Pool: o.Pool}}.routes(v1)
	rewards{db.Rewards{Pool: o.Pool}, ofMembers}.routes(v1)
	holders{db.Holders{Pool: o.Pool}, db.Campaigns{Pool: o.Pool}, db.Customers{Pool: o.Pool}, shown}.routes(v1)
	ofConsents := consents{db.Consents{Pool: o.Pool}, db.Customers{Pool: o.Pool}}
	ofConsents.routes(v1)
	segments{db.Segments{Pool: o.Pool}, flows.SyncSegment}.routes(v1)
	ofOrders := db.NewOrders(o.Pool)
	orders{ofOrders, flows.ImportOrders}.routes(v1)
	ofValidations := validations{db.Redemptions{Pool: o.Pool}}
	ofValidations.routes(v1)
	ofQualifications := qualifications{db.Redemptions{Pool: o.Pool}, shown}
	ofQualifications.routes(v1)
	ofRedemptions := redemptions{
		db.Redemptions{Pool: o.Pool}, db.Campaigns{Pool: o.Pool}, db.Vouchers{Pool: o.Pool}, db.Customers{Pool: o.Pool}, ofOrders, shown,
	}
	ofRedemptions.routes(v1)
	rewardRedemptions{ofMembers, ofRedemptions}.routes(v1)
	ofEvents := events{db.NewEvents(o.Pool)}
	ofEvents.routes(v1)
	ofExports := exports{db.Exports{Pool: o.Pool}, db.Campaigns{Pool: o.Pool}, db.Vouchers{Pool: o.Pool}, ofLinks, flows.WriteExport}
	ofExports.routes(v1)
	e.GET("/api/v1/exports/:id", ofExports.download)
	rules{db.Rules{Pool: o.Pool}}.routes(v1)
	promotions{db.Promotions{Pool: o.Pool}, db.Campaigns{Pool: o.Pool}}.routes(v1)

	e.Use(within(clientPath, preflight, limitAddress(o.ClientRate), authenticateClient(db.Projects{Pool: o.Pool}), decodeParams))
	clientSide{ofEvents, ofCustomers, ofPublications, ofVouchers, ofConsents, ofRedemptions, ofValidations, ofQualifications}.routes(
		routes{e.Group("/client/v1")})
	return headAsGet{e}
}

package api

import (
	"net/http"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"herald/db"
	"herald/internal/fault"
	"herald/internal/redemption"
	"herald/internal/voucher"
)

const lastRedemptionsPage = 99

// redemptions serves redemptions and their rollbacks.
type redemptions struct {
	store     db.Redemptions
	campaigns db.Campaigns
	vouchers  db.Vouchers
	customers db.Customers
	orders    *db.Orders
	shown     shownVouchers
}

func (h redemptions) routes(r routes) {
	r.post("/vouchers/:code/redemption", acts, h.redeemVoucher)
	r.post("/promotions/tiers/:tier/redemption", acts, h.redeemTier)
	r.post("/redemptions", acts, h.redeem)
	r.post("/redemptions/:redemption/rollback", acts, h.rollBack)
	r.post("/redemptions/:redemption/rollbacks", acts, h.rollBackAll)
	r.get("/redemptions", reads, h.list)
	r.get("/redemptions/:redemption", reads, h.get)
	r.get("/vouchers/:code/redemption", reads, h.ofVoucher)
}

// askBody is what every call that redeems or validates something says of it.
type askBody struct {
	Customer   *customerChoice     `json:"customer"`
	Order      *orderBody          `json:"order"`
	Metadata   voucher.Metadata    `json:"metadata"`
	TrackingID *string             `json:"tracking_id"`
	Session    *redemption.Session `json:"session"`
	Options    *askOptions         `json:"options"`
}

// askOptions are what official clients ask to be shown; everything is, always.
type askOptions struct {
	Expand []string `json:"expand"`
}

func (o *askOptions) check() error {
	if o == nil {
		return nil
	}
	for _, one := range o.Expand {
		switch one {
		case "order", "redemption", "redeemable", "category", "validation_rules":
		default:
			return fault.Property("options.expand", "Property .options.expand can have: order, redemption, redeemable, category, validation_rules")
		}
	}
	return nil
}

// asking checks the body; path is where redeemables stand in it, as Request.Check wants it.
func (b askBody) asking(path string, of ...redemption.Redeemable) (db.Asking, error) {
	ask, err := b.supposing()
	if err != nil {
		return ask, err
	}
	ask.Redeemables = of
	return ask, ask.Check(path)
}

// supposing checks what the body says beside what is to be redeemed.
func (b askBody) supposing() (db.Asking, error) {
	ask := db.Asking{Request: redemption.Request{Metadata: b.Metadata.Raw(), TrackingID: b.TrackingID, Session: b.Session}}
	if err := b.Options.check(); err != nil {
		return ask, err
	}
	if bad := b.Metadata.Check("metadata"); bad != nil {
		return ask, bad
	}
	var err error
	if ask.Customer, err = b.Customer.optional("customer"); err != nil || b.Order == nil {
		return ask, err
	}
	placing, err := b.Order.placing()
	if err != nil {
		return ask, fault.Inside("order", err)
	}
	if ask.Customer == nil {
		ask.Customer = placing.Customer
	}
	ask.Order, ask.Referrer = &placing.Draft, placing.Referrer
	return ask, nil
}

// voucherBody is what a redemption or a validation of one voucher says.
type voucherBody struct {
	askBody
	Gift   *redemption.Gift   `json:"gift"`
	Reward *redemption.Payout `json:"reward"`
}

// redeemVoucher redeems the voucher that the path names.
func (h redemptions) redeemVoucher(c echo.Context) error {
	tracking, err := trackingOf(c)
	if err != nil {
		return err
	}
	body, err := bind[voucherBody](c)
	if err != nil {
		return err
	}
	if tracking != nil {
		body.TrackingID = tracking
	}
	return h.redeemOne(c, body.askBody, redemption.Redeemable{
		Object: redemption.Voucher, ID: c.Param("code"), Gift: body.Gift, Reward: body.Reward,
	})
}

// trackingOf is the tracking id that official clients send in the query.
func trackingOf(c echo.Context) (*string, error) {
	q := readQuery(c)
	tracking := q.optional("tracking_id")
	return tracking, q.err()
}

// redeemTier redeems the promotion tier that the path names.
func (h redemptions) redeemTier(c echo.Context) error {
	tracking, err := trackingOf(c)
	if err != nil {
		return err
	}
	body, err := bind[askBody](c)
	if err != nil {
		return err
	}
	if tracking != nil {
		body.TrackingID = tracking
	}
	return h.redeemOne(c, body, redemption.Redeemable{Object: redemption.PromotionTier, ID: c.Param("tier")})
}

func (h redemptions) redeemOne(c echo.Context, body askBody, one redemption.Redeemable) error {
	ask, err := body.asking("", one)
	if err != nil {
		return err
	}
	made, err := h.store.Redeem(c.Request().Context(), caller(c).ProjectID, ask)
	if err != nil {
		return err
	}
	shown, err := h.dress(c, made.Parts)
	if err != nil {
		return err
	}
	shown[0].Order = made.Order
	return c.JSON(http.StatusOK, shown[0])
}

// stacked is what redeeming several things at once, or rolling that back, answers.
type stacked struct {
	Redemptions []redemption.Shown     `json:"redemptions,omitempty"`
	Parent      *redemption.Shown      `json:"parent_redemption,omitempty"`
	Rollbacks   []redemption.Shown     `json:"rollbacks,omitempty"`
	Rollback    *redemption.Shown      `json:"parent_rollback,omitempty"`
	Order       *redemption.ShownOrder `json:"order"`
}

func (h redemptions) redeem(c echo.Context) error {
	body, err := bind[struct {
		askBody
		Redeemables []redemption.Redeemable `json:"redeemables"`
	}](c)
	if err != nil {
		return err
	}
	ask, err := body.asking("redeemables[%d].", body.Redeemables...)
	if err != nil {
		return err
	}
	made, err := h.store.Redeem(c.Request().Context(), caller(c).ProjectID, ask)
	if err != nil {
		return err
	}
	answer := stacked{Order: made.Order}
	if answer.Redemptions, err = h.dress(c, made.Parts); err != nil {
		return err
	}
	if made.Parent != nil {
		parent := redemption.Show(*made.Parent)
		answer.Parent = &parent
	}
	return c.JSON(http.StatusOK, answer)
}

func (h redemptions) get(c echo.Context) error {
	found, err := h.store.Get(c.Request().Context(), caller(c).ProjectID, c.Param("redemption"))
	if err != nil {
		return err
	}
	shown, err := h.show(c, []redemption.Full{found})
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, shown[0])
}

// show is redemptions whose orders name the redemptions that used them.
func (h redemptions) show(c echo.Context, found []redemption.Full) ([]redemption.Shown, error) {
	var ids []uuid.UUID
	for _, f := range found {
		if f.Order != nil {
			ids = append(ids, f.Order.ID)
		}
	}
	used, err := h.orders.Redemptions(c.Request().Context(), caller(c).ProjectID, ids)
	if err != nil {
		return nil, err
	}
	shown, err := h.dress(c, found)
	for i, f := range found {
		if f.Order != nil && err == nil {
			shown[i].Order.Redemptions = used[f.Order.ID]
		}
	}
	return shown, err
}

// dress is redemptions whose vouchers are shown with the rules that limit them, and with where their codes are images.
func (h redemptions) dress(c echo.Context, found []redemption.Full) ([]redemption.Shown, error) {
	shown := each(found, redemption.Show)
	names := map[uuid.UUID]string{}
	var vouchers []voucher.Voucher
	for _, f := range found {
		if f.Voucher != nil {
			vouchers = append(vouchers, *f.Voucher)
		}
		if f.Campaign != nil {
			names[f.Campaign.ID] = f.Campaign.Name
		}
	}
	if len(vouchers) == 0 {
		return shown, nil
	}
	dressed, err := h.shown.named(c, vouchers, names)
	for i := range shown {
		if shown[i].Voucher != nil && err == nil {
			shown[i].Voucher.Shown, dressed = dressed[0], dressed[1:]
		}
	}
	return shown, err
}

func (h redemptions) list(c echo.Context) error {
	q := readQuery(c)
	want := db.RedemptionList{
		Results: q.texts("result"), Filter: q.filters(), Order: q.choice("order", db.RedemptionOrders...), Limit: q.limit(),
		Page: q.page(lastRedemptionsPage),
	}
	for _, result := range want.Results {
		if result != string(redemption.Success) && result != string(redemption.Failure) {
			q.complain("result", "Query parameter result should be SUCCESS or FAILURE")
		}
	}
	want.After, want.Before = q.between("created_at")
	of, by := q.text("campaign"), q.text("customer")
	if err := q.err(); err != nil {
		return err
	}
	ctx, project := c.Request().Context(), caller(c).ProjectID
	var err error
	if want.Campaign, err = campaignNamed(ctx, h.campaigns, project, of); err != nil {
		return err
	}
	if want.Customer, err = customerNamed(ctx, h.customers, project, by); err != nil {
		return err
	}
	found, total, err := h.store.List(ctx, project, want)
	if err != nil {
		return err
	}
	shown, err := h.show(c, found)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, list("redemptions", shown, total))
}

// voucherRedemptions is the list of one voucher's redemptions, with how often it can be and was redeemed.
type voucherRedemptions struct {
	voucher.ShownRedemption
	DataRef string             `json:"data_ref"`
	Total   int64              `json:"total"`
	Entries []redemption.Shown `json:"redemption_entries"`
}

func (h redemptions) ofVoucher(c echo.Context) error {
	q := readQuery(c)
	want := db.RedemptionList{Order: "-created_at", Limit: q.limit(), Page: q.page(lastRedemptionsPage)}
	if err := q.err(); err != nil {
		return err
	}
	ctx, project := c.Request().Context(), caller(c).ProjectID
	of, err := h.vouchers.Find(ctx, project, c.Param("code"))
	if err != nil {
		return err
	}
	want.Voucher = &of.ID
	found, total, err := h.store.List(ctx, project, want)
	if err != nil {
		return err
	}
	shown, err := h.show(c, found)
	if err != nil {
		return err
	}
	if shown == nil {
		shown = []redemption.Shown{}
	}
	return c.JSON(http.StatusOK, voucherRedemptions{
		ShownRedemption: voucher.Show(of, nil).Redemption, DataRef: "redemption_entries", Total: total, Entries: shown,
	})
}

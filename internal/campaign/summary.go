package campaign

// Figures is what came of a campaign in a period.
type Figures struct {
	Counts Counts
	Moves  Moves
}

// Counts is what was done with a campaign.
type Counts struct {
	RedemptionsSucceeded  int64
	RedemptionsFailed     int64
	RollbacksSucceeded    int64
	RollbacksFailed       int64
	Discounted            int64
	DiscountsRolledBack   int64
	OrdersAmount          int64 // each order once
	OrdersRolledBack      int64
	VouchersCreated       int64
	PublicationsSucceeded int64
	PublicationsFailed    int64
	ReferredCustomers     int64
}

// Moves is how credits or points moved on a campaign's cards. None is negative.
type Moves struct {
	Created          int64 // what cards were made with
	Added            int64
	Subtracted       int64
	Redeemed         int64
	RolledBack       int64
	Rewarded         int64 // by earning rules
	Expired          int64
	TransferredIn    int64
	TransferredOut   int64
	PendingAdded     int64 // less what was taken away while it waited
	PendingActivated int64
	PendingCanceled  int64
}

// Summary is what came of a campaign as the public API shows it. What only some kinds of campaigns have is nil for the others.
type Summary struct {
	Object                 string `json:"object"`
	Campaign               Shown  `json:"campaign"`
	Redemptions            int64  `json:"redemptions"`
	RedemptionsSucceeded   int64  `json:"redemptions_succeeded"`
	RedemptionsFailed      int64  `json:"redemptions_failed"`
	Rollbacks              int64  `json:"rollbacks"`
	RollbacksSucceeded     int64  `json:"rollbacks_succeeded"`
	RollbacksFailed        int64  `json:"rollbacks_failed"`
	OrdersAmount           int64  `json:"orders_amount"`
	OrdersRolledBackAmount int64  `json:"orders_rolledback_amount"`
	*summedCodes
	*summedDiscounts
	*summedCredits
	*summedPoints
	ReferredCustomers *int64 `json:"referred_customers,omitempty"`
}

type summedCodes struct {
	VouchersCreated       int64 `json:"vouchers_created"`
	Publications          int64 `json:"publications"`
	PublicationsSucceeded int64 `json:"publications_succeeded"`
	PublicationsFailed    int64 `json:"publications_failed"`
}

type summedDiscounts struct {
	DiscountedAmount           int64 `json:"discounted_amount"`
	RolledBackDiscountedAmount int64 `json:"rolledback_discounted_amount"`
}

type summedCredits struct {
	CreatedVouchersAmount int64 `json:"created_vouchers_amount"`
	AmountAdded           int64 `json:"amount_added"`
	AmountSubtracted      int64 `json:"amount_subtracted"`
	AmountRedeemed        int64 `json:"amount_redeemed"`
	AmountRolledBack      int64 `json:"amount_rolledback"`
}

type summedPoints struct {
	CreatedVouchersPoints  int64 `json:"created_vouchers_points"`
	PointsAdded            int64 `json:"points_added"`
	PointsSubtracted       int64 `json:"points_subtracted"`
	PointsRewarded         int64 `json:"points_rewarded"`
	PointsRedeemed         int64 `json:"points_redeemed"`
	PointsRolledBack       int64 `json:"points_rolledback"`
	PointsExpired          int64 `json:"points_expired"`
	PointsTransferredIn    int64 `json:"points_transferred_in"`
	PointsTransferredOut   int64 `json:"points_transferred_out"`
	PendingPointsAdded     int64 `json:"pending_points_added"`
	PendingPointsActivated int64 `json:"pending_points_activated"`
	PendingPointsCanceled  int64 `json:"pending_points_canceled"`
}

// Summarize shows the figures that campaigns of its kind have.
func Summarize(of Shown, f Figures) Summary {
	n, m := f.Counts, f.Moves
	s := Summary{
		Object: "campaign_summary", Campaign: of,
		Redemptions: n.RedemptionsSucceeded + n.RedemptionsFailed, RedemptionsSucceeded: n.RedemptionsSucceeded, RedemptionsFailed: n.RedemptionsFailed,
		Rollbacks: n.RollbacksSucceeded + n.RollbacksFailed, RollbacksSucceeded: n.RollbacksSucceeded, RollbacksFailed: n.RollbacksFailed,
		OrdersAmount: n.OrdersAmount, OrdersRolledBackAmount: n.OrdersRolledBack,
	}
	if of.CampaignType != Promotion {
		s.summedCodes = &summedCodes{
			n.VouchersCreated, n.PublicationsSucceeded + n.PublicationsFailed, n.PublicationsSucceeded, n.PublicationsFailed,
		}
	}
	switch of.CampaignType {
	case DiscountCoupons, Promotion:
		s.summedDiscounts = &summedDiscounts{n.Discounted, n.DiscountsRolledBack}
	case GiftVouchers:
		s.summedCredits = &summedCredits{m.Created, m.Added, m.Subtracted, m.Redeemed, m.RolledBack}
	case LoyaltyProgram:
		s.summedPoints = &summedPoints{
			m.Created, m.Added, m.Subtracted, m.Rewarded, m.Redeemed, m.RolledBack, m.Expired, m.TransferredIn, m.TransferredOut,
			m.PendingAdded, m.PendingActivated, m.PendingCanceled,
		}
	case ReferralProgram:
		s.ReferredCustomers = &n.ReferredCustomers
	}
	return s
}

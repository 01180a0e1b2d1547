package fault

// The codes of what refuses a redemption or a rollback. They are also what a failed redemption keeps as its failure_code.
const (
	VoucherDisabled     Code = "voucher_disabled"
	VoucherExpired      Code = "voucher_expired"
	VoucherNotActive    Code = "voucher_not_active"
	VoucherNotActiveNow Code = "voucher_not_active_now"
	PromotionInactive   Code = "promotion_inactive"
	PromotionNotNow     Code = "promotion_not_active_now"
	QuantityExceeded    Code = "quantity_exceeded"
	CustomerRules       Code = "customer_rules_violated"
	OrderRules          Code = "order_rules_violated"
	RedemptionRules     Code = "redemption_rules_violated"
	ReferrerRedeems     Code = "referrer_not_permitted_to_redeem"
	InvalidCustomer     Code = "invalid_customer"
	InvalidOrder        Code = "invalid_order"
	MissingCustomer     Code = "missing_customer"
	MissingOrder        Code = "missing_order"
	MissingOrderItems   Code = "missing_order_items"
	MissingAmount       Code = "missing_amount"
	MissingReward       Code = "missing_reward"
	MultipleRequests    Code = "multiple_requests"
	AlreadyRolledBack   Code = "already_rolled_back"
	InvalidRedemption   Code = "invalid_redemption"
	InvalidParent       Code = "invalid_redemption_parent"
	RollbackTooLate     Code = "rollback_period_exceeded"
)

// Refusals is what each of them says; each is the caller's 400.
var Refusals = map[Code]string{
	VoucherDisabled:     "voucher is disabled",
	VoucherExpired:      "voucher expired",
	VoucherNotActive:    "voucher is not active yet",
	VoucherNotActiveNow: "voucher not active now",
	PromotionInactive:   "Inactive Promotion",
	PromotionNotNow:     "Promotion not active now",
	QuantityExceeded:    "quantity exceeded",
	CustomerRules:       "customer does not match validation rules",
	OrderRules:          "order does not match validation rules",
	RedemptionRules:     "redemption does not match validation rules",
	ReferrerRedeems:     "referrer is not permitted to redeem",
	InvalidCustomer:     "Invalid customer",
	InvalidOrder:        "Invalid order",
	MissingCustomer:     "Missing customer",
	MissingOrder:        "Missing order",
	MissingOrderItems:   "Missing order items",
	MissingAmount:       "Missing order amount",
	MissingReward:       "Missing reward",
	MultipleRequests:    "Multiple requests detected",
	AlreadyRolledBack:   "Already rolled back",
	InvalidRedemption:   "Invalid redemption",
	InvalidParent:       "Invalid redemption parent",
	RollbackTooLate:     "Rollback period exceeded",
}

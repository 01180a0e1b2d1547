package api_test

import (
	"testing"
)

// summer is a campaign of one code each, worth ten percent.
func (d door) summer(t *testing.T) string {
	t.Helper()
	made := d.call(t, 200, "POST", "/v1/campaigns", percent("Summer", object{"vouchers_count": 2}))
	d.work(t)
	return made["id"].(string)
}

func getsCode(t *testing.T, d door) firing {
	campaign := d.summer(t)
	ask := object{"campaign": "Summer", "source_id": "p-1", "customer": "ann", "metadata": object{"year": 2022}, "channel": "shop"}
	var made object
	return firing{
		who: "ann", subject: campaign,
		cause:  func() { made = d.call(t, 200, "POST", "/v1/publications", ask) },
		repeat: func() { d.call(t, 200, "POST", "/v1/publications", ask) },
		fail: func() {
			d.call(t, 400, "POST", "/v1/publications", object{"campaign": "Summer", "customer": "ann", "colour": "red"})
		},
		says: func() object {
			voucher := made["voucher"].(object)
			return object{"campaign": d.shown(t, "/v1/campaigns/"+campaign), "publication": made, "voucher": voucher}
		},
	}
}

// shown is what the API shows at a path.
func (d door) shown(t *testing.T, path string) object {
	t.Helper()
	return d.call(t, 200, "GET", path, nil)
}

// summerCode is a published code of a campaign of which each can be redeemed once.
func (d door) summerCode(t *testing.T, who string) (campaign, code string) {
	t.Helper()
	campaign = d.summer(t)
	made := d.call(t, 200, "POST", "/v1/publications", object{"campaign": "Summer", "customer": object{"source_id": who, "name": "Ann"}})
	return campaign, made["voucher"].(object)["code"].(string)
}

func redeems(t *testing.T, d door) firing {
	campaign, code := d.summerCode(t, "ann")
	path := "/v1/vouchers/" + code + "/redemption"
	ask := object{"customer": "ann", "order": object{"source_id": "o1", "amount": 10000}, "metadata": object{"shop": "L1"}}
	var made object
	return firing{
		who: "ann", subject: campaign,
		cause:  func() { made = d.call(t, 200, "POST", path, ask, "Idempotency-Key", "k") },
		repeat: func() { d.call(t, 200, "POST", path, ask, "Idempotency-Key", "k") },
		fail:   func() { d.call(t, 400, "POST", path, object{"customer": "ann", "order": object{"amount": -1}}) },
		says: func() object {
			return object{
				"order": made["order"], "campaign": d.shown(t, "/v1/campaigns/"+campaign), "voucher": made["voucher"],
				"holder": made["customer"], "promotion_tier": nil, "promotion_stack": nil, "redemption": made,
			}
		},
	}
}

func rollsBack(t *testing.T, d door) firing {
	campaign, code := d.summerCode(t, "ann")
	redeemed := d.call(t, 200, "POST", "/v1/vouchers/"+code+"/redemption", object{"customer": "ann", "order": object{"source_id": "o1", "amount": 10000}})
	path := "/v1/redemptions/" + redeemed["id"].(string) + "/rollback"
	var made object
	return firing{
		who: "ann", subject: campaign,
		cause:  func() { made = d.call(t, 200, "POST", path, object{"reason": "Sorry"}) },
		repeat: func() { d.call(t, 400, "POST", path, object{"reason": "Sorry"}) },
		fail:   func() { d.call(t, 404, "POST", path, object{"customer": object{"source_id": "nobody"}}) },
		says: func() object {
			return object{
				"order": made["order"], "campaign": d.shown(t, "/v1/campaigns/"+campaign), "voucher": made["voucher"],
				"holder": made["customer"], "promotion_tier": nil, "promotion_stack": nil,
				"redemption": d.shown(t, "/v1/redemptions/"+redeemed["id"].(string)), "redemption_rollback": made,
			}
		},
	}
}

func getsCredits(t *testing.T, d door) firing {
	campaign := d.call(t, 200, "POST", "/v1/campaigns", object{
		"name": "Gifts", "campaign_type": "GIFT_VOUCHERS", "voucher": object{"gift": object{"amount": 1000, "effect": "APPLY_TO_ORDER"}},
	})["id"].(string)
	given := d.call(t, 200, "POST", "/v1/publications", object{"campaign": "Gifts", "customer": "ann"})["voucher"].(object)
	path := "/v1/vouchers/" + given["code"].(string)
	var balance object
	return firing{
		who: "ann", subject: campaign,
		cause: func() {
			balance = d.call(t, 200, "POST", path+"/balance", object{"amount": 500, "source_id": "top-up"})
		},
		repeat: func() { d.call(t, 400, "POST", path+"/balance", object{"amount": 500, "source_id": "top-up"}) },
		fail:   func() { d.call(t, 400, "POST", path+"/balance", object{"amount": -1501}) },
		says: func() object {
			return object{
				"campaign": d.shown(t, "/v1/campaigns/"+campaign), "voucher": d.shown(t, path), "balance": balance,
				"transaction": d.shown(t, path+"/transactions?limit=1")["data"].([]any)[0],
			}
		},
	}
}

// friends is a referral programme whose code ann hands on; change may change it.
func (d door) friends(t *testing.T, programme object) (campaign, code string) {
	t.Helper()
	campaign = d.call(t, 200, "POST", "/v1/campaigns", object{
		"name": "Friends", "campaign_type": "REFERRAL_PROGRAM", "type": "AUTO_UPDATE", "referral_program": programme,
		"voucher": object{"type": "DISCOUNT_VOUCHER", "discount": object{"type": "PERCENT", "percent_off": 10}, "is_referral_code": true},
	})["id"].(string)
	code = d.call(t, 200, "POST", "/v1/publications", object{"campaign": "Friends", "customer": object{"source_id": "ann", "name": "Ann"}})["voucher"].(object)["code"].(string)
	return campaign, code
}

func isReferredByEvent(t *testing.T, d door) firing {
	campaign, code := d.friends(t, nil)
	ask := object{"event": "signed up", "customer": "bob", "referral": object{"code": code}, "metadata": object{"plan": "pro"}}
	return firing{
		who: "bob", subject: campaign,
		cause:  func() { d.call(t, 200, "POST", "/v1/events", ask) },
		repeat: func() { d.call(t, 200, "POST", "/v1/events", ask) },
		fail: func() {
			d.call(t, 404, "POST", "/v1/events", object{"event": "signed up", "customer": "bob", "referral": object{"code": "NONE"}})
			d.call(t, 200, "POST", "/v1/events", object{"event": "signed up", "customer": "ann", "referral": object{"code": code}}) // her own
		},
		says: func() object {
			return object{
				"referrer": d.shown(t, "/v1/customers/ann"), "campaign": d.shown(t, "/v1/campaigns/"+campaign),
				"voucher": d.shown(t, "/v1/vouchers/"+code), "custom_event": d.firstEvent(t, "bob"), "redemption": nil,
			}
		},
	}
}

func isReferredByRedemption(t *testing.T, d door) firing {
	campaign, code := d.friends(t, nil)
	path, ask := "/v1/vouchers/"+code+"/redemption", object{"customer": "bob", "order": object{"amount": 1000}}
	var made object
	return firing{
		who: "bob", subject: campaign,
		cause:  func() { made = d.call(t, 200, "POST", path, ask, "Idempotency-Key", "k") },
		repeat: func() { d.call(t, 200, "POST", path, ask, "Idempotency-Key", "k") },
		fail:   func() { d.call(t, 400, "POST", path, object{"customer": "bob", "order": object{"amount": -1}}) },
		says: func() object {
			return object{
				"referrer": d.shown(t, "/v1/customers/ann"), "campaign": d.shown(t, "/v1/campaigns/"+campaign),
				"voucher": made["voucher"], "custom_event": nil, "redemption": made,
			}
		},
	}
}

func isRewarded(t *testing.T, d door) firing {
	gifts := d.call(t, 200, "POST", "/v1/campaigns", object{
		"name": "Gifts", "campaign_type": "GIFT_VOUCHERS", "type": "AUTO_UPDATE", "voucher": object{"type": "GIFT_VOUCHER", "gift": object{"amount": 0}},
	})
	campaign, code := d.friends(t, object{
		"conversion_event_type": "custom_event", "custom_event": object{"name": "signed up"},
		"referee_reward": object{"type": "GIFT_VOUCHER", "amount": 500, "related_object_parent": object{"id": gifts["id"], "object": "CAMPAIGN"}},
	})
	ask := object{"event": "signed up", "customer": "bob", "referral": object{"code": code}}
	return firing{
		who: "bob", subject: campaign,
		cause:  func() { d.call(t, 200, "POST", "/v1/events", ask) },
		repeat: func() { d.call(t, 200, "POST", "/v1/events", ask) },
		fail: func() {
			d.call(t, 200, "POST", "/v1/events", object{"event": "looked", "customer": "bob", "referral": object{"code": code}})
		},
		says: func() object {
			given := d.shown(t, "/v1/publications?customer=bob")["publications"].([]any)[0].(object)["voucher"].(object)
			return object{
				"holder": d.shown(t, "/v1/customers/bob"), "campaign": d.shown(t, "/v1/campaigns/"+campaign),
				"voucher": d.shown(t, "/v1/vouchers/"+given["code"].(string)), "balance": object{"amount": 500.0},
				"custom_event": d.firstEvent(t, "bob"), "redemption": nil, "reward": nil, "referral_tier": nil, "customer_event": nil,
			}
		},
	}
}

// firstEvent is the first "signed up" of a customer, which only their activity shows.
func (d door) firstEvent(t *testing.T, who string) object {
	t.Helper()
	for _, entry := range d.shown(t, "/v1/customers/"+who+"/activity?type=customer.custom_event&order=created_at")["data"].([]any) {
		if event := entry.(object)["data"].(object)["data"].(object)["event"].(object); event["type"] == "signed up" {
			return event
		}
	}
	return nil
}

package api_test

import (
	"maps"
	"testing"
)

// pros is a segment of whom the plan is pro, once it was synced.
func (d door) pros(t *testing.T) object {
	t.Helper()
	made := d.call(t, 200, "POST", "/v1/segments", object{
		"name": "Pros", "type": "auto-update", "filter": object{"metadata.plan": object{"conditions": object{"$is": []string{"pro"}}}},
	})
	d.sync(t, made)
	return made
}

func (d door) plans(t *testing.T, status int, plan any) {
	t.Helper()
	d.call(t, status, "POST", "/v1/customers", object{"source_id": "ann", "name": "Ann", "metadata": object{"plan": plan}})
}

func entersSegment(t *testing.T, d door) firing {
	pros := d.pros(t)
	join := func() { d.plans(t, 200, "pro") }
	return firing{
		who: "ann", subject: pros["id"].(string), cause: join, repeat: join,
		fail: func() {
			d.call(t, 400, "POST", "/v1/customers", object{"source_id": "bob", "metadata": object{"plan": "pro"}, "colour": "red"})
		},
		says: func() object {
			return object{"segment": object{"id": pros["id"], "name": "Pros", "object": "segment"}}
		},
	}
}

func leavesSegment(t *testing.T, d door) firing {
	pros := d.pros(t)
	d.plans(t, 200, "pro")
	leave := func() { d.plans(t, 200, "free") }
	return firing{
		who: "ann", subject: pros["id"].(string), cause: leave, repeat: leave,
		fail: func() {
			d.call(t, 400, "PUT", "/v1/customers/ann", object{"metadata": object{"plan": "none"}, "colour": "red"})
		},
		says: func() object {
			return object{"segment": object{"id": pros["id"], "name": "Pros", "object": "segment"}}
		},
	}
}

// buying is ann's order, and what the API does with it.
func buying(t *testing.T, d door, before string, method, path string, ask object) firing {
	if before != "" {
		d.call(t, 200, "POST", "/v1/orders", object{"source_id": "o1", "customer": "ann", "amount": 9999, "status": before})
	}
	do := func() { d.call(t, 200, method, path, ask) }
	bad := maps.Clone(ask)
	bad["items"] = []object{{"price": -1}}
	return firing{
		who: "ann", cause: do, repeat: do, fail: func() { d.call(t, 400, method, path, bad) },
		says: func() object { return object{"order": d.shown(t, "/v1/orders/o1"), "referrer": nil, "redemption": nil} },
	}
}

func createsOrder(t *testing.T, d door) firing {
	return buying(t, d, "", "POST", "/v1/orders", object{
		"source_id": "o1", "customer": object{"source_id": "ann", "name": "Ann"}, "metadata": object{"shop": "L1"},
		"items": []object{{"product_id": "shoes", "quantity": 2, "price": 3000, "product": object{"name": "Shoes"}}},
	})
}

func updatesOrder(t *testing.T, d door) firing {
	return buying(t, d, "CREATED", "PUT", "/v1/orders/o1", object{"metadata": object{"gift": true}})
}

func paysOrder(t *testing.T, d door) firing {
	return buying(t, d, "CREATED", "PUT", "/v1/orders/o1", object{"status": "PAID"})
}

func ordersAndPays(t *testing.T, d door) firing {
	return buying(t, d, "", "POST", "/v1/orders", object{"source_id": "o1", "customer": "ann", "amount": 9999, "status": "PAID"})
}

func cancelsOrder(t *testing.T, d door) firing {
	return buying(t, d, "PAID", "PUT", "/v1/orders/o1", object{"status": "CANCELED"})
}

func causesEvent(t *testing.T, d door) firing {
	ask := object{"event": "signed up", "customer": object{"source_id": "ann", "name": "Ann"}, "metadata": object{"plan": "pro"}}
	return firing{
		who: "ann", name: "signed up",
		cause:  func() { d.call(t, 200, "POST", "/v1/events", ask, "Idempotency-Key", "k") },
		repeat: func() { d.call(t, 200, "POST", "/v1/events", ask, "Idempotency-Key", "k") },
		fail: func() {
			d.call(t, 404, "POST", "/v1/events", object{"event": "signed up", "customer": "ann", "loyalty": object{"code": "NONE"}})
		},
		says: func() object {
			event := object{
				"id": anID, "object": "event", "type": "signed up", "customer": object{"id": d.shown(t, "/v1/customers/ann")["id"]},
				"referral": nil, "loyalty": nil, "metadata": object{"plan": "pro"}, "created_at": anInstant,
			}
			return object{"event": event, "event_schema": nil, "referral": nil, "loyalty": nil}
		},
	}
}

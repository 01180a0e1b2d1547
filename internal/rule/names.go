package rule

import (
	"maps"
	"slices"
	"strings"

	"herald/internal/id"
	"herald/internal/order"
)

// about is one row of the table of names: what a condition of that name asks for.
type about struct {
	kind      kind
	property  bool                                         // the condition must name a key of metadata
	each      bool                                         // every value must pass, not one
	read      func(*Facts, scope, string) []value          // the values it asks
	lines     func(*condition, *asker, scope) []order.Item // the lines of the order it chooses, for the rules below it
	among     quantifier                                   // how many of those must pass the rules below
	statement bool                                         // says something about a discount or about how to ask; holds
	covers    bool                                         // says that a discount is applicable to the lines
	matchAll  bool                                         // says that all lines must match
	counts    Counted
}

// names is what conditions can be about. Each is also known with underscores in place of dots.
var names = map[string]about{
	"customer.segment":  one(segments, func(f *Facts) value { return f.segments() }),
	"customer.metadata": metadata(func(f *Facts, key string) value { return f.customerMetadata(key) }),

	"order.amount":       ofOrder(func(o *order.Order) value { return numberValue(o.Amount) }),
	"order.total_amount": ofOrder(func(o *order.Order) value { return numberValue(o.TotalAmount) }),
	"order.initial_amount": ofOrder(func(o *order.Order) value {
		if o.InitialAmount != nil {
			return numberValue(*o.InitialAmount)
		}
		return numberValue(o.Amount)
	}),
	"order.metadata": metadata(func(f *Facts, key string) value {
		if f.Order == nil {
			return unknown
		}
		return f.metadata(f.Order.Metadata, key)
	}),

	"order.items.count":               ofLines(quantityOf),
	"order.items.aggregated_quantity": ofLines(quantityOf),
	"order.items.aggregated_amount":   ofLines(func(item order.Item) int64 { return item.Amount }),
	"order.items.quantity":            ofLine(numbers, quantityValue),
	"order.items.price":               ofLine(numbers, priceValue),
	"order.items.price_any":           ofLine(numbers, priceValue),
	"order.items.price_each":          each(ofLine(numbers, priceValue)),
	"order.items.metadata":            keyed(ofLine(metadatas, lineMetadata)),
	"order.items.metadata_any":        keyed(ofLine(metadatas, lineMetadata)),
	"order.items.metadata_each":       keyed(each(ofLine(metadatas, lineMetadata))),

	"order.items.any":            {kind: products, lines: chosen, among: some},
	"order.items.every":          {kind: products, lines: chosen, among: every},
	"order.items.none":           {kind: products, lines: chosen, among: none},
	"order.items.cheapest":       {kind: products, lines: chosenAmong(cheapest), among: some},
	"order.items.most_expensive": {kind: products, lines: chosenAmong(mostExpensive), among: some},

	"product.id":                           {kind: products, lines: chosen, among: some},
	"product.price":                        ofLine(numbers, priceValue),
	"product.quantity":                     ofLine(numbers, quantityValue),
	"product.discount_applicable":          {kind: truths, statement: true, covers: true},
	"product.metadata":                     {kind: metadatas, property: true, lines: withMetadata, among: some},
	"product.metadata.aggregated_quantity": ofLines(quantityOf),
	"product.metadata.aggregated_amount":   ofLines(func(item order.Item) int64 { return item.Amount }),
	"product.metadata.discount_applicable": {kind: truths, statement: true, covers: true},
	"product.metadata.match_all":           {kind: truths, statement: true, matchAll: true},
	"sku.id":                               {kind: products, lines: chosen, among: some},
	"sku.price":                            ofLine(numbers, priceValue),
	"sku.quantity":                         ofLine(numbers, quantityValue),
	"sku.discount_applicable":              {kind: truths, statement: true, covers: true},

	// What is asked about counts too: "at most one for each customer" holds for the first.
	"campaign.orders.amount": counted(Amounts, func(f *Facts) int64 {
		if f.Order == nil {
			return f.Counts.OrdersAmount
		}
		return f.Counts.OrdersAmount + f.Order.Amount
	}),
	"campaign.orders.amount_discounted":            counted(Amounts, func(f *Facts) int64 { return f.Counts.OrdersDiscounted + f.Discount }),
	"campaign.redemptions.count":                   counted(OfCampaign, func(f *Facts) int64 { return f.Counts.CampaignRedemptions.Total + 1 }),
	"campaign.redemptions.count.daily":             counted(CampaignSpans, func(f *Facts) int64 { return f.Counts.CampaignRedemptions.Day + 1 }),
	"campaign.redemptions.count.weekly":            counted(CampaignSpans, func(f *Facts) int64 { return f.Counts.CampaignRedemptions.Week + 1 }),
	"campaign.redemptions.count.monthly":           counted(CampaignSpans, func(f *Facts) int64 { return f.Counts.CampaignRedemptions.Month + 1 }),
	"campaign.redemptions.customers_count":         counted(Customers|ByCustomer, customers(func(s Spans) int64 { return s.Total })),
	"campaign.redemptions.customers_count.daily":   counted(Customers|ByCustomer, customers(func(s Spans) int64 { return s.Day })),
	"campaign.redemptions.customers_count.weekly":  counted(Customers|ByCustomer, customers(func(s Spans) int64 { return s.Week })),
	"campaign.redemptions.customers_count.monthly": counted(Customers|ByCustomer, customers(func(s Spans) int64 { return s.Month })),

	"redemption.count.daily":                counted(OfObject, func(f *Facts) int64 { return f.Counts.Redemptions.Day + 1 }),
	"redemption.count.weekly":               counted(OfObject, func(f *Facts) int64 { return f.Counts.Redemptions.Week + 1 }),
	"redemption.count.monthly":              counted(OfObject, func(f *Facts) int64 { return f.Counts.Redemptions.Month + 1 }),
	"redemption.count.per_customer":         byCustomer(func(s Spans) int64 { return s.Total }),
	"redemption.count.per_customer.daily":   byCustomer(func(s Spans) int64 { return s.Day }),
	"redemption.count.per_customer.weekly":  byCustomer(func(s Spans) int64 { return s.Week }),
	"redemption.count.per_customer.monthly": byCustomer(func(s Spans) int64 { return s.Month }),
	"redemption.count.per_api_key":          counted(ByKey, func(f *Facts) int64 { return f.Counts.PerKey + 1 }),
	// Nobody redeems as a user: all calls come with a key.
	"redemption.count.per_user": counted(0, func(*Facts) int64 { return 0 }),
	"redemption.user.login":     one(texts, func(*Facts) value { return unknown }),
	"redemption.api_key": {kind: texts, read: func(f *Facts, _ scope, _ string) []value {
		return []value{{known: f.APIKey != "", list: true, each: []scalar{textScalar(f.APIKey), textScalar(f.KeyName)}}}
	}},
	"redemption.gift.amount":                        one(numbers, func(f *Facts) value { return maybeNumber(f.Gift) }),
	"redemption.reward.pay_with_points.points_used": one(numbers, func(f *Facts) value { return maybeNumber(f.Points) }),
	"redemption.metadata":                           metadata(func(f *Facts, key string) value { return f.metadata(f.Redemption, key) }),
	"publication.redeemable_by_linked_customer": one(truths, func(f *Facts) value {
		return truthValue(f.Holder != nil && f.Customer != nil && f.Customer.ID == *f.Holder)
	}),
	"custom_event.metadata": metadata(func(f *Facts, key string) value { return f.metadata(f.Event, key) }),
}

// spellings leads from both spellings of each name to the one with dots.
var spellings = func() map[string]string {
	all := map[string]string{}
	for name := range names {
		all[name] = name
		all[strings.ReplaceAll(name, ".", "_")] = name
	}
	return all
}()

// nameList is every name, for people.
func nameList() string { return strings.Join(slices.Sorted(maps.Keys(names)), ", ") }

func one(k kind, read func(*Facts) value) about {
	return about{kind: k, read: func(f *Facts, _ scope, _ string) []value { return []value{read(f)} }}
}

func metadata(read func(*Facts, string) value) about {
	return about{kind: metadatas, property: true, read: func(f *Facts, _ scope, key string) []value { return []value{read(f, key)} }}
}

func ofOrder(read func(*order.Order) value) about {
	return one(numbers, func(f *Facts) value {
		if f.Order == nil {
			return unknown
		}
		return read(f.Order)
	})
}

func counted(c Counted, read func(*Facts) int64) about {
	a := one(numbers, func(f *Facts) value { return numberValue(read(f)) })
	a.counts = c
	return a
}

// byCustomer counts the customer's own redemptions; of somebody who is not known nothing is.
func byCustomer(read func(Spans) int64) about {
	a := one(numbers, func(f *Facts) value {
		if f.Customer == nil {
			return unknown
		}
		return numberValue(read(f.Counts.PerCustomer) + 1)
	})
	a.counts = ByCustomer
	return a
}

// customers counts the campaign's customers, this one included.
func customers(read func(Spans) int64) func(*Facts) int64 {
	return func(f *Facts) int64 {
		n := read(f.Counts.CampaignCustomers)
		if f.Customer != nil && read(f.Counts.CampaignByCustomer) == 0 {
			n++
		}
		return n
	}
}

func maybeNumber(n *int64) value {
	if n == nil {
		return unknown
	}
	return numberValue(*n)
}

func each(a about) about {
	a.each = true
	return a
}

func keyed(a about) about {
	a.property = true
	return a
}

// segments is the segments that the customer is in, by their ids.
func (f *Facts) segments() value {
	v := value{known: f.Customer != nil, list: true}
	for one, in := range f.Segments {
		if in {
			v.each = append(v.each, textScalar(id.Segment.Format(one)))
		}
	}
	return v
}

func (f *Facts) customerMetadata(key string) value {
	if f.Customer == nil {
		return unknown
	}
	return f.metadata(f.Customer.Metadata, key)
}

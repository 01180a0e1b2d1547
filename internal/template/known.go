package template

import (
	"sort"
	"strings"
)

// Variable is one thing that a template may read.
type Variable struct {
	// Path is what stands between the braces: "customer.name".
	Path string
	// Type is "string", "date", "number" or "object"; an object is read by its parts or walked with for.
	Type string
	// About says what it is, for people.
	About string
}

// Known is the one table of what a template may read; the compiler, the API and the docs all read it. Everything below an
// object marked open (metadata) is allowed.
var Known = []Variable{
	{"customer.name", "string", "the customer's name"},
	{"customer.email", "string", "the customer's email address"},
	{"customer.phone", "string", "the customer's phone number"},
	{"customer.source_id", "string", "the customer's id in your own systems"},
	{"customer.birthdate", "date", "the customer's date of birth, YYYY-MM-DD"},
	{"customer.description", "string", "the note kept with the customer"},
	{"customer.address.city", "string", "city"},
	{"customer.address.state", "string", "state or province"},
	{"customer.address.line_1", "string", "first line of the address"},
	{"customer.address.line_2", "string", "second line of the address"},
	{"customer.address.country", "string", "country"},
	{"customer.address.postal_code", "string", "postal code"},
	{"customer.metadata", "object", "the customer's metadata: customer.metadata.<any key>"},
	{"voucher.code", "string", "the code given to this customer"},
	{"voucher.value", "string", "what the code is worth, as text: 10%, 5.00"},
	{"campaign.name", "string", "the campaign that the code, or the promotion, belongs to, or that the trigger is about"},
	{"promotion.name", "string", "of notify_promotion: the promotion tier's name"},
	{"promotion.banner", "string", "of notify_promotion: the promotion tier's banner"},
	{"segment.name", "string", "of a segment trigger: the segment's name"},
	{"order.id", "string", "of an order: its id"},
	{"order.source_id", "string", "of an order: its id in your own systems"},
	{"order.status", "string", "of an order: CREATED, PAID, CANCELED …"},
	{"order.amount", "number", "of an order: the amount before discounts, in minor units"},
	{"order.total_discount_amount", "number", "of an order: what was taken off, in minor units"},
	{"order.total_amount", "number", "of an order: what was to pay, in minor units"},
	{"order.items", "object", "of an order: its items, to walk with for"},
	{"order.created_at", "date", "of an order: when it was made"},
	{"order.metadata", "object", "of an order: order.metadata.<any key>"},
	{"event.type", "string", "of a custom event: its name; of points that were earned: what earned them"},
	{"event.created_at", "date", "of a custom event: when it happened"},
	{"event.metadata", "object", "of a custom event: event.metadata.<any key>"},
	{"referral.voucher.code", "string", "of a custom event: the referral code that it names"},
	{"loyalty.voucher.code", "string", "of a custom event: the loyalty card that it names"},
	{"publication.channel", "string", "of a code that was published: over which channel"},
	{"publication.created_at", "date", "of a code that was published: when"},
	{"publication.metadata", "object", "of a code that was published: publication.metadata.<any key>"},
	{"balance.amount", "number", "of a gift card: the credits that were added, in minor units"},
	{"balance.points", "number", "of a loyalty card: the points that were added"},
	{"balance.balance", "number", "of a card: what is on it now"},
	{"transaction.type", "string", "of credits and points: CREDITS_ADDITION, POINTS_ADDITION …"},
	{"transaction.reason", "string", "of credits and points: why they were added"},
	{"transaction.created_at", "date", "of credits and points: when they were added"},
	{"points", "number", "of points that expired: how many"},
	{"buckets", "object", "of points that expired: by their days, to walk with for; each has expires_at and bucket.total_points"},
	{"redemption.id", "string", "of a redemption: its id"},
	{"redemption.date", "date", "of a redemption: when"},
	{"redemption.amount", "number", "of a redemption: the credits or points that were taken"},
	{"redemption.metadata", "object", "of a redemption: redemption.metadata.<any key>"},
	{"redemption_rollback.date", "date", "of a redemption that was rolled back: when"},
	{"redemption_rollback.reason", "string", "of a redemption that was rolled back: why"},
	{"redemption_rollback.amount", "number", "of a redemption that was rolled back: the credits or points that came back, below zero"},
	{"promotion_tier.name", "string", "of a redemption: the promotion tier's name"},
	{"promotion_tier.banner", "string", "of a redemption: the promotion tier's banner"},
	{"holder.name", "string", "of a code: who holds it"},
	{"reward.name", "string", "of a reward: its name"},
	{"reward.type", "string", "of a reward: CAMPAIGN, COIN or MATERIAL"},
	{"reward.voucher.code", "string", "of a reward: the code that it gave"},
	{"reward.metadata", "object", "of a reward: reward.metadata.<any key>"},
	{"earning_rule.source.banner", "string", "of points that were earned: the earning rule's banner"},
	{"loyalty_tier.name", "string", "of a loyalty tier trigger: the tier's name"},
	{"loyalty_tier.metadata", "object", "of a loyalty tier trigger: loyalty_tier.metadata.<any key>"},
	{"loyalty_tier_from.name", "string", "of an upgrade or downgrade: the tier before"},
	{"loyalty_tier_to.name", "string", "of an upgrade or downgrade: the tier after"},
	{"created_at", "date", "of a loyalty tier trigger: when it happened"},
	{"referrer.name", "string", "of a referral or an order: who brought the customer along"},
	{"custom_event.type", "string", "of a referral: the name of the event that referred"},
	{"custom_event.metadata", "object", "of a referral: custom_event.metadata.<any key>"},
	{"distribution.name", "string", "the distribution's name"},
	{"project.name", "string", "the project's name"},
}

// open are the objects below which any path is allowed.
var open = map[string]bool{
	"customer.metadata": true, "order.metadata": true, "order.items": true, "event.metadata": true, "publication.metadata": true,
	"buckets": true, "redemption.metadata": true, "reward.metadata": true, "loyalty_tier.metadata": true, "custom_event.metadata": true,
}

var knownPaths, knownParents = func() (paths, parents map[string]bool) {
	paths, parents = map[string]bool{}, map[string]bool{}
	for _, v := range Known {
		paths[v.Path] = true
		for at := v.Path; strings.Contains(at, "."); {
			at = at[:strings.LastIndexByte(at, '.')]
			parents[at] = true
		}
	}
	return paths, parents
}()

// lookup finds the known variable that a path reads: "customer.metadata.shoe.size" is itself, "customer.name.size" reads
// customer.name. The hint is what to say when there is none.
func lookup(path []string) (known, hint string) {
	whole := strings.Join(path, ".")
	for n := len(path); n > 0; n-- {
		head := strings.Join(path[:n], ".")
		if !knownPaths[head] {
			continue
		}
		if open[head] || n == len(path) || n == len(path)-1 && path[n] == "size" {
			if open[head] {
				return strings.TrimSuffix(whole, ".*"), ""
			}
			return head, ""
		}
		return "", "did you mean " + head + "?"
	}
	if knownParents[whole] {
		return "", "name one of its parts: " + strings.Join(children(whole), ", ")
	}
	if near := nearest(whole); near != "" {
		return "", "did you mean " + near + "?"
	}
	return "", "known are " + strings.Join(roots(), ", ")
}

func children(parent string) (list []string) {
	seen := map[string]bool{}
	for _, v := range Known {
		if rest, ok := strings.CutPrefix(v.Path, parent+"."); ok {
			head, _, _ := strings.Cut(rest, ".")
			if name := parent + "." + head; !seen[name] {
				seen[name] = true
				list = append(list, name)
			}
		}
	}
	return list
}

func roots() (list []string) {
	seen := map[string]bool{}
	for _, v := range Known {
		root, _, parts := strings.Cut(v.Path, ".")
		if seen[root] {
			continue
		}
		seen[root] = true
		if parts {
			root += ".…"
		}
		list = append(list, root)
	}
	sort.Strings(list)
	return list
}

// nearest is the known path that a typing error most likely meant, or empty where nothing is near.
func nearest(path string) string {
	best, distance := "", len(path)/3+2
	for _, v := range Known {
		if d := editDistance(path, v.Path); d < distance {
			best, distance = v.Path, d
		}
		_, leaf, _ := strings.Cut(v.Path, ".")
		if leaf == path {
			return v.Path
		}
	}
	return best
}

func nearestWord(word string, words []string) string {
	best, distance := "", len(word)/3+2
	for _, w := range words {
		if d := editDistance(word, w); d < distance {
			best, distance = w, d
		}
	}
	return best
}

func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := diagonal
			if a[i-1] != b[j-1] {
				cost++
			}
			diagonal = row[j]
			row[j] = min(cost, row[j]+1, row[j-1]+1)
		}
	}
	return row[len(b)]
}
